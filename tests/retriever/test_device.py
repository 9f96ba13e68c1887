"""Search where torch computes: what it finds is what the exact search finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relik_ml.errors import ConfigError
from relik_ml.retriever import device as device_module
from relik_ml.retriever.device import DeviceVectors
from relik_ml.retriever.vectors import STORAGES, Storage, Vectors

RNG = np.random.default_rng(0)
ROWS, QUERIES = RNG.normal(size=(3_000, 24)).astype(np.float32), RNG.normal(size=(7, 24)).astype(np.float32)


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


def test_equal_scores_are_in_the_order_of_their_rows() -> None:
    found, _ = DeviceVectors(Vectors.pack(np.ones((6, 2), np.float32)), "cpu").nearest(np.ones((1, 2)), 6)
    assert found.tolist() == [[0, 1, 2, 3, 4, 5]]
