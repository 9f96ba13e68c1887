"""CoNLL04 (Roth and Yih 2004): sentences of American news with four types of mentions and five relations.

Two layouts are read: ``entities`` as token spans (SpERT), or BILOU ``tags`` (TablERT). In both, ``relations`` name
mentions by their number. docs/converters/conll04.md lists what is repaired and left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated as Typed

import msgspec
from msgspec import Meta

from relik_ml.data import Report
from relik_ml.types import Annotated, Document, Property, Span

from ._clusters import Relations, distinct_mentions, listed
from ._json_files import JsonConverter, Place
from ._tokens import tagged, tokenized

ANNOTATED = Annotated("complete", "complete", "none", "none", "complete")
PROPERTIES = {
    "Kill": Property("P157", inverse=True), "Live_In": Property("P551"), "Located_In": Property("P131"),
    "OrgBased_In": Property("P159"), "Work_For": Property("P108"),
}  # fmt: skip
Name = Typed[str, Meta(min_length=1)]


class Marked(msgspec.Struct, frozen=True):
    """A mention: the tokens ``[start, end)``."""

    type: Name
    start: int
    end: int


class Related(msgspec.Struct, frozen=True):
    """A relation between two mentions, by their number."""

    type: Name
    head: int
    tail: int


class Sentence(msgspec.Struct, frozen=True):
    """A record of either layout."""

    tokens: list[str]
    orig_id: str | int
    relations: list[Related]
    entities: list[Marked] | None = None
    tags: list[Typed[str, Meta(pattern=r"^(O|[BILU]-.+)\Z")]] | None = None

    def __post_init__(self) -> None:
        if self.entities is None and self.tags is None:
            raise ValueError("neither entities nor tags")
        if self.tags is not None and len(self.tags) != len(self.tokens):
            raise ValueError(f"{len(self.tags)} tags of {len(self.tokens)} tokens")
        if not str(self.orig_id).isprintable():
            raise ValueError("orig_id holds control characters")


@dataclass(frozen=True, kw_only=True)
class Conll04(JsonConverter[Sentence]):
    """The converter."""

    name: str = "conll04"
    kind: type[Sentence] = Sentence
    languages: tuple[str, ...] = ("en",)
    tasks: tuple[str, ...] = ("ner", "re")
    licence: str = "none stated"
    citation: str = "Roth and Yih, A Linear Programming Formulation for Global Inference in …, CoNLL 2004"

    def document(self, record: Sentence, place: Place, report: Report) -> Document:
        """The document of a sentence, named by its number in the original corpus."""
        text = tokenized([record.tokens], self.natural)
        marks = [(text.span(start, stop), type) for type, start, stop in _marks(record, place.where, report)]
        mentions = listed(marks, place.where, report)
        relations = Relations(mentions, (), place.where, report)
        for related in record.relations:
            stated = [Span(0, len(text.text))]
            relations.add(related.head, related.type, related.tail, PROPERTIES.get(related.type), stated)
        id, meta = f"{self.name}/{place.split}/{record.orig_id}", self.meta(place)
        triples = tuple(relations.found.values())
        return Document(id, text.text, "en", distinct_mentions(mentions), (), triples, ANNOTATED, meta)


def _marks(record: Sentence, where: str, report: Report) -> Iterator[tuple[str, int, int]]:
    """The mentions as type, start and stop, in the order that relations number."""
    if record.entities is not None:
        yield from ((mark.type, mark.start, mark.end) for mark in record.entities)
        return
    tags = record.tags or []
    for type, start, stop in tagged(tags):
        inner = [f"I-{type}"] * (stop - start - 2)
        if tags[start:stop] != ([f"U-{type}"] if stop - start == 1 else [f"B-{type}", *inner, f"L-{type}"]):
            report.defect("tags out of order: read as a mention", "mentions listed", where, " ".join(tags[start:stop]))
        yield type, start, stop


converter = Conll04()
