"""Articles of DWIE: their annotation and text, with a SHA-1 that proves the text to be the annotated one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated as Typed
from typing import TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from relik_ml.data import Report, from_json, open_lines, parse_line
from relik_ml.errors import DataError

T = TypeVar("T")

FILES = "DW_*.json"
CHECKSUMS = "article_id_to_url.json"
FIX = "give files in the layout of DWIE, which is described in docs/converters/dwie.md"
BROAD = ("entity", "value", "other")
MAIN = ("person", "organization", "location", "event")
Name = Typed[str, Meta(min_length=1)]


class Checksum(msgspec.Struct, frozen=True):
    """The SHA-1 of the text of an article."""

    id: str
    hash: str


class Mark(msgspec.Struct, frozen=True):
    """A mention of a concept: the characters ``[begin, end)``."""

    begin: int
    end: int
    text: Name
    concept: int


class Concept(msgspec.Struct, frozen=True):
    """An entity. ``link`` is missing where none was looked for, and None where there is no page."""

    concept: int
    tags: list[str]
    link: str | UnsetType | None = UNSET

    @property
    def type(self) -> str:
        """One of its types: the main one if it has it, or else the first that is not broad."""
        types = [tag.removeprefix("type::") for tag in self.tags if tag.startswith("type::")]
        narrow = sorted(set(types).difference(BROAD))
        return next(iter([*(name for name in MAIN if name in types), *narrow, *types]), "")


class Related(msgspec.Struct, frozen=True):
    """A relation between two concepts."""

    s: int
    p: Name
    o: int


class Article(msgspec.Struct, frozen=True):
    """A file."""

    id: Typed[str, Meta(pattern=r"^\w+\Z")]
    tags: list[str]
    mentions: list[Mark]
    concepts: list[Concept]
    relations: list[Related]
    content: str = ""


def read_checksums(folder: Path) -> dict[str, str]:
    """The SHA-1 of each text by the table beside ``folder`` or in it; empty without one."""
    paths = [path for path in (folder / CHECKSUMS, folder.parent / CHECKSUMS) if path.is_file()]
    return {article.id: article.hash for path in paths[:1] for article in _read(path, list[Checksum])}


def read_article(path: Path, checksums: Mapping[str, str], report: Report) -> Article:
    """The article in a file. DataError when it has no text, or another one than was annotated."""
    article = _read(path, Article)
    if not article.content:
        fix = "run src/dwie_download.py of the corpus, and give its data/annos_with_content"
        raise DataError("the article has no text", where=path.name, got="no content", fix=fix)
    found = hashlib.sha1(article.content.encode(), usedforsecurity=False).hexdigest()
    if article.id not in checksums:
        report.count("texts without a SHA-1 to check")
    elif checksums[article.id] != found:
        got, fix = f"SHA-1 {found}, not {checksums[article.id]}", "fetch it again; it may have been edited since"
        raise DataError("the text is not the annotated one", where=path.name, got=got, fix=fix)
    return article


def _read(path: Path, kind: type[T]) -> T:
    return from_json(parse_line(b"".join(line for _, line in open_lines(path)), path.name), kind, path.name, FIX)
