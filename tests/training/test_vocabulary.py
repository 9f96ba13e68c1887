"""Which words a compact model knows."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from relik_ml.errors import ConfigError, DataError
from relik_ml.training.vocabulary import corpus_lines, frequent_words


def test_words_are_counted_folded_and_numbers_are_not() -> None:
    found = frequent_words(["Ёлка, ёлки и ЕЛКА! 2024", "и 5 USA — usa", ""])
    assert found == {"елка": 2, "елки": 1, "и": 2, "usa": 2}
    assert frequent_words([]) == {}


def test_plain_and_packed_lines_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("раз\nдва\n", "utf-8")
    (tmp_path / "b.txt.xz").write_bytes(lzma.compress("три\nчетыре".encode()))
    found = corpus_lines([tmp_path / "a.txt", tmp_path / "b.txt.xz"])
    assert [line.strip() for line in found] == ["раз", "два", "три", "четыре"]
    assert list(corpus_lines([])) == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "нет.txt", tmp_path):
        with pytest.raises(ConfigError, match="no such corpus file") as caught:
            list(corpus_lines([path]))
        assert caught.value.got == str(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latin.txt", "déjà".encode("latin-1")),
        ("no.xz", b"plain text"),
        ("cut.xz", lzma.compress("слово\n".encode() * 9999)[:60]),
        ("latin.xz", lzma.compress(b"\xff\xfe")),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="cannot read the corpus file") as caught:
        list(corpus_lines([tmp_path / name]))
    assert caught.value.where == str(tmp_path / name)
