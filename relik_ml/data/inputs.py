"""Documents to be annotated: plain texts, JSON Lines and Parquet files, alone, in folders or by a pattern.

Inputs and their records are found lazily and always in the same order, so a folder of millions of files takes no
memory. A record is decoded on demand, which may happen in another process.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as home:
...     _ = Path(home, "стихи.txt").write_text("Выхожу один я на дорогу", encoding="utf-8")
...     [record.document("ru").id for found in find_inputs(home) for record in found.records()]
['стихи']
"""

import os
import sys
from collections.abc import Iterator
from glob import glob, has_magic
from pathlib import Path
from typing import NamedTuple

import msgspec

from relik_ml.data.extras import load_extra
from relik_ml.data.lines import COMPRESSED, lines_of, opened, reading
from relik_ml.data.parquet import load_parquet, read_texts
from relik_ml.data.records import document_from_json, parse_line
from relik_ml.errors import DataError
from relik_ml.types import Document

STDIN = "-"
_LINES = (".jsonl", *(f".jsonl{suffix}" for suffix in COMPRESSED))
_PARQUET = ".parquet"
_SUFFIXES = (".txt", *_LINES, _PARQUET)
_KINDS = ".txt, .jsonl or .parquet"


class _Identified(msgspec.Struct):
    id: str


class Record(NamedTuple):
    """One document before it is decoded."""

    where: str
    """Its place, for messages."""
    name: str | None = None
    """Its id; that of a line of JSON is in the line."""
    data: bytes | None = None
    """A text, or a line of JSON if there is no name; None for a text that is still in the file ``where``."""
    size: float = 0
    """Its share of the bytes of the input."""
    fault: DataError | None = None
    """Why it cannot be used."""

    @property
    def id(self) -> str | None:
        """Its id, or None when it cannot be read."""
        if self.name is None and self.data is not None:
            try:
                return msgspec.json.decode(self.data, type=_Identified).id
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return None
        return self.name

    def document(self, lang: str) -> Document:
        """The document; ``lang`` is the language of a text. DataError when it is faulty."""
        if self.fault:
            raise self.fault
        if self.name is not None:
            return Document(
                self.name, _decoded(_bytes(self.where) if self.data is None else self.data, self.where), lang
            )
        return document_from_json(parse_line(self.data or b"", self.where), self.where)


class Input(NamedTuple):
    """A file or standard input, and the id of its document if it is a text."""

    path: str
    id: str

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path == STDIN else self.path

    @property
    def is_text(self) -> bool:
        """Whether it is a plain text and so one document."""
        return self.path == STDIN or self.path.lower().endswith(".txt")

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file, whose rows are texts."""
        return self.path.lower().endswith(_PARQUET)

    def records(self) -> Iterator[Record]:
        """The documents of the input as a stream. DataError when the file cannot be read (further)."""
        if self.path == STDIN:
            yield Record(self.name, self.id, sys.stdin.buffer.read())
        elif self.is_text:
            yield Record(self.path, self.id, size=_size(self.path))
        elif self.is_parquet:
            yield from _rows(self.path)
        else:
            yield from _lines(Path(self.path))


def find_inputs(name: str) -> Iterator[Input]:
    """The inputs of a file, of a folder (all files below it, sorted), of a pattern such as ``*.txt``, or of ``-``.

    The id of a text is its path below the folder, without the suffix. Below a pattern the folder is the part before
    the first wildcard.

    Raises:
        DataError: there is no such path, it is no file that can be read, or a folder holds none.
        ConfigError: reading one of the files needs a package that is not installed.
    """
    path = Path(name)
    if name == STDIN:
        yield Input(STDIN, "stdin")
    elif path.is_dir():
        yield from _some(_below(name, path), name)
    elif path.exists():
        yield _file(name, path.parent)
    elif has_magic(name):
        root = Path(*_before_wildcards(path))
        paths = sorted(filter(_readable, glob(name, recursive=True)), key=lambda path: Path(path).parts)
        yield from _some((_file(each, root) for each in paths), name)
    else:
        raise DataError("no such file or folder", where=name, fix="check the path; `-` reads standard input")


def _some(found: Iterator[Input], name: str) -> Iterator[Input]:
    first = next(found, None)
    if first is None:
        got = "no .txt, no .jsonl and no .parquet file"
        fix = "give a folder of texts (UTF-8) or documents (JSON Lines, Parquet)"
        raise DataError("there is nothing to annotate", where=name, got=got, fix=fix)
    yield first
    yield from found


def _below(folder: str, root: Path) -> Iterator[Input]:
    with reading(Path(folder)):
        names = sorted(os.listdir(folder))
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            yield from _below(path, root)
        elif _readable(path):
            yield _file(path, root)


def _readable(path: str) -> bool:
    return path.lower().endswith(_SUFFIXES) and os.path.isfile(path)


def _before_wildcards(path: Path) -> Iterator[str]:
    for part in path.parts[:-1]:
        if has_magic(part):
            return
        yield part


def _file(name: str, root: Path) -> Input:
    path = Path(name)
    if not _readable(name):
        got = f"the suffix {path.suffix!r}" if path.is_file() else "a device or pipe"
        fix = f"pipe a text in: … annotate - < {name}"
        raise DataError(f"this is no {_KINDS} file", where=name, got=got, fix=fix)
    if path.suffix.lower() == _PARQUET:
        load_parquet()
    elif path.suffix.lower() == ".zst":
        load_extra("backports.zstd", "zst", f"or decompress {name}")
    return Input(str(path), path.relative_to(root).with_suffix("").as_posix())


def _lines(path: Path) -> Iterator[Record]:
    with opened(path) as raw:
        before = 0
        for number, line in lines_of(raw, path):
            after = raw.tell()
            yield Record(f"{path}, line {number}", None, line, after - before)
            before = after


def _rows(path: str) -> Iterator[Record]:
    for number, (id, text, size) in enumerate(read_texts(path), 1):
        where, fault = f"{path}, row {number}", None
        if id is None or text is None:
            got = "no id" if id is None else "no text"
            fault = DataError("a field of the row is empty", where=where, got=got, fix="fill it")
        yield Record(where, id, text, size, fault)


def _size(path: str) -> int:
    with reading(Path(path)):
        return os.stat(path).st_size


def _bytes(path: str) -> bytes:
    with reading(Path(path)):
        return Path(path).read_bytes()


def _decoded(data: bytes, name: str) -> str:
    """The text as stored. A byte order mark and carriage returns are kept, because offsets count them."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = f"{name}, line {line}, byte {error.start} of the file"
        fix = "save it as UTF-8, for example with iconv -f WINDOWS-1251 -t UTF-8; or give --skip-bad"
        raise DataError("not UTF-8", where=where, got=f"byte 0x{data[error.start]:02x}", fix=fix) from None
