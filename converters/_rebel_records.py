"""Records of REBEL: one abstract of Wikipedia a line, with its links and the facts between them.

Every line is a JSON object ``{docid, title, uri, text, entities, triples}``; an entity is ``{uri, boundaries: [start,
stop], surfaceform, annotator}``, and the arguments of a triple repeat such entities whole. Here each part is read
with its type; repairs come later.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from relik_ml.data import excerpt, parse_line
from relik_ml.errors import DataError

from ._wikipedia import PROPERTY, Mark

SAME_SENTENCE = "Simple-Aligner"  # wants both arguments in one sentence; "NoSubject-Triple-aligner", only the object


class Fact(NamedTuple):
    """A triple as its record names it. ``sentence`` is negative, and no other fact's, when the record tells none."""

    subject: Mark
    relation: str
    object: Mark
    sentence: int
    confidence: float | None
    annotator: str

    @property
    def inside(self) -> tuple[Mark, ...]:
        """What stands in the sentence: the object, and the subject unless its page's name may stand elsewhere."""
        whole = self.sentence < 0 or self.annotator == SAME_SENTENCE
        return (self.subject, self.object) if whole else (self.object,)


class Record(NamedTuple):
    """A line whose shape is sound."""

    where: str
    fields: dict[str, str]  # docid, title, uri
    text: str
    marks: list[tuple[Mark, str]]  # with the annotator of each
    facts: list[Fact]


def read_record(line: bytes, where: str) -> Record:
    """The record on a line; DataError when its shape is not the one above."""
    record = parse_line(line, where)
    if not isinstance(record, dict):
        wrong("an object", record, where)
    fields = {name: string(record, name, where) for name in ("docid", "title", "uri")}
    if not fields["docid"].isprintable():
        wrong("a docid that can be printed", fields["docid"], where)
    marks = [(mark(item, where), annotator(item, where)) for item in objects(record, "entities", where)]
    facts = [_fact(item, place, where) for place, item in enumerate(objects(record, "triples", where), 1)]
    return Record(where, fields, string(record, "text", where), marks, facts)


def _fact(item: dict[str, Any], place: int, where: str) -> Fact:
    predicate, sentence, confidence = item.get("predicate"), item.get("sentence_id"), item.get("confidence")
    if not (isinstance(predicate, dict) and PROPERTY.fullmatch(string(predicate, "uri", where))):
        wrong("a property as the uri of a predicate", predicate, where)
    if not (sentence is None or (type(sentence) is int and sentence >= 0)):
        wrong("a whole number from 0 or null as sentence_id", sentence, where)
    if not (confidence is None or (type(confidence) in (int, float) and 0 <= confidence <= 1)):
        wrong("a number from 0 to 1 or null as confidence", confidence, where)
    score = None if confidence is None else float(confidence)
    subject, object = mark(item.get("subject"), where), mark(item.get("object"), where)
    return Fact(
        subject, predicate["uri"], object, -place if sentence is None else sentence, score, annotator(item, where)
    )


def string(record: dict[str, Any], name: str, where: str) -> str:
    """A field that must be a string."""
    value = record.get(name)
    return value if isinstance(value, str) else wrong(f"a string as {name}", value, where)


def objects(record: dict[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    """A field that must be a list of objects."""
    value = record.get(name)
    if not isinstance(value, list) or not set(map(type, value)) <= {dict}:
        wrong(f"a list of objects as {name}", value, where)
    return value


def annotator(item: dict[str, Any], where: str) -> str:
    """Which program or person made an annotation; empty when the record does not say."""
    value = item.get("annotator")
    return value if isinstance(value, str) else "" if value is None else wrong("a string as annotator", value, where)


def mark(item: Any, where: str) -> Mark:
    """An entity or argument; DataError when it lacks a part or a part has the wrong type."""
    try:
        (start, stop), surface, uri = item["boundaries"], item["surfaceform"], item["uri"]
    except (KeyError, TypeError, ValueError):
        wrong("boundaries: [start, stop], surfaceform and uri in an entity", item, where)
    uri = uri or ""
    if not (type(start) is type(stop) is int and type(surface) is type(uri) is str and surface):
        wrong("whole numbers as boundaries, text as surfaceform and uri", item, where)
    return Mark(start, stop, surface, uri)


def wrong(expected: str, found: object, where: str) -> NoReturn:
    """Raise DataError: what the layout has and what this line has in its place."""
    fix = "this is not the layout that the converter reads; see its page in docs/converters"
    raise DataError(f"the line has the wrong shape: expected {expected}", where=where, got=excerpt(found), fix=fix)
