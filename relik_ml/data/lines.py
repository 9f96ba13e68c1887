"""Numbered raw lines of a file, compressed or not, one at a time.

Only ``\\n`` ends a line. The suffix decides the compression: ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` (needs the package
backports.zstd).

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as home:
...     path = Path(home, "имена.txt.gz")
...     _ = path.write_bytes(gzip.compress("Чехов\\nБунин".encode()))
...     [(number, line.decode()) for number, line in open_lines(path)]
[(1, 'Чехов\\n'), (2, 'Бунин')]
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from relik_ml.data.extras import load_extra
from relik_ml.errors import DataError

_OPENERS: dict[str, Callable[[BinaryIO], Iterable[bytes]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
COMPRESSED = (*_OPENERS, ".zst")
_MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}


def suffix_of(path: str) -> str:
    """The suffix in small letters, of a compressed file that before it: ``.txt`` of ``a.TXT.gz``."""
    lower = path.lower()
    compressed = next((suffix for suffix in COMPRESSED if lower.endswith(suffix)), "")
    return Path(lower.removesuffix(compressed)).suffix


def compression_of(data: bytes) -> str:
    """The suffix of the compression that the first bytes of a file show; empty if there is none."""
    return next((suffix for magic, suffix in _MAGIC.items() if data.startswith(magic)), "")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed. Raises what ``open_lines`` raises."""
    return b"".join(line for _, line in open_lines(path))


def open_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file as they are stored, numbered from 1. Only one line is held in memory.

    Raises:
        DataError: the file cannot be read or its compression is damaged; names the last whole line.
        ConfigError: the file is .zst and backports.zstd is not installed.
    """
    with opened(path) as raw:
        yield from lines_of(raw, path)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError into a DataError that names the path."""
    try:
        yield
    except OSError as error:
        got, fix = error.strerror or str(error), "check the path, and that you may read it"
        raise DataError("cannot read the file", where=str(path), got=got, fix=fix) from None


def opened(path: Path) -> BinaryIO:
    """A file opened for reading bytes. DataError when it does not exist or may not be read."""
    with reading(path):
        return path.open("rb")


def lines_of(raw: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of the file at ``path``, which is open as ``raw``; ``raw.tell()`` gives the progress."""
    damage: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, lzma.LZMAError)
    lines: Iterable[bytes] = raw
    if (suffix := path.suffix.lower()) in _OPENERS:
        lines = _OPENERS[suffix](raw)
    elif suffix == ".zst":
        zstd = load_extra("backports.zstd", "zst", "or decompress the file")
        lines, damage = zstd.ZstdFile(raw), (*damage, zstd.ZstdError)
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            yield number, line
    except damage as error:
        where = f"{path}, after line {number}" if number else str(path)
        got = getattr(error, "strerror", None) or str(error)
        fix = "the file is damaged or incomplete; fetch it again"
        raise DataError("cannot read the file", where=where, got=got, fix=fix) from None
