"""Leaving in order: what was taken is finished, what comes is refused, then the server's own way out begins."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Any

from relik_ml.serve.batcher import Batcher

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def draining(batcher: Batcher) -> Iterator[None]:
    """While inside, the first signal closes the batcher; the server's handler comes when all has been read.

    A second signal goes to the server at once. Only the main thread hears signals; elsewhere nothing is changed.
    """
    if current_thread() is not main_thread():
        yield
        return
    servers: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    going = Leaving(batcher, servers)
    for number in SIGNALS:
        signal.signal(number, going)
    try:
        yield
    finally:
        for number in SIGNALS:
            signal.signal(number, servers[number])


class Leaving:
    """A handler of signals that lets the batcher finish first."""

    def __init__(self, batcher: Batcher, servers: dict[int, Any]) -> None:
        self.batcher, self.servers, self.asked = batcher, servers, False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Close, and go on when everything has been read."""
        if self.asked:
            self.servers[number](number, frame)
            return
        self.asked = True
        Thread(target=self._finish, args=(number,), name="leaving", daemon=True).start()

    def _finish(self, number: int) -> None:
        self.batcher.close()  # not in the handler: the interrupted code may hold the batcher's lock
        self.batcher.join()
        self.servers[number](number, None)
