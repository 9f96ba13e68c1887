"""The index folder: what was put in comes out, damage of any kind is noticed, and rows are added and removed."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from relik_ml.data import write_manifest
from relik_ml.errors import ConfigError, DataError, ModelError
from relik_ml.index import (
    FORMAT,
    Extra,
    Floats,
    IndexConfig,
    Ints,
    PassageEncoder,
    PassageIndex,
    add_rows,
    passage,
    remove_rows,
)
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


EXTRA: Extra = {"names": {"keys": np.array([3, 1], dtype=np.uint64), "flag": np.zeros((0, 2), dtype=np.uint8)}}


@pytest.fixture(params=["small", "large"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "large":
        monkeypatch.setattr("relik_ml.index.rows.LOOKUP", 0)
    PassageIndex.build(ENTRIES, Letters(), tmp_path / "index", IndexConfig(provenance="🏰 \ud800\r\n"), EXTRA)
    return tmp_path / "index"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are not compared with their checksums, as in a large index."""
    monkeypatch.setattr("relik_ml.index.passage_index._VERIFIED", 0)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_build_opens_as_what_was_put_in(folder: Path) -> None:
    index = PassageIndex.open(folder)
    assert list(index.entries) == ENTRIES == index.entries[:]
    assert index.entries[-1] == ENTRIES[-1]
    assert [index.row(entry.id) for entry in ENTRIES] == [0, 1, 2, 3, 4]
    assert index.by_kind("entity").tolist() == [0, 2, 3]
    assert index.by_kind("type").tolist() == [4]
    assert "Q84" in index
    assert "Q85" not in index
    assert list(index.entries.ids) == [entry.id for entry in ENTRIES]
    assert index.entries.ids[-2:] == ["Q84", "CITY"]
    assert np.array_equal(index.stored_vectors[:], Letters().passages([passage(entry) for entry in ENTRIES]))
    assert index.extra["names"]["keys"].tolist() == [3, 1]
    assert index.extra["names"]["keys"].dtype == np.uint64
    assert index.extra["names"]["flag"].shape == (0, 2)
    with pytest.raises(IndexError):
        index.entries[5]


def test_nearest_searches_all_rows_or_some(folder: Path) -> None:
    index = PassageIndex.open(folder)
    query = np.array([[0, 1, 0, 0]], dtype=np.float32)  # most «о»
    rows, scores = index.nearest(query, 2)
    assert (rows.tolist(), scores.tolist()) == ([[1, 0]], [[5.0, 3.0]])
    assert index.nearest(query, 10, index.by_kind("entity"))[0].tolist() == [[0, 2, 3]]
    assert index.nearest(query[:0], 3)[0].shape == (0, 3)


def test_same_entries_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    PassageIndex.build(ENTRIES, Letters(), tmp_path / "again", IndexConfig(provenance="🏰 \ud800\r\n"), lambda _: EXTRA)
    assert content(folder) == content(tmp_path / "again")


def test_index_without_encoder_has_no_vectors(tmp_path: Path) -> None:
    across = np.arange(6).reshape(2, 3).T
    index = PassageIndex.build(ENTRIES, None, tmp_path / "index", extra={"names": {"across": across}})
    assert index.vectors is None
    assert np.array_equal(index.extra["names"]["across"], across), "not contiguous"
    with pytest.raises(ModelError, match="no vectors"):
        index.nearest(np.zeros((1, 4), np.float32), 1)
    with pytest.raises(ModelError, match="another encoder"):
        index.require(Letters())


@pytest.mark.usefixtures("large")
def test_large_index_compares_sizes_and_is_verified_on_request(folder: Path) -> None:
    path = folder / "vectors.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    PassageIndex.open(folder)
    with pytest.raises(ModelError, match="damaged"):
        PassageIndex.verify(folder)
    path.write_bytes(data[:-1])
    with pytest.raises(ModelError, match="damaged"):
        PassageIndex.open(folder)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("damage", ["cut", "garbage", "fewer", "other"])
def test_damaged_rows_of_a_large_index_are_noticed_when_they_are_read(damage: str, tmp_path: Path) -> None:
    manifest = PassageIndex.build(ENTRIES, None, tmp_path).manifest
    data, packer = (tmp_path / "rows.blocks").read_bytes(), zlib.compressobj(wbits=-zlib.MAX_WBITS)
    lines = b"[1]" if damage == "other" else b'["a","","ru",[],[],0]'
    damaged = {"cut": data[:-2], "garbage": bytes(len(data))}
    (tmp_path / "rows.blocks").write_bytes(damaged.get(damage, packer.compress(lines) + packer.flush()))
    write_manifest(tmp_path, FORMAT, {key: manifest[key] for key in ("kinds", "tensors")})
    index = PassageIndex.open(tmp_path)  # reads no row
    with pytest.raises(ModelError, match="damaged"):
        list(index.entries)


@pytest.mark.usefixtures("large")
def test_ids_of_another_index_are_noticed(tmp_path: Path) -> None:
    index = PassageIndex.build(ENTRIES, None, tmp_path / "index")
    PassageIndex.build([Entry(f"Q{row}", "entity", "имя") for row in range(99)], None, tmp_path / "other")
    (tmp_path / "other" / "ids.safetensors").rename(tmp_path / "index" / "ids.safetensors")
    write_manifest(tmp_path / "index", FORMAT, {key: index.manifest[key] for key in ("kinds", "tensors")})
    with pytest.raises(ModelError, match="damaged"):
        PassageIndex.open(tmp_path / "index")


def test_rows_of_many_blocks_are_found_in_any_order(tmp_path: Path) -> None:
    entries = [
        Entry(f"Q{row}", "entity", f"имя {row}", "🏰" * (row % 7), "ru", ("\n",) * (row % 3)) for row in range(3000)
    ]
    index = PassageIndex.build(entries, None, tmp_path / "index")
    for row in np.random.default_rng(0).permutation(3000).tolist():
        assert index.entries[row] == entries[row]
    assert index.entries[2990:] == entries[2990:]


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    for again in (replace(ENTRIES[0], kind="type", lang="en"), replace(ENTRIES[0], name="имя")):
        with pytest.raises(DataError, match="one id"):
            PassageIndex.build([*ENTRIES, again], None, tmp_path / "index")
    with pytest.raises(DataError, match="no entries"):
        PassageIndex.build([], None, tmp_path / "index")
    for name in ("vectors", "../names", ""):
        with pytest.raises(ConfigError):
            PassageIndex.build(ENTRIES, None, tmp_path / "index", extra={name: {}})
    with pytest.raises(DataError, match="no such id"):
        PassageIndex.build(ENTRIES, None, tmp_path / "index").row("Q1")


@pytest.mark.parametrize("bad", [np.zeros((1, 3), np.float32), np.full((1, 4), np.nan, np.float32)])
def test_unfit_vectors_are_refused(tmp_path: Path, bad: Floats) -> None:
    class Broken(Letters):
        def passages(self, texts: Sequence[str]) -> Floats:
            return bad

    assert isinstance(Broken(), PassageEncoder)
    with pytest.raises(ModelError):
        PassageIndex.build(ENTRIES[:1], Broken(), tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_id_with_a_row_per_language_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    names = ["".join(rng.choice([*"аокс"], 9)) for _ in range(100)]
    entries = [Entry(f"Q{row // 2}", "entity", name, "", "ru" if row % 2 else "en") for row, name in enumerate(names)]
    queries = rng.normal(size=(5, 4)).astype(np.float32)
    for lookup in (0, 1_000):
        monkeypatch.setattr("relik_ml.index.rows.LOOKUP", lookup)
        index = PassageIndex.build(entries, Letters(), tmp_path / "index")
        assert index.rows("Q3") == [6, 7]
        assert index.row("Q3") == 6
        rows, scores = index.nearest(queries, 30)
        assert all(len({*line}) == 30 for line in rows // 2)
        every = queries @ index.stored_vectors[:].T
        assert np.allclose(scores, -np.sort(-every.reshape(5, 50, 2).max(axis=2))[:, :30], atol=1e-6)
        assert index.nearest(queries, 80)[0].shape == (5, 50)
        assert remove_rows(index, ["Q3"]).manifest["rows"] == 98


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_changed_index_equals_one_built_anew(storage: str, tmp_path: Path) -> None:
    config = IndexConfig(storage)  # type: ignore[arg-type]
    index = PassageIndex.build(ENTRIES[:4], Letters(), tmp_path / "index", config)
    changed = add_rows(remove_rows(index, ["WORKPLACE"]), ENTRIES[4:], Letters(), tmp_path / "changed")
    whole = PassageIndex.build([ENTRIES[0], *ENTRIES[2:]], Letters(), tmp_path / "whole", config)
    assert list(changed.entries) == list(whole.entries)
    assert np.array_equal(changed.stored_vectors[:], whole.stored_vectors[:])
    assert changed.manifest["files"] == whole.manifest["files"]
    assert changed.manifest["encoder"] == whole.manifest["encoder"]


def test_blocks_of_kept_rows_are_copied(tmp_path: Path) -> None:
    """Most rows stay in their compressed blocks; ends of blocks, ids and kinds fit those that follow."""
    many = [Entry(f"Q1{n:02}", "relation" if n > 90 else "entity", f"имя {n} " + "длинное " * n) for n in range(100)]
    index = PassageIndex.build(many, None, tmp_path / "index")
    for number, gone in enumerate(([], ["Q199"], ["Q195", "Q108"], ["Q100"])):
        kept = [entry for entry in many if entry.id not in gone]
        fewer = remove_rows(index, gone, tmp_path / f"fewer{number}") if gone else index
        changed = add_rows(fewer, ENTRIES, None, tmp_path / f"changed{number}")
        assert list(changed.entries) == [*kept, *ENTRIES]
        assert [changed.row(entry.id) for entry in changed.entries] == [*range(len(kept) + 5)]
        assert len(changed.by_kind("relation")) == sum(entry.kind == "relation" for entry in changed.entries)
    newer = [Entry("Q199", "relation", "новое имя"), Entry("Q200", "entity", "и ещё одно")]
    with pytest.raises(DataError, match="this id"):
        add_rows(index, newer, None)
    assert list(add_rows(index, newer, None, replace=True).entries) == [*many[:99], *newer]
    with pytest.raises(DataError, match="one id"):
        add_rows(index, [Entry("Q200", "entity", "one", lang="en"), Entry("Q107", "relation", "two", lang="en")], None)


def test_what_cannot_be_changed_is_refused(tmp_path: Path) -> None:
    index = PassageIndex.build(ENTRIES[:3], Letters(), tmp_path / "index", extra={"names": {"n": np.arange(3)}})
    with pytest.raises(ConfigError, match="rows"):
        remove_rows(index, ["Q649"])

    def count(old: Extra, kept: Ints, rows: Sequence[Entry]) -> Extra:
        return {"names": {"n": np.append(old["names"]["n"][kept], np.arange(len(kept), len(rows)) + 90)}}

    with pytest.raises(DataError, match="no such id"):
        remove_rows(index, ["Q9"], extra=count)
    with pytest.raises(DataError, match="left"):
        remove_rows(index, ["Q649", "WORKPLACE", "Q656"], extra=count)
    for entries, encoder, error, message in (
        (ENTRIES[:1], Letters(), DataError, "this id"),
        ([], Letters(), DataError, "no entries to add"),
        (ENTRIES[3:], None, ConfigError, "need an encoder"),
        (ENTRIES[3:], Letters("d" * 64), ModelError, "another encoder"),
    ):
        with pytest.raises(error, match=message):
            add_rows(index, entries, encoder, extra=count)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert add_rows(index, ENTRIES[3:4], Letters(), extra=count).extra["names"]["n"].tolist() == [0, 1, 2, 93]
    fewer = remove_rows(PassageIndex.open(tmp_path / "index"), ["WORKPLACE"], extra=count)
    assert fewer.extra["names"]["n"].tolist() == [0, 2, 93]
