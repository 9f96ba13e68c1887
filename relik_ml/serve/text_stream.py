"""Many texts in one request: JSON Lines in and JSON Lines out at the same time, with bounded memory.

A stream has at most ``max_texts`` texts in the service. It takes the next line only when it has sent the answer to the
first of them, so that a client that does not read its answers is not read from either. When a client hangs up, that is
noticed at once, unless two more parts of its body have already arrived (with uvicorn 64 KiB each).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from relik_ml.data import json_bytes
from relik_ml.serve.batcher import gone
from relik_ml.serve.middleware import CLIENT_CLOSED, Problem, ServiceConfig, problem_of
from relik_ml.serve.texts import Text, Texts
from relik_ml.types import Document

NDJSON = ("application/x-ndjson", "application/jsonl")
"""The media types of JSON Lines, the one of the answer first."""

Taken = asyncio.Future[list[Document]] | Exception
"""A text on its way to the model, or why it cannot go there."""

_BUSY = "10"  # seconds
_HEAD = ((b"content-type", NDJSON[0].encode()), (b"x-accel-buffering", b"no"))  # the second stops nginx from buffering


class StreamAnswer(Response):
    """The documents of the lines of a request, each sent when it and those before it are done.

    A line that cannot be annotated is answered by ``{"error": …, "line": number}`` in its place.
    """

    def __init__(self, texts: Texts, places: asyncio.Semaphore, record: Callable[[Document], dict[str, Any]]) -> None:
        super().__init__(media_type=NDJSON[0])
        self._texts, self._places, self._record = texts, places, record
        self._room = asyncio.Semaphore(texts.config.max_texts)
        self._waiting = 0  # texts that are not answered yet
        self._parts: asyncio.Queue[bytes | Problem | None] = asyncio.Queue(1)
        self._taken: asyncio.Queue[tuple[int, Taken] | None] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, annotate and answer until the body ends or the client has gone. Problem 429 when no place is free."""
        if self._places.locked():
            got, fix = f"{self._texts.config.streams} streams", f"try again in {_BUSY} s, or send a request"
            raise Problem(429, "too many streams are open", got, fix, {"Retry-After": _BUSY})
        request = Request(scope, receive)
        async with self._places:
            first = await receive()  # a refusal of the middleware is still an ordinary response
            await send({"type": "http.response.start", "status": 200, "headers": _HEAD})
            try:
                async with asyncio.TaskGroup() as group:
                    receiving = group.create_task(self._receive(first, receive))
                    group.create_task(self._read())
                    await self._write(request, send)
                    receiving.cancel()
            except* Problem:  # the client has gone
                pass
            finally:
                self._drop()

    async def _receive(self, message: Message, receive: Receive) -> None:
        """Take the body one part ahead of what is read, to notice when the client hangs up: Problem."""
        await self._parts.put(message.get("body", b""))
        while message.get("more_body", False):
            try:
                message = await receive()
            except Problem as problem:
                if problem.status_code == CLIENT_CLOSED:
                    raise
                if not self._waiting:  # otherwise the client may wait for answers before it sends more
                    return await self._parts.put(problem)
            else:
                await self._parts.put(message.get("body", b""))
        await self._parts.put(None)
        await gone(receive)
        raise Problem(CLIENT_CLOSED, "the client has gone")

    async def _body(self) -> AsyncIterator[bytes]:
        while (part := await self._parts.get()) is not None:
            if isinstance(part, Problem):
                raise part
            yield part

    async def _read(self) -> None:
        """Take lines while there is room for them."""
        number = 0
        try:
            async for line in _lines(self._body(), self._texts.config.max_body):
                number += 1
                if line is None or line.strip():
                    await self._room.acquire()
                    self._waiting += 1
                    self._taken.put_nowait((number, self._take(number, line)))
        except Problem as problem:
            self._taken.put_nowait((number + 1, problem))  # it came too late: the last line of the answer
        self._taken.put_nowait(None)

    def _take(self, number: int, line: bytes | None) -> Taken:
        try:
            document = self._texts.checked(_text(line, self._texts.config).document(number))
        except (Problem, RequestValidationError) as error:
            return error
        return self._texts.batcher.submit(document)

    async def _write(self, request: Request, send: Send) -> None:
        while (taken := await self._taken.get()) is not None:
            line = await self._line(request, *taken)
            await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})
            self._waiting -= 1
            self._room.release()
        await send({"type": "http.response.body"})

    async def _line(self, request: Request, number: int, taken: Taken) -> bytes:
        try:
            if isinstance(taken, Exception):
                raise taken
            async with asyncio.timeout(self._texts.config.timeout):
                (document,) = await taken
            return await run_sync(lambda: json_bytes(self._record(document)))
        except Exception as error:
            problem = problem_of(request, error)
            return json_bytes({"error": {"status": problem.status_code, **problem.record()}, "line": number})

    def _drop(self) -> None:
        """Take the texts that are no longer awaited out of the queue of the model."""
        while not self._taken.empty():
            match self._taken.get_nowait():
                case (_, asyncio.Future() as answer):
                    answer.cancel()


async def _lines(parts: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes | None]:
    """The lines of a body without their ends. None in place of a line above the limit, which is not kept."""
    held, over = bytearray(), False
    async for part in parts:
        *ends, rest = part.split(b"\n")
        for end in ends:
            yield None if over or len(held) + len(end) > limit else bytes(held + end)
            held.clear()
            over = False
        held += rest
        if len(held) > limit:
            over = True
            held.clear()
    if held or over:
        yield None if over else bytes(held)


def _text(line: bytes | None, config: ServiceConfig) -> Text:
    """The text of a line. Problem when it is too large, no JSON, or has the wrong shape."""
    if line is None:
        fix = f"send at most {config.max_body:,} bytes a line"
        raise Problem(413, "the line is too large", f"more than {config.max_body:,} bytes", fix)
    try:
        return Text.model_validate(json.loads(line))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
    except (ValueError, RecursionError) as error:
        fix = 'send an object such as {"text": "…"} on a line of its own'
        raise Problem(400, "the line is not JSON", str(error)[:200], fix) from None
