"""Files of documents and entries in JSON Lines. Documents are checked when they are read and when they are written.

A line is one JSON object in UTF-8. Only ``\\n`` ends a line: U+2028, U+0085 and a lone ``\\r`` are ordinary text. Half
of a surrogate pair has no UTF-8 and is refused.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from relik_ml.data.lines import open_lines
from relik_ml.data.records import document_from_json, document_line, entry_from_json, entry_line, faults, parse_line
from relik_ml.data.store import atomic_path
from relik_ml.errors import DataError
from relik_ml.types import Document, Entry


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of a JSON Lines file. DataError names the first invalid line."""
    seen: set[str] = set()
    for number, line in open_lines(path):
        where = f"{path}, line {number}"
        document = document_from_json(parse_line(line, where), where)
        _refuse_repeated(document.id, seen, where)
        yield document


def write_documents(documents: Iterable[Document], path: Path) -> int:
    """Write documents as JSON Lines, all or nothing, and return their number.

    Raises:
        DataError: a document breaks the schema, or two documents have one id.
        OutputError: the file cannot be written.
    """
    return write_lines(_document_lines(documents, path), path)


def read_entries(path: Path) -> Iterator[Entry]:
    """The entries of a JSON Lines file."""
    for number, line in open_lines(path):
        where = f"{path}, line {number}"
        yield entry_from_json(parse_line(line, where), where)


def write_entries(entries: Iterable[Entry], path: Path) -> int:
    """Write entries as JSON Lines, all or nothing, and return their number."""
    return write_lines((entry_line(entry, f"{path}, entry {entry.id!r}") for entry in entries), path)


def write_lines(lines: Iterable[bytes], path: Path) -> int:
    """Write lines, all or nothing, and return their number."""
    count = 0
    with atomic_path(path) as partial, partial.open("wb") as file:
        for line in lines:
            file.write(line)
            count += 1
    return count


class Violation(NamedTuple):
    """A fault of a file of documents: line number, id of the document (empty if unreadable) and description."""

    line: int
    document: str
    what: str


def violations(path: Path) -> Iterator[Violation]:
    """All faults of a file of documents, by line. DataError when the file cannot be read."""
    first: dict[str, int] = {}
    for number, line in open_lines(path):
        id = ""
        try:
            record = parse_line(line, "")
            id = record["id"] if isinstance(record, dict) and isinstance(record.get("id"), str) else ""
            found = faults(record)
        except DataError as error:
            found = [f"{error.what}: {error.got}"]
        if id and first.setdefault(id, number) != number:
            found.append(f"the id of line {first[id]} again")
        yield from (Violation(number, id, fault) for fault in found)


def _document_lines(documents: Iterable[Document], path: Path) -> Iterator[bytes]:
    seen: set[str] = set()
    for number, document in enumerate(documents, 1):
        where = f"{path}, line {number}"
        line = document_line(document, where)
        _refuse_repeated(document.id, seen, where)
        yield line


def _refuse_repeated(id: str, seen: set[str], where: str) -> None:
    if id in seen:
        fix = "give every document of a file its own id"
        raise DataError("two documents have one id", where=where, got=repr(id), fix=fix)
    seen.add(id)
