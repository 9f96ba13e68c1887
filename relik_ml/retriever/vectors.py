"""Vectors at rest and exact search over them: float32, float16, or int8 with one scale a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import ConfigError, ModelError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Storage = Literal["float32", "float16", "int8"]

STORAGES: tuple[Storage, ...] = get_args(Storage)
BLOCK = 16_384  # rows that are unpacked and scored at a time: 16 MB for vectors of 256


def top(scores: NDArray[Any], k: int) -> Ints:
    """Columns of the k best scores of each row, best first, the leftmost first among equals: (Q, min(k, N)).

    >>> top(np.array([[1, 3, 3, 2]]), 3).tolist()
    [[1, 2, 3]]
    """
    k = min(k, scores.shape[1])
    if k < 1:
        return np.empty((len(scores), 0), dtype=np.int64)
    place = scores.shape[1] - k
    floors = np.partition(scores, place, axis=1)[:, place]
    best = np.empty((len(scores), k), dtype=np.int64)
    for row, floor in enumerate(floors):
        columns = np.flatnonzero(scores[row] >= floor)  # all ties of the worst are in, so the choice is ours
        best[row] = columns[np.argsort(-scores[row, columns], kind="stable")[:k]]
    return best


class Vectors:
    """N vectors of width D. Indexing gives float32, whatever they are stored as."""

    def __init__(self, stored: NDArray[Any], scale: Floats | None = None) -> None:
        """``stored`` is (N, D); ``scale`` (N,) belongs to int8 and to nothing else."""
        self.stored, self.scale = stored, scale

    @classmethod
    def pack(cls, vectors: Floats, storage: Storage = "float32") -> Vectors:
        """Store float vectors (N, D); int8 keeps the largest value of each row as 127.

        >>> Vectors.pack(np.array([[1.0, -0.5]], dtype=np.float32), "int8")[0].round(2).tolist()
        [1.0, -0.5]
        """
        if storage not in STORAGES:
            raise ConfigError("unknown storage", got=storage, fix=f"one of {', '.join(STORAGES)}")
        if not np.isfinite(vectors).all():
            raise ModelError("the encoder gave vectors that are not finite numbers", fix="check its weights")
        if storage != "int8":
            return cls(vectors.astype(storage))
        largest = np.abs(vectors).max(axis=1, initial=0.0)
        scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        return cls(np.rint(vectors / scale[:, None]).astype(np.int8), scale)

    @classmethod
    def join(cls, parts: list[Vectors]) -> Vectors:
        """The rows of several packs of one storage, in order."""
        scales = [part.scale for part in parts if part.scale is not None]
        return cls(np.concatenate([part.stored for part in parts]), np.concatenate(scales) if scales else None)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> Vectors:
        """What `tensors` gave."""
        return cls(tensors["vectors"], tensors.get("scale"))

    @property
    def tensors(self) -> dict[str, NDArray[Any]]:
        """The arrays to be written."""
        return {"vectors": self.stored} | ({} if self.scale is None else {"scale": self.scale})

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        count, width = self.stored.shape
        return count, width

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, rows: int | slice | NDArray[Any]) -> Floats:
        plain: Floats = self.stored[rows].astype(np.float32)
        return plain if self.scale is None else plain * self.scale[rows, ..., None]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[:].astype(dtype or np.float32, copy=False)

    def nearest(self, queries: Floats, k: int, rows: Ints | None = None) -> tuple[Ints, Floats]:
        """The k rows of largest inner product with each query (Q, D), among ``rows`` or all.

        Exact, block by block; equal scores are ordered by row, so the same question has the same answer.

        Returns:
            Row numbers (Q, K) and scores (Q, K), best first; K is k or the number of rows, if that is less.

        Raises:
            ConfigError: the queries are not (Q, D) finite numbers, or k is negative.
        """
        queries = self._checked(queries, k)
        rows = np.arange(len(self)) if rows is None else np.unique(rows)
        best, scores = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            best = np.hstack([best, np.broadcast_to(block, (len(queries), len(block)))])
            scores = np.hstack([scores, queries @ self[block].T])
            keep = top(scores, k)
            best, scores = np.take_along_axis(best, keep, 1), np.take_along_axis(scores, keep, 1)
        return best, scores

    def _checked(self, queries: Floats, k: int) -> Floats:
        queries = np.asarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.shape[1]:
            raise ConfigError("queries do not fit the index", got=str(queries.shape), fix=f"give (Q, {self.shape[1]})")
        if not np.isfinite(queries).all():
            raise ConfigError("queries are not finite numbers", fix="check the weights of the encoder")
        if k < 0:
            raise ConfigError("k is negative", got=str(k), fix="ask for 1 row or more")
        return queries
