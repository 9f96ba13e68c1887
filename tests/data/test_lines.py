"""Raw lines of plain and compressed files: the same bytes, and an error wherever a file was damaged or cut."""

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from relik_ml.data import COMPRESSED, open_lines
from relik_ml.errors import ConfigError, DataError

LINES = ["Чехов\r\n".encode(), "а\u2028б\x85в\n".encode(), b"\n", b"\xff\xfe\n", "конец".encode()]


def _zst(data: bytes) -> bytes:
    return bytes(import_module("backports.zstd").compress(data))


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".jsonl": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _zst,
}


@pytest.mark.parametrize("suffix", [".jsonl", *COMPRESSED])
def test_lines_come_as_they_are_with_their_numbers(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ru{suffix}"
    for parts in ([b"".join(LINES)], LINES, [b""]):  # compressed files put behind one another are one file
        path.write_bytes(b"".join(PACK[suffix](part) for part in parts))
        assert list(open_lines(path)) == list(enumerate(LINES if any(parts) else [], 1))


@pytest.mark.parametrize("suffix", COMPRESSED)
@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"\x00" * len(data)], ids=["cut", "zeroed"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"ru{suffix}"
    path.write_bytes(damage(PACK[suffix](bytes(range(256)) * 300)))
    with pytest.raises(DataError, match=f"ru{suffix}"):
        list(open_lines(path))


def test_without_zstd_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    (tmp_path / "ru.zst").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"relik-ml\[zst\]"):
        list(open_lines(tmp_path / "ru.zst"))
