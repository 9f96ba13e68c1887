"""``/sparql``: queries on a store by the SPARQL 1.1 Protocol, in processes that are killed when one takes too long.

>>> preferred("text/csv;q=0.5, application/sparql-results+xml", RESULTS), preferred("image/png", RESULTS)
('XML', None)
"""

import asyncio
import json
import logging
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.params import Depends
from fastapi.responses import Response

from relik_ml.data import json_bytes
from relik_ml.serve.middleware import Problem, ServiceConfig

SPARQL = "/sparql"
RESULTS = {
    "application/sparql-results+json": "JSON", "application/json": "JSON", "application/sparql-results+xml": "XML",
    "text/csv": "CSV", "text/tab-separated-values": "TSV",
}  # fmt: skip
"""Media types of rows, the default first."""
GRAPHS = {
    "text/turtle": "TURTLE", "application/n-triples": "N_TRIPLES", "application/ld+json": "JSON_LD",
    "application/rdf+xml": "RDF_XML", "text/plain": "N_TRIPLES",
}  # fmt: skip
"""Media types of triples, the default first."""
FORM, QUERY = "application/x-www-form-urlencoded", "application/sparql-query"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "Vary": "Accept",
}  # fmt: skip
"""Answers hold what texts and queries contain; a browser must not run any of it."""

PROCESSES = 2
WAITING = 16
"""Queries that may wait for a process."""
_log = logging.getLogger("relik_ml.serve")
_START = 60.0  # seconds that a process has to start
_GRACE = 5.0  # and to end after its alarm


def preferred(accept: str, types: Mapping[str, str]) -> str | None:
    """The format that an Accept header prefers; None when it accepts no type."""
    wanted: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (each.strip().lower() for each in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        with suppress(ValueError):
            wanted[kind] = float(weight)

    def quality(kind: str) -> float:
        ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
        return next((wanted[each] for each in ranges if each in wanted), 0.0)

    best = max(types, key=quality)
    return types[best] if quality(best) > 0 else None


class QueryProcesses:
    """Processes of ``sparql_worker`` on one store, started when they are needed and used again while they live."""

    def __init__(self, store: Path, config: ServiceConfig) -> None:
        self.store, self.config = store, config
        self._free, self._idle, self._waiting = asyncio.Semaphore(PROCESSES), list[Process](), 0

    async def ask(self, asked: dict[str, Any]) -> tuple[str, bytes]:
        """The media type and the bytes of an answer. Problem when there is none."""
        if self._waiting >= WAITING:
            seconds = str(round(self.config.sparql_seconds))
            raise Problem(429, "too many queries are waiting", fix="try later", headers={"Retry-After": seconds})
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            process = self._idle.pop() if self._idle else await self._start()
            try:
                head, body = await self._exchange(process, asked)
            except BaseException:
                await _end(process)
                raise
            self._idle.append(process)
        finally:
            self._free.release()
        if "status" in head:
            raise Problem(head["status"], head["what"], head["got"], head["fix"])
        return head["type"], body

    async def close(self) -> None:
        """End the processes that wait for queries."""
        while self._idle:
            await _end(self._idle.pop())

    async def _start(self) -> Process:
        limits = self.config.sparql_seconds, self.config.sparql_bytes, self.config.sparql_memory
        command = [sys.executable, "-m", "relik_ml.serve.sparql_worker", str(self.store), *map(str, limits)]
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        assert process.stdout
        try:
            async with asyncio.timeout(_START):
                await process.stdout.readuntil()
        except (TimeoutError, asyncio.IncompleteReadError):
            await _end(process)
            raise RuntimeError(
                f"a process for queries did not start: {process.returncode}; is {self.store} there?"
            ) from None
        return process

    async def _exchange(self, process: Process, asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        assert process.stdin
        assert process.stdout
        try:
            async with asyncio.timeout(self.config.sparql_seconds + _GRACE):
                process.stdin.write(json_bytes(asked) + b"\n")
                await process.stdin.drain()
                head = json.loads(await process.stdout.readuntil())
                return head, await process.stdout.readexactly(head["size"])
        except TimeoutError:
            raise self._slow() from None
        except (asyncio.IncompleteReadError, ConnectionError):
            if (code := await process.wait()) == -signal.SIGALRM:
                raise self._slow() from None
            _log.warning("a query ended its process with %d", code)
            got = f"it may take {self.config.sparql_memory >> 20:,} MiB of memory, and brackets in brackets take much"
            raise Problem(422, "the query is too large to compute", got, "narrow it, or add LIMIT") from None

    def _slow(self) -> Problem:
        got = f"more than {self.config.sparql_seconds:g} s"
        return Problem(504, "the query takes too long", got, "narrow the query, or add LIMIT")


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def sparql_routes(processes: QueryProcesses, key: Sequence[Depends]) -> APIRouter:
    """The routes of the endpoint."""
    router = APIRouter(tags=["graph"], dependencies=key)
    kinds: dict[int | str, Any] = {200: {"content": {kind: {} for kind in (*RESULTS, *GRAPHS)}}}
    options: dict[str, Any] = {"response_class": Response, "responses": kinds}
    field = {"name": "query", "in": "query", "required": True, "schema": {"type": "string"}}
    string = {"type": "string"}
    bodies = {FORM: {"schema": {"type": "object", "properties": {"query": string}}}, QUERY: {"schema": string}}
    posted = {"requestBody": {"required": True, "content": bodies}}

    @router.get(SPARQL, summary="A SPARQL query", openapi_extra={"parameters": [field]}, **options)
    async def get(request: Request) -> Response:
        """Answer a SPARQL 1.1 query. It cannot change the store, and asks no other service."""
        return await _answered(processes, request, "", request.query_params.multi_items())

    @router.post(SPARQL, summary="A SPARQL query", openapi_extra=posted, **options)
    async def post(request: Request) -> Response:
        """Answer a SPARQL 1.1 query that is the body, or the field `query` of a form."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (FORM, QUERY):
            fix = f"send the header Content-Type: {QUERY}"
            raise Problem(415, "the body must be a query or a form", kind[:80], fix)
        try:
            body = (await request.body()).decode("utf-8")
            pairs = parse_qsl(body, True, errors="strict", max_num_fields=100) if kind == FORM else []
        except ValueError as error:
            raise Problem(400, "the body cannot be read", str(error)[:80], "send UTF-8") from None
        return await _answered(processes, request, body * (kind == QUERY), pairs or request.query_params.multi_items())

    return router


async def _answered(
    processes: QueryProcesses, request: Request, query: str, pairs: Sequence[tuple[str, str]]
) -> Response:
    def given(name: str) -> list[str]:
        return [value for key, value in pairs if key == name]

    if given("update"):
        raise Problem(400, "only queries are allowed", "update", "`relik-ml graph load` changes a store")
    queries = [*([query] if query else []), *given("query")]
    if len(queries) != 1:
        raise Problem(400, "a request has one query", f"{len(queries)} of them", "send it as the parameter `query`")
    accept = request.headers.get("accept") or "*/*"
    formats = {"results": preferred(accept, RESULTS), "graph": preferred(accept, GRAPHS)}
    if not any(formats.values()):
        raise Problem(406, "no format fits", accept[:80], f"accept one of {', '.join((*RESULTS, *GRAPHS))}")
    dataset = {"default": given("default-graph-uri"), "named": given("named-graph-uri")}
    kind, body = await processes.ask({"query": queries[0], **dataset, **formats})
    return Response(body, media_type=kind, headers=HEADERS)
