"""Records of RED-FM and SRED-FM files, in either of the two layouts in which these corpora are distributed.

::

    raw  entities [{uri, surfaceform, type, boundaries: [start, stop]}]   relations [{subject: {entity},
         predicate: {uri: "P17"}, object: {entity}, confidence}]
    Hub  entities [{uri, surfaceform, type, start, end}]   relations [{subject: 0, predicate: "country", object: 1}]

Beside them both have docid, title, uri and text; raw records may name their language as ``lan``. The layout goes by
the fields of a record's first entity, not by the file's name: either may be JSON Lines or parquet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from relik_ml.data import excerpt, parse_line
from relik_ml.errors import DataError

TOP = ("docid", "title", "uri", "text", "entities", "relations")


class Entity(NamedTuple):
    """A typed range with a link: a QID, a literal ``value^^type``, or nothing."""

    uri: str
    surface: str
    type: str
    start: int
    stop: int


class Relation(NamedTuple):
    """A relation: a property id (raw) or name (Hub); an argument is None when its index points nowhere."""

    subject: Entity | None
    predicate: str
    object: Entity | None
    score: float | None


class Record(NamedTuple):
    """One document of a file; ``lang`` is empty when the record does not tell it."""

    where: str
    layout: str
    docid: str
    title: str
    page: str
    lang: str
    text: str
    entities: list[Entity]
    relations: list[Relation]


class Layout(NamedTuple):
    """A layout: its name, the fields by which an entity shows it, and how entities and relations are read."""

    name: str
    fields: frozenset[str]
    entity: Callable[[Any, str], Entity]
    relation: Callable[[Any, list[Entity], str], Relation]


def read_line(line: bytes, where: str) -> Record:
    """The record on a line of a .jsonl file; DataError when there is none."""
    return read_record(parse_line(line, where), where)


def read_record(value: Any, where: str) -> Record:
    """The record that a JSON value or a row stands for; DataError, which tells what was seen and what is expected."""
    return _record(value, _layout(value, where), where)


def _layout(value: Any, where: str) -> Layout:
    """The layout that the first entity shows; the raw one when there is none."""
    if missing := [name for name in TOP if not isinstance(value, dict) or name not in value]:
        got = f"no {', '.join(missing)} in {excerpt(list(value) if isinstance(value, dict) else value)}"
        raise DataError("no (S)RED-FM record", where=where, got=got, fix=f"expected are the fields {', '.join(TOP)}")
    entities = _field(value, "entities", list, where)
    if not entities:
        return RAW
    shown = set(entities[0]) if isinstance(entities[0], dict) else set()
    for layout in (RAW, HUB):
        if layout.fields <= shown:
            return layout
    got = f"the first entity is {excerpt(entities[0])}"
    fix = "; or ".join(f"{layout.name}: {', '.join(sorted(layout.fields))}" for layout in (RAW, HUB))
    raise DataError("a layout that is not known", where=where, got=got, fix=f"expected are {fix}")


def _record(value: Any, layout: Layout, where: str) -> Record:
    docid, text = _field(value, "docid", str, where), _field(value, "text", str, where)
    if not docid:
        _refuse(value, "docid", "a text that is not empty", where)
    title, page = _field(value, "title", str, where), _field(value, "uri", str, where)
    lang = _field(value, "lan", str, where) if value.get("lan") is not None else ""
    found = enumerate(_field(value, "entities", list, where), 1)
    entities = [layout.entity(entity, f"{where}, entity {number}") for number, entity in found]
    stated = enumerate(_field(value, "relations", list, where), 1)
    relations = [layout.relation(relation, entities, f"{where}, relation {number}") for number, relation in stated]
    return Record(where, layout.name, docid, title, page, lang, text, entities, relations)


def _raw_entity(value: Any, where: str) -> Entity:
    boundaries = _field(value, "boundaries", list, where)
    if [type(number) for number in boundaries] != [int, int]:
        _refuse(value, "boundaries", "a pair of whole numbers", where)
    return _entity(value, boundaries[0], boundaries[1], where)


def _hub_entity(value: Any, where: str) -> Entity:
    return _entity(value, _field(value, "start", int, where), _field(value, "end", int, where), where)


def _entity(value: Any, start: int, stop: int, where: str) -> Entity:
    uri, surface, type = (_field(value, name, str, where) for name in ("uri", "surfaceform", "type"))
    return Entity(uri, surface, type, start, stop)


def _raw_relation(value: Any, entities: list[Entity], where: str) -> Relation:
    subject, object = (_raw_entity(_field(value, name, dict, where), where) for name in ("subject", "object"))
    predicate = _field(_field(value, "predicate", dict, where), "uri", str, where)
    score = value.get("confidence")
    if type(score) not in (int, float) or not 0 <= score <= 1:
        _refuse(value, "confidence", "a number from 0 to 1", where)
    return Relation(subject, predicate, object, float(score))


def _hub_relation(value: Any, entities: list[Entity], where: str) -> Relation:
    indices = [_field(value, name, int, where) for name in ("subject", "object")]
    subject, object = (entities[i] if 0 <= i < len(entities) else None for i in indices)
    return Relation(subject, _field(value, "predicate", str, where), object, None)


RAW = Layout("raw", frozenset({"uri", "surfaceform", "type", "boundaries"}), _raw_entity, _raw_relation)
HUB = Layout("Hub", frozenset({"uri", "surfaceform", "type", "start", "end"}), _hub_entity, _hub_relation)


def _field(value: Any, name: str, kind: type, where: str) -> Any:
    """A field of exactly that type (a bool is no int); DataError otherwise."""
    if not isinstance(value, dict) or type(value.get(name)) is not kind:
        _refuse(value, name, {str: "a text", int: "a whole number", list: "a list"}.get(kind, "an object"), where)
    return value[name]


def _refuse(value: Any, name: str, wanted: str, where: str) -> NoReturn:
    got = excerpt(value.get(name)) if isinstance(value, dict) else excerpt(value)
    raise DataError(f"{name} must be {wanted}", where=where, got=got, fix="correct the record, or fetch the file anew")
