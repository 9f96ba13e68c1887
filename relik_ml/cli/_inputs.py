"""What ``annotate`` reads: ``.txt`` files (one document each), ``.jsonl`` files, folders of both, standard input.

Everything is read twice: ``survey`` reads it once before a model is loaded, so that a bad file stops the
run before anything is written; ``Input.documents`` reads it again, one document at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NoReturn

from relik_ml.data import read_documents
from relik_ml.errors import DataError
from relik_ml.types import Document

Refuse = Callable[[DataError], object]
"""What to do about a bad input: raise its error, or return to have it left out."""

STDIN = "-"
_SUFFIXES = (".txt", ".jsonl")


@dataclass(frozen=True, slots=True)
class Input:
    """A file or standard input: its name in messages, the id of a text's document, and its bytes."""

    name: str
    id: str
    load: Callable[[], bytes]

    @property
    def is_text(self) -> bool:
        """Whether it is one plain text, not JSON Lines."""
        return not self.name.lower().endswith(".jsonl")

    def documents(self, lang: str) -> Iterator[Document]:
        """The documents as they are stored. DataError when they cannot be read."""
        if not self.is_text:
            yield from read_documents(Path(self.name))
        else:
            yield Document(self.id, _decoded(self.load(), self.name), lang)


@dataclass(slots=True)
class Survey:
    """What reading everything once has shown: the inputs to annotate, their documents, the blank and the bad ones."""

    inputs: list[Input] = field(default_factory=list)
    documents: int = 0
    blank: list[str] = field(default_factory=list)
    skipped: int = 0


def find(names: Iterable[str], stdin: Callable[[], bytes]) -> list[Input]:
    """The inputs that the names stand for; a folder stands for its texts, sorted. DataError names what is missing.

    The id of a text is its path below the folder that was named, without the suffix.
    """
    return [found for name in names for found in _find(name, stdin)]


def survey(inputs: Iterable[Input], lang: str, refuse: Refuse) -> Survey:
    """Read every input once. One that is bad goes to ``refuse``, which raises, or returns to leave it out."""
    result = Survey()
    homes: dict[str, str] = {}
    for source in inputs:
        try:
            ids, blank = _examine(source, lang, homes)
        except DataError as error:
            refuse(error)
            result.skipped += 1
            continue
        homes.update(dict.fromkeys(ids, source.name))
        result.inputs.append(source)
        result.documents += len(ids)
        result.blank += blank
    if not result.documents:
        raise DataError("nothing to annotate", got=f"0 documents, {result.skipped} bad", fix="give a file with text")
    return result


def _examine(source: Input, lang: str, homes: dict[str, str]) -> tuple[list[str], list[str]]:
    """The ids of all documents of an input and those of its blank ones."""
    ids, blank = [], []
    for document in source.documents(lang):
        if document.id in homes:
            fix = "name the folder that holds both, or give them other ids"
            where = f"{homes[document.id]} and {source.name}"
            raise DataError("two documents have one id", where=where, got=repr(document.id), fix=fix)
        ids.append(document.id)
        if not document.text.lstrip("\ufeff").strip():
            blank.append(document.id)
    return ids, blank


def _find(name: str, stdin: Callable[[], bytes]) -> list[Input]:
    path = Path(name)
    if name == STDIN:
        return [Input("standard input", "stdin", cache(stdin))]
    if path.is_dir():
        return [_file(found, path) for found in _texts(path)]
    if not path.exists():
        raise DataError("no such file or folder", where=name, fix="check the path; `-` reads standard input")
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        got = f"the suffix {path.suffix!r}" if path.is_file() else "a device or pipe"
        raise DataError(
            "neither a .txt nor a .jsonl file", where=name, got=got, fix=f"pipe a text in: … annotate - < {name}"
        )
    return [_file(path, path.parent)]


def _file(path: Path, root: Path) -> Input:
    return Input(str(path), path.relative_to(root).with_suffix("").as_posix(), lambda: _bytes(path))


def _texts(folder: Path) -> list[Path]:
    """Every .txt and .jsonl file below a folder, sorted by path."""
    walk = os.walk(folder, onerror=_refuse_folder)
    paths = (Path(parent, name) for parent, _, names in walk for name in names)
    found = sorted(path for path in paths if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not found:
        fix = "name a folder that holds texts (UTF-8) or documents (JSON Lines)"
        raise DataError(
            "the folder holds nothing to annotate", where=str(folder), got="no .txt and no .jsonl file", fix=fix
        )
    return found


def _refuse_folder(error: OSError) -> NoReturn:
    got = error.strerror or str(error)
    raise DataError("cannot read the folder", where=str(error.filename), got=got, fix="check its permissions") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        got = error.strerror or str(error)
        raise DataError("cannot read the file", where=str(path), got=got, fix="check its permissions") from None


def _decoded(data: bytes, name: str) -> str:
    """The text exactly as stored: a byte order mark and carriage returns stay, for offsets count them."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = f"{name}, line {line}, byte {error.start} of the file"
        fix = "save it as UTF-8, for instance: iconv -f WINDOWS-1251 -t UTF-8; or leave such files out with --skip-bad"
        raise DataError("not UTF-8", where=where, got=f"byte 0x{data[error.start]:02x}", fix=fix) from None
