"""Corpora whose splits are files of JSON records: one list a file, or one record a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from relik_ml.data import COMPRESSED, Report, distinct, from_json, open_lines, parse_line
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import Converter, option
from relik_ml.types import Document

T = TypeVar("T")

SPLITS = {"train": "train", "val": "dev", "valid": "dev", "validation": "dev", "dev": "dev", "test": "test"}
"""Words in names of files, and the splits that they mean."""


class Place(NamedTuple):
    """Where a record was found: its split, its number in the file, and both for people."""

    split: str
    number: int
    where: str


@dataclass(frozen=True, kw_only=True)
class JsonConverter(Converter, Generic[T]):
    """A converter of such a corpus; ``document`` makes a document of a record."""

    kind: type[T]
    """The type of a record. Its ``__post_init__`` raises ValueError for a value that cannot be read."""
    licence: str
    splits: tuple[str, ...] = ("train", "dev", "test", "all")
    words: Mapping[str, str] = field(default_factory=lambda: SPLITS)
    ends: tuple[str, ...] = (".json", ".jsonl")
    natural: bool = option(False, "Put blanks as in ordinary text, instead of one between all tokens.")

    def locate(self, source: Path) -> dict[str, Path]:
        """The files at ``source``, a file or folder, by the split in their names; a file without one is ``all``."""
        return split_files(source, self.name, self.ends, self.words)

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """The documents of a split, in the order of its file."""
        return distinct(self._documents(path_of(self, source, split), split, report), report)

    def _documents(self, path: Path, split: str, report: Report) -> Iterator[Document]:
        for place, record in records(path, self.kind, self.name, split, report):
            yield self.document(record, place, report)

    def document(self, record: T, place: Place, report: Report) -> Document:
        """The document of a record."""
        raise NotImplementedError

    def meta(self, place: Place, **more: Any) -> dict[str, Any]:
        """The ``meta`` of a document."""
        return {"dataset": self.name, "split": place.split, "source": place.where, "licence": self.licence, **more}


def split_files(
    source: Path, corpus: str, ends: Iterable[str], words: Mapping[str, str], instead: str = ""
) -> dict[str, Path]:
    """The file of each split at ``source``, a file or folder. The first of ``words`` in a file's name is its split.

    A file given as ``source`` without such a word is the split ``all``; files of a folder without one are not read.
    ``instead`` is added to the advice of the error: what else could be given.
    """
    ends = [f"{end}{packed}" for end in ends for packed in ("", *COMPRESSED)]
    paths = [source] if source.is_file() else sorted(path for end in ends for path in source.glob(f"*{end}"))
    found: dict[str, Path] = {}
    for path in paths:
        named = set(re.split(r"[\W_\d]+", path.name.lower()))
        split = next((split for word, split in words.items() if word in named), "all")
        if split == "all" and path != source:
            continue
        if split in found:
            got = f"{found[split].name} and {path.name}"
            raise CorpusNotFound(f"two files for {split}", where=str(source), got=got, fix="give one as --source")
        found[split] = path
    if not found:
        got = f"no {' or '.join(ends[:: len(COMPRESSED) + 1])} file of a split" if source.is_dir() else "no such file"
        fix = f"give a file, or a folder of files with {', '.join(words)} in their names{instead}"
        raise CorpusNotFound(f"no {corpus} here", where=str(source), got=got, fix=fix)
    return found


def path_of(converter: Converter, source: Path, split: str) -> Path:
    """Where a split lies. CorpusNotFound when it is not there."""
    if (path := converter.locate(source).get(split)) is None:
        raise CorpusNotFound("the split is not there", where=str(source), got=repr(split), fix="leave it out")
    return path


def records(path: Path, kind: type[T], corpus: str, split: str, report: Report) -> Iterator[tuple[Place, T]]:
    """The records of a file, each with its place. Those that cannot be read go to ``report.bad``."""
    fix = f"give files in the layout of {corpus}, which is described in docs/converters/{corpus}.md"
    for number, where, value in _values(path):
        try:
            yield Place(split, number, where), from_json(parse_line(value, where), kind, where, fix)
        except DataError as error:
            report.bad(error)


def _values(path: Path) -> Iterator[tuple[int, str, bytes]]:
    filled = ((number, line) for number, line in open_lines(path) if line.strip())
    number, first = next(filled, (0, b""))
    lines = chain([(number, first)] * bool(first), filled)
    if ".jsonl" in path.name or not first.lstrip().startswith(b"["):
        yield from ((number, f"{path.name}:{number}", line) for number, line in lines)
        return
    try:
        listed = msgspec.json.decode(b"".join(line for _, line in lines), type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        fix = "the file is damaged or incomplete; fetch it again"
        raise DataError("the file is no list of JSON records", where=str(path), got=str(error), fix=fix) from None
    yield from ((number, f"{path.name}, record {number}", bytes(value)) for number, value in enumerate(listed, 1))
