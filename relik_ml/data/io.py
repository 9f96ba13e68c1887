"""Documents and entries to and from JSON Lines, every document checked at the border.

A line is one JSON object in UTF-8, ended by ``\\n`` and by nothing else: U+2028, U+0085 and a lone ``\\r`` are
ordinary text. A lone surrogate is written as its JSON escape, so every text survives exactly.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

from relik_ml.data.lines import open_lines
from relik_ml.data.records import document_from_json, document_text, entry_from_json, entry_text, excerpt, faults
from relik_ml.data.schema import require_sound
from relik_ml.data.store import atomic_path
from relik_ml.errors import DataError
from relik_ml.types import Document, Entry

T = TypeVar("T")

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


# Documents and entries


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
        yield entry_from_json(record, where)


def write_entries(entries: Iterable[Entry], path: Path) -> int:
    """Write entries as JSON Lines, all or nothing, and return how many."""
    return write_lines((_line(entry_text, entry, f"entry {entry.id!r} for {path}") for entry in entries), path)


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
    require_sound(document, where)
    return _line(document_text, document, where)


def write_lines(lines: Iterable[bytes], path: Path) -> int:
    """Write lines, all or nothing, and return how many."""
    count = 0
    with atomic_path(path) as partial, partial.open("wb") as file:
        for line in lines:
            file.write(line)
            count += 1
    return count


def _line(text: Callable[[T], str], value: T, where: str) -> bytes:
    try:
        line = text(value)
    except (TypeError, ValueError, RecursionError) as error:
        fix = "give every field its type; keep only strings, finite numbers, lists and objects in meta"
        raise DataError("a value cannot be written as JSON", where=where, got=str(error), fix=fix) from None
    try:
        return line.encode() + b"\n"
    except UnicodeEncodeError:
        return _escaped(line, where) + b"\n"


def _escaped(line: str, where: str) -> bytes:
    """A line with lone surrogates, each as its JSON escape; two that make a pair would be read as one character."""
    if pair := _PAIR.search(line):
        fix = "join the halves: text.encode('utf-16', 'surrogatepass').decode('utf-16')"
        raise DataError("a character is split in two surrogates", where=where, got=ascii(pair[0]), fix=fix)
    return line.encode("utf-8", "backslashreplace")


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in open_lines(path):
        where = f"{path}, line {number}"
        yield where, _parse(line, where)


def _parse(line: bytes, where: str) -> Any:
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        got = f"byte 0x{line[error.start]:02x} at byte {error.start} of the line"
        raise DataError("the line is not UTF-8", where=where, got=got, fix="save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        fix = "one whole JSON object a line; a line broken in the middle must be written again"
        beginning = excerpt(line.decode("utf-8", "replace").rstrip("\r\n"))
        raise DataError("the line is not JSON", where=where, got=f"{error}: {beginning}", fix=fix) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise ValueError(f"{digits} is not finite")
    return number


def _refuse_repeated(id: str, seen: set[str], where: str) -> None:
    if id in seen:
        fix = "give every document of a file its own id"
        raise DataError("two documents have one id", where=where, got=repr(id), fix=fix)
    seen.add(id)


# Faults


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
            found = faults(record)
        except DataError as error:
            found = [f"{error.what}: {error.got}"]
        if id and first.setdefault(id, number) != number:
            found.append(f"the id of line {first[id]} again")
        yield from (Violation(number, id, fault) for fault in found)
