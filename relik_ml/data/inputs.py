"""Documents to be annotated: texts, JSON Lines and tables, alone, in folders or by a pattern, compressed or not.

Inputs and their records are found lazily and always in the same order, so a folder of millions of files takes no
memory. A record is decoded on demand, which may happen in another process.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as home:
...     _ = Path(home, "стихи.txt").write_text("Выхожу один я на дорогу", encoding="utf-8")
...     [record.document("ru").id for found in find_inputs(home) for record in found.records()]
['стихи']
"""

import csv
import os
import sys
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from io import BytesIO
from itertools import chain, takewhile
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec

from relik_ml.data.extraction import EXTRACTED, decoded, load_extractor
from relik_ml.data.extras import load_extra
from relik_ml.data.input_records import Fields, Record
from relik_ml.data.lines import COMPRESSED, compression_of, lines_of, opened, reading, suffix_of
from relik_ml.data.parquet import load_parquet, read_texts
from relik_ml.errors import DataError

STDIN = "-"
_LINES = (".jsonl", ".ndjson")
_TABLES = {".csv": ",;\t", ".tsv": "\t"}
"""Suffixes of tables, and what may separate their columns."""
_PARQUET = ".parquet"
_SUFFIXES = (".txt", *_LINES, *_TABLES, _PARQUET, *EXTRACTED)


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
        """Whether it is one document."""
        return suffix_of(self.path) in (".txt", *EXTRACTED)

    @property
    def has_mentions(self) -> bool:
        """Whether its documents may have mentions; of standard input that is seen when it is read."""
        return self.path == STDIN or suffix_of(self.path) in _LINES

    def records(self, fields: Fields = Fields()) -> Iterator[Record]:
        """The documents of the input as a stream. DataError when the file cannot be read (further)."""
        suffix = suffix_of(self.path)
        if self.path == STDIN:
            yield from self._piped(fields)
        elif self.is_text:
            yield Record(self.path, self.id, size=_size(self.path), fields=fields)
        elif suffix == _PARQUET:
            yield from self._rows(fields)
        else:
            with opened(Path(self.path)) as raw:
                lines = _sized(lines_of(raw, Path(self.path)), raw)
                yield from self._cells(lines, fields) if suffix in _TABLES else self._objects(lines, fields)

    def _piped(self, fields: Fields) -> Iterator[Record]:
        """Standard input: JSON Lines if the first line is a JSON object, otherwise a text. Compressed or not."""
        raw = sys.stdin.buffer
        first = raw.readline()
        if compression := compression_of(first):
            raw = cast(BinaryIO, BytesIO(first + raw.read()))
            stream = (line for _, line in lines_of(raw, Path(self.name + compression)))
            first = next(stream, b"")
        else:
            stream = (line for line in raw)
        lines = chain([first], stream)
        if _is_object(first):
            yield from self._objects(((number, line, len(line)) for number, line in enumerate(lines, 1)), fields)
        else:
            yield Record(self.name, self.id, b"".join(lines), fields=fields)

    def _objects(self, lines: Iterable[tuple[int, bytes, int]], fields: Fields) -> Iterator[Record]:
        for number, line, size in lines:
            yield Record(f"{self.name}, line {number}", f"{self.id}:{number}", line, size, None, True, fields)

    def _cells(self, lines: Iterable[tuple[int, bytes, int]], fields: Fields) -> Iterator[Record]:
        """The rows of a table as JSON objects."""
        sizes: list[int] = []

        def texts() -> Iterator[str]:
            for number, line, size in lines:
                sizes.append(size)
                yield decoded(line, f"{self.name}, line {number}")

        csv.field_size_limit(1 << 30)
        stream = texts()
        columns, separator = _columns(next(stream, "").removeprefix("\ufeff"), suffix_of(self.path), fields.text)
        if fields.text not in columns:
            got, fix = ", ".join(map(repr, columns)), "name the column of the text: --text-field NAME"
            raise DataError(f"no column {fields.text!r}", where=self.name, got=got or "an empty file", fix=fix)
        rows = csv.reader(stream, delimiter=separator)
        try:
            for row in filter(None, rows):
                number, fault = rows.line_num + 1, None
                where = f"{self.name}, line {number}"
                if len(row) != len(columns):
                    got, fix = f"{len(row)} cells, {len(columns)} columns", "quote cells that hold separators"
                    fault = DataError("the row does not fit the columns", where=where, got=got, fix=fix)
                data = msgspec.json.encode(dict(zip(columns, row, strict=False)))
                yield Record(where, f"{self.id}:{number}", data, sum(sizes), fault, True, fields)
                sizes.clear()
        except csv.Error as error:
            where, fix = f"{self.name}, line {rows.line_num + 1}", "quote cells that hold line breaks"
            raise DataError("this is no row of a table", where=where, got=str(error), fix=fix) from None

    def _rows(self, fields: Fields) -> Iterator[Record]:
        for number, (id, text, size) in enumerate(read_texts(self.path, fields.text, fields.id), 1):
            where, fault = f"{self.path}, row {number}", None
            if text is None:
                fault = DataError("the row has no text", where=where, got="null", fix="fill it")
            yield Record(where, id or f"{self.id}:{number}", text or b"", size, fault, fields=fields)


def find_inputs(name: str) -> Iterator[Input]:
    """The inputs of a file, of a folder (all files below it, sorted), of a pattern such as ``*.txt``, or of ``-``.

    The id of a .txt file is its path below the folder, without the suffix; of other files the suffix stays. Below a
    pattern the folder is the part before the first wildcard.

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
        root = Path(*takewhile(lambda part: not has_magic(part), path.parts[:-1]))
        paths = sorted(filter(_readable, glob(name, recursive=True)), key=lambda path: Path(path).parts)
        yield from _some((_file(each, root) for each in paths), name)
    else:
        raise DataError("no such file or folder", where=name, fix="check the path; `-` reads standard input")


def _some(found: Iterator[Input], name: str) -> Iterator[Input]:
    first = next(found, None)
    if first is None:
        got, fix = f"no .txt, no .jsonl, no .csv, … file: {' '.join(_SUFFIXES)}", "give a folder of such files"
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
    suffix = suffix_of(path)
    packed = suffix == _PARQUET and not path.lower().endswith(_PARQUET)
    return suffix in _SUFFIXES and not packed and os.path.isfile(path)


def _file(name: str, root: Path) -> Input:
    path = Path(name)
    if not _readable(name):
        got = f"the suffix {path.suffix!r}" if path.is_file() else "a device or pipe"
        fix = f"give one of {' '.join(_SUFFIXES)}, or pipe a text or JSON Lines in: … annotate - < {name}"
        raise DataError("this file cannot be annotated", where=name, got=got, fix=fix)
    suffix = suffix_of(name)
    if suffix == _PARQUET:
        load_parquet()
    elif suffix in EXTRACTED:
        load_extractor(suffix)
    if path.suffix.lower() == ".zst":
        load_extra("backports.zstd", "zst", f"or decompress {name}")
    id = path.relative_to(root).as_posix()
    if path.suffix.lower() in COMPRESSED:
        id = id[: -len(path.suffix)]
    return Input(str(path), id[: -len(suffix)] if suffix == ".txt" else id)


def _sized(lines: Iterable[tuple[int, bytes]], raw: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """The lines, each with the bytes of the file that were read for it."""
    before = 0
    for number, line in lines:
        after = raw.tell()
        yield number, line, after - before
        before = after


def _columns(header: str, suffix: str, text: str) -> tuple[list[str], str]:
    """The names of a table's columns, and what separates them: if possible so that one is the column of the text."""
    read = ((next(csv.reader([header], delimiter=separator), []), separator) for separator in _TABLES[suffix])
    return max(read, key=lambda found: (text in found[0], len(found[0])))


def _is_object(line: bytes) -> bool:
    """Whether a line is a JSON object."""
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _size(path: str) -> int:
    with reading(Path(path)):
        return os.stat(path).st_size
