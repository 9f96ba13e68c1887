"""A stand-in for the model: it finds one city, and can be held up or made to fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from threading import Event

from relik_ml.types import Annotated, Document, Link, Mention

CITY, ITEM = "Одесс", "Q1874"
POISON = "яд"


class Fake:
    """Marks the first «Одесс…» of each text; waits while ``free`` is not set; breaks on a text that says «яд»."""

    def __init__(self) -> None:
        self.free = Event()
        self.free.set()
        self.started = Event()
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
            yield found(document)


def found(document: Document) -> Document:
    """The document with its city, if there is one."""
    silver = Annotated(mentions="silver")
    start = document.text.find(CITY)
    if start < 0:
        return replace(document, annotated=silver)
    link = Link("linked", ITEM, "Одесса", score=0.8)
    city = Mention("T1", start, start + len(CITY) + 1, "CITY", link=link, score=0.9)
    return replace(document, mentions=(city,), annotated=silver)
