"""Search where torch computes: what it finds is what the exact search finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from relik_ml.errors import ConfigError
from relik_ml.index import STORAGES, FaissVectors, IndexConfig, PassageIndex, Storage, Vectors
from relik_ml.index import device as device_module
from relik_ml.index.device import DeviceVectors
from relik_ml.index.kinds import Kind
from relik_ml.index.vectors import Floats
from relik_ml.types import Entry

RNG = np.random.default_rng(0)
ROWS, QUERIES = RNG.normal(size=(3_000, 24)).astype(np.float32), RNG.normal(size=(7, 24)).astype(np.float32)


class Drawn:
    """A stand-in encoder."""

    dimension, fingerprint = 24, "d" * 64

    def passages(self, texts: Sequence[str]) -> Floats:
        return ROWS[: len(texts)]

    queries = passages


def compare(device: str, storage: Storage) -> None:
    exact = Vectors.pack(ROWS, storage)
    moved = DeviceVectors(exact, device)
    assert moved.shape == (len(moved), 24) == (3_000, 24)
    assert np.array_equal(moved[5:8], exact[5:8])
    for rows in (None, np.arange(100, 900), np.arange(3_000)[::7]):
        found, scores = moved.nearest(QUERIES, 25, rows)
        wanted, expected = exact.nearest(QUERIES, 25, rows)
        assert np.allclose(scores, expected, atol=1e-4)
        assert (found == wanted).mean() > 0.99  # neighbours of nearly one score may change places
    assert moved.nearest(QUERIES, 9, np.arange(4))[0].shape == (7, 4)
    assert moved.nearest(QUERIES[:0], 9)[0].shape == (0, 9)
    assert moved.nearest(QUERIES, 3, np.arange(0))[0].shape == (7, 0)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("block", [500, 2**18])
def test_torch_finds_what_exact_search_finds(storage: Storage, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "_ROWS", block)
    compare("cpu", storage)


@pytest.mark.gpu
@pytest.mark.parametrize("storage", STORAGES)
def test_a_graphics_card_finds_what_exact_search_finds(storage: Storage) -> None:
    compare("cuda", storage)


def test_a_device_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="device"):
        DeviceVectors(Vectors.pack(ROWS), "cuda:99")


class Cards:
    """The edge of faiss for graphics cards: a copy in memory stands in for one on a card."""

    def __init__(self, faiss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.faiss, self.asked = faiss, 0
        monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
        monkeypatch.setattr(faiss, "get_num_gpus", lambda: 2, raising=False)
        monkeypatch.setattr(faiss, "index_cpu_to_gpu", self.copy, raising=False)

    def copy(self, resources: object, card: int, index: Any) -> Cards:
        if card:
            raise RuntimeError("out of memory")
        self.index = self.faiss.deserialize_index(self.faiss.serialize_index(index))
        return self

    def search(self, queries: Floats, k: int) -> Any:
        self.asked += 1
        return self.index.search(queries, k)


@pytest.mark.parametrize("kind", ["flat", "ivf-sq8", "ivf-pq"])
def test_an_index_of_faiss_is_searched_on_a_card(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = Cards(pytest.importorskip("faiss"), monkeypatch)
    rows = np.random.default_rng(0).normal(size=(10_000, 8)).astype(np.float32)
    FaissVectors.build(kind, [Vectors.pack(rows)], rows).write(tmp_path / "vectors.faiss")
    index = FaissVectors.open(tmp_path / "vectors.faiss")
    wanted, moved = index.nearest(rows[:9], 20), index.on("cuda")
    found = moved.nearest(rows[:9], 20)
    assert cards.asked == 1
    assert np.array_equal(found[0], wanted[0])
    assert np.allclose(found[1], wanted[1])
    for among, k in ((np.arange(5_000), 20), (np.arange(7), 3), (None, 3_000)):
        assert np.array_equal(moved.nearest(rows[:9], k, among)[0], index.nearest(rows[:9], k, among)[0])
    assert cards.asked == 1
    edited = moved.edited(np.arange(1, 10_000), [Vectors.pack(rows[:1])])
    assert np.allclose(edited[np.arange(9_999)], index[np.arange(1, 10_000)])
    with pytest.raises(ConfigError, match="cannot hold"):
        index.on("cuda:1")
    for none in ("cuda:2", "cuda:x", "mps"):
        with pytest.raises(ConfigError, match="cannot use the device"):
            index.on(none)


def test_a_graph_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    Cards(pytest.importorskip("faiss"), monkeypatch)
    graph = FaissVectors.build("hnsw-sq8", [Vectors.pack(ROWS)], ROWS)
    assert graph.on("cuda") is graph


@pytest.mark.parametrize("kind", ["exact", "flat"])
def test_without_a_card_an_index_says_so(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    if torch.cuda.is_available():
        pytest.skip("there is a graphics card")
    entries = [Entry(f"Q{row}", "entity", f"имя {row}") for row in range(9)]
    PassageIndex.build(entries, Drawn(), tmp_path / "index", IndexConfig(kind=kind))
    with pytest.raises(ConfigError, match="device") as error:
        PassageIndex.open(tmp_path / "index", device="cuda")
    assert "cpu" in error.value.fix


def test_equal_scores_are_in_the_order_of_their_rows() -> None:
    found, _ = DeviceVectors(Vectors.pack(np.ones((6, 2), np.float32)), "cpu").nearest(np.ones((1, 2)), 6)
    assert found.tolist() == [[0, 1, 2, 3, 4, 5]]
