"""Numbered raw lines of a file, compressed or not, one at a time.

A line ends at ``\\n`` and at nothing else. Compression goes by the end of the name: ``.gz``, ``.bz2``, ``.xz`` and
``.zst`` (the last needs the package zstandard).

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
import io
import lzma
import zlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

from relik_ml.errors import ConfigError, DataError

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def open_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file as they are stored, each with its number, from 1 on; one line is held at a time.

    DataError, which names the last whole line, when the file cannot be read or its compression is damaged or cut;
    ConfigError when it is .zst and zstandard is not installed.
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
    number = 0
    try:
        for number, line in enumerate(unpacked(raw, path.suffix), 1):
            yield number, line
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        where = f"{path}, after line {number}" if number else str(path)
        got = getattr(error, "strerror", None) or str(error)
        fix = "give a whole file; one that is damaged or cut off must be fetched anew"
        raise DataError("cannot read the file", where=where, got=got, fix=fix) from None


def unpacked(raw: BinaryIO, suffix: str) -> BinaryIO:
    """The decompressed stream of a file whose name ends in ``suffix``; the stream itself for any other name."""
    match suffix.lower():
        case ".gz":
            return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        case ".bz2":
            return cast(BinaryIO, bz2.BZ2File(raw))
        case ".xz":
            return cast(BinaryIO, lzma.LZMAFile(raw))
        case ".zst":
            return cast(BinaryIO, io.BufferedReader(_Zst(raw, _zstandard()), 1 << 16))
    return raw


class _Zst(io.RawIOBase):
    """A .zst stream, frame after frame, in which a cut frame is an error (zstandard's own reader just ends)."""

    def __init__(self, raw: BinaryIO, zstandard: Any) -> None:
        self._raw, self._zstandard = raw, zstandard
        self._frame: Any = None
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            if not (chunk := self._raw.read(1 << 14)):
                if self._frame is not None:
                    raise EOFError("the file ends inside a compressed frame")
                return 0
            self._ready = self._decompressed(chunk)
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def _decompressed(self, chunk: bytes) -> bytes:
        parts = []
        try:
            while chunk:
                self._frame = self._frame or self._zstandard.ZstdDecompressor().decompressobj()
                parts.append(self._frame.decompress(chunk))
                chunk = self._frame.unused_data
                if self._frame.eof:
                    self._frame = None
        except self._zstandard.ZstdError as error:
            raise OSError(str(error)) from None
        return b"".join(parts)


def _zstandard() -> Any:
    try:
        return import_module("zstandard")
    except ImportError as error:
        fix = "pip install 'relik-ml[zst]', or decompress the file"
        raise ConfigError(".zst files need the package zstandard", got=str(error), fix=fix) from None
