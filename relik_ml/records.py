"""Documents and entries to and from JSON objects (schema ``relik-ml/1``), every field read with its type.

>>> text = "Путин родился в Ленинграде."
>>> born = Document(id="d", text=text, mentions=(Mention("T1", 0, 5, "PERSON"),))
>>> document_from_json(document_to_json(born), "here") == born
True
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast, get_args

from relik_ml.errors import DataError
from relik_ml.schema import LAYERS, SCHEMA, check, require_sound
from relik_ml.types import (
    Annotated,
    Completeness,
    Document,
    Entity,
    Entry,
    Kind,
    Link,
    Mention,
    Property,
    Span,
    Status,
    Triple,
    Value,
)

T = TypeVar("T")
Refuse = Callable[[DataError], None]


# Values to JSON


def document_to_json(document: Document) -> dict[str, Any]:
    """A document as the JSON object that one line holds (schema ``relik-ml/1``)."""
    return {
        "schema": SCHEMA,
        "id": document.id,
        "lang": document.lang,
        "text": document.text,
        "mentions": [_mention_to_json(mention) for mention in document.mentions],
        "entities": [{"id": e.id, "mentions": list(e.mentions), "induced": e.induced} for e in document.entities],
        "triples": [_triple_to_json(triple) for triple in document.triples],
        "annotated": {layer: getattr(document.annotated, layer) for layer in LAYERS},
        "meta": dict(document.meta),
    }


def _mention_to_json(mention: Mention) -> dict[str, Any]:
    link, value = mention.link, mention.value
    record: dict[str, Any] = {
        "id": mention.id,
        "start": mention.start,
        "stop": mention.stop,
        "fragments": list(map(list, mention.fragments)),
        "type": mention.type,
        "score": mention.score,
        "link": {
            "status": link.status,
            "id": link.id,
            "label": link.label,
            "alternatives": list(link.alternatives),
            "score": link.score,
        },
    }
    if value is not None:
        named = {"datatype": value.datatype, "raw": value.raw, "value": value.value}
        record["value"] = {**named, "precision": value.precision}
    return record


def _triple_to_json(triple: Triple) -> dict[str, Any]:
    known = triple.property
    return {
        "subject": triple.subject,
        "relation": triple.relation,
        "object": triple.object,
        "property": None if known is None else {"id": known.id, "inverse": known.inverse},
        "evidence": list(map(list, triple.evidence)),
        "score": triple.score,
    }


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """An entry as the JSON object that one line holds."""
    record: dict[str, Any] = {name: getattr(entry, name) for name in ("id", "kind", "name", "text", "lang")}
    lists = {"aliases": list(entry.aliases), "types": list(entry.types)}
    return record | lists | {"popularity": entry.popularity}


# JSON to values


def document_from_json(record: Any, where: str) -> Document:
    """The document a JSON object stands for; DataError (at ``where``) when it breaks the schema."""
    document = _document(record, where, _raise)
    require_sound(document, f"{where}, document {document.id!r}")
    return document


def faults(record: Any) -> list[str]:
    """Everything in which a JSON object breaks the schema for documents, one sentence each; empty when it is sound.

    Faults of shape (unknown fields, wrong types) come alone: until they are corrected nobody knows what is meant.
    """
    found: list[DataError] = []
    document = _document(record, "", found.append)
    return [f"{error.where}: {error.got}: {error.fix}".lstrip(", :") for error in found] or check(document)


def _raise(error: DataError) -> NoReturn:
    raise error


def _document(record: Any, where: str, refuse: Refuse) -> Document:
    names = ("schema", "id", "lang", "text", "mentions", "entities", "triples", "annotated", "meta")
    fields = _Fields(record, where, names, refuse)
    if fields.text("schema") != SCHEMA:
        fields.fail("schema", f"the string {SCHEMA!r}", None)
    id = fields.text("id")
    fields.where = f"{where}, document {id!r}" if where else ""
    return Document(
        id=id,
        text=fields.text("text"),
        lang=fields.text("lang", "ru"),
        mentions=fields.each("mentions", _mention),
        entities=fields.each("entities", _entity),
        triples=fields.each("triples", _triple),
        annotated=_annotated(fields.within("annotated", LAYERS)),
        meta=fields.mapping("meta"),
    )


def _mention(record: Any, where: str, refuse: Refuse) -> Mention:
    fields = _Fields(record, where, ("id", "start", "stop", "fragments", "type", "score", "link", "value"), refuse)
    return Mention(
        id=fields.text("id"),
        start=fields.integer("start"),
        stop=fields.integer("stop"),
        type=fields.text("type"),
        fragments=fields.spans("fragments"),
        link=_link(fields.within("link", ("status", "id", "label", "alternatives", "score"))),
        value=_value(fields.within("value", ("datatype", "raw", "value", "precision"))),
        score=fields.score("score"),
    )


def _link(fields: _Fields | None) -> Link:
    if fields is None:
        return Link()
    return Link(
        status=cast(Status, fields.text("status")),
        id=fields.maybe("id"),
        label=fields.maybe("label"),
        alternatives=fields.texts("alternatives"),
        score=fields.score("score"),
    )


def _value(fields: _Fields | None) -> Value | None:
    if fields is None:
        return None
    return Value(fields.text("datatype"), fields.text("raw"), fields.text("value"), fields.maybe("precision"))


def _entity(record: Any, where: str, refuse: Refuse) -> Entity:
    fields = _Fields(record, where, ("id", "mentions", "induced"), refuse)
    return Entity(fields.text("id"), fields.texts("mentions"), fields.text("induced", ""))


def _triple(record: Any, where: str, refuse: Refuse) -> Triple:
    fields = _Fields(record, where, ("subject", "relation", "object", "property", "evidence", "score"), refuse)
    known = fields.within("property", ("id", "inverse"))
    return Triple(
        subject=fields.text("subject"),
        relation=fields.text("relation"),
        object=fields.text("object"),
        property=None if known is None else Property(known.text("id"), known.flag("inverse")),
        evidence=fields.spans("evidence"),
        score=fields.score("score"),
    )


def _annotated(fields: _Fields | None) -> Annotated:
    if fields is None:
        return Annotated()
    return Annotated(*(cast(Completeness, fields.text(layer, "none")) for layer in LAYERS))


def entry_from_json(record: Any, where: str) -> Entry:
    """The entry a JSON object stands for; DataError (at ``where``) when a field is of the wrong type."""
    fields = _Fields(record, where, ("id", "kind", "name", "text", "lang", "aliases", "types", "popularity"), _raise)
    if fields.text("kind") not in get_args(Kind):
        fields.fail("kind", f"one of {', '.join(get_args(Kind))}", None)
    return Entry(
        id=fields.text("id"),
        kind=cast(Kind, fields.text("kind")),
        name=fields.text("name"),
        text=fields.text("text", ""),
        lang=fields.text("lang", "ru"),
        aliases=fields.texts("aliases"),
        types=fields.texts("types"),
        popularity=fields.score("popularity") or 0.0,
    )


class _Fields:
    """The fields of one JSON object: each is read with its type, and a name nobody knows is refused.

    ``refuse`` takes the error; where it does not raise it, a neutral value stands in for the field.
    """

    __slots__ = ("record", "refuse", "where")

    def __init__(self, record: Any, where: str, names: tuple[str, ...], refuse: Refuse) -> None:
        self.record: dict[str, Any] = record if isinstance(record, dict) else {}
        self.where, self.refuse = where, refuse
        if not isinstance(record, dict):
            self.wrong(f"{_shown(record)} in place of an object", "write a JSON object with named fields")
        elif unknown := record.keys() - set(names):
            fix = f"use only {', '.join(names)}; anything else goes in meta"
            self.wrong(f"unknown field {', '.join(map(repr, sorted(unknown)))}", fix)

    def wrong(self, got: str, fix: str) -> None:
        self.refuse(DataError("the line has the wrong shape", where=self.where, got=got, fix=fix))

    def fail(self, name: str, expected: str, instead: T) -> T:
        found = f"{name} = {_shown(self.record[name])}" if name in self.record else f"no field {name!r}"
        self.wrong(found, f"{name} must be {expected}")
        return instead

    def text(self, name: str, default: str | None = None) -> str:
        value = self.record.get(name, default)
        return value if isinstance(value, str) else self.fail(name, "a string", "")

    def maybe(self, name: str) -> str | None:
        return None if self.record.get(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        value = self.record.get(name)
        return value if type(value) is int else self.fail(name, "a whole number", 0)

    def flag(self, name: str) -> bool:
        value = self.record.get(name, False)
        return value if isinstance(value, bool) else self.fail(name, "true or false", False)

    def score(self, name: str) -> float | None:
        value = self.record.get(name)
        if value is None:
            return None
        if type(value) is float or (type(value) is int and abs(value) < 2**53):
            return float(value)
        return self.fail(name, "a finite number or null", None)

    def items(self, name: str) -> list[Any]:
        value = self.record.get(name, [])
        return value if isinstance(value, list) else self.fail(name, "a list", [])

    def each(self, name: str, make: Callable[[Any, str, Refuse], T]) -> tuple[T, ...]:
        items = enumerate(self.items(name))
        return tuple(make(item, f"{self.where}, {name}[{place}]", self.refuse) for place, item in items)

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.items(name)
        sound = all(isinstance(v, str) for v in values)
        return tuple(values) if sound else self.fail(name, "a list of strings", ())

    def spans(self, name: str) -> tuple[Span, ...]:
        values = self.items(name)
        if all(isinstance(v, list) and [type(n) for n in v] == [int, int] for v in values):
            return tuple(Span(start, stop) for start, stop in values)
        return self.fail(name, "a list of [start, stop] pairs of whole numbers", ())

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.record.get(name, {})
        return value if isinstance(value, dict) else self.fail(name, "an object", {})

    def within(self, name: str, names: tuple[str, ...]) -> _Fields | None:
        value = self.record.get(name)
        return None if value is None else _Fields(value, f"{self.where}, {name}", names, self.refuse)


def _shown(value: object) -> str:
    try:
        return excerpt(json.dumps(value, default=str))
    except RecursionError:  # writing needs more of the stack than reading did
        return "lists in lists without end"


def excerpt(text: str) -> str:
    """The beginning of a text, quoted, for an error message."""
    return repr(text if len(text) <= 60 else text[:60] + "…")
