"""Search by vector: exact search equals a full sort, and clusters find nearly the same."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.data import write_manifest
from relik_ml.errors import ConfigError, ModelError
from relik_ml.index import (
    FORMAT,
    KINDS,
    STORAGES,
    Floats,
    IndexConfig,
    Ints,
    PassageIndex,
    Storage,
    Vectors,
    add_rows,
    choose_kind,
    hard_negatives,
    remove_rows,
)
from relik_ml.types import Entry

WIDTH, MANY = 16, 12_000
ENTRIES = [Entry(f"Q{row}", "entity" if row % 400 else "relation", f"имя {row}") for row in range(MANY)]


def ids_of(index: PassageIndex, queries: Floats, k: int, rows: Ints | None = None) -> list[list[str]]:
    return [[index.entries.ids[row] for row in line] for line in index.nearest(queries, k, rows)[0].tolist()]


def by_full_sort(rows: Floats, queries: Floats, k: int) -> Ints:
    return np.argsort(-(queries.astype(np.float64) @ rows.astype(np.float64).T), axis=1, kind="stable")[:, :k]


@given(st.data(), st.integers(1, 40), st.integers(0, 45), st.integers(1, 9))
def test_search_equals_a_full_sort(data: st.DataObject, count: int, k: int, block: int) -> None:
    whole = st.lists(st.integers(-3, 3), min_size=3, max_size=3)  # whole numbers: sums are exact, ties are many
    rows = np.array(data.draw(st.lists(whole, min_size=count, max_size=count)), dtype=np.float32)
    queries = np.array(data.draw(st.lists(whole, min_size=1, max_size=3)), dtype=np.float32)
    among = np.array(sorted(data.draw(st.sets(st.integers(0, count - 1)))), np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relik_ml.index.search.block_rows", lambda width: block)
        found, scores = Vectors.pack(rows).nearest(queries, k)
        some, _ = Vectors.pack(rows).nearest(queries, k, among)
    assert np.array_equal(found, by_full_sort(rows, queries, k))
    assert np.array_equal(scores, np.take_along_axis(queries @ rows.T, found, 1))
    assert np.array_equal(some, among[by_full_sort(rows[among], queries, k)])


@pytest.mark.parametrize("storage", STORAGES)
def test_storage_keeps_vectors_to_its_precision(storage: Storage) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    rows[7] = 0
    packed = Vectors.join([Vectors.pack(rows[:20], storage), Vectors.pack(rows[20:], storage)])
    bound = {"float32": 0.0, "float16": 2**-11, "int8": 0.5 / 127}[storage] * np.abs(rows).max(axis=1, keepdims=True)
    assert (np.abs(packed[:] - rows) <= bound * 1.001).all()
    assert np.array_equal(packed[7], np.zeros(16))
    found, scores = packed.nearest(rows[:3], 5)
    assert found[:, 0].tolist() == [0, 1, 2]
    assert np.allclose(scores[:, 0], (packed[:3] * rows[:3]).sum(axis=1), rtol=1e-5)


def test_unfit_queries_are_refused() -> None:
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


class Clustered:
    """A stand-in encoder: the number in a text seeds its vector, near to one of fifty centres."""

    dimension, fingerprint = WIDTH, "c" * 64

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.seen, self.centres, self.noise = 0, rng.normal(size=(50, WIDTH)), rng.normal(size=(2 * MANY, WIDTH))

    def passages(self, texts: Sequence[str]) -> Floats:
        self.seen += len(texts)
        rows = np.array([int(text.split()[1]) for text in texts], dtype=np.int64)
        vectors = self.centres[rows % 50] + 0.4 * self.noise[rows]
        unit: Floats = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return unit

    queries = passages


QUERIES = Clustered().queries([f"имя {MANY + row}" for row in range(40)])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("faiss")
    folder = tmp_path_factory.mktemp("kinds")
    for kind in KINDS:
        PassageIndex.build(ENTRIES, Clustered(), folder / kind, IndexConfig(kind=kind, storage="float32"))
    return folder


@pytest.mark.parametrize(("kind", "floor"), [("ivf-sq8", 0.95), ("ivf-pq", 0.5)])
def test_clusters_find_what_exact_search_finds(home: Path, kind: str, floor: float) -> None:
    index = PassageIndex.open(home / kind)
    rows, scores = index.nearest(QUERIES, 20)
    wanted, _ = PassageIndex.open(home / "exact").nearest(QUERIES, 20)
    assert np.mean([len({*one} & {*other}) / 20 for one, other in zip(rows, wanted, strict=True)]) >= floor
    assert (np.diff(scores, axis=1) <= 0).all()
    assert index.nearest(QUERIES[:0], 5)[0].shape == (0, 5)
    assert index.info()["search"] == {"kind": kind, "reason": "as asked"}


@pytest.mark.parametrize("kind", KINDS)
def test_few_rows_and_all_rows_are_searched_completely(home: Path, kind: str) -> None:
    index = PassageIndex.open(home / kind)
    relations, _ = index.nearest(QUERIES[:3], 100, index.by_kind("relation"))
    assert relations.shape == (3, 30)
    assert {*relations.ravel()} == {*range(0, MANY, 400)}
    rows, _ = index.nearest(QUERIES[:1], 7_000, np.arange(5, 8_000))
    assert len(np.unique(rows)) == rows.size == 7_000
    assert ((rows >= 5) & (rows < 8_000)).all()
    half, _ = index.nearest(QUERIES[:2], 10, np.arange(0, MANY, 2))
    assert (half % 2 == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_added_and_removed(home: Path, tmp_path: Path, kind: str) -> None:
    index, encoder = PassageIndex.open(home / kind), Clustered()
    gone = {f"Q{row}" for row in range(0, MANY, 3)}
    index.nearest(QUERIES[:1], 3, index.by_kind("relation"))  # decodes some rows
    fewer = remove_rows(index, gone, tmp_path / "fewer")
    assert len(index) == MANY
    assert not gone & {*fewer.entries.ids}
    assert not gone & {id for line in ids_of(fewer, QUERIES, 50) for id in line}
    new = [Entry(f"N{row}", "entity", f"имя {MANY + row}") for row in range(40)]
    more = add_rows(fewer, new, encoder, tmp_path / "more")
    assert encoder.seen == len(new)
    assert list(more.entries) == [entry for entry in ENTRIES if entry.id not in gone] + new
    assert ids_of(more, QUERIES, 1) == [[entry.id] for entry in new] or kind == "ivf-pq"
    kept = np.setdiff1d(np.arange(MANY), np.arange(0, MANY, 3))
    assert np.allclose(more.stored_vectors[np.arange(len(kept))], index.stored_vectors[kept], atol=1e-6)
    assert PassageIndex.verify(tmp_path / "more") == len(more.manifest["files"])


def test_same_rows_give_the_same_clusters(home: Path, tmp_path: Path) -> None:
    PassageIndex.build(ENTRIES, Clustered(), tmp_path / "again", IndexConfig(kind="ivf-pq", storage="float32"))
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (home / "ivf-pq" / "manifest.json").read_bytes()


def test_released_memory_is_read_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = PassageIndex.open(home / "exact")
    wanted = index.nearest(QUERIES, 9)
    monkeypatch.setattr("relik_ml.index.search._HELD", 1)  # every block is released after the next
    found = index.nearest(QUERIES, 9)
    assert np.array_equal(found[0], wanted[0])
    assert np.array_equal(found[1], wanted[1])


def test_kind_follows_the_number_of_rows() -> None:
    for rows, kind in {10: "exact", 299_999: "exact", 300_000: "ivf-sq8", 20_000_000: "ivf-pq"}.items():
        assert choose_kind("auto", rows, faiss=True).kind == kind
        assert choose_kind("auto", rows, faiss=False).kind == "exact"
        assert f"{rows:,}" in choose_kind("auto", rows, faiss=True).reason
    assert "not installed" in choose_kind("auto", 10**6, faiss=False).reason
    assert choose_kind("ivf-pq", 10_000, faiss=True) == ("ivf-pq", "as asked")
    with pytest.raises(ConfigError, match="unknown kind"):
        choose_kind("flat", 5)
    with pytest.raises(ConfigError, match="needs faiss") as error:
        choose_kind("ivf-sq8", 5, faiss=False)
    assert "relik-ml[faiss]" in error.value.fix


def test_too_few_rows_and_no_faiss_are_refused_at_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Clustered()
    with pytest.raises(ConfigError, match="learns from"):
        PassageIndex.build(ENTRIES[:500], encoder, tmp_path / "index", IndexConfig(kind="ivf-pq"))
    assert (encoder.seen, list(tmp_path.iterdir())) == (0, [])
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ConfigError, match="needs faiss"):
        PassageIndex.open(home / "ivf-sq8")
    assert len(PassageIndex.open(home / "exact").nearest(QUERIES, 3)[0]) == 40


@pytest.mark.parametrize("kind", ["damaged", "flat", "hnsw-sq8"])
def test_faiss_indexes_that_cannot_be_read_are_refused(kind: str, tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    index = PassageIndex.build(ENTRIES[:50], Clustered(), tmp_path, IndexConfig(kind="ivf-sq8"))
    path = tmp_path / "vectors.faiss"
    if kind == "damaged":
        path.write_bytes(path.read_bytes()[:100])
    else:
        faiss.write_index(faiss.index_factory(WIDTH, "Flat" if kind == "flat" else "HNSW16_SQ8"), str(path))
    write_manifest(tmp_path, FORMAT, {key: index.manifest[key] for key in ("kinds", "tensors")})
    with pytest.raises(ModelError, match="cannot read" if kind == "damaged" else kind) as error:
        PassageIndex.open(tmp_path)
    assert "relik-ml index build" in error.value.fix
