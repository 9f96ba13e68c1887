"""Records of RED-FM and SRED-FM files, in either of the two layouts in which these corpora are distributed.

::

    raw  entities [{uri, surfaceform, type, boundaries: [start, stop]}]   relations [{subject: {entity},
         predicate: {uri: "P17"}, object: {entity}, confidence}]
    Hub  entities [{uri, surfaceform, type, start, end}]   relations [{subject: 0, predicate: "country", object: 1}]

Both also have docid, title, uri and text; a raw record may name its language as ``lan``. The fields of a record's first
entity decide its layout, not the name of the file: either layout may be JSON Lines or parquet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from relik_ml.data import excerpt, from_json, parse_line
from relik_ml.errors import DataError

TOP = ("docid", "title", "uri", "text", "entities", "relations")
FIX = "correct the record, or fetch the file again"


class Entity(NamedTuple):
    """A typed span with a link: a QID, a literal ``value^^type``, or nothing."""

    uri: str
    surface: str
    type: str
    start: int
    stop: int


class Relation(NamedTuple):
    """A relation: a property id (raw) or name (Hub). An argument is None when its index is out of range."""

    subject: Entity | None
    predicate: str
    object: Entity | None
    score: float | None


class Record(NamedTuple):
    """One document of a file; ``lang`` is empty when the record does not state it."""

    where: str
    layout: str
    docid: str
    title: str
    page: str
    lang: str
    text: str
    entities: list[Entity]
    relations: list[Relation]


class _Named(msgspec.Struct):
    uri: str
    surfaceform: str
    type: str


class _RawEntity(_Named):
    boundaries: tuple[int, int]

    def entity(self) -> Entity:
        return Entity(self.uri, self.surfaceform, self.type, *self.boundaries)


class _HubEntity(_Named):
    start: int
    end: int

    def entity(self) -> Entity:
        return Entity(self.uri, self.surfaceform, self.type, self.start, self.end)


class _Predicate(msgspec.Struct):
    uri: str


class _RawRelation(msgspec.Struct):
    subject: _RawEntity
    predicate: _Predicate
    object: _RawEntity
    confidence: Annotated[float, Meta(ge=0, le=1)]

    def relation(self, entities: Sequence[Entity]) -> Relation:
        return Relation(self.subject.entity(), self.predicate.uri, self.object.entity(), self.confidence)


class _HubRelation(msgspec.Struct):
    subject: int
    predicate: str
    object: int

    def relation(self, entities: Sequence[Entity]) -> Relation:
        subject, object = (entities[i] if 0 <= i < len(entities) else None for i in (self.subject, self.object))
        return Relation(subject, self.predicate, object, None)


class _Line(msgspec.Struct, kw_only=True):
    docid: Annotated[str, Meta(min_length=1)]
    title: str
    uri: str
    text: str
    lan: str | None = None


class _RawLine(_Line):
    entities: list[_RawEntity]
    relations: list[_RawRelation]


class _HubLine(_Line):
    entities: list[_HubEntity]
    relations: list[_HubRelation]


RAW = "raw"
LAYOUTS: dict[str, tuple[type[_Named], type[Any]]] = {RAW: (_RawEntity, _RawLine), "Hub": (_HubEntity, _HubLine)}
"""The types of an entity and of a record in each layout."""


def read_line(line: bytes, where: str) -> Record:
    """The record on a line of a .jsonl file. DataError when there is none."""
    return read_record(parse_line(line, where), where)


def read_record(value: Any, where: str) -> Record:
    """The record of a JSON object or a row. DataError says what was found and what is expected."""
    if missing := [name for name in TOP if not isinstance(value, dict) or name not in value]:
        got = f"no {', '.join(missing)} in {excerpt(list(value) if isinstance(value, dict) else value)}"
        raise DataError("no (S)RED-FM record", where=where, got=got, fix=f"expected are the fields {', '.join(TOP)}")
    layout = _layout(value["entities"], where)
    line = from_json(value, LAYOUTS[layout][1], where, FIX)
    entities = [entity.entity() for entity in line.entities]
    relations = [relation.relation(entities) for relation in line.relations]
    return Record(where, layout, line.docid, line.title, line.uri, line.lan or "", line.text, entities, relations)


def _layout(entities: Any, where: str) -> str:
    """The layout of the first entity; the raw one when there is none."""
    if not isinstance(entities, list) or not entities:
        return RAW
    fields = {name: {*kind.__struct_fields__} for name, (kind, _) in LAYOUTS.items()}
    shown = set(entities[0]) if isinstance(entities[0], dict) else set()
    if found := next((name for name in LAYOUTS if fields[name] <= shown), None):
        return found
    fix = "; or ".join(f"{name}: {', '.join(sorted(fields[name]))}" for name in LAYOUTS)
    got = f"the first entity is {excerpt(entities[0])}"
    raise DataError("a layout that is not known", where=where, got=got, fix=f"expected are {fix}")
