"""What a test client cannot do: clients that hang up, send slowly, or send without saying how much."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.serve.conftest import Fake

for package in ("fastapi_offline", "prometheus_client", "rdflib", "uvicorn"):
    pytest.importorskip(package, reason="the service needs the extra relik-ml[serve]")
from relik_ml.serve import ServiceConfig, create_app  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
GONE = {"type": "http.disconnect"}


Send = Callable[[dict[str, Any]], Awaitable[None]]


async def post(
    app: Any, receive: Receive, headers: dict[str, str] | None = None, path: str = "/annotate", send: Send | None = None
) -> list[dict[str, Any]]:
    """Post as a server would; the messages of the answer, unless they go to ``send``."""
    sent: list[dict[str, Any]] = []

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    named = {"content-type": "application/json", "host": "x"} | (headers or {})
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": b"", "state": {},
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send or keep), 10)
    return sent


def status(fake: Fake, receive: Receive, headers: dict[str, str] | None = None, **settings: Any) -> int:
    """The status of one request to a service with these settings."""
    app = create_app(fake.annotate, ("ru",), ServiceConfig(**settings))
    found: int = asyncio.run(post(app, receive, headers))[0]["status"]
    return found


def gives(*messages: dict[str, Any]) -> Receive:
    """A client that sends these, and then nothing."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0) if left else await asyncio.Event().wait()  # type: ignore[return-value]

    return receive


def part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_without_a_length_is_read_up_to_the_limit(fake: Fake) -> None:
    read = 0

    async def endless() -> dict[str, Any]:
        nonlocal read
        read += 100
        return part(b" " * 100, more=True)

    assert status(fake, endless, max_body=1000) == 413
    assert read == 1100


@pytest.mark.parametrize(
    ("headers", "expected"), [({"content-length": "1001"}, 413), ({"content-length": "9", "x-api-key": "K"}, 401)]
)
def test_a_refusal_by_the_headers_reads_no_body(fake: Fake, headers: dict[str, str], expected: int) -> None:
    key = "k" if "x-api-key" in headers else None
    assert status(fake, gives(), headers, max_body=1000, api_key=key) == expected


def test_a_body_that_does_not_come_is_not_waited_for(fake: Fake) -> None:
    assert status(fake, gives(part(b"{", more=True)), timeout=0.05) == 408


def test_a_client_that_hangs_up_while_sending_is_let_go(fake: Fake) -> None:
    assert status(fake, gives(part(b"{", more=True), GONE)) == 499
    assert fake.batches == []


def test_a_client_that_hangs_up_while_waiting_is_not_read(fake: Fake) -> None:
    app = create_app(fake.annotate, ("ru",), ServiceConfig())
    fake.free.clear()

    def body(text: str) -> dict[str, Any]:
        return part(json.dumps({"text": text}).encode(), more=False)

    async def three() -> list[list[dict[str, Any]]]:
        async with app.router.lifespan_context(app):
            stays = asyncio.create_task(post(app, gives(body("one"))))
            await asyncio.to_thread(fake.started.wait, 10)
            goes = await post(app, gives(body("two"), GONE))
            comes = asyncio.create_task(post(app, gives(body("three"))))
            await asyncio.sleep(0.05)
            fake.free.set()
            return [await stays, goes, await comes]

    answers = asyncio.run(three())
    assert [sent[0]["status"] for sent in answers] == [200, 499, 200]
    assert fake.batches == [["one"], ["three"]]
