"""Connections that are closed when they do not say in time what they want."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 20.0


class PromptHeads(H11Protocol):
    """Closes a connection on which the head of a request is not whole in ``seconds``; uvicorn would wait for ever.

    The time runs from the connection, and again from the first byte of each later request; between requests uvicorn's
    own limit holds. What comes after the head is timed by the gate.
    """

    seconds = SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(self.seconds, transport.close)

    def data_received(self, data: bytes) -> None:
        """Bytes came: stop waiting when they complete a head, or wait for the rest of it."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._waiting.cancel()
        elif self._waiting.cancelled():
            self._waiting = self.loop.call_later(self.seconds, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._waiting.cancel()
        super().connection_lost(exc)
