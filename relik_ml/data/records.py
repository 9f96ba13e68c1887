"""Documents and entries to and from JSON objects (schema ``relik-ml/1``), every field read with its type.

>>> text = "Путин родился в Ленинграде."
>>> born = Document(id="d", text=text, mentions=(Mention("T1", 0, 5, "PERSON"),))
>>> document_from_json(document_to_json(born), "here") == born
True
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring as _string
from typing import Any, NoReturn, TypeVar, cast, get_args

from relik_ml.data.schema import LAYERS, SCHEMA, check, require_sound
from relik_ml.errors import DataError
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


_any = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_whole = int.__repr__  # refuses what is no int, and writes True as 1


def document_text(document: Document) -> str:
    """A document as the text of its line (schema ``relik-ml/1``): the JSON of ``json.dumps``, field by field.

    Raises TypeError, ValueError or RecursionError, as ``json.dumps`` does, for what JSON cannot hold.

    >>> print(document_text(Document("d", "Омск"))[:54])
    {"schema": "relik-ml/1", "id": "d", "lang": "ru", "tex
    """
    mentions = ", ".join(map(_mention_text, document.mentions))
    entities = ", ".join(map(_entity_text, document.entities))
    triples = ", ".join(map(_triple_text, document.triples))
    annotated = ", ".join([f'"{layer}": {_string(getattr(document.annotated, layer))}' for layer in LAYERS])
    return (
        f'{{"schema": {_string(SCHEMA)}, "id": {_string(document.id)}, "lang": {_string(document.lang)}, '
        f'"text": {_string(document.text)}, "mentions": [{mentions}], "entities": [{entities}], '
        f'"triples": [{triples}], "annotated": {{{annotated}}}, "meta": {_any(dict(document.meta))}}}'
    )


def document_to_json(document: Document) -> dict[str, Any]:
    """A document as the JSON object that its line holds; raises what ``document_text`` does."""
    record: dict[str, Any] = json.loads(document_text(document))
    return record


def entry_text(entry: Entry) -> str:
    """An entry as the text of its line; raises what ``document_text`` does."""
    record: dict[str, Any] = {name: getattr(entry, name) for name in ("id", "kind", "name", "text", "lang")}
    lists = {"aliases": list(entry.aliases), "types": list(entry.types)}
    return _any(record | lists | {"popularity": entry.popularity})


def _mention_text(mention: Mention) -> str:
    fragments = _spans(mention.fragments) if mention.fragments else "[]"
    score = "null" if mention.score is None else _any(mention.score)
    value = "" if mention.value is None else f', "value": {_value_text(mention.value)}'
    return (
        f'{{"id": {_string(mention.id)}, "start": {_whole(mention.start)}, "stop": {_whole(mention.stop)}, '
        f'"fragments": {fragments}, "type": {_string(mention.type)}, "score": {score}, '
        f'"link": {_link_text(mention.link)}{value}}}'
    )


def _link_text(link: Link) -> str:
    id = "null" if link.id is None else _string(link.id)
    label = "null" if link.label is None else _string(link.label)
    alternatives = _strings(link.alternatives) if link.alternatives else "[]"
    score = "null" if link.score is None else _any(link.score)
    return (
        f'{{"status": {_string(link.status)}, "id": {id}, "label": {label}, "alternatives": {alternatives}, '
        f'"score": {score}}}'
    )


def _value_text(value: Value) -> str:
    precision = "null" if value.precision is None else _string(value.precision)
    return (
        f'{{"datatype": {_string(value.datatype)}, "raw": {_string(value.raw)}, "value": {_string(value.value)}, '
        f'"precision": {precision}}}'
    )


def _entity_text(entity: Entity) -> str:
    mentions, induced = _strings(entity.mentions), _string(entity.induced)
    return f'{{"id": {_string(entity.id)}, "mentions": {mentions}, "induced": {induced}}}'


def _triple_text(triple: Triple) -> str:
    known = "null" if triple.property is None else _property_text(triple.property)
    score = "null" if triple.score is None else _any(triple.score)
    return (
        f'{{"subject": {_string(triple.subject)}, "relation": {_string(triple.relation)}, '
        f'"object": {_string(triple.object)}, "property": {known}, "evidence": {_spans(triple.evidence)}, '
        f'"score": {score}}}'
    )


def _property_text(known: Property) -> str:
    return f'{{"id": {_string(known.id)}, "inverse": {"true" if known.inverse else "false"}}}'


def _strings(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_string, values))}]"


def _spans(spans: Sequence[Span]) -> str:
    return f"[{', '.join([f'[{_whole(start)}, {_whole(stop)}]' for start, stop in spans])}]"


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
