"""The ASGI app of the service, and a server that runs it in one process or in several workers."""

import asyncio
import gc
import os
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import uvicorn
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.security import APIKeyHeader
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from uvicorn.supervisors import Multiprocess

from relik_ml import __version__
from relik_ml.data import document_to_json, json_bytes
from relik_ml.errors import RelikError
from relik_ml.export import utf16_record
from relik_ml.export.rdf import TURTLE, read_nif, write_nif
from relik_ml.pipeline import Relik, above
from relik_ml.serve.batcher import Annotate, Batcher
from relik_ml.serve.middleware import KEY_HEADER, Gate, Problem, ServiceConfig, answer_error
from relik_ml.types import Document
from relik_ml.view import Service as Form
from relik_ml.view import answer, service_page

PATHS = frozenset({"/", "/annotate", "/page", "/nif", "/healthz", "/readyz", "/metrics", "/openapi.json"})
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client: the folder in which workers share their metrics."""
PARSERS = 2
"""Threads that read and write Turtle. Few, because Turtle is slow and the model needs the processor too."""

_JSON = ("application/json",)
_TEXT = "Анна Ахматова родилась в Одессе."
_MIN_SCORE = "Leave out mentions and facts with a lower score; a link with a lower score becomes unknown."
_TURTLE = {"schema": {"type": "string"}, "example": (
    "@prefix nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#> .\n"
    f'<https://example.org/1#char=0,{len(_TEXT)}> a nif:Context ; nif:isString "{_TEXT}" .\n'
)}  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Text(_Strict):
    """A text; ``id`` becomes the id of its document."""

    text: str = Field(examples=[_TEXT])
    id: str | None = Field(None, min_length=1, max_length=200)
    lang: str = "ru"


class _Options(_Strict):
    min_score: float = Field(0.0, ge=0, le=1, description=_MIN_SCORE)
    offsets: Literal["code-points", "utf-16"] = Field("code-points", description="The unit that offsets count.")


class One(Text, _Options):
    """One text."""


class Many(_Options):
    """Several texts; the response has their documents in the same order."""

    texts: list[Text] = Field(min_length=1)


def _kind(body: Any) -> str:
    return "many" if isinstance(body, dict) and "texts" in body else "one"


Ask = Annotated[Annotated[One, Tag("one")] | Annotated[Many, Tag("many")], Discriminator(_kind)]


class Answer(BaseModel):
    """The documents, in the order of the texts."""

    documents: list[Document]


class Refusal(BaseModel):
    """An error: what is wrong, what was found and how to fix it; ``detail`` is all of it in one line."""

    detail: str
    what: str
    got: str
    fix: str


def create_app(annotate: Annotate, languages: Sequence[str], config: ServiceConfig = ServiceConfig()) -> FastAPI:
    """An app with its own queue and thread for one model; ``annotate`` is ``Relik.annotate`` or equivalent."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    batcher = Batcher(annotate, config, registry)
    errors = (RelikError, RequestValidationError, HTTPException, TimeoutError, Exception)
    app = FastAPI(
        title="relik-ml", version=__version__, description="Texts in, linked and cited facts out.",
        docs_url=None, redoc_url=None, lifespan=batcher.lifespan,
        exception_handlers=dict.fromkeys(errors, answer_error),
    )  # fmt: skip
    app.include_router(_posts(Texts(batcher, config, languages)))
    app.include_router(_gets(registry, config, languages))
    describe = app.openapi
    app.openapi = lambda: app.openapi_schema or _limited(describe(), config, languages)  # type: ignore[method-assign]
    app.add_middleware(Gate, config=config, registry=registry, paths=PATHS)
    if config.cors:
        headers = ["Content-Type", KEY_HEADER]
        app.add_middleware(CORSMiddleware, allow_origins=config.cors, allow_methods=["POST"], allow_headers=headers)
    return app


def serve(load: Callable[[], Relik], config: ServiceConfig, host: str, port: int, workers: int = 1) -> None:
    """Serve until a signal. ``load`` runs before a port is bound; with several workers it must be picklable."""
    start = partial(_start, load, config)
    setup = partial(
        uvicorn.Config, host=host, port=port, workers=workers, access_log=False, server_header=False,
        timeout_graceful_shutdown=ceil(config.timeout),
    )  # fmt: skip
    if workers == 1:
        uvicorn.Server(setup(start())).run()
        return
    load()  # fail here when the model cannot be loaded, not in every worker
    with TemporaryDirectory() as folder:
        os.environ.setdefault(METRICS_FOLDER, folder)
        shared = setup(start, factory=True)
        Multiprocess(shared, [shared.bind_socket()]).run()


def _start(load: Callable[[], Relik], config: ServiceConfig) -> FastAPI:
    relik = load()
    gc.freeze()  # the model lives as long as the process
    return create_app(relik.annotate, relik.settings.languages, config)


def _limited(schema: dict[str, Any], config: ServiceConfig, languages: Sequence[str]) -> dict[str, Any]:
    """Add the limits and languages of this service to its OpenAPI document."""
    parts = schema["components"]["schemas"]
    for name in ("One", "Text"):
        fields = parts[name]["properties"]
        fields["text"]["maxLength"] = config.max_characters
        fields["lang"]["enum"] = list(languages)
    parts["Many"]["properties"]["texts"]["maxItems"] = config.max_texts
    parts["Document"]["properties"] |= {"schema": {"const": "relik-ml/1"}, "offsets": {"const": "utf-16"}}
    schema["paths"]["/nif"]["post"]["parameters"][0]["schema"]["enum"] = list(languages)
    return schema


class Texts:
    """Checks texts and annotates them with the batcher, for all routes."""

    def __init__(self, batcher: Batcher, config: ServiceConfig, languages: Sequence[str]) -> None:
        self.batcher, self.config, self.languages = batcher, config, tuple(languages)

    async def ask(self, asked: One | Many, request: Request) -> list[Document]:
        """The annotated documents of a JSON request, filtered by score."""
        texts: Sequence[Text] = asked.texts if isinstance(asked, Many) else [asked]
        documents = [Document(each.id or f"text-{n}", each.text, each.lang) for n, each in enumerate(texts, 1)]
        async with asyncio.timeout(self.config.timeout):
            found = await self.annotate(documents, request)
        return [above(document, asked.min_score) for document in found]

    async def annotate(self, documents: Sequence[Document], request: Request) -> list[Document]:
        """The annotated documents. Problem 422 when they exceed the limits."""
        if len(documents) > self.config.max_texts:
            got, fix = f"{len(documents)} texts", f"send at most {self.config.max_texts} at once"
            raise Problem(422, "too many texts in one request", got, fix)
        for document in documents:
            if (length := len(document.text)) > self.config.max_characters:
                fix = f"cut it into texts of at most {self.config.max_characters:,} characters"
                raise Problem(422, "a text is too long", f"{length:,} characters", fix)
            if document.lang not in self.languages:
                got, fix = repr(document.lang)[:40], f"use one of {', '.join(self.languages)}"
                raise Problem(422, "the model does not know this language", got, fix)
        return await self.batcher.annotate(documents, request.receive)


def _posts(texts: Texts) -> APIRouter:
    key = [Security(APIKeyHeader(name=KEY_HEADER, auto_error=False))] if texts.config.api_key else []  # for OpenAPI
    router = APIRouter(dependencies=key, responses={"4XX": {"model": Refusal}, "5XX": {"model": Refusal}})
    json = [Depends(_require_json)]
    in_thread = partial(run_sync, limiter=CapacityLimiter(PARSERS), abandon_on_cancel=True)

    @router.post("/annotate", response_model=Answer, dependencies=json)
    async def annotate(asked: Ask, request: Request) -> Response:
        """Mentions, links and facts of one or several texts."""
        record = utf16_record if asked.offsets == "utf-16" else document_to_json
        found = await texts.ask(asked, request)
        content = await run_sync(lambda: json_bytes({"documents": [record(document) for document in found]}))
        return Response(content, media_type=_JSON[0])

    @router.post("/page", include_in_schema=False, dependencies=json)
    async def page(asked: One, request: Request) -> Response:
        """The data that the page draws for one text."""
        found = await texts.ask(asked, request)
        return Response(await run_sync(lambda: json_bytes(answer(found))), media_type=_JSON[0])

    content = {"content": {TURTLE[0]: _TURTLE}}
    extra = {"requestBody": {"required": True, **content}}

    @router.post("/nif", openapi_extra=extra, responses={200: content}, response_class=Response)
    async def nif_(request: Request, lang: str = texts.languages[0]) -> Response:
        """NIF 2.0 for GERBIL: takes contexts in Turtle and returns them with mentions and links."""
        body = await request.body()
        kind = _require(request, "Turtle", (*TURTLE, "")) or TURTLE[0]
        async with asyncio.timeout(texts.config.timeout):
            documents = await in_thread(read_nif, body, lang)
            found = await texts.annotate(documents, request)
            written = await in_thread(write_nif, found)
        return Response(written, media_type=f"{kind}; charset=utf-8")

    return router


def _require_json(request: Request) -> None:
    _require(request, "JSON", _JSON)


def _require(request: Request, name: str, accepted: Sequence[str]) -> str:
    """The media type of a request. Problem 415 when it is not accepted."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in accepted:
        raise Problem(415, f"the body must be {name}", kind[:80], f"send the header Content-Type: {accepted[0]}")
    return kind


def _gets(registry: CollectorRegistry, config: ServiceConfig, languages: Sequence[str]) -> APIRouter:
    router = APIRouter()
    page = service_page(Form("/page", tuple(languages), config.max_characters, KEY_HEADER if config.api_key else None))

    @router.get("/", response_class=HTMLResponse)
    async def root() -> Response:
        """The page."""
        headers = {"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(page, headers=headers)

    @router.get("/healthz")
    @router.get("/readyz")
    async def health() -> dict[str, str]:
        """Health check. The service listens only while it has a model and is not shutting down."""
        return {"status": "ok", "version": __version__}

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Prometheus metrics of all workers."""
        source = registry
        if os.environ.get(METRICS_FOLDER):
            source = CollectorRegistry()
            MultiProcessCollector(source)  # type: ignore[no-untyped-call]
        exposition = await run_sync(generate_latest, source)
        return Response(exposition, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
