"""A client of ``relik-ml serve``, on the standard library.

::

    client = Client("http://127.0.0.1:8000")
    document = client("Анна Ахматова родилась в Одессе.")
    for document in client.stream(open("texts.txt", encoding="utf-8")):
        print(document.id, len(document.mentions))
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from itertools import chain
from socket import SHUT_RDWR, socket
from threading import Semaphore, Thread
from time import sleep
from typing import Any, overload
from urllib.parse import urlsplit

from relik_ml.data import document_from_json, json_bytes
from relik_ml.errors import ConfigError, DataError, RelikError, ServiceError
from relik_ml.types import Document

Text = str | Mapping[str, Any]
"""A text, or an object with ``text`` and optionally ``id`` and ``lang``."""
OnError = Callable[[RelikError], object]

_AHEAD = 256  # texts that a stream sends before their documents are read; the buffers of the system hold many more
_LONGEST = 60.0  # seconds between two attempts
_FAULT_OF_TEXT = (400, 413, 415, 422)  # statuses
_FAULT_OF_SETTINGS = (401, 403, 404, 405)
_TOO_LATE = 408  # of a stream: its end
_BUSY = 429


class Client:
    """Annotates texts with a service. Several threads may use it: each request has a connection of its own.

    Calls and streams raise DataError for what is wrong with a text, ConfigError for a wrong address or key, and
    ServiceError for a service that does not answer, is busy or failed.

    Args:
        url: Address of the service.
        key: API key of the service.
        timeout: Seconds without a sign of the service.
        retries: How often a request is sent again when the service is busy, after the time that it asks for.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8000", key: str | None = None, *, timeout: float = 60.0, retries: int = 3
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("this is not the address of a service", got=url, fix="use http://HOST:PORT")
        self.url, self._timeout, self._retries = url.rstrip("/"), timeout, retries
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._key = {"X-API-Key": key} if key else {}

    @overload
    def __call__(self, text: Text, *, min_score: float = ...) -> Document: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, text: Sequence[Text], *, min_score: float = ...) -> list[Document]: ...
    def __call__(self, text: Text | Sequence[Text], *, min_score: float = 0.0) -> Document | list[Document]:
        """The document of a text, or the documents of a list of any length.

        Mentions and facts with a score below ``min_score`` are left out.
        """
        if not isinstance(text, str | Mapping):
            return list(self.stream(text, min_score=min_score))
        body = json_bytes({**_record(text), "min_score": min_score})
        with self._asked("/annotate", body, {"Content-Type": "application/json"}) as (answer, _), _talking(self.url):
            (record,) = json.loads(answer.read())["documents"]
        return document_from_json(record, self.url)

    def stream(
        self, texts: Iterable[Text], *, min_score: float = 0.0, on_error: OnError | None = None
    ) -> Iterator[Document]:
        """The documents of any number of texts, in order and while texts are still being sent.

        A thread reads ``texts``, at most 256 ahead of the documents that are read. ``on_error`` is called for each text
        that the service could not annotate; without it, the first such error is raised.
        """
        lines = (json_bytes(_record(text)) + b"\n" for text in texts)
        first = next(lines, None)
        if first is None:
            return
        path, failed, room = f"/stream?min_score={min_score}", list[Exception](), Semaphore(_AHEAD)
        headers = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}
        try:  # the service starts its answer, or refuses, after the first line
            with self._asked(path, _chunk(first), headers) as (answer, connected):
                Thread(target=_send, args=(connected, lines, room, failed), daemon=True).start()
                try:
                    yield from self._documents(answer, room, on_error)
                finally:
                    _shut(connected)
                    room.release()  # wakes the thread, which finds the connection shut
        except ServiceError:
            if failed:  # not the service, but ``texts``
                raise failed[0] from None
            raise

    def _documents(self, answer: HTTPResponse, room: Semaphore, on_error: OnError | None) -> Iterator[Document]:
        for record in _records(answer, self.url):
            room.release()
            if "error" not in record:
                yield document_from_json(record, self.url)
                continue
            status = record["error"]["status"]
            error = _error(status, record["error"], f"text {record['line']} of the stream to {self.url}")
            if on_error is None or status == _TOO_LATE:
                raise error
            on_error(error)

    @contextmanager
    def _asked(self, path: str, body: bytes, headers: dict[str, str]) -> Iterator[tuple[HTTPResponse, socket]]:
        """The answer to a request, and its socket. ServiceError when there is none, or it breaks off."""
        connection, where = self._kind(self._host, self._port, timeout=self._timeout), self.url + path.partition("?")[0]
        try:
            for left in reversed(range(self._retries + 1)):
                with _talking(where):
                    connection.connect()
                    connected: socket = (
                        connection.sock
                    )  # the connection forgets it when the service is going to close it
                    with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
                        connection.request("POST", self._path + path, body, headers | self._key)
                    answer = connection.getresponse()
                    if answer.status == 200:
                        break
                    if answer.status != _BUSY or not left:
                        raise _refused(answer, where)
                sleep(_pause(answer))
                connection.close()
            yield answer, connected
        finally:
            connection.close()


@contextmanager
def _talking(where: str) -> Iterator[None]:
    """Turn what can go wrong on the way to a service into a ServiceError."""
    try:
        yield
    except (OSError, HTTPException, ValueError, KeyError) as error:
        got, fix = f"{type(error).__name__}: {error}", "check the address, and that relik-ml serve is running there"
        raise ServiceError("the service does not answer", where=where, got=got, fix=fix) from error


def _record(text: Text) -> dict[str, Any]:
    if isinstance(text, str | Mapping):
        return {"text": text} if isinstance(text, str) else dict(text)
    raise TypeError(f"expected a text or a dictionary with a text, got {type(text).__name__}")


def _records(answer: HTTPResponse, where: str) -> Iterator[Any]:
    """The lines of a stream as they arrive. ServiceError when it breaks off, which ``readline`` would not notice."""
    held = b""
    while True:
        with _talking(where):
            part = answer.read1(1 << 16)
            *lines, held = (held + part).split(b"\n")
            records = [json.loads(line) for line in lines]
        yield from records
        if not part:
            return


def _chunk(line: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(line), line)


def _send(connected: socket, lines: Iterator[bytes], room: Semaphore, failed: list[Exception]) -> None:
    """Send the rest of a stream. What ``lines`` raises goes to ``failed``, and the connection is shut."""
    try:
        for left in chain(map(_chunk, lines), [b"0\r\n\r\n"]):
            room.acquire()
            while left:
                try:
                    left = left[connected.send(left) :]
                except TimeoutError:  # the service waits until its answers are read
                    continue
                except OSError:  # the reader of the answer gets to know why
                    return
    except Exception as error:
        failed.append(error)
        _shut(connected)


def _shut(connected: socket) -> None:
    with suppress(OSError):
        connected.shutdown(SHUT_RDWR)


def _pause(answer: HTTPResponse) -> float:
    stated = answer.getheader("Retry-After", "")
    return min(_LONGEST, float(stated)) if stated.isdecimal() else 1.0


def _refused(answer: HTTPResponse, where: str) -> RelikError:
    body = answer.read()
    with suppress(ValueError, KeyError, TypeError):
        return _error(answer.status, json.loads(body), where)
    got, fix = f"{answer.status} {answer.reason}", "check that the address is that of relik-ml serve"
    return ServiceError("something other than relik-ml serve answered", where=where, got=got, fix=fix)


def _error(status: int, record: Mapping[str, str], where: str) -> RelikError:
    kind = DataError if status in _FAULT_OF_TEXT else ConfigError if status in _FAULT_OF_SETTINGS else ServiceError
    return kind(record["what"], where=where, got=record["got"], fix=record["fix"])
