"""Kinds of index: each finds what a full sort finds, rows come and go, and a passage in each language is one id."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from relik_ml.errors import ConfigError, DataError, ModelError
from relik_ml.index import IndexConfig, PassageIndex, Storage, VectorIndex, add_rows, remove_rows
from relik_ml.index import build as build_module
from relik_ml.index.build import Extra
from relik_ml.index.device import DeviceVectors
from relik_ml.index.exact import block_rows
from relik_ml.index.kinds import KINDS, choose
from relik_ml.index.tensors import release
from relik_ml.index.vectors import Floats
from relik_ml.types import Entry

WIDTH, MANY = 16, 12_000
ENTRIES = [Entry(f"Q{row}", "entity" if row % 400 else "relation", f"имя {row}") for row in range(MANY)]


class Clusters:
    """A stand-in encoder: the number in a text seeds its vector, near to one of fifty centres."""

    dimension, fingerprint = WIDTH, "c" * 64

    def __init__(self) -> None:
        self.seen = 0
        rng = np.random.default_rng(1)
        self.centres = rng.normal(size=(50, WIDTH))
        self.noise = rng.normal(size=(2 * MANY, WIDTH))

    def passages(self, texts: Sequence[str]) -> Floats:
        self.seen += len(texts)
        rows = np.array([int(text.split()[1]) for text in texts], dtype=np.int64)
        vectors = self.centres[rows % 50] + 0.4 * self.noise[rows]
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    queries = passages


QUERIES = Clusters().queries([f"имя {MANY + row}" for row in range(40)])


def recall(index: PassageIndex, exact: PassageIndex, k: int = 20) -> float:
    found, wanted = index.search(QUERIES, k)[0], exact.search(QUERIES, k)[0]
    return float(np.mean([len({*one} & {*other}) / k for one, other in zip(found, wanted, strict=True)]))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    for kind in KINDS:
        if kind != "exact":
            pytest.importorskip("faiss")
        PassageIndex.build(ENTRIES, Clusters(), folder / kind, IndexConfig(kind=kind, storage="float32"))
    return folder


@pytest.mark.parametrize(("kind", "floor"), [("flat", 1), ("hnsw-sq8", 0.95), ("ivf-sq8", 0.95), ("ivf-pq", 0.5)])
def test_each_kind_finds_what_exact_search_finds(home: Path, kind: str, floor: float) -> None:
    index = PassageIndex.open(home / kind)
    assert recall(index, PassageIndex.open(home / "exact")) >= floor
    ids, scores = index.search(QUERIES[:2], 5)
    assert ids.shape == scores.shape == (2, 5)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert index.search(QUERIES[:0], 5)[0].shape == (0, 5)
    assert index.info()["search"] == {"kind": kind, "reason": "as asked"}
    assert index.info()["encoder"]["dimension"] == WIDTH


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_rows_and_all_rows_are_searched_completely(home: Path, kind: str) -> None:
    index = PassageIndex.open(home / kind)
    ids, _ = index.search(QUERIES[:3], 100, kind="relation")
    assert ids.shape == (3, 30)
    assert {index.entries[index.row(id)].kind for id in ids.ravel()} == {"relation"}
    rows, _ = index.nearest(QUERIES[:1], 7_000, np.arange(5, 8_000))
    assert len(np.unique(rows)) == rows.size == 7_000
    assert ((rows >= 5) & (rows < 8_000)).all()
    half, _ = index.nearest(QUERIES[:2], 10, np.arange(0, MANY, 2))
    assert (half % 2 == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_come_and_go(home: Path, tmp_path: Path, kind: str) -> None:
    index, encoder = PassageIndex.open(home / kind), Clusters()
    gone = [f"Q{row}" for row in range(0, MANY, 3)]
    index.search(QUERIES[:1], 3, kind="relation")  # decodes some rows
    fewer = remove_rows(index, gone, tmp_path / "fewer")
    assert len(index) == MANY
    assert not {*gone} & {*fewer.entries.ids}
    assert not {*gone} & {*fewer.search(QUERIES, 50)[0].ravel()}
    new = [Entry(f"N{row}", "entity", f"имя {MANY + row}") for row in range(40)]
    more = add_rows(fewer, new, encoder, tmp_path / "more")
    assert encoder.seen == len(new)
    assert list(more.entries) == [entry for entry in ENTRIES if entry.id not in {*gone}] + new
    assert more.search(QUERIES, 1)[0][:, 0].tolist() == [entry.id for entry in new] or kind == "ivf-pq"
    kept = np.setdiff1d(np.arange(MANY), np.arange(0, MANY, 3))
    assert np.allclose(more.stored_vectors[np.arange(len(kept))], index.stored_vectors[kept], atol=1e-6)
    assert PassageIndex.verify(tmp_path / "more") == len(more.manifest["files"])


def test_the_same_rows_give_the_same_bytes(home: Path, tmp_path: Path) -> None:
    for kind in ("hnsw-sq8", "ivf-pq"):
        PassageIndex.build(ENTRIES, Clusters(), tmp_path / kind, IndexConfig(kind=kind, storage="float32"))
        assert (tmp_path / kind / "manifest.json").read_bytes() == (home / kind / "manifest.json").read_bytes()


def test_what_cannot_be_changed_is_refused(tmp_path: Path) -> None:
    index = PassageIndex.build(ENTRIES[:3], Clusters(), tmp_path / "index", extra={"names": {"n": np.arange(3)}})
    with pytest.raises(ConfigError, match="speak of its rows"):
        remove_rows(index, ["Q1"])

    def count(old: Extra, kept: NDArray[np.int64], rows: Sequence[Entry]) -> Extra:
        return {"names": {"n": np.append(old["names"]["n"][kept], np.arange(len(kept), len(rows)) + 90)}}

    with pytest.raises(DataError, match="no such id"):
        remove_rows(index, ["Q9"], extra=count)
    with pytest.raises(DataError, match="nothing would be left"):
        remove_rows(index, ["Q0", "Q1", "Q2"], extra=count)
    with pytest.raises(DataError, match="one id"):
        add_rows(index, ENTRIES[:1], Clusters(), extra=count)
    with pytest.raises(DataError, match="no entries to add"):
        add_rows(index, [], Clusters(), extra=count)
    with pytest.raises(ConfigError, match="need an encoder"):
        add_rows(index, ENTRIES[3:4], None, extra=count)
    other = Clusters()
    other.fingerprint = "d" * 64
    with pytest.raises(ModelError, match="another encoder"):
        add_rows(index, ENTRIES[3:4], other, extra=count)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert add_rows(index, ENTRIES[3:4], Clusters(), extra=count).extra["names"]["n"].tolist() == [0, 1, 2, 93]
    assert len(PassageIndex.open(tmp_path / "index")) == 4
    fewer = remove_rows(PassageIndex.open(tmp_path / "index"), ["Q1"], extra=count)
    assert fewer.extra["names"]["n"].tolist() == [0, 2, 93]


@pytest.mark.parametrize("packed", [0, 1_000])
def test_one_id_may_have_a_passage_in_each_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: int
) -> None:
    monkeypatch.setattr(build_module, "PACKED", packed)
    entries = [replace(entry, id=f"Q{row // 2}", kind="entity", lang="ru" if row % 2 else "en")
               for row, entry in enumerate(ENTRIES[:100])]  # fmt: skip
    index = PassageIndex.build(entries, Clusters(), tmp_path / "index")
    assert index.rows("Q3") == [6, 7]
    assert index.row("Q3") == 6
    ids, scores = index.search(QUERIES[:5], 30)
    assert all(len({*line}) == 30 for line in ids)
    every = QUERIES[:5] @ index.stored_vectors[np.arange(100)].T
    assert np.allclose(scores, -np.sort(-every.reshape(5, 50, 2).max(axis=2))[:, :30], atol=1e-6)
    assert index.search(QUERIES[:5], 80)[0].shape == (5, 50)
    with pytest.raises(DataError, match="one id"):
        PassageIndex.build([*entries, replace(entries[0], name="имя 5000")], Clusters(), tmp_path / "index")
    assert list(PassageIndex.open(tmp_path / "index").entries) == entries
    assert remove_rows(index, ["Q3"]).manifest["rows"] == 98


def test_large_and_small_indexes_hold_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = PassageIndex.build(ENTRIES[:900], Clusters(), tmp_path / "small")
    monkeypatch.setattr(build_module, "PACKED", 0)
    large = PassageIndex.build(ENTRIES[:900], Clusters(), tmp_path / "large")
    assert list(large.entries) == list(small.entries) == ENTRIES[:900]
    assert list(large.entries.ids) == list(small.entries.ids)
    assert large.entries.ids[-2:] == ["Q898", "Q899"]
    assert large.rows("Q17") == small.rows("Q17") == [17]
    assert "Q900" not in large
    assert np.array_equal(large.search(QUERIES, 9)[0], small.search(QUERIES, 9)[0])
    assert np.array_equal(large.by_kind("relation"), small.by_kind("relation"))


def test_a_large_index_is_verified_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PassageIndex.build(ENTRIES[:50], Clusters(), tmp_path / "index")
    monkeypatch.setattr("relik_ml.index.index._VERIFIED", 0)
    path = tmp_path / "index" / "vectors.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    PassageIndex.open(tmp_path / "index")
    with pytest.raises(ModelError, match="damaged"):
        PassageIndex.verify(tmp_path / "index")
    path.write_bytes(data[:-1])
    with pytest.raises(ModelError, match="damaged") as error:
        PassageIndex.open(tmp_path / "index")
    assert "bytes instead of" in error.value.got
    path.unlink()
    with pytest.raises(ModelError, match="missing"):
        PassageIndex.open(tmp_path / "index")


def test_memory_that_is_given_back_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = PassageIndex.build(ENTRIES[:9_000], Clusters(), tmp_path / "index")
    wanted = index.search(QUERIES, 9)
    monkeypatch.setattr("relik_ml.index.vectors._HELD", 1)
    given_back = []
    monkeypatch.setattr("relik_ml.index.vectors.release", lambda array: given_back.append(release(array)))
    found = PassageIndex.open(tmp_path / "index").search(QUERIES, 9)
    assert len(given_back) == -(-9_000 // block_rows(WIDTH))
    assert np.array_equal(found[0], wanted[0])
    assert np.array_equal(found[1], wanted[1])
    release(np.arange(3))


def test_the_kind_follows_the_size_and_says_why() -> None:
    sizes = {10: "exact", 299_999: "exact", 300_000: "ivf-sq8", 20_000_000: "ivf-pq"}
    for rows, kind in sizes.items():
        assert choose("auto", rows, faiss=True).kind == kind
        assert choose("auto", rows, faiss=False).kind == "exact"
        assert f"{rows:,}" in choose("auto", rows, faiss=True).reason
    assert "not installed" in choose("auto", 10**6, faiss=False).reason
    assert choose("ivf-pq", 10_000, faiss=True) == ("ivf-pq", "as asked")
    with pytest.raises(ConfigError, match="learns from"):
        choose("ivf-pq", 9_999, faiss=True)
    with pytest.raises(ConfigError, match="unknown kind"):
        choose("lsh", 5)
    with pytest.raises(ConfigError, match="needs faiss") as error:
        choose("flat", 5, faiss=False)
    assert "relik-ml[faiss]" in error.value.fix


def test_without_faiss_an_index_that_needs_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ConfigError, match="needs faiss"):
        PassageIndex.open(home / "flat")
    assert len(PassageIndex.open(home / "exact").search(QUERIES, 3)[0]) == 40


def test_product_quantisation_wants_rows(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    encoder = Clusters()
    with pytest.raises(ConfigError, match="learns from"):
        PassageIndex.build(ENTRIES[:500], encoder, tmp_path / "index", IndexConfig(kind="ivf-pq"))
    assert encoder.seen == 0, "it is refused before anything is encoded"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_faiss_cannot_read_is_refused(home: Path, tmp_path: Path) -> None:
    from relik_ml.index import FaissVectors

    path = tmp_path / "vectors.faiss"
    path.write_bytes((home / "flat" / "vectors.faiss").read_bytes()[:100])
    with pytest.raises(ModelError, match="faiss cannot read"):
        FaissVectors.open(path)


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_an_index_on_a_device_keeps_its_vectors(storage: Storage, tmp_path: Path) -> None:
    encoder = Clusters()
    index = PassageIndex.build(ENTRIES[:9], encoder, tmp_path / "index", IndexConfig(storage))
    stored = index.stored_vectors[:]
    moved = PassageIndex.open(tmp_path / "index", device="cpu:0")
    assert isinstance(moved.vectors, DeviceVectors)
    fewer = remove_rows(moved, [ENTRIES[4].id], tmp_path / "fewer")
    assert np.array_equal(fewer.stored_vectors[:], np.delete(stored, 4, 0))
    more = add_rows(moved, ENTRIES[9:12], encoder, tmp_path / "more")
    assert np.array_equal(more.stored_vectors[:9], stored)
    whole = PassageIndex.build(ENTRIES[:12], encoder, tmp_path / "whole", IndexConfig(storage))
    assert np.array_equal(more.stored_vectors[:], whole.stored_vectors[:])
    assert more.manifest["encoder"] == whole.manifest["encoder"]


def test_vectors_of_no_known_kind_are_not_dropped(tmp_path: Path) -> None:
    index = PassageIndex.build(ENTRIES[:3], Clusters(), tmp_path / "index")
    index.vectors = cast(VectorIndex, np.ones((3, 8)))
    with pytest.raises(ConfigError, match="cannot be written"):
        remove_rows(index, [ENTRIES[0].id])
    assert len(PassageIndex.open(tmp_path / "index")) == 3
