"""relik_ml.serve.Client against the service, and against servers that do what no service should."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from relik_ml.data import check
from relik_ml.errors import ConfigError, DataError, RelikError, ServiceError
from relik_ml.serve import Client
from tests.serve.conftest import POISON, Fake

TEXT = "Она родилась в Одессе."
Served = Callable[..., str]


@pytest.fixture
def served(fake: Fake) -> Iterator[Served]:
    """Starts a service with the fake model and these settings; its address."""
    for package in ("fastapi_offline", "prometheus_client", "rdflib"):
        pytest.importorskip(package, reason="the service needs the extra relik-ml[serve]")
    uvicorn = pytest.importorskip("uvicorn", reason="the service needs the extra relik-ml[serve]")
    from relik_ml.serve import ServiceConfig, create_app

    with ExitStack() as stack:

        def started(**settings: Any) -> str:
            app = create_app(fake.annotate, ("ru",), ServiceConfig(**settings))
            server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            stack.callback(thread.join, 20)
            stack.callback(setattr, server, "should_exit", True)
            while not server.started:
                time.sleep(0.01)
            return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

        yield started


@pytest.fixture
def stub() -> Iterator[Callable[..., Client]]:
    """Makes a client of a server that sends these answers, bytes as they are; what it was asked is in ``asked``."""
    with ExitStack() as stack:

        def made(*answers: bytes, **settings: Any) -> Client:
            left = list(answers)

            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    self.wfile.write(left.pop(0))
                    self.close_connection = True

                def log_message(self, *_: object) -> None:
                    pass

            server = HTTPServer(("127.0.0.1", 0), Handler)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return Client(f"http://127.0.0.1:{server.server_port}", **settings)

        yield made


def answer(status: str, body: object = None, headers: str = "") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content


BUSY = answer("429 Too Many Requests", {"what": "busy", "got": "9 texts", "fix": "wait"}, "Retry-After: 0\r\n")
GOOD = answer("200 OK", {"documents": [{"schema": "relik-ml/1", "id": "a", "lang": "ru", "text": "a", "mentions": []}]})


def test_texts_come_back_as_documents(served: Served) -> None:
    client = Client(served(max_texts=4), key=None)
    document = client(TEXT)
    assert ([document.surface(each) for each in document.mentions], check(document)) == (["Одессе"], [])
    assert client({"id": "a", "text": TEXT}, min_score=0.95).mentions == ()
    several = client(["a", {"id": "mine", "text": TEXT}, *"bcdefghij"])
    assert [each.id for each in several[:3]] == ["text-1", "mine", "text-3"]
    assert [each.text for each in several] == ["a", TEXT, *"bcdefghij"]
    assert client([]) == []


def test_a_stream_sends_and_receives_at_the_same_time(served: Served) -> None:
    came = threading.Event()

    def texts() -> Iterator[str]:
        yield "first"
        assert came.wait(10), "the first document came before the second text was there"
        yield from map(str, range(1000))

    stream = Client(served()).stream(texts())
    assert next(stream).text == "first"
    came.set()
    assert [document.text for document in stream] == [str(number) for number in range(1000)]


def test_a_stream_takes_no_more_than_is_read(served: Served) -> None:
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield "а" * 50_000

    stream = Client(served(), timeout=0.3).stream(endless())
    next(stream)
    time.sleep(1)
    before = pulled
    time.sleep(0.5)
    assert pulled == before < 260, "the service waits, and the thread with it"
    assert next(stream).text.startswith("а")
    stream.close()  # type: ignore[attr-defined]


def test_what_cannot_be_annotated_is_reported_and_the_rest_comes(served: Served) -> None:
    client, errors = Client(served(max_characters=100)), list[RelikError]()
    texts: list[str | dict[str, object]] = ["a", "b" * 101, {"text": "c", "more": 1}, POISON, "d"]
    assert [document.text for document in client.stream(texts, on_error=errors.append)] == ["a", "d"]
    assert [type(error) for error in errors] == [DataError, DataError, ServiceError]
    assert [("text 2" in errors[0].where, errors[0].got), errors[1].got] == [
        (True, "101 characters"), "more: Extra inputs are not permitted",
    ]  # fmt: skip
    stream = client.stream(texts)
    assert next(stream).text == "a"
    with pytest.raises(DataError, match="too long"):
        next(stream)


def test_what_texts_raise_comes_out_of_the_stream(served: Served) -> None:
    def texts() -> Iterator[str]:
        yield "a"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(Client(served()).stream(texts()))
    with pytest.raises(TypeError, match="int"):
        list(Client(served()).stream(["a", 5]))  # type: ignore[list-item]


def test_errors_say_what_where_got_and_fix(served: Served) -> None:
    url = served(api_key="k", max_body=1000)
    assert Client(url, key="k")("a").text == "a"
    for wrong, kind in (
        (lambda: Client(url)("a"), ConfigError),
        (lambda: list(Client(url, key="x").stream(["a", "b"])), ConfigError),
        (lambda: Client(url + "/there", key="k")("a"), ConfigError),
        (lambda: Client(url, key="k")("a" * 1001), DataError),
        (lambda: Client("http://127.0.0.1:1")("a"), ServiceError),
        (lambda: Client("127.0.0.1:8000"), ConfigError),
    ):
        with pytest.raises(kind) as caught:
            wrong()
        error = caught.value
        assert isinstance(error, RelikError)
        assert (bool(error.what), bool(error.fix)) == (True, True)
        assert "http" in error.where + error.fix


def test_a_busy_service_is_asked_again_a_few_times(stub: Callable[..., Client]) -> None:
    assert stub(BUSY, BUSY, GOOD)("a").id == "a"
    with pytest.raises(ServiceError, match="busy"):
        stub(BUSY, BUSY, GOOD, retries=1)("a")
    with pytest.raises(ServiceError, match="busy"):
        list(stub(BUSY, GOOD, retries=0).stream(["a"]))


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "sent", [b"", CHUNKED, CHUNKED + b"5\r\n{}", CHUNKED + b"3\r\n{\n\n\r\n0\r\n\r\n", answer("502 Bad", b"<html>")]
)
def test_a_broken_answer_is_an_error(stub: Callable[..., Client], sent: bytes) -> None:
    for ask in (lambda client: client("a"), lambda client: list(client.stream(["a"]))):
        with pytest.raises(ServiceError) as caught:
            ask(stub(sent))
        assert caught.value.fix
