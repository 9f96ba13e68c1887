"""Where requests wait for their documents: not longer than allowed, and not when nobody waits any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.types import Receive

from relik_ml.serve.batcher import Batcher, Closed, Full
from relik_ml.serve.problems import Problem
from relik_ml.serve.settings import Limits
from relik_ml.types import Document

T = TypeVar("T")

HUNG_UP = 499
"""The status, after nginx, of a request whose client has gone; only the counts see it."""


class Desk:
    """Checks texts, and hands them to the batcher for a request that waits."""

    def __init__(self, batcher: Batcher, limits: Limits, languages: Sequence[str]) -> None:
        self.batcher, self.limits, self.languages = batcher, limits, tuple(languages)

    async def annotate(self, documents: Sequence[Document], receive: Receive) -> list[Document]:
        """The documents with what was found in them. Problem when they are refused, or not read in time."""
        self._check(documents)
        answer = asyncio.wrap_future(self._submit(documents))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            waited: set[asyncio.Future[Any]] = {answer, gone}
            await asyncio.wait(waited, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if gone.done():
                raise Problem(HUNG_UP, "the client has gone")
            raise self._late()
        finally:
            gone.cancel()
            answer.cancel()

    async def in_time(self, work: Awaitable[T]) -> T:
        """What other work gives. Problem when that takes too long; what it does in a thread goes on there."""
        try:
            return await asyncio.wait_for(work, self.limits.seconds)
        except TimeoutError:
            raise self._late() from None

    def _late(self) -> Problem:
        got, fix = f"more than {self.limits.seconds:g} s", "send shorter or fewer texts, or try later"
        return Problem(504, "the texts were not read in time", got=got, fix=fix)

    def _submit(self, documents: Sequence[Document]) -> Future[list[Document]]:
        try:
            return self.batcher.submit(documents)
        except Full as full:
            wait = {"Retry-After": str(full.seconds)}
            fix = f"try again in {full.seconds} s"
            raise Problem(429, "too many texts wait already", got=str(full), fix=fix, headers=wait) from None
        except Closed:
            raise closing() from None

    def _check(self, documents: Sequence[Document]) -> None:
        if len(documents) > self.limits.texts:
            got, fix = f"{len(documents)} texts", f"send at most {self.limits.texts} at once"
            raise Problem(422, "too many texts in one request", got=got, fix=fix)
        for document in documents:
            if (length := len(document.text)) > self.limits.characters:
                fix = f"cut it into texts of at most {self.limits.characters:,} characters"
                raise Problem(422, "a text is too long", got=f"{length:,} characters", fix=fix)
            if document.lang not in self.languages:
                fix = f"use one of {', '.join(self.languages)}"
                raise Problem(422, "the model does not know this language", got=repr(document.lang)[:40], fix=fix)


def closing() -> Problem:
    """What a new request hears while the service finishes the old ones."""
    return Problem(503, "the service is closing", fix="try again in a while", headers={"Retry-After": "5"})


async def _gone(receive: Receive) -> None:
    """Returns when the client has."""
    while (await receive())["type"] != "http.disconnect":
        pass
