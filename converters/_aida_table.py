"""The original table of AIDA-CoNLL: a token a row, with the mention that it belongs to and the page of that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from relik_ml.data import open_lines
from relik_ml.errors import DataError

TYPE = "ENTITY"  # AIDA states no types
SPLITS = {None: "train", "testa": "dev", "testb": "test"}
"""The splits by what follows the number of an article."""
Line = tuple[int, bytes]
_START = re.compile(r"-DOCSTART- \((\d+(testa|testb)?\b.*)\)")
_PAGE = re.compile(r"https?://en\.wikipedia\.org/wiki/(.+)")


class Row(NamedTuple):
    """A token, and the tag, the text and the page of the mention that it belongs to."""

    token: str
    tag: str = "O"
    mention: str = ""
    title: str = ""


class Article(NamedTuple):
    """An article with its sentences, and its split, which its name states."""

    name: str
    split: str
    where: str
    sentences: list[list[Row]]


def articles(path: Path) -> Iterator[list[Line]]:
    """The numbered lines of each article; the first starts it."""
    lines: list[Line] = []
    for number, line in open_lines(path):
        if line.startswith(b"-DOCSTART-") and lines:
            yield lines
            lines = []
        lines.append((number, line))
    if lines:
        yield lines


def read_article(lines: list[Line], file: str) -> Article:
    """The article on some lines. DataError when one of them cannot be read."""
    (number, line), *others = lines
    where = f"{file}:{number}"
    start = _START.fullmatch(line.decode("utf-8", "replace").strip())
    if not start or not start[1].isprintable():
        fix = "expected is a line such as: -DOCSTART- (947testa CRICKET)"
        raise DataError("no article starts here", where=where, got=repr(line)[:80], fix=fix)
    sentences: list[list[Row]] = [[]]
    for number, line in others:
        if line.strip():
            sentences[-1].append(_row(line, f"{file}:{number}"))
        else:
            sentences.append([])
    return Article(start[1], SPLITS[start[2]], where, [rows for rows in sentences if rows])


def _row(line: bytes, where: str) -> Row:
    """A token alone, or one of a mention. Columns after the fourth have no fixed order; a URL is told by its form."""
    try:
        cells = line.decode().rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        raise DataError("the line is not UTF-8", where=where, got=str(error), fix="save the file as UTF-8") from None
    if len(cells) == 1:
        return Row(cells[0])
    if len(cells) < 4 or not all(cells[:4]) or cells[1] not in ("B", "I"):
        fix = "expected is a token, alone or with B or I, the mention and its page, separated by tabs"
        raise DataError("the line is no row of AIDA", where=where, got=repr(line)[:80], fix=fix)
    page = next((unquote(found[1]) for cell in cells[4:] if (found := _PAGE.fullmatch(cell))), "")
    return Row(cells[0], f"{cells[1]}-{TYPE}", cells[2], page or _unescaped(cells[3]))


def _unescaped(entity: str) -> str:
    r"""The title in an entity of YAGO: ``Washington\u002c_D\u002eC\u002e`` is Washington,_D.C."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), entity)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
