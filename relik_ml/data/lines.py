"""Numbered raw lines of a file, compressed or not, one at a time.

A line ends at ``\\n`` and at nothing else. The end of the name tells the compression: ``.gz``, ``.bz2``, ``.xz`` and
``.zst`` (the last needs the package backports.zstd).

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as home:
...     path = Path(home, "имена.txt.gz")
...     _ = path.write_bytes(gzip.compress("Чехов\\nБунин".encode()))
...     [(number, line.decode()) for number, line in open_lines(path)]
[(1, 'Чехов\\n'), (2, 'Бунин')]
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from relik_ml.errors import ConfigError, DataError

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def open_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file as they are stored, each with its number, from 1 on; one line is held at a time.

    DataError, which names the last whole line, when the file cannot be read or its compression is damaged or cut;
    ConfigError when it is .zst and backports.zstd is not installed.
    """
    with opened(path) as raw:
        yield from lines_of(raw, path)


def opened(path: Path) -> BinaryIO:
    """A file to be read as bytes; DataError when it is not there or may not be read."""
    try:
        return path.open("rb")
    except OSError as error:
        fix = "check the path, and that you may read the file"
        raise DataError("cannot open the file", where=str(path), got=error.strerror or str(error), fix=fix) from None


def lines_of(raw: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of the file at ``path`` that is open as ``raw``, whose ``tell()`` says how far it has been read."""
    damage: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, lzma.LZMAError)
    lines: Iterable[bytes] = raw
    match path.suffix.lower():
        case ".gz":
            lines = gzip.GzipFile(fileobj=raw)
        case ".bz2":
            lines = bz2.BZ2File(raw)
        case ".xz":
            lines = lzma.LZMAFile(raw)  # noqa: SIM115  (the caller closes `raw`)
        case ".zst":
            zstd = _zstd()
            lines, damage = zstd.ZstdFile(raw), (*damage, zstd.ZstdError)
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            yield number, line
    except damage as error:
        where = f"{path}, after line {number}" if number else str(path)
        got = getattr(error, "strerror", None) or str(error)
        fix = "give a whole file; one that is damaged or cut off must be fetched anew"
        raise DataError("cannot read the file", where=where, got=got, fix=fix) from None


def _zstd() -> Any:
    try:
        return import_module("backports.zstd")
    except ImportError as error:
        fix = "pip install 'relik-ml[zst]', or decompress the file"
        raise ConfigError(".zst files need the package backports.zstd", got=str(error), fix=fix) from None
