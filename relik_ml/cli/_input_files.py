"""The input of ``annotate``: ``.txt`` files (one document each), ``.jsonl`` files, folders of both, standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from relik_ml.data import read_documents, reading
from relik_ml.errors import ConfigError, DataError
from relik_ml.types import Document

STDIN = "-"
WARNINGS = 5
"""The most warnings about blank documents; all of them are counted."""

_SUFFIXES = (".txt", ".jsonl")


@dataclass(frozen=True, slots=True)
class Input:
    """A file or standard input: its name in messages, the id of the document if it is a text, and a reader."""

    name: str
    id: str
    load: Callable[[], bytes]

    @property
    def is_text(self) -> bool:
        """Whether it is a plain text, not JSON Lines."""
        return not self.name.lower().endswith(".jsonl")

    def documents(self, lang: str) -> Iterator[Document]:
        """The documents of the input. DataError when they cannot be read."""
        if not self.is_text:
            yield from read_documents(Path(self.name))
        else:
            yield Document(self.id, _decoded(self.load(), self.name), lang)


@dataclass(slots=True)
class InputSet:
    """All inputs. ``blank`` and ``skipped`` count documents without text and bad files during reading."""

    found: list[Input]
    lang: str
    skip_bad: bool = False
    blank: int = 0
    skipped: int = 0

    @classmethod
    def find(cls, names: Iterable[str], lang: str, skip_bad: bool) -> InputSet:
        """The inputs of the given names; a folder stands for its files, sorted. DataError for a missing path.

        The id of a text is its path below the given folder, without the suffix.
        """
        return cls([found for name in names for found in _find(name)], lang, skip_bad)

    @property
    def total(self) -> int | None:
        """The number of documents if all inputs are plain texts, otherwise None."""
        return len(self.found) if all(source.is_text for source in self.found) else None

    def require_documents(self) -> None:
        """ConfigError for plain texts, because they have no mentions."""
        for source in self.found:
            if source.is_text:
                fix = "give only .jsonl files, or leave out --keep-mentions"
                raise ConfigError("a plain text has no mentions to keep", where=source.name, fix=fix)

    def documents(self) -> Iterator[Document]:
        """A stream of documents. DataError for a bad file, unless it is skipped, and when there are no documents."""
        homes: dict[str, str] = {}
        for source in self.found:
            read = self._read(source, homes)
            try:
                for document in list(read) if self.skip_bad else read:  # a file is skipped as a whole
                    homes[document.id] = source.name
                    self._warn_if_blank(document)
                    yield document
            except DataError as error:
                if not self.skip_bad:
                    raise
                click.echo(f"skipped: {error}", err=True)
                self.skipped += 1
        if not homes:
            raise DataError("nothing to annotate", got=f"0 documents, {self.skipped} bad", fix="give a file with text")

    def _read(self, source: Input, homes: Mapping[str, str]) -> Iterator[Document]:
        for document in source.documents(self.lang):
            if (home := homes.get(document.id, source.name)) != source.name:
                where, fix = f"{home} and {source.name}", "give the folder that holds both, or change the ids"
                raise DataError("two documents have one id", where=where, got=repr(document.id), fix=fix)
            yield document

    def _warn_if_blank(self, document: Document) -> None:
        if not document.text.lstrip("\ufeff").strip():
            self.blank += 1
            if self.blank <= WARNINGS:
                click.echo(f"warning: no text in document {document.id!r}", err=True)


def _find(name: str) -> list[Input]:
    path = Path(name)
    if name == STDIN:
        return [Input("standard input", "stdin", lambda: sys.stdin.buffer.read())]
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
        fix = "give a folder of texts (UTF-8) or documents (JSON Lines)"
        raise DataError(
            "the folder holds nothing to annotate", where=str(folder), got="no .txt and no .jsonl file", fix=fix
        )
    return found


def _refuse_folder(error: OSError) -> None:
    with reading(Path(error.filename)):
        raise error


def _bytes(path: Path) -> bytes:
    with reading(path):
        return path.read_bytes()


def _decoded(data: bytes, name: str) -> str:
    """The text as stored. A byte order mark and carriage returns are kept, because offsets count them."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = f"{name}, line {line}, byte {error.start} of the file"
        fix = "save it as UTF-8, for example with iconv -f WINDOWS-1251 -t UTF-8; or give --skip-bad"
        raise DataError("not UTF-8", where=where, got=f"byte 0x{data[error.start]:02x}", fix=fix) from None
