"""Documents and entries to and from JSON Lines, and the checker at the border.

A line is one JSON object in UTF-8, ended by ``\\n`` and by nothing else: U+2028, U+0085 and a lone ``\\r`` are
ordinary text. A lone surrogate is written as its JSON escape, so every text survives exactly.

>>> text = "Путин родился в Ленинграде."
>>> born = Document(id="d", text=text, mentions=(Mention("T1", 0, 5, "PERSON"),))
>>> document_from_json(document_to_json(born), "here") == born
True
>>> check(Document(id="d", text=text, mentions=(Mention("T1", 20, 90, "CITY"),)))
["mention 'T1': [20, 90) lies outside the text of 27 characters"]
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar, cast, get_args

from relik_ml.errors import DataError
from relik_ml.files import atomic_folder, atomic_path, sha256
from relik_ml.lines import open_lines
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

__all__ = [
    "SCHEMA",
    "Violation",
    "atomic_folder",
    "atomic_path",
    "check",
    "document_from_json",
    "document_line",
    "document_to_json",
    "read_documents",
    "read_entries",
    "sha256",
    "violations",
    "write_documents",
    "write_entries",
    "write_lines",
]

SCHEMA = "relik-ml/1"
_LAYERS = ("mentions", "types", "links", "entities", "triples")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


# Reading and writing lines


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of a JSON Lines file, in order; DataError names the first line that is wrong."""
    seen: set[str] = set()
    for where, record in _records(path):
        document = document_from_json(record, where)
        _refuse_repeated(document.id, seen, where)
        yield document


def write_documents(documents: Iterable[Document], path: Path) -> int:
    """Write documents as JSON Lines, all or nothing, and return how many.

    DataError when one breaks the schema, OutputError when the file cannot be written.
    """
    return write_lines(_document_lines(documents, str(path)), path)


def read_entries(path: Path) -> Iterator[Entry]:
    """The entries of a JSON Lines file, in order."""
    for where, record in _records(path):
        yield _entry_from_json(record, where)


def write_entries(entries: Iterable[Entry], path: Path) -> int:
    """Write entries as JSON Lines, all or nothing, and return how many."""
    return write_lines((_line(_entry_to_json(entry), f"entry {entry.id!r} for {path}") for entry in entries), path)


def _document_lines(documents: Iterable[Document], path: str) -> Iterator[bytes]:
    seen: set[str] = set()
    for number, document in enumerate(documents, 1):
        where = f"{path}, line {number}"
        line = document_line(document, where)
        _refuse_repeated(document.id, seen, f"{where}, document {document.id!r}")
        yield line


def document_line(document: Document, where: str) -> bytes:
    """The line that stores a document; DataError (at ``where``) when it breaks the schema."""
    where = f"{where}, document {document.id!r}"
    _refuse(check(document), where)
    return _line(document_to_json(document), where)


def write_lines(lines: Iterable[bytes], path: Path) -> int:
    """Write lines, all or nothing, and return how many."""
    count = 0
    with atomic_path(path) as partial, partial.open("wb") as file:
        for line in lines:
            file.write(line)
            count += 1
    return count


def _line(record: dict[str, Any], where: str) -> bytes:
    try:
        line = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    except (TypeError, ValueError, RecursionError) as error:
        fix = "keep only strings, finite numbers, lists and objects in meta"
        raise DataError("a value cannot be written as JSON", where=where, got=str(error), fix=fix) from None
    if pair := _PAIR.search(line):
        fix = "join the halves: text.encode('utf-16', 'surrogatepass').decode('utf-16')"
        raise DataError("a character is split in two surrogates", where=where, got=ascii(pair[0]), fix=fix)
    return line.encode("utf-8", "backslashreplace") + b"\n"


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in open_lines(path):
        where = f"{path}, line {number}"
        yield where, _parse(line, where)


def _parse(line: bytes, where: str) -> Any:
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        got = f"byte 0x{line[error.start]:02x} at byte {error.start} of the line"
        raise DataError("the line is not UTF-8", where=where, got=got, fix="save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        fix = "one whole JSON object a line; a line broken in the middle must be written again"
        raise DataError("the line is not JSON", where=where, got=f"{error}: {_short(line)}", fix=fix) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _short(line: bytes) -> str:
    text = line.rstrip(b"\r\n").decode("utf-8", "replace")
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _refuse_repeated(id: str, seen: set[str], where: str) -> None:
    if id in seen:
        fix = "give every document of a file its own id"
        raise DataError("two documents have one id", where=where, got=repr(id), fix=fix)
    seen.add(id)


def _refuse(violations: list[str], where: str) -> None:
    if violations:
        more = f" (and {len(violations) - 5} more)" if len(violations) > 5 else ""
        got = "; ".join(violations[:5]) + more
        raise DataError("the document breaks the schema", where=where, got=got, fix="correct or re-convert it")


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
        "annotated": {layer: getattr(document.annotated, layer) for layer in _LAYERS},
        "meta": dict(document.meta),
    }


def _mention_to_json(mention: Mention) -> dict[str, Any]:
    link, value = mention.link, mention.value
    record: dict[str, Any] = {
        "id": mention.id,
        "start": mention.start,
        "stop": mention.stop,
        "fragments": [list(span) for span in mention.fragments],
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
        names = ("datatype", "raw", "value", "precision")
        record["value"] = {name: getattr(value, name) for name in names}
    return record


def _triple_to_json(triple: Triple) -> dict[str, Any]:
    known = triple.property
    return {
        "subject": triple.subject,
        "relation": triple.relation,
        "object": triple.object,
        "property": None if known is None else {"id": known.id, "inverse": known.inverse},
        "evidence": [list(span) for span in triple.evidence],
        "score": triple.score,
    }


def _entry_to_json(entry: Entry) -> dict[str, Any]:
    record: dict[str, Any] = {name: getattr(entry, name) for name in ("id", "kind", "name", "text", "lang")}
    lists = {"aliases": list(entry.aliases), "types": list(entry.types)}
    return record | lists | {"popularity": entry.popularity}


# JSON to values


def document_from_json(record: Any, where: str) -> Document:
    """The document a JSON object stands for; DataError (at ``where``) when it breaks the schema."""
    document = _document(record, where)
    _refuse(check(document), f"{where}, document {document.id!r}")
    return document


def _document(record: Any, where: str) -> Document:
    names = ("schema", "id", "lang", "text", "mentions", "entities", "triples", "annotated", "meta")
    fields = _Fields(record, where, names)
    if fields.text("schema") != SCHEMA:
        fields.fail("schema", f"the string {SCHEMA!r}")
    id = fields.text("id")
    fields.where = f"{where}, document {id!r}"
    return Document(
        id=id,
        text=fields.text("text"),
        lang=fields.text("lang", "ru"),
        mentions=fields.each("mentions", _mention),
        entities=fields.each("entities", _entity),
        triples=fields.each("triples", _triple),
        annotated=_annotated(fields.within("annotated", _LAYERS)),
        meta=fields.mapping("meta"),
    )


def _mention(record: Any, where: str) -> Mention:
    fields = _Fields(record, where, ("id", "start", "stop", "fragments", "type", "score", "link", "value"))
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


def _entity(record: Any, where: str) -> Entity:
    fields = _Fields(record, where, ("id", "mentions", "induced"))
    return Entity(fields.text("id"), fields.texts("mentions"), fields.text("induced", ""))


def _triple(record: Any, where: str) -> Triple:
    fields = _Fields(record, where, ("subject", "relation", "object", "property", "evidence", "score"))
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
    return Annotated(*(cast(Completeness, fields.text(layer, "none")) for layer in _LAYERS))


def _entry_from_json(record: Any, where: str) -> Entry:
    fields = _Fields(record, where, ("id", "kind", "name", "text", "lang", "aliases", "types", "popularity"))
    if fields.text("kind") not in get_args(Kind):
        fields.fail("kind", f"one of {', '.join(get_args(Kind))}")
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
    """The fields of one JSON object: each is read with its type, and a name nobody knows is refused."""

    __slots__ = ("record", "where")

    def __init__(self, record: Any, where: str, names: tuple[str, ...]) -> None:
        self.record: dict[str, Any] = record
        self.where = where
        if not isinstance(record, dict):
            self.wrong(f"{_kind(record)} in place of an object", "write a JSON object with named fields")
        if unknown := record.keys() - set(names):
            self.wrong(f"unknown field {min(unknown)!r}", f"use only {', '.join(names)}; anything else goes in meta")

    def wrong(self, got: str, fix: str) -> NoReturn:
        raise DataError("the line has the wrong shape", where=self.where, got=got, fix=fix)

    def fail(self, name: str, expected: str) -> NoReturn:
        found = f"{name} = {_kind(self.record[name])}" if name in self.record else f"no field {name!r}"
        self.wrong(found, f"{name} must be {expected}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.record.get(name, default)
        return value if isinstance(value, str) else self.fail(name, "a string")

    def maybe(self, name: str) -> str | None:
        return None if self.record.get(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        value = self.record.get(name)
        return value if type(value) is int else self.fail(name, "a whole number")

    def flag(self, name: str) -> bool:
        value = self.record.get(name, False)
        return value if isinstance(value, bool) else self.fail(name, "true or false")

    def score(self, name: str) -> float | None:
        value = self.record.get(name)
        if value is None:
            return None
        if type(value) is float or (type(value) is int and abs(value) < 2**53):
            return float(value)
        self.fail(name, "a finite number or null")

    def items(self, name: str) -> list[Any]:
        value = self.record.get(name, [])
        return value if isinstance(value, list) else self.fail(name, "a list")

    def each(self, name: str, make: Callable[[Any, str], T]) -> tuple[T, ...]:
        return tuple(make(item, f"{self.where}, {name}[{place}]") for place, item in enumerate(self.items(name)))

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.items(name)
        return tuple(values) if all(isinstance(v, str) for v in values) else self.fail(name, "a list of strings")

    def spans(self, name: str) -> tuple[Span, ...]:
        values = self.items(name)
        if not all(isinstance(v, list) and [type(n) for n in v] == [int, int] for v in values):
            self.fail(name, "a list of [start, stop] pairs of whole numbers")
        return tuple(Span(start, stop) for start, stop in values)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.record.get(name, {})
        return value if isinstance(value, dict) else self.fail(name, "an object")

    def within(self, name: str, names: tuple[str, ...]) -> _Fields | None:
        value = self.record.get(name)
        return None if value is None else _Fields(value, f"{self.where}, {name}", names)


def _kind(value: object) -> str:
    return _short(json.dumps(value, default=str).encode())


# The checker


class Violation(NamedTuple):
    """One fault of a file of documents: its line, the document's id where that can be read, and what is wrong."""

    line: int
    document: str
    what: str


def violations(path: Path) -> Iterator[Violation]:
    """Every fault of a file of documents, in order. DataError when the file itself cannot be read."""
    first: dict[str, int] = {}
    for number, line in open_lines(path):
        id = ""
        try:
            record = _parse(line, "")
            id = record["id"] if isinstance(record, dict) and isinstance(record.get("id"), str) else ""
            faults = check(_document(record, ""))
        except DataError as error:
            faults = [": ".join(part for part in (error.what, error.where.strip(", "), error.got) if part)]
        if id and first.setdefault(id, number) != number:
            faults.append(f"the id of line {first[id]} again")
        yield from (Violation(number, id, fault) for fault in faults)


def check(document: Document) -> list[str]:
    """Everything in which a document breaks the schema, one sentence each; empty when it is sound."""
    length = len(document.text)
    mentions = {mention.id for mention in document.mentions}
    found = _repeated("mention", document.mentions) + _repeated("entity", document.entities)
    for mention in document.mentions:
        found += (f"mention {mention.id!r}: {fault}" for fault in _mention_faults(mention, length))
    for entity in document.entities:
        found += (f"entity {entity.id!r}: no mention {id!r}" for id in entity.mentions if id not in mentions)
    for triple in document.triples:
        name = f"triple {triple.subject!r} {triple.relation!r} {triple.object!r}"
        found += (f"{name}: {fault}" for fault in _triple_faults(triple, mentions, length))
    for layer in _LAYERS:
        if (state := getattr(document.annotated, layer)) not in get_args(Completeness):
            found.append(f"annotated.{layer} is {state!r}, not one of {', '.join(get_args(Completeness))}")
    return found


def _repeated(kind: str, values: Iterable[Mention | Entity]) -> list[str]:
    counts = Counter(value.id for value in values)
    return [f"{kind} {id!r}: the id is used {count} times" for id, count in counts.items() if count > 1]


def _mention_faults(mention: Mention, length: int) -> Iterator[str]:
    yield from _span_faults(mention.span, length)
    for fragment in mention.fragments:
        yield from _span_faults(fragment, length)
    if mention.fragments:
        envelope = Span(min(f.start for f in mention.fragments), max(f.stop for f in mention.fragments))
        if envelope != mention.span:
            yield f"[{mention.start}, {mention.stop}) is not the envelope of its fragments"
    yield from _link_faults(mention.link)
    yield from _score_faults(mention.score)


def _link_faults(link: Link) -> Iterator[str]:
    if link.status not in get_args(Status):
        yield f"link status {link.status!r} is not one of {', '.join(get_args(Status))}"
    elif link.status == "linked" and not link.id:
        yield "linked without an id"
    elif link.status != "linked" and (link.id is not None or link.alternatives):
        yield f"{link.status} but with the id {link.id or link.alternatives[0]!r}"
    yield from _score_faults(link.score)


def _triple_faults(triple: Triple, mentions: set[str], length: int) -> Iterator[str]:
    for id in (triple.subject, triple.object):
        if id not in mentions:
            yield f"no mention {id!r}"
    for span in triple.evidence:
        yield from _span_faults(span, length)
    yield from _score_faults(triple.score)


def _span_faults(span: Span, length: int) -> Iterator[str]:
    if span.start >= span.stop:
        yield f"[{span.start}, {span.stop}) is empty or backwards"
    elif span.start < 0 or span.stop > length:
        yield f"[{span.start}, {span.stop}) lies outside the text of {length} characters"


def _score_faults(score: float | None) -> Iterator[str]:
    if score is not None and not math.isfinite(score):
        yield f"the score {score} is not finite"
