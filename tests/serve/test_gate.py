"""What a test client cannot do: clients that hang up, send slowly, or send without saying how much."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from relik_ml.serve.settings import Limits
from tests.serve.fake import Fake

for package in ("fastapi", "prometheus_client"):
    pytest.importorskip(package, reason="the service needs the extra relik-ml[serve]")
from relik_ml.serve.app import create_app  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]


async def ask(app: Any, receive: Receive, length: int | None = None) -> list[dict[str, Any]]:
    """Post to /annotate as a server would; the messages of the answer."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"host", b"x")]
    headers += [] if length is None else [(b"content-length", str(length).encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/annotate",
        "raw_path": b"/annotate", "root_path": "", "scheme": "http", "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "state": {},
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), 10)
    return sent


def gives(*messages: dict[str, Any]) -> Receive:
    """A client that sends these, and then nothing."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_does_not_say_its_length_is_read_no_further_than_the_limit(fake: Fake) -> None:
    app = create_app(fake, ("ru",), Limits(body=1000))
    read = 0

    async def endless() -> dict[str, Any]:
        nonlocal read
        read += 100
        return part(b" " * 100, more=True)

    sent = asyncio.run(ask(app, endless))
    assert sent[0]["status"] == 413
    assert read == 1100 + 2000, "the rest is let go, up to twice the limit, so that the answer arrives"


def test_a_body_that_says_it_is_too_large_is_answered_unread(fake: Fake) -> None:
    app = create_app(fake, ("ru",), Limits(body=1000))
    sent = asyncio.run(ask(app, gives({"type": "http.disconnect"}), length=1001))
    assert [message.get("status") for message in sent] == [413, None, None]


def test_a_body_that_does_not_come_is_not_waited_for(fake: Fake) -> None:
    app = create_app(fake, ("ru",), Limits(seconds=0.05))
    sent = asyncio.run(ask(app, gives(part(b"{", more=True))))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["what"] == "the body did not arrive in time"


def test_who_hangs_up_while_sending_is_let_go(fake: Fake) -> None:
    app = create_app(fake, ("ru",))
    assert asyncio.run(ask(app, gives(part(b"{", more=True), {"type": "http.disconnect"}))) == []
    assert fake.batches == []


def test_who_hangs_up_while_waiting_is_not_read(fake: Fake) -> None:
    app = create_app(fake, ("ru",))
    fake.free.clear()

    async def three() -> list[list[dict[str, Any]]]:
        def body(text: str) -> dict[str, Any]:
            return part(json.dumps({"text": text}).encode(), more=False)

        stays = asyncio.create_task(ask(app, gives(body("one"))))
        await asyncio.to_thread(fake.started.wait, 10)
        goes = await ask(app, gives(body("two"), {"type": "http.disconnect"}))
        comes = asyncio.create_task(ask(app, gives(body("three"))))
        await asyncio.sleep(0.05)
        fake.free.set()
        return [await stays, goes, await comes]

    answers = asyncio.run(three())
    assert [sent[0]["status"] for sent in answers] == [200, 499, 200]
    assert fake.batches == [["one"], ["three"]]
