"""POST /stream: any number of texts, line by line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

import pytest

from relik_ml.data import check, document_from_json
from tests.serve.conftest import POISON, Client, Fake

for package in ("fastapi_offline", "prometheus_client", "rdflib", "uvicorn"):
    pytest.importorskip(package, reason="the service needs the extra relik-ml[serve]")
from relik_ml.serve import ServiceConfig, create_app  # noqa: E402
from tests.serve.test_clients import GONE, gives, part, post  # noqa: E402

NDJSON = {"Content-Type": "application/x-ndjson"}
TEXT = "🚀 Она родилась в Одессе."


def lines(texts: Iterable[Any]) -> bytes:
    """The body that asks for these texts."""
    return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)


def found(answer: bytes | str) -> list[Any]:
    """For every line of an answer the text of its document, or the status of its error with the number of the line."""
    records = [json.loads(line) for line in answer.splitlines()]
    return [each["text"] if "text" in each else (each["error"]["status"], each["line"]) for each in records]


def test_every_line_is_answered_in_its_place(client: Client) -> None:
    body = lines(["a", "b" * 101, POISON, 5]) + b'{"text"\n \n' + b"[" * 990 + b"\n" + b" " * 1001 + b"\n[1]\nnull\n"
    body += json.dumps({"text": TEXT, "id": "last", "lang": "en"}).encode()
    answer = client(max_characters=100, max_body=1000, max_texts=2).post("/stream", content=body, headers=NDJSON)
    assert (answer.status_code, answer.headers["content-type"]) == (200, NDJSON["Content-Type"])
    refused = [(422, 2), (500, 3), (422, 4), (400, 5), (400, 7), (413, 8), (422, 9), (422, 10)]
    assert found(answer.text) == ["a", *refused, TEXT]
    *errors, last = map(json.loads, answer.text.splitlines()[1:])
    assert all({"what", "got", "fix", "detail", "status"} == set(each["error"]) for each in errors)
    assert (last["id"], last["lang"], check(document_from_json(last, "answer"))) == ("last", "en", [])


def test_the_query_sets_offsets_and_minimum_score(client: Client) -> None:
    asked = client()
    for query, mentions in (("min_score=0.9&offsets=utf-16", [18]), ("", [17]), ("min_score=0.91", [])):
        answer = asked.post(f"/stream?{query}", content=lines([TEXT]), headers=NDJSON).json()
        assert [each["start"] for each in answer["mentions"]] == mentions
    assert asked.post("/stream?min_score=2", content=lines([TEXT]), headers=NDJSON).status_code == 422
    assert asked.post("/stream", json={"text": TEXT}).status_code == 415


def test_what_refuses_a_stream_comes_before_its_answer(client: Client, fake: Fake) -> None:
    answer = client(api_key="k").post("/stream", content=lines(["a"]), headers=NDJSON)
    assert (answer.status_code, fake.batches) == (401, [])
    assert client().post("/stream", content=b"", headers=NDJSON).content == b""


# As a server would


class Wire:
    """A client that sends what it is told when it is told, and may stop reading."""

    def __init__(self, app: Any) -> None:
        self.app, self.parts = app, asyncio.Queue[dict[str, Any]]()
        self.reads, self.answer, self.status, self.received = asyncio.Event(), b"", 0, 0
        self.reads.set()

    async def receive(self) -> dict[str, Any]:
        self.received += 1
        return await self.parts.get()

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        self.status = message.get("status", self.status)
        self.answer += message.get("body", b"")

    def say(self, *texts: str, more: bool = True) -> None:
        """Send a line for each text."""
        self.parts.put_nowait(part(lines(texts), more=more))

    def start(self) -> asyncio.Task[Any]:
        headers = {"content-type": NDJSON["Content-Type"]}
        return asyncio.create_task(post(self.app, self.receive, headers, "/stream", self.send))

    async def answered(self, number: int) -> None:
        """Wait for so many lines."""
        async with asyncio.timeout(10):
            while self.answer.count(b"\n") < number:
                await asyncio.sleep(0.001)


def run(fake: Fake, talk: Callable[[Any], Coroutine[Any, Any, None]], **settings: Any) -> None:
    """Run a talk with a service of these settings."""
    app = create_app(fake.annotate, ("ru",), ServiceConfig(**settings))

    async def running() -> None:
        async with app.router.lifespan_context(app):
            await talk(app)

    asyncio.run(running())


def test_documents_come_back_while_the_client_sends(fake: Fake) -> None:
    async def talk(app: Any) -> None:
        wire = Wire(app)
        stream = wire.start()
        for number, text in enumerate("abc", 1):
            wire.say(text)
            await wire.answered(number)
        wire.parts.put_nowait(part(b'{"text": "in two', more=True))
        wire.parts.put_nowait(part(b' parts"}', more=False))
        await stream
        assert found(wire.answer) == ["a", "b", "c", "in two parts"]

    run(fake, talk, max_body=24)


def test_a_client_that_does_not_read_is_not_read(fake: Fake) -> None:
    async def talk(app: Any) -> None:
        wire = Wire(app)
        wire.reads.clear()
        stream = wire.start()
        for number in range(50):
            wire.say(str(number), more=number < 49)
        await asyncio.sleep(0.1)
        assert (wire.received, sum(map(len, fake.batches))) == (1, 0), "not even the head of the answer was taken"
        wire.reads.set()
        await wire.answered(1)
        wire.reads.clear()
        await asyncio.sleep(0.1)
        assert sum(map(len, fake.batches)) <= wire.answer.count(b"\n") + 4
        wire.reads.set()
        await stream
        assert found(wire.answer) == [str(number) for number in range(50)]

    run(fake, talk, max_texts=3)


def test_a_client_that_hangs_up_leaves_its_place(fake: Fake) -> None:
    fake.free.clear()

    async def talk(app: Any) -> None:
        goes, waits, comes = Wire(app), Wire(app), Wire(app)
        goes.say(*map(str, range(100)))
        stream = goes.start()
        await asyncio.to_thread(fake.started.wait, 10)
        await waits.start()
        assert (waits.status, json.loads(waits.answer)["got"]) == (429, "1 streams")
        goes.parts.put_nowait(GONE)
        await stream
        comes.say("c", more=False)
        stream = comes.start()
        fake.free.set()
        await stream
        assert (found(comes.answer), fake.batches) == (["c"], [[], ["c"]])

    run(fake, talk, streams=1, max_texts=2)


def test_a_long_stream_and_short_requests_share_the_model(fake: Fake) -> None:
    fake.free.clear()

    async def talk(app: Any) -> None:
        wire = Wire(app)
        wire.say(*map(str, range(100)), more=False)
        stream = wire.start()
        await asyncio.to_thread(fake.started.wait, 10)
        body = json.dumps({"texts": [{"text": "short"}] * 2}).encode()
        requests = [asyncio.create_task(post(app, gives(part(body, more=False)))) for _ in range(3)]
        await asyncio.sleep(0.1)
        fake.free.set()
        assert [sent[0]["status"] for sent in await asyncio.gather(*requests)] == [200] * 3
        await stream
        assert found(wire.answer) == [str(number) for number in range(100)]
        kinds = [[text == "short" for text in batch] for batch in fake.batches[1:4]]
        assert kinds == [[True, True, False, False]] * 3

    run(fake, talk, together=4)


def test_time_counts_for_each_line(fake: Fake) -> None:
    async def talk(app: Any) -> None:
        silent, slow = Wire(app), Wire(app)
        silent.say("a")
        await silent.start()
        assert found(silent.answer) == ["a", (408, 2)]
        fake.free.clear()
        slow.say("a", "b")
        end = partial(slow.say, more=False)  # silent for longer than the limit, but it waits for answers
        asyncio.get_running_loop().call_later(0.6, end)
        stream = slow.start()
        await slow.answered(1)
        fake.free.set()
        await stream
        assert found(slow.answer)[0] == (504, 1)
        assert found(slow.answer)[1] in ("b", (504, 2))
        assert (408, 3) not in found(slow.answer)

    run(fake, talk, timeout=0.4)
