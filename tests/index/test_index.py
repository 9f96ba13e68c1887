"""The index folder: what was put in comes out, search is exact, and damage of any kind is noticed."""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.data import store as store_module
from relik_ml.errors import ConfigError, DataError, ModelError
from relik_ml.index import STORAGES, IndexConfig, PassageEncoder, PassageIndex, Storage, Vectors, exact, passage
from relik_ml.index import build as build_module
from relik_ml.index import index as index_module
from relik_ml.index.index import FORMAT
from relik_ml.index.rows import Rows
from relik_ml.index.vectors import Floats
from relik_ml.retriever import hard_negatives
from relik_ml.types import Entry

ENTRIES = [
    Entry("Q649", "entity", "Москва", "столица России", aliases=("Первопрестольная", "Москва\u2028река")),
    Entry("WORKPLACE", "relation", "место работы", "человек работает в организации"),
    Entry("Q656", "entity", "Санкт-Петербург\nна Неве", 'город «Петра» "\\ 🏰', "ru", ("Питер",), ("Q515",), 5.25),
    Entry("Q84", "entity", "London", lang="en"),
    Entry("CITY", "type", "город \ud800"),
]


class Letters:
    """A stand-in encoder: counts of a few letters."""

    dimension = 4

    def __init__(self, fingerprint: str = "a" * 64) -> None:
        self.fingerprint = fingerprint

    def passages(self, texts: Sequence[str]) -> Floats:
        return np.array([[text.count(letter) for letter in "аокс"] for text in texts], dtype=np.float32)

    queries = passages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    extra = {"names": {"keys": np.array([3, 1], dtype=np.uint64), "flag": np.zeros((0, 2), dtype=np.uint8)}}
    PassageIndex.build(ENTRIES, Letters(), tmp_path / "index", IndexConfig(provenance="выдумано"), extra)
    return tmp_path / "index"


@pytest.mark.parametrize("name", ["rows.jsonl.xz", "ids.json.xz"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "garbage", "fewer"])
def test_damaged_rows_of_a_large_index_are_noticed(
    name: str, damage: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "_VERIFIED", 0)  # files of a large index are not compared with their checksums
    data = (folder / name).read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 4
    damaged = {"flipped": bytes(flipped), "cut": data[:-9], "garbage": bytes(len(data))}
    (folder / name).write_bytes(damaged.get(damage, lzma.compress(b'["a"]\n')))
    monkeypatch.setattr(store_module, "_compare_size", lambda *_: None)
    with pytest.raises(ModelError, match="rows of the index are damaged"):
        PassageIndex.open(folder)


def test_a_damaged_line_is_noticed_when_it_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "PACKED", 0)
    PassageIndex.build(ENTRIES, None, folder)
    for damage in (b"\xff", b"[1]"):
        lines = (folder / "rows.jsonl").read_bytes()
        (folder / "rows.jsonl").write_bytes(damage + lines[len(damage) :])
        monkeypatch.setattr(index_module, "_VERIFIED", 0)
        index = PassageIndex.open(folder)
        assert index.entries[1] == ENTRIES[1]
        with pytest.raises(ModelError, match="row 0"):
            index.entries[0]


def test_a_build_opens_as_what_was_put_in(folder: Path) -> None:
    index = PassageIndex.open(folder)
    assert list(index.entries) == ENTRIES == index.entries[:]
    assert index.entries[-1] == ENTRIES[-1]
    assert [index.row(entry.id) for entry in ENTRIES] == [0, 1, 2, 3, 4]
    assert index.by_kind("entity").tolist() == [0, 2, 3]
    assert index.by_kind("type").tolist() == [4]
    assert "Q84" in index
    assert "Q85" not in index
    assert np.array_equal(np.asarray(index.vectors), Letters().passages([passage(entry) for entry in ENTRIES]))
    with pytest.raises(IndexError):
        index.entries[5]


def test_arrays_of_other_modules_come_back_verbatim(folder: Path) -> None:
    names = PassageIndex.open(folder).extra["names"]
    assert names["keys"].tolist() == [3, 1]
    assert names["keys"].dtype == np.uint64
    assert names["flag"].shape == (0, 2)


def test_arrays_that_are_not_contiguous_are_stored_as_they_read(tmp_path: Path) -> None:
    across = np.arange(6).reshape(2, 3).T
    index = PassageIndex.build(ENTRIES, None, tmp_path / "index", extra={"names": {"across": across}})
    assert np.array_equal(index.extra["names"]["across"], across)


def test_info_says_what_is_in_it(folder: Path) -> None:
    info = PassageIndex.open(folder).info()
    assert info["rows"] == 5
    assert info["kinds"] == {"entity": 3, "relation": 1, "type": 1}
    assert info["encoder"] == {"fingerprint": "a" * 64, "dimension": 4, "storage": "float16"}
    assert info["tensors"] == ["names", "vectors"]
    assert info["provenance"] == "выдумано"
    json.dumps(info)


def test_search_answers_with_ids_of_the_asked_kind(folder: Path) -> None:
    index = PassageIndex.open(folder)
    query = np.array([[0, 1, 0, 0]], dtype=np.float32)  # who has most «о»
    ids, scores = index.search(query, 2)
    assert (ids.tolist(), scores.tolist()) == ([["WORKPLACE", "Q649"]], [[5.0, 3.0]])
    ids, _ = index.search(query, 10, kind="entity")
    assert ids.tolist() == [["Q649", "Q656", "Q84"]]
    assert index.search(query[:0], 3)[0].shape == (0, 3)


def test_the_same_entries_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    PassageIndex.build(ENTRIES, Letters(), tmp_path / "again", IndexConfig(provenance="выдумано"), {
        "names": {"keys": np.array([3, 1], dtype=np.uint64), "flag": np.zeros((0, 2), dtype=np.uint8)}
    })  # fmt: skip
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }


def test_an_index_without_an_encoder_has_names_only(tmp_path: Path) -> None:
    index = PassageIndex.build(ENTRIES, None, tmp_path / "index")
    assert index.vectors is None
    with pytest.raises(ModelError, match="no vectors"):
        index.search(np.zeros((1, 4), np.float32), 1)
    with pytest.raises(ModelError, match="another encoder"):
        index.require(Letters())


def test_another_encoder_is_refused(folder: Path) -> None:
    index = PassageIndex.open(folder)
    index.require(Letters())
    with pytest.raises(ModelError, match="another encoder"):
        index.require(Letters("b" * 64))


@pytest.mark.parametrize("name", ["ids.json.xz", "rows.jsonl.xz", "vectors.safetensors", "names.safetensors"])
def test_a_flipped_bit_and_a_missing_file_are_noticed(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match="damaged") as error:
        PassageIndex.open(folder)
    assert name in error.value.where
    assert error.value.got
    assert error.value.fix
    (folder / name).unlink()
    with pytest.raises(ModelError, match="missing"):
        PassageIndex.open(folder)


def test_any_flipped_bit_of_the_manifest_is_noticed(folder: Path) -> None:
    path = folder / "manifest.json"
    good = path.read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1
        path.write_bytes(bad)
        with pytest.raises(ModelError):
            PassageIndex.open(folder)
    path.write_bytes(good)
    PassageIndex.open(folder)


def test_other_formats_and_other_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text("utf-8").replace(FORMAT.name, "relik-ml-index/9"), "utf-8")
    with pytest.raises(ModelError, match="unknown format") as error:
        PassageIndex.open(folder)
    assert error.value.got == "relik-ml-index/9"
    for text in ("[]", "{", ""):
        path.write_text(text)
        with pytest.raises(ModelError):
            PassageIndex.open(folder)
    with pytest.raises(ModelError, match="no index"):
        PassageIndex.open(tmp_path)


def test_a_failed_build_leaves_the_old_index_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DataError("the power went")

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr("relik_ml.index.build.write_manifest", fail)
    with pytest.raises(DataError, match="power"):
        PassageIndex.build(ENTRIES[:1], None, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["index"]


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one id"):
        PassageIndex.build([*ENTRIES, replace(ENTRIES[0], kind="type")], None, tmp_path / "index")
    with pytest.raises(DataError, match="no entries"):
        PassageIndex.build([], None, tmp_path / "index")
    for name in ("vectors", "../names", ""):
        with pytest.raises(ConfigError):
            PassageIndex.build(ENTRIES, None, tmp_path / "index", extra={name: {}})
    with pytest.raises(DataError, match="no such id"):
        PassageIndex.build(ENTRIES, None, tmp_path / "index").row("Q1")


@pytest.mark.parametrize("bad", [np.zeros((1, 3), np.float32), np.full((1, 4), np.nan, np.float32)])
def test_vectors_that_are_none_are_refused(tmp_path: Path, bad: Floats) -> None:
    class Broken(Letters):
        def passages(self, texts: Sequence[str]) -> Floats:
            return bad

    assert isinstance(Broken(), PassageEncoder)
    with pytest.raises(ModelError):
        PassageIndex.build(ENTRIES[:1], Broken(), tmp_path / "index")
    assert not (tmp_path / "index").exists()


# Search


def by_full_sort(rows: Floats, queries: Floats, k: int) -> list[list[int]]:
    scores = (queries.astype(np.float64) @ rows.astype(np.float64).T).tolist()
    return [sorted(range(len(rows)), key=lambda row: (-line[row], row))[:k] for line in scores]


@given(st.data(), st.integers(1, 40), st.integers(0, 45), st.integers(1, 9))
def test_search_equals_a_full_sort(data: st.DataObject, count: int, k: int, block: int) -> None:
    whole = st.lists(st.integers(-3, 3), min_size=3, max_size=3)  # whole numbers: sums are exact, ties are many
    rows = np.array(data.draw(st.lists(whole, min_size=count, max_size=count)), dtype=np.float32)
    queries = np.array(data.draw(st.lists(whole, min_size=1, max_size=3)), dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "block_rows", lambda width: block)
        found, scores = Vectors.pack(rows).nearest(queries, k)
    assert found.tolist() == by_full_sort(rows, queries, k)
    assert np.array_equal(scores, np.take_along_axis(queries @ rows.T, found, 1))


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("width", [16, 64])
def test_search_of_many_blocks_equals_a_full_sort(width: int, order: int) -> None:
    rng = np.random.default_rng(0)
    rows, queries = rng.integers(-3, 4, (9_000, width)), rng.integers(-3, 4, (300, width))
    rows = rows[np.argsort(rows @ queries[0])[::order]].astype(np.float32)  # ascending: each block beats those before
    found, scores = Vectors.pack(rows).nearest(queries.astype(np.float32), 60)
    every = (rows @ queries.T.astype(np.float32)).T
    assert np.array_equal(found, np.argsort(-every, axis=1, kind="stable")[:, :60])
    assert np.array_equal(scores, np.take_along_axis(every, found, 1))


@given(st.data())
def test_search_among_some_rows_equals_a_sort_of_those(data: st.DataObject) -> None:
    rows = np.array(data.draw(st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=9, max_size=9)))
    among = sorted(data.draw(st.sets(st.integers(0, 8))))
    found, _ = Vectors.pack(rows.astype(np.float32)).nearest(np.ones((1, 2), np.float32), 4, np.array(among, np.int64))
    assert found.tolist() == [[among[place] for place in by_full_sort(rows[among], np.ones((1, 2)), 4)[0]]]


@pytest.mark.parametrize("storage", STORAGES)
def test_storage_keeps_vectors_to_its_precision(storage: Storage) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    rows[7] = 0
    packed = Vectors.join([Vectors.pack(rows[:20], storage), Vectors.pack(rows[20:], storage)])
    again = Vectors.from_tensors(packed.tensors)
    bound = {"float32": 0.0, "float16": 2**-11, "int8": 0.5 / 127}[storage] * np.abs(rows).max(axis=1, keepdims=True)
    assert (np.abs(again[:] - rows) <= bound * 1.001).all()
    assert np.array_equal(again[7], np.zeros(16))
    found, scores = again.nearest(rows[:3], 5)
    assert found[:, 0].tolist() == [0, 1, 2]
    assert np.allclose(scores[:, 0], (again[:3] * rows[:3]).sum(axis=1), rtol=1e-5)


def test_queries_that_do_not_fit_are_refused() -> None:
    rows = Vectors.pack(np.eye(3, dtype=np.float32))
    for bad in (np.zeros((1, 2)), np.zeros(3), np.full((1, 3), np.inf)):
        with pytest.raises(ConfigError):
            rows.nearest(bad.astype(np.float32), 1)
    with pytest.raises(ConfigError):
        rows.nearest(np.zeros((1, 3), np.float32), -1)
    with pytest.raises(ConfigError):
        Vectors.pack(np.eye(3, dtype=np.float32), "int4")  # type: ignore[arg-type]


def test_hard_negatives_are_the_best_wrong_rows() -> None:
    rows = Vectors.pack(np.array([[5], [4], [3], [2], [1]], dtype=np.float32))
    queries = np.array([[1], [-1], [1]], dtype=np.float32)
    found = hard_negatives(queries, rows, [{0, 2}, set(), {0, 1, 2, 4}], k=2)
    assert [line.tolist() for line in found] == [[1, 3], [4, 3], [3]]
    assert hard_negatives(queries[:0], rows, [], k=2) == []


def test_opening_and_searching_parse_no_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Rows, row: int) -> Entry:
        raise AssertionError(f"row {row} was parsed")

    monkeypatch.setattr(Rows, "_parse", refuse)
    index = PassageIndex.open(folder)
    assert len(index) == len(index.search(np.ones((1, 4), np.float32), 9)[0][0]) == 5
    with pytest.raises(AssertionError, match="row 2"):
        index.entries[2]


def test_the_manifest_survives_any_provenance(tmp_path: Path) -> None:
    PassageIndex.build(ENTRIES, None, tmp_path / "index", IndexConfig(provenance="🏰 \ud800\r\n"))
    assert PassageIndex.open(tmp_path / "index").info()["provenance"] == "🏰 \ud800\r\n"
