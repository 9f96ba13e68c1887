"""Records of REBEL: one Wikipedia abstract a line, with its links and the facts between them.

A line is a JSON object ``{docid, title, uri, text, entities, triples}``. The arguments of a triple repeat entities
in full. This module checks the types of all fields; ``rebel`` repairs the values.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from relik_ml.data import from_json, parse_line

from ._wikipedia import Mark

SAME_SENTENCE = "Simple-Aligner"  # the other aligner, "NoSubject-Triple-aligner", needs only the object in the sentence
FIX = "give files in the layout of REBEL, which is described in docs/converters/rebel.md"


class Entity(msgspec.Struct, frozen=True):
    """An entity or an argument of a triple; ``uri`` is None or empty without a link."""

    boundaries: tuple[int, int]
    surfaceform: Annotated[str, Meta(min_length=1)]
    uri: str | None
    annotator: str | None = None
    """The program or person that made the annotation."""

    @property
    def mark(self) -> Mark:
        """The span, surface and link."""
        return Mark(*self.boundaries, self.surfaceform, self.uri or "")


class Predicate(msgspec.Struct, frozen=True):
    """The property of a triple."""

    uri: Annotated[str, Meta(pattern=r"^P[1-9][0-9]*\Z")]


class Fact(msgspec.Struct, frozen=True):
    """A triple."""

    subject: Entity
    predicate: Predicate
    object: Entity
    sentence_id: Annotated[int, Meta(ge=0)] | None = None
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None
    annotator: str | None = None

    @property
    def in_sentence(self) -> tuple[Mark, ...]:
        """The arguments that stand in the sentence: the object, and the subject unless the aligner did not need it."""
        both = self.sentence_id is None or self.annotator == SAME_SENTENCE
        return (self.subject.mark, self.object.mark) if both else (self.object.mark,)


class Record(msgspec.Struct, frozen=True):
    """One line."""

    docid: str
    title: str
    uri: str
    text: str
    entities: list[Entity]
    triples: list[Fact]
    where: str = ""

    def __post_init__(self) -> None:
        if not self.docid.isprintable():
            raise ValueError("docid holds control characters")


def read_record(line: bytes, where: str) -> Record:
    """The record on a line. DataError when a field is missing or has the wrong type."""
    return replace(from_json(parse_line(line, where), Record, where, FIX), where=where)
