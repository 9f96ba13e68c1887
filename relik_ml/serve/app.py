"""The service as an ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Request, Security
from fastapi.responses import HTMLResponse, Response
from fastapi.security import APIKeyHeader
from starlette.middleware.cors import CORSMiddleware

from relik_ml import __version__
from relik_ml.data import document_to_json
from relik_ml.export.utf16 import utf16_record
from relik_ml.pipeline import above
from relik_ml.serve import nif, schemas
from relik_ml.serve.batcher import Batcher
from relik_ml.serve.desk import Desk, closing
from relik_ml.serve.gate import KEY_HEADER, Counting, Gate
from relik_ml.serve.metrics import Metrics
from relik_ml.serve.problems import MEDIA_TYPE, Problem, install, rendered
from relik_ml.serve.settings import Access, Limits
from relik_ml.serve.shutdown import draining
from relik_ml.types import Document
from relik_ml.view.html import Service as Form
from relik_ml.view.html import answer, service_page

PATHS = frozenset({"/", "/annotate", "/page", "/nif", "/healthz", "/readyz", "/metrics", "/openapi.json"})
PARSERS = 2
"""Threads that read and write Turtle, and no more: it is slow, and others wait for the processor too."""

_REASONS = {
    400: "No whole request",
    401: "The API key is missing or wrong",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "Another media type",
    422: "A wrong shape, or a text beyond the limits",
    429: "Too many texts wait already; `Retry-After` says for how long",
    500: "A fault of the service",
    503: "The service is closing",
    504: "The texts were not read in time",
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": reason, "model": schemas.Refusal} for status, reason in _REASONS.items()
}
_TURTLE = {"schema": {"type": "string"}, "example": (
    "@prefix nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#> .\n"
    f'<https://example.org/1#char=0,{len(schemas.TEXT)}> a nif:Context ; nif:isString "{schemas.TEXT}" .\n'
)}  # fmt: skip


class Annotator(Protocol):
    """What a service needs of ``relik_ml.Relik``."""

    def annotate(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents with what was found in them, in order and as a stream."""


def create_app(
    annotator: Annotator, languages: Sequence[str], limits: Limits = Limits(), access: Access = Access()
) -> FastAPI:
    """An app with its own queue and thread for this model."""
    metrics = Metrics()
    desk = Desk(Batcher(annotator.annotate, limits, metrics), limits, languages)
    app = FastAPI(
        title="relik-ml", version=__version__, description="Texts in, linked and cited facts out.",
        docs_url=None, redoc_url=None, lifespan=partial(_life, desk.batcher),
    )  # fmt: skip
    app.state.batcher = desk.batcher
    install(app)
    key = [Security(APIKeyHeader(name=KEY_HEADER, auto_error=False))] if access.key else []  # the gate checks it
    app.include_router(_posts(desk), dependencies=key, responses=_REFUSALS)
    app.include_router(_gets(desk, metrics, _page(desk, access)))
    _describe(app, limits, languages)
    app.add_middleware(Gate, limits=limits, key=access.key, refusal=lambda: None if desk.batcher.ready else closing())
    if access.origins:
        headers = ["Content-Type", KEY_HEADER]
        app.add_middleware(CORSMiddleware, allow_origins=access.origins, allow_methods=["POST"], allow_headers=headers)
    app.add_middleware(Counting, metrics=metrics, paths=PATHS)
    return app


@asynccontextmanager
async def _life(batcher: Batcher, app: FastAPI) -> AsyncIterator[None]:
    with draining(batcher):
        yield
    batcher.close()
    await run_sync(batcher.join)


def _describe(app: FastAPI, limits: Limits, languages: Sequence[str]) -> None:
    make: Callable[[], dict[str, Any]] = app.openapi
    app.openapi = lambda: app.openapi_schema or schemas.bounded(make(), limits, languages)  # type: ignore[method-assign]


def _page(desk: Desk, access: Access) -> str:
    key = KEY_HEADER if access.key else None
    return service_page(Form("/page", desk.languages, desk.limits.characters, key))


# What is posted


def _posts(desk: Desk) -> APIRouter:
    router, json = APIRouter(), [Depends(_json)]
    off_loop = partial(run_sync, limiter=CapacityLimiter(PARSERS), abandon_on_cancel=True)

    @router.post("/annotate", response_model=schemas.Answer, dependencies=json)
    async def annotate(asked: schemas.Request, request: Request) -> Response:
        """Mentions, links and facts of one text or of several."""
        found = await desk.annotate(_documents(asked), request.receive)
        return Response(await run_sync(_answered, found, asked.min_score, asked.offsets), media_type=MEDIA_TYPE)

    @router.post("/page", include_in_schema=False, dependencies=json)
    async def page(asked: schemas.Shown, request: Request) -> Response:
        """What the page draws of one text."""
        found = await desk.annotate([Document("text", asked.text, asked.lang)], request.receive)
        return Response(await run_sync(_drawn, found, asked.min_score), media_type=MEDIA_TYPE)

    content = {"requestBody": {"required": True, "content": {nif.TURTLE[0]: _TURTLE}}}
    turtle: dict[int | str, dict[str, Any]] = {200: {"content": {nif.TURTLE[0]: _TURTLE}, "description": "Annotated"}}

    @router.post("/nif", openapi_extra=content, responses=turtle, response_class=Response)
    async def nif_(request: Request, lang: str = desk.languages[0]) -> Response:
        """NIF 2.0: contexts in Turtle in, the same with mentions and links out. For GERBIL."""
        kind = _turtle(request)
        documents = await desk.in_time(off_loop(nif.read, await request.body(), lang))
        found = await desk.annotate(documents, request.receive)
        written = await desk.in_time(off_loop(nif.write, found))
        return Response(written, media_type=f"{kind}; charset=utf-8")

    return router


def _documents(asked: schemas.One | schemas.Many) -> list[Document]:
    texts: Sequence[schemas.One | schemas.Text] = asked.texts if isinstance(asked, schemas.Many) else [asked]
    return [Document(each.id or f"text-{n}", each.text, each.lang) for n, each in enumerate(texts, 1)]


def _answered(documents: Iterable[Document], min_score: float, offsets: schemas.Offsets) -> bytes:
    record = utf16_record if offsets == "utf-16" else document_to_json
    return rendered({"documents": [record(above(document, min_score)) for document in documents]})


def _drawn(documents: Iterable[Document], min_score: float) -> bytes:
    return rendered(answer(above(document, min_score) for document in documents))


def _json(request: Request) -> None:
    kind = _kind(request)
    if kind != MEDIA_TYPE and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(415, "the body must be JSON", got=kind[:80], fix=f"send the header Content-Type: {MEDIA_TYPE}")


def _turtle(request: Request) -> str:
    kind = _kind(request) or nif.TURTLE[0]
    if kind not in nif.TURTLE:
        raise Problem(415, "the body must be Turtle", got=kind[:80], fix=f"send it as {nif.TURTLE[0]}")
    return kind


def _kind(request: Request) -> str:
    """The media type that a request names, or nothing."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


# What is got


def _gets(desk: Desk, metrics: Metrics, page: str) -> APIRouter:
    router = APIRouter()
    ours = {"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}

    @router.get("/", response_class=HTMLResponse)
    async def root() -> Response:
        """The page."""
        return HTMLResponse(page, headers=ours)

    @router.get("/healthz")
    async def healthz() -> schemas.State:
        """Whether the process lives."""
        return schemas.State(status="ok", version=__version__)

    @router.get("/readyz", responses={503: {"model": schemas.Refusal}})
    async def readyz() -> schemas.State:
        """Whether texts are taken."""
        if not desk.batcher.ready:
            raise closing()
        return schemas.State(status="ready", version=__version__)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def measured() -> Response:
        """Counts for Prometheus."""
        return Response(await run_sync(metrics.exposition), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
