"""Middleware: limits, the API key, JSON error responses and request metrics."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from time import perf_counter

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException as HTTPError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relik_ml.data import json_bytes
from relik_ml.errors import ConfigError, RelikError

KEY_HEADER = "X-API-Key"
CLIENT_CLOSED = 499
"""nginx's status for a request whose client has gone; used only in the metrics."""
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Histogram buckets for durations."""

SHAPE = "see /docs for the fields"
"""How to fix a request of the wrong shape."""

_QUOTED = 200  # characters of a message of another library in a response
_FIXES = {404: "see /docs for the paths", 405: "use the method that /docs states"}
_log = logging.getLogger("relik_ml.serve")


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """Limits and access of a service. ConfigError when they contradict each other."""

    max_body: int = 1 << 20
    """Bytes of a request's body."""
    max_characters: int = 100_000
    """Code points of one text."""
    max_texts: int = 32
    """Texts of one request."""
    queue: int = 128
    """Texts that may wait for the model, without those of the current batch."""
    together: int = 32
    """Texts in a batch for the model."""
    streams: int = 8
    """Streams that are open at the same time."""
    timeout: float = 30.0
    """Seconds to receive a body, and again to annotate its texts. In a stream: for the next part, the next text."""
    api_key: str | None = None
    """Key that clients must send in the header X-API-Key."""
    cors: tuple[str, ...] = ()
    """Origins of other pages that may send requests (CORS)."""
    sparql_seconds: float = 10.0
    """Seconds that a query on a store may take."""
    sparql_bytes: int = 16 << 20
    """Bytes of the answer to a query."""
    sparql_memory: int = 1 << 30
    """Bytes of memory that a query may take."""

    def __post_init__(self) -> None:
        if self.max_texts > self.queue:
            got = f"{self.max_texts} texts a request, {self.queue} in the queue"
            raise ConfigError("a full request has no room in the queue", got=got, fix="raise --queue")
        key = self.api_key
        if key is not None and not (key.isascii() and key.isprintable() and key.strip()):
            fix = "use ASCII letters, digits and punctuation"
            raise ConfigError("the API key cannot be sent in a header", where="--api-key", fix=fix)


class Problem(HTTPException):
    """An error response: HTTP status, what is wrong, what was found and how to fix it."""

    def __init__(
        self, status: int, what: str, got: str = "", fix: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, what, headers)
        self.what, self.got, self.fix = what, got, fix

    def record(self) -> dict[str, str]:
        """The fields of an error response."""
        detail = "; ".join(filter(None, (self.what, self.got, self.fix)))
        return {"detail": detail, "what": self.what, "got": self.got, "fix": self.fix}


async def answer_error(request: Request, error: Exception) -> Response:
    """Exception handler that turns any exception into a JSON response."""
    problem = problem_of(request, error)
    return Response(json_bytes(problem.record()), problem.status_code, problem.headers, "application/json")


def problem_of(request: Request, error: Exception) -> Problem:
    """The problem that an exception is to the client. What no client causes is logged, and not described."""
    match error:
        case Problem():
            return error
        case RelikError():
            return Problem(422, error.what, f"{error.where} {error.got}".strip(), error.fix)
        case TimeoutError():
            return Problem(504, "the texts were not read in time", fix="send shorter or fewer texts, or try later")
        case RequestValidationError():
            faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
            return Problem(422, "the request has the wrong shape", "; ".join(faults)[:_QUOTED], SHAPE)
        case HTTPError():
            fix = _FIXES.get(error.status_code, "send a request as /docs describes it")
            return Problem(error.status_code, str(error.detail)[:_QUOTED], request.method, fix, error.headers)
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Problem(500, "the service failed", fix="see the log of the service")


def require_key(headers: Headers, config: ServiceConfig) -> None:
    """Problem 401 when a service has a key and the headers do not."""
    given = headers.get(KEY_HEADER, "").encode("utf-8", "replace")
    if config.api_key is not None and not compare_digest(given, config.api_key.encode()):
        raise Problem(401, "the API key is missing or wrong", fix=f"send it in the header {KEY_HEADER}")


class Gate:
    """ASGI middleware that counts requests, and refuses bodies without the key, too large or too slow.

    At the path ``stream`` a body may have any size and take any time, as long as its parts keep coming.
    """

    def __init__(
        self, app: ASGIApp, config: ServiceConfig, registry: CollectorRegistry, paths: frozenset[str], stream: str
    ) -> None:
        self.app, self.config, self.paths, self.stream = app, config, paths, stream
        self.requests = Counter("relik_requests", "Requests answered", ["path", "status"], registry=registry)
        self.seconds = Histogram("relik_request_seconds", "To the answer", ["path"], buckets=SECONDS, registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle and count a request. Unknown paths are counted as ``other``."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, status = perf_counter(), CLIENT_CLOSED
        if scope["method"] not in ("GET", "HEAD"):  # what these return is open to all, and they read no body
            receive = self._limited(scope, receive)

        async def note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            path = scope["path"] if scope["path"] in self.paths else "other"
            self.requests.labels(path, str(status)).inc()
            self.seconds.labels(path).observe(perf_counter() - started)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """``receive`` that raises a Problem as soon as the body breaks a limit."""
        streamed, time = scope["path"] == self.stream, asyncio.get_running_loop().time
        deadline = time() + self.config.timeout
        size, more = 0, True

        async def next_message() -> Message:
            nonlocal size, more, deadline
            if not more:  # the body is complete: the next message is the disconnect
                return await receive()
            if not size:
                self._check(Headers(scope=scope), streamed)
            if streamed:  # time counts only while the service waits for the client
                deadline = time() + self.config.timeout
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                got = f"more than {self.config.timeout:g} s"
                raise Problem(408, "the body did not arrive in time", got, "try again") from None
            if message["type"] == "http.disconnect":
                raise Problem(CLIENT_CLOSED, "the client has gone")
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
            self._require_size(0 if streamed else size)
            return message

        return next_message

    def _check(self, headers: Headers, streamed: bool) -> None:
        """Refuse a wrong key or a too large Content-Length before the body is read."""
        require_key(headers, self.config)
        length = headers.get("content-length", "")
        self._require_size(int(length) if length.isdecimal() and not streamed else 0)

    def _require_size(self, size: int) -> None:
        if size > self.config.max_body:
            fix = f"send at most {self.config.max_body:,} bytes at once"
            raise Problem(413, "the body is too large", f"{size:,} bytes or more", fix)
