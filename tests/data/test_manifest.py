"""Manifests: what is in a folder, and that every damage to it is noticed."""

import json
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import FILE, Format, read_manifest, sha256, write_manifest
from relik_ml.errors import ModelError

THING = Format("thing", "relik-ml-thing/2", "make it again")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)))
    (tmp_path / "внутри").mkdir()
    (tmp_path / "внутри" / "слова.json").write_text('["ёж"]', "utf-8")
    (tmp_path / "empty").write_bytes(b"")
    write_manifest(tmp_path, THING, {"languages": ["ru"], "note": "а\ud800\u2028", "share": 0.1, "none": None})
    return tmp_path


def test_fields_and_checksums_of_all_files_come_back(folder: Path) -> None:
    record = read_manifest(folder, THING)
    assert record["languages"] == ["ru"]
    assert (record["note"], record["share"], record["none"]) == ("а\ud800\u2028", 0.1, None)
    assert record["format"] == "relik-ml-thing/2"
    assert list(record["files"]) == ["empty", "weights.bin", "внутри/слова.json"]
    # SHA-256 of nothing and of the bytes 0 to 255, as sha256sum gives them.
    assert record["files"]["empty"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert record["files"]["weights.bin"] == "40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880"


def test_a_folder_inside_with_a_manifest_is_left_out(folder: Path) -> None:
    inner = folder / "index"
    inner.mkdir()
    (inner / "rows").write_text("строка")
    write_manifest(inner, THING, {})
    (folder / "weights.bin").unlink()
    write_manifest(folder, THING, {"new": True})
    (inner / "rows").write_text("Строка")
    record = read_manifest(folder, THING)
    assert (list(record["files"]), record["new"]) == (["empty", "внутри/слова.json"], True)
    assert "languages" not in record
    with pytest.raises(ModelError, match="damaged"):
        read_manifest(inner, THING)


def read_or_error(folder: Path) -> dict[str, Any] | ModelError:
    try:
        return read_manifest(folder, THING)
    except ModelError as error:
        return error


def test_every_flipped_bit_of_the_manifest_is_noticed(folder: Path) -> None:
    path = folder / FILE
    content = path.read_bytes()
    expected = read_manifest(folder, THING)
    unnoticed = []
    for position in range(len(content)):
        for bit in (0, 5, 7):
            path.write_bytes(content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :])
            if (found := read_or_error(folder)) == expected:
                unnoticed.append((content[position : position + 1], bit))
            else:
                assert isinstance(found, ModelError)
                assert found.where == str(path)
    # JSON itself does not care: one blank for another, a small letter of an escape for a capital one.
    assert {byte for byte, _ in unnoticed} <= {b" ", b"\n", *(bytes([letter]) for letter in b"abcdefABCDEF")}
    assert len(unnoticed) < len(content)


@pytest.mark.parametrize("name", ["weights.bin", "внутри/слова.json"])
def test_every_flipped_byte_of_a_file_is_noticed(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(ModelError, match="damaged") as caught:
            read_manifest(folder, THING)
        assert (caught.value.where, caught.value.fix) == (str(path), "make it again")
    path.write_bytes(content + b"\0")
    with pytest.raises(ModelError, match="damaged"):
        read_manifest(folder, THING)


def test_an_intact_file_is_read_once_for_each_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def reading(path: Path) -> str:
        read.append(path.name)
        return sha256(path)

    monkeypatch.setattr("relik_ml.data.store.sha256", reading)
    cache = folder / "cache"
    monkeypatch.setenv("RELIK_ML_CACHE", str(cache))
    read_manifest(folder, THING)
    assert not cache.exists(), "a file that was written a moment ago may change without a trace"
    monkeypatch.setattr("relik_ml.data.store._SETTLED", 0)
    for _ in range(2):
        read_manifest(folder, THING)
    assert read == ["empty", "weights.bin", "слова.json"] * 2
    read_manifest(folder, THING, again=True)
    assert len(read) == 9
    (folder / "weights.bin").write_bytes(bytes(256))
    for _ in range(2):
        with pytest.raises(ModelError, match="damaged"):
            read_manifest(folder, THING)
    (folder / "weights.bin").write_bytes(bytes(range(256)))
    read_manifest(folder, THING)
    assert read[9:] == ["weights.bin"] * 3


@pytest.mark.parametrize("content", [b"", b"[]", b'{"x": 1}', b"\xff", b"[" * 99_999, None])
def test_a_cache_that_cannot_be_used_changes_nothing(
    folder: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = folder / "cache"
    monkeypatch.setenv("RELIK_ML_CACHE", str(cache))
    monkeypatch.setattr("relik_ml.data.store._SETTLED", 0)
    if content is None:
        cache.write_text("no folder")
    else:
        cache.mkdir()
        (cache / "verified.json").write_bytes(content)
    assert read_manifest(folder, THING) == read_manifest(folder, THING)
    (folder / "weights.bin").write_bytes(bytes(256))
    with pytest.raises(ModelError, match="damaged"):
        read_manifest(folder, THING)


@pytest.mark.parametrize("name", ["relik-ml-thing/3", "relik-ml-model/2", "", None])
def test_an_unknown_format_is_refused_before_anything_else(folder: Path, name: str | None) -> None:
    record = json.loads((folder / FILE).read_text("utf-8")) | {"format": name, "files": "изменилось"}
    (folder / FILE).write_text(json.dumps(record), "utf-8")
    with pytest.raises(ModelError, match="unknown format") as caught:
        read_manifest(folder, THING)
    assert caught.value.got == str(name)
    assert "relik-ml-thing/2" in caught.value.fix
    assert "update relik-ml" in caught.value.fix


@pytest.mark.parametrize(("content", "what"), [
    *((text, "damaged") for text in (b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 99_999)),
    (b'{"format": "relik-ml-thing/2"}', "damaged"),
    (None, "no thing"),
])  # fmt: skip
def test_a_manifest_that_is_damaged_or_missing_is_refused(tmp_path: Path, content: bytes | None, what: str) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ModelError, match=what) as caught:
        read_manifest(tmp_path, THING)
    assert (caught.value.where, caught.value.fix) == (str(tmp_path / FILE), "make it again")


@pytest.mark.parametrize(("text", "ours"), [
    ('{"format": "ours/2"}', True),
    ('{"format": "ours/1"}', True),
    ('{"format": "ours/3"}', False),
    ('{"format": "theirs/1", "provenance": "ours/2"}', False),
    ('["ours/2"]', False),
    ("{", False),
    (None, False),
])  # fmt: skip
def test_a_format_knows_the_folders_that_it_wrote(text: str | None, ours: bool, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    assert Format("thing", "ours/2", "make it again", older=("ours/1",)).wrote(tmp_path) is ours
