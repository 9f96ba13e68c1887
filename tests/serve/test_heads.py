"""Connections that do not say what they want are closed; the others are let be."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="the service needs the extra relik-ml[serve]")
from relik_ml.serve.heads import PromptHeads  # noqa: E402

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Hurried(PromptHeads):
    seconds = 0.3


async def app(scope: object, receive: object, send: object) -> None:
    """Answers, after longer than a head may take."""
    time.sleep(0.4)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]


@pytest.fixture
def client() -> Iterator[socket.socket]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Hurried, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    with socket.create_connection(server.servers[0].sockets[0].getsockname(), timeout=5) as connection:
        yield connection
    server.should_exit = True
    thread.join(20)


@pytest.mark.parametrize("sent", [b"", b"G", ASK[:-4]])
def test_a_head_that_does_not_come_is_not_waited_for(client: socket.socket, sent: bytes) -> None:
    client.sendall(sent)
    assert client.recv(100) == b""


def test_a_head_that_comes_drop_by_drop_is_not_waited_for(client: socket.socket) -> None:
    for _ in range(60):
        try:
            client.sendall(b"G")
        except ConnectionError:
            return
        time.sleep(0.05)
    raise AssertionError("after 3 s it still listens")


def test_a_whole_head_is_answered_however_long_that_takes_and_so_is_the_next(client: socket.socket) -> None:
    for _ in range(2):
        client.sendall(ASK)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    client.sendall(ASK[:-4])
    assert client.recv(100) == b""
