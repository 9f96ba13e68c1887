"""The ASGI app of the service, and a server that runs it in one process or in several workers."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import uvicorn
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from fastapi.security import APIKeyHeader
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from uvicorn.supervisors import Multiprocess

from relik_ml import __version__
from relik_ml.config import CANDIDATES
from relik_ml.data import document_to_json, json_bytes
from relik_ml.errors import RelikError
from relik_ml.export import utf16_record
from relik_ml.export.rdf import TURTLE, read_nif, write_nif
from relik_ml.graph import Lookups, open_store
from relik_ml.index import PassageIndex
from relik_ml.pipeline import Relik, above
from relik_ml.serve.batcher import Annotate, Batcher
from relik_ml.serve.graph_routes import GRAPH_PATHS, graph_routes
from relik_ml.serve.middleware import KEY_HEADER, Gate, Problem, ServiceConfig, answer_error, require_key
from relik_ml.serve.openapi import DOCS, DOCS_HEADERS, described, docs_files, docs_page, text_in_and_out
from relik_ml.serve.sparql_endpoint import SPARQL, QueryProcesses, sparql_routes
from relik_ml.serve.text_stream import NDJSON, StreamAnswer
from relik_ml.serve.texts import MIN_SCORE, OFFSETS, Answer, Ask, Offsets, One, Refusal, Texts
from relik_ml.types import Document
from relik_ml.view import Service as Form
from relik_ml.view import answer, descriptions, service_page

STREAM = "/stream"
PATHS = frozenset(
    {"/", "/annotate", STREAM, "/page", "/nif", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.json"}
    | {SPARQL, *GRAPH_PATHS}
)
PAGE_HEADERS = {"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client: the folder in which workers share their metrics."""
PARSERS = 2
"""Threads that read and write Turtle. Few, because Turtle is slow and the model needs the processor too."""

_JSON = ("application/json",)
_RECORDS: dict[str, Callable[[Document], dict[str, Any]]] = {"code-points": document_to_json, "utf-16": utf16_record}


def create_app(
    annotate: Annotate,
    languages: Sequence[str],
    config: ServiceConfig = ServiceConfig(),
    index: PassageIndex | None = None,
    store: Path | None = None,
) -> FastAPI:
    """An app with its own queue and thread for one model; ``annotate`` is ``Relik.annotate`` or equivalent.

    The page describes entities from the ``index``. With the folder of a graph store, the app also serves that store,
    which stays open for reading as long as the app lives.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    batcher = Batcher(annotate, config, registry)
    opened = AsyncExitStack()
    graph = _graph_routes(store, config, opened) if store else []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened, batcher.lifespan(app):
            yield

    errors = (RelikError, RequestValidationError, HTTPException, TimeoutError, Exception)
    app = FastAPI(
        title="relik-ml", version=__version__, description="Texts in, linked and cited facts out.",
        docs_url=None, redoc_url=None, lifespan=lifespan,
        exception_handlers=dict.fromkeys(errors, answer_error),
    )  # fmt: skip
    app.include_router(_posts(Texts(batcher, config, languages), index))
    app.include_router(_gets(registry, config, languages))
    for router in graph:
        app.include_router(router)
    app.mount(DOCS, docs_files())
    describe = app.openapi
    app.openapi = lambda: app.openapi_schema or described(describe(), config, languages)  # type: ignore[method-assign]
    app.add_middleware(Gate, config=config, registry=registry, paths=PATHS, stream=STREAM)
    if config.cors:
        headers = ["Content-Type", KEY_HEADER]
        app.add_middleware(CORSMiddleware, allow_origins=config.cors, allow_methods=["POST"], allow_headers=headers)
    return app


def serve(
    load: Callable[[], Relik], config: ServiceConfig, host: str, port: int, workers: int = 1, store: Path | None = None
) -> None:
    """Serve until a signal. ``load`` runs before a port is bound; with several workers it must be picklable."""
    start = partial(_start, load, config, store)
    setup = partial(
        uvicorn.Config, host=host, port=port, workers=workers, access_log=False, server_header=False,
        timeout_graceful_shutdown=ceil(config.timeout),
    )  # fmt: skip
    if workers == 1:
        uvicorn.Server(setup(start())).run()
        return
    if store:
        with open_store(store) as opened:
            Lookups(opened).close()
    load()  # fail here when the model cannot be loaded, not in every worker
    with TemporaryDirectory() as folder:
        os.environ.setdefault(METRICS_FOLDER, folder)
        shared = setup(start, factory=True)
        Multiprocess(shared, [shared.bind_socket()]).run()


def _start(load: Callable[[], Relik], config: ServiceConfig, store: Path | None) -> FastAPI:
    relik = load()
    gc.freeze()  # the model lives as long as the process
    annotate = partial(relik.annotate, candidates=CANDIDATES)
    return create_app(annotate, relik.settings.languages, config, relik.retriever.index, store)


def _graph_routes(store: Path, config: ServiceConfig, opened: AsyncExitStack) -> list[APIRouter]:
    """The routes of a graph store; what they need is closed with ``opened``."""
    lookups = Lookups(opened.enter_context(open_store(store)))
    opened.callback(lookups.close)
    processes = QueryProcesses(store, config)
    opened.push_async_callback(processes.close)
    key = [Security(APIKeyHeader(name=KEY_HEADER, auto_error=False))] if config.api_key else []  # for OpenAPI

    def check_key(request: Request) -> None:
        require_key(request.headers, config)

    key.append(Depends(check_key))
    header = KEY_HEADER if config.api_key else None
    return [graph_routes(lookups, key, header, PAGE_HEADERS), sparql_routes(processes, key)]


def _posts(texts: Texts, index: PassageIndex | None) -> APIRouter:
    key = [Security(APIKeyHeader(name=KEY_HEADER, auto_error=False))] if texts.config.api_key else []  # for OpenAPI
    router = APIRouter(
        tags=["texts"], dependencies=key, responses={"4XX": {"model": Refusal}, "5XX": {"model": Refusal}}
    )
    json = [Depends(_require_json)]
    places = asyncio.Semaphore(texts.config.streams)
    in_thread = partial(run_sync, limiter=CapacityLimiter(PARSERS), abandon_on_cancel=True)

    @router.post("/annotate", response_model=Answer, dependencies=json, summary="One or several texts")
    async def annotate(asked: Ask, request: Request) -> Response:
        """Mentions, links and facts of one or several texts."""
        record = _RECORDS[asked.offsets]
        found = await texts.ask(asked, request)
        content = await run_sync(lambda: json_bytes({"documents": [record(document) for document in found]}))
        return Response(content, media_type=_JSON[0])

    @router.post(STREAM, **text_in_and_out(NDJSON[0]), summary="Any number of texts")
    async def stream(
        request: Request,
        min_score: Annotated[float, Query(ge=0, le=1, description=MIN_SCORE)] = 0.0,
        offsets: Annotated[Offsets, Query(description=OFFSETS)] = "code-points",
    ) -> Response:
        """JSON Lines: a text a line. The documents come back in the same order, line by line, while you still send.

        A line that cannot be annotated is answered by `{"error": …, "line": number}` in its place.
        """
        _require(request, "JSON Lines", NDJSON)
        return StreamAnswer(texts, places, lambda found: _RECORDS[offsets](above(found, min_score, 0)))

    @router.post("/page", include_in_schema=False, dependencies=json)
    async def page(asked: One, request: Request) -> Response:
        """The data that the page draws for one text."""
        found = await texts.ask(asked.model_copy(update={"candidates": CANDIDATES}), request)
        said = partial(descriptions, found, index) if index else dict
        return Response(await run_sync(lambda: json_bytes(answer(found, said()))), media_type=_JSON[0])

    @router.post("/nif", **text_in_and_out(TURTLE[0]), summary="NIF, for GERBIL")
    async def nif_(request: Request, lang: str | None = None) -> Response:
        """NIF 2.0: takes contexts in Turtle and returns them with mentions and links."""
        body = await request.body()
        kind = _require(request, "Turtle", (*TURTLE, "")) or TURTLE[0]
        async with asyncio.timeout(texts.config.timeout):
            documents = await in_thread(read_nif, body, lang or "")
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
    router = APIRouter(tags=["service"])
    page = service_page(Form("/page", tuple(languages), config.max_characters, KEY_HEADER if config.api_key else None))

    @router.get("/", response_class=HTMLResponse, summary="The page")
    async def root() -> Response:
        """Paste or drop a text, or try an example; see its graph, facts and timeline."""
        return HTMLResponse(page, headers=PAGE_HEADERS)

    @router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> Response:
        """The interactive page of the API."""
        return HTMLResponse(docs_page(), headers=DOCS_HEADERS)

    @router.get("/healthz", summary="Health")
    @router.get("/readyz", summary="Health")
    async def health() -> dict[str, str]:
        """The service listens only while it has a model and is not shutting down."""
        return {"status": "ok", "version": __version__}

    @router.get(
        "/metrics", summary="Metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
    )
    async def metrics() -> Response:
        """Prometheus metrics of all workers."""
        source = registry
        if os.environ.get(METRICS_FOLDER):
            source = CollectorRegistry()
            MultiProcessCollector(source)  # type: ignore[no-untyped-call]
        exposition = await run_sync(generate_latest, source)
        return Response(exposition, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
