"""What a request passes before anybody works for it: counting, the key, and a body of bounded size that comes in time.

A body that says it is too long is refused before it is read; one that does not say, where it becomes too long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from hmac import compare_digest
from time import perf_counter

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relik_ml.serve.desk import HUNG_UP
from relik_ml.serve.metrics import Metrics
from relik_ml.serve.problems import Problem, response
from relik_ml.serve.settings import Limits

KEY_HEADER = "X-API-Key"
LINGER = 2
"""Seconds for which, and times the limit up to which, the rest of a refused body is let go unread."""


class Counting:
    """Counts requests by path and status; paths that we do not have are one."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self.app, self.metrics, self.paths = app, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, status = perf_counter(), HUNG_UP
        path = scope["path"] if scope["path"] in self.paths else "other"

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            self.metrics.requests.labels(path, str(status)).inc()
            self.metrics.seconds.labels(path).observe(perf_counter() - started)


class Gate:
    """Refuses what is posted without the key, too large, too slow or too late; the app gets whole bodies."""

    def __init__(self, app: ASGIApp, limits: Limits, key: str | None, refusal: Callable[[], Problem | None]) -> None:
        self.app, self.limits, self.refusal = app, limits, refusal
        self.key = None if key is None else key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        try:
            self._check(Headers(scope=scope))
            body = await asyncio.wait_for(self._body(receive), self.limits.seconds)
        except (Problem, TimeoutError) as error:
            problem = error if isinstance(error, Problem) else self._late()
            return await self._refuse(problem, receive, send)
        if body is not None:
            await self.app(scope, _whole(body, receive), send)

    async def _refuse(self, problem: Problem, receive: Receive, send: Send) -> None:
        """Answer, and only then look away: to close while somebody sends would take the answer from him."""
        problem.headers["Connection"] = "close"  # for the rest of the body nobody will read
        answer = response(problem)
        await send({"type": "http.response.start", "status": problem.status, "headers": answer.raw_headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        with suppress(TimeoutError):
            await asyncio.wait_for(_discard(receive, LINGER * self.limits.body), min(LINGER, self.limits.seconds))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _check(self, headers: Headers) -> None:
        if problem := self.refusal():
            raise problem
        given = headers.get(KEY_HEADER, "").encode("utf-8", "replace")
        if self.key is not None and not compare_digest(given, self.key):
            raise Problem(401, "the API key is missing or wrong", fix=f"send it in the header {KEY_HEADER}")
        if headers.get("content-length", "").isdecimal() and int(headers["content-length"]) > self.limits.body:
            raise self._large(f"{int(headers['content-length']):,} bytes")

    async def _body(self, receive: Receive) -> bytes | None:
        """The body; None when the client went before it was whole."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self.limits.body:
                raise self._large(f"more than {self.limits.body:,} bytes")
            if not message.get("more_body", False):
                return bytes(body)

    def _large(self, got: str) -> Problem:
        return Problem(413, "the body is too large", got=got, fix=f"send at most {self.limits.body:,} bytes at once")

    def _late(self) -> Problem:
        got = f"more than {self.limits.seconds:g} s"
        return Problem(408, "the body did not arrive in time", got=got, fix="try again")


async def _discard(receive: Receive, limit: int) -> None:
    """Let go what is still sent, up to so many bytes."""
    left, more = limit, True
    while left > 0 and more:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message.get("more_body", False)


def _whole(body: bytes, receive: Receive) -> Receive:
    """Gives the body in one message, then whatever comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message
