"""Documents and entries as JSON (schema ``relik-ml/1``). msgspec converts the dataclasses of ``relik_ml.types``.

>>> text = "Путин родился в Ленинграде."
>>> born = Document(id="d", text=text, mentions=(Mention("T1", 0, 5, "PERSON"),))
>>> document_from_json(document_to_json(born), "here") == born
True
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import chain
from typing import Any, TypeVar

import msgspec

from relik_ml.data.schema import check, require_valid
from relik_ml.errors import DataError
from relik_ml.types import (
    SCHEMA,
    Annotated,
    Document,
    Entity,
    Entry,
    Link,
    LinkCandidate,
    Mention,
    Property,
    Triple,
    Value,
)

T = TypeVar("T")

WRONG_SHAPE = "the line has the wrong shape"
ORDER = ("id", "lang", "text", "mentions", "entities", "triples", "annotated", "meta")
MENTION_END = ("type", "score", "link", "value")  # the last fields of a mention in a line

_LISTS: Mapping[str, type] = {"mentions": Mention, "entities": Entity, "triples": Triple}
_NESTED: Mapping[type, Mapping[str, type]] = {
    Document: {**_LISTS, "annotated": Annotated},
    Mention: {"link": Link, "value": Value},
    Link: {"candidates": LinkCandidate},
    Triple: {"property": Property},
}
_FIELDS: dict[type, frozenset[str]] = {
    kind: frozenset(field.name for field in fields(kind))
    for kind in (Document, Mention, Link, LinkCandidate, Value, Entity, Triple, Property, Annotated, Entry)
}
_FIELDS[Document] |= {"schema"}
_FIX_FIELD = "correct the field; fields that the schema does not name belong in meta"
_HALF_PAIR = re.compile(rb"(?i)\\ud[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..)\\ud[c-f]..")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


def parse_line(line: bytes, where: str) -> Any:
    """The JSON value of a line. DataError when it is not UTF-8 or JSON, or has half a surrogate pair."""
    try:
        return msgspec.json.decode(line)
    except UnicodeDecodeError as error:
        raise DataError("the line is not UTF-8", where=where, got=str(error), fix="save the file as UTF-8") from None
    except (msgspec.DecodeError, RecursionError) as error:
        if half := _HALF_PAIR.search(line):
            raise _half_pair(half[0].decode("ascii", "replace"), where) from None
        got, fix = f"{error}: {excerpt(line.decode('utf-8', 'replace'))}", "write one whole JSON object a line"
        if not line.lstrip().startswith(b"{"):
            fix += "; `relik-ml annotate` makes such lines of a text"
        raise DataError("the line is not JSON", where=where, got=got, fix=fix) from None


def from_json(value: Any, kind: type[T], where: str, fix: str = _FIX_FIELD) -> T:
    """Convert a JSON value to a dataclass or msgspec Struct. DataError names the field that is missing or wrong."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise DataError(WRONG_SHAPE, where=where, got=str(error), fix=fix) from None


def excerpt(value: object) -> str:
    """The first 80 characters of a value, for an error message."""
    try:
        text = repr(value)
    except RecursionError:  # writing needs more of the stack than reading did
        return "a value nested too deeply to show"
    return text if len(text) <= 80 else f"{text[:80]}…"


def document_to_json(document: Document) -> dict[str, Any]:
    """The JSON object of a document. TypeError or ValueError for a value that JSON cannot hold."""
    record: dict[str, Any] = json.loads(_encode(_record(document)))
    return record


def document_from_json(record: Any, where: str) -> Document:
    """The document of a JSON object. DataError when it breaks the schema."""
    if isinstance(record, dict) and isinstance(record.get("id"), str):
        where = f"{where}, document {record['id']!r}"
    if isinstance(record, dict) and "schema" not in record:
        got, fix = "no field 'schema'", f'annotate the file with `relik-ml annotate`, or add "schema": "{SCHEMA}"'
        raise DataError("the line is not a document", where=where, got=got, fix=fix)
    document = _value(record, Document, where)
    if record.get("schema") != SCHEMA:
        raise _misshapen(_other_schema(record), where)
    require_valid(document, where)
    return document


def document_line(document: Document, where: str) -> bytes:
    """The line that stores a document. DataError when the line could not be read back."""
    where = f"{where}, document {document.id!r}"
    with _writing(where):
        record = _record(document)
        line = _encode(record).encode() + b"\n"
    from_json(record, Document, where)
    require_valid(document, where)
    return line


def entry_from_json(record: Any, where: str) -> Entry:
    """The entry of a JSON object. DataError when a field is unknown or has the wrong type."""
    return _value(record, Entry, where)


def entry_line(entry: Entry, where: str) -> bytes:
    """The line that stores an entry."""
    with _writing(where):
        return _encode(msgspec.to_builtins(entry)).encode() + b"\n"


def faults(record: Any) -> list[str]:
    """All faults of a JSON object that should be a document, one sentence each. Empty when it is valid.

    The other rules are checked only when there are no unknown fields and no wrong types. Of several wrong types in one
    mention, entity or triple only the first is listed.
    """
    fields = record if isinstance(record, dict) else {}
    lists = {name: fields[name] for name in _LISTS if isinstance(fields.get(name), list)}
    found = [] if fields.get("schema") == SCHEMA else [_other_schema(fields)]
    found += _faults_of_shape(fields | dict.fromkeys(lists, ()) if fields else record, Document, "$")
    for name, items in lists.items():
        for number, item in enumerate(items):
            found += _faults_of_shape(item, _LISTS[name], f"$.{name}[{number}]")
    return found or check(msgspec.convert(record, Document))


def _record(document: Document) -> dict[str, Any]:
    found = msgspec.to_builtins(replace(document, meta={}))
    for mention in found["mentions"]:
        for name in MENTION_END:
            mention[name] = mention.pop(name)
        if mention["value"] is None:
            del mention["value"]
        if not mention["link"]["candidates"]:
            del mention["link"]["candidates"]
    if not document.annotated.entity_triples:
        del found["annotated"]["entity_triples"]
    found["meta"] = dict(document.meta)  # unchanged: msgspec would turn dates and bytes into strings
    return {"schema": SCHEMA, **{name: found[name] for name in ORDER}}


@contextmanager
def _writing(where: str) -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError as error:
        raise _half_pair(ascii(error.object[error.start : error.end]), where) from None
    except (TypeError, ValueError, RecursionError) as error:
        fix = "use the types of the schema; meta may hold strings, finite numbers, lists and objects"
        raise DataError("a value cannot be written as JSON", where=where, got=str(error), fix=fix) from None


def _value(record: Any, kind: type[T], where: str) -> T:
    value = from_json(record, kind, where)
    if unknown := _unknown([record], kind, "$"):
        raise _misshapen("; ".join(unknown), where)
    return value


def _faults_of_shape(value: Any, kind: type, at: str) -> list[str]:
    found = _unknown([value], kind, at)
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        found.append(f"{what} - at `{at}{path or '`'}")
    return found


def _unknown(values: Iterable[Any], kind: type, at: str) -> list[str]:
    """The fields of JSON objects that their type does not have. msgspec ignores such fields of dataclasses."""
    objects = [value for value in values if isinstance(value, dict)]
    unknown = set().union(*objects) - _FIELDS[kind]
    found = [f"unknown field {name!r} - at `{at}`" for name in sorted(unknown)]
    for name, inner in _NESTED.get(kind, {}).items():
        parts = [value[name] for value in objects if name in value]
        if name in (*_LISTS, "candidates"):
            items = chain.from_iterable(part for part in parts if isinstance(part, list))
            found += _unknown(items, inner, f"{at}.{name}[...]")
        else:
            found += _unknown(parts, inner, f"{at}.{name}")
    return found


def _other_schema(record: Mapping[str, Any]) -> str:
    return f"schema {record.get('schema')!r} instead of {SCHEMA!r}"


def _misshapen(got: str, where: str) -> DataError:
    return DataError(WRONG_SHAPE, where=where, got=got, fix=_FIX_FIELD)


def _half_pair(got: str, where: str) -> DataError:
    fix = "repair the text: text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
    return DataError("a text holds half of a surrogate pair", where=where, got=got, fix=fix)
