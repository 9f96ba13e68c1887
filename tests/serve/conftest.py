"""A service around a stand-in for the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from relik_ml.types import Annotated, Document, Link, LinkCandidate, Mention

if TYPE_CHECKING:
    from starlette.testclient import TestClient

POISON = "яд"
CANDIDATES = (LinkCandidate("Q1874", "Одесса", 0.8), LinkCandidate("Q128361", "Одесса", 0.2))
Client = Callable[..., "TestClient"]


class Fake:
    """Marks the first «Одесс…» of each text; waits while ``free`` is not set; breaks on a text that says «яд»."""

    def __init__(self) -> None:
        self.free, self.started = Event(), Event()
        self.free.set()
        self.batches: list[list[str]] = []

    def annotate(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents, in order and as a stream."""
        batch: list[str] = []
        self.batches.append(batch)
        self.started.set()
        assert self.free.wait(20)
        for document in documents:
            batch.append(document.text)
            if document.text == POISON:
                raise RuntimeError("the model broke")
            start = document.text.find("Одесс")
            link = Link("linked", "Q1874", "Одесса", score=0.8, candidates=CANDIDATES)
            city = Mention("T1", start, start + 6, "CITY", link=link, score=0.9)
            yield replace(document, mentions=(city,) * (start >= 0), annotated=Annotated(mentions="silver"))


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def client(fake: Fake) -> Iterator[Client]:
    """Makes a client of a service with the fake model and these settings."""
    for package in ("fastapi_offline", "httpx2", "prometheus_client", "rdflib", "uvicorn"):
        pytest.importorskip(package, reason="the service needs the extras relik-ml[serve,dev]")
    from starlette.testclient import TestClient

    from relik_ml.serve import ServiceConfig, create_app

    with ExitStack() as stack:

        def made(**settings: Any) -> TestClient:
            app = create_app(fake.annotate, ("ru", "en"), ServiceConfig(**settings))
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield made
        fake.free.set()
