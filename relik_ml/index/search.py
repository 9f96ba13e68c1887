"""Vectors and exact search among them by inner product.

The search goes through blocks of rows that fit the processor's cache. Rows whose scores are all below the k-th best so
far, nearly all, are discarded at once; the others are sorted in among the best.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import ConfigError, ModelError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]
Storage = Literal["float32", "float16", "int8"]
STORAGES: tuple[Storage, ...] = get_args(Storage)

_BLOCK = 2**20  # numbers in a block of vectors, and in one of scores
_HELD = 512 * 2**20  # bytes of a memory map that stay in memory
_WORST = np.uint64(0xFF800000FFFFFFFF)  # the key of a score of -inf


class VectorIndex:
    """N vectors of dimension D. Subclasses set ``shape`` and implement ``__getitem__``."""

    shape: tuple[int, int]
    """(N, D)."""

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice | Ints) -> Floats:
        """The vectors of rows as float32, whatever the storage."""
        raise NotImplementedError

    def nearest(self, queries: Floats, k: int, rows: Ints | None = None) -> tuple[Ints, Floats]:
        """The k rows with the largest inner product for each query (Q, D), among ``rows`` or all rows.

        Returns:
            Row numbers (Q, K) and scores (Q, K), best first, equal scores by row; K is the smaller of k and the
            number of rows.

        Raises:
            ConfigError: the queries are not (Q, D) finite numbers, or k is negative.
        """
        queries = self._checked(queries, k)
        rows = np.arange(len(self)) if rows is None else ascending(rows)
        k, size = min(k, len(rows)), block_rows(max(self.shape[1], len(queries)))
        best, buffer = np.full((len(queries), k), _WORST), np.empty((size, self.shape[1]), np.float32)
        for start in range(0, len(rows) if best.size else 0, size):
            block = rows[start : start + size]
            scores = queries @ self._decoded(as_slice(block), buffer[: len(block)]).T
            likely = np.flatnonzero((scores > _scores(best[:, -1:])).any(axis=0))  # of equals the earlier row wins
            if len(likely):
                keys = np.concatenate([best, _keys(scores[:, likely], start + likely)], axis=1)
                best = np.sort(np.partition(keys, k - 1, axis=1)[:, :k], axis=1)
        return rows[(best & np.uint64(0xFFFFFFFF)).astype(np.int64)], _scores(best)

    def _decoded(self, rows: slice | Ints, buffer: Floats) -> Floats:
        """The vectors of rows; may be written into ``buffer``, which stays in the processor's cache."""
        return self[rows]

    def _checked(self, queries: Floats, k: int) -> Floats:
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.shape[1]:
            raise ConfigError("queries do not fit the index", got=str(queries.shape), fix=f"give (Q, {self.shape[1]})")
        if not np.isfinite(queries).all():
            raise ConfigError("queries are not finite numbers", fix="check the weights of the encoder")
        if k < 0:
            raise ConfigError("k is negative", got=str(k), fix="ask for 1 row or more")
        return queries


class Vectors(VectorIndex):
    """Vectors stored as float32, float16, or int8 with a scale for each row, in memory or mapped from files."""

    def __init__(self, stored: NDArray[Any], scale: Floats | None = None) -> None:
        """``stored`` is (N, D), ``scale`` (N,) belongs to int8."""
        self.stored, self.scale = stored, scale
        self.shape = stored.shape[0], stored.shape[1]
        self._bytes_read = 0

    @classmethod
    def pack(cls, vectors: Floats, storage: Storage = "float32") -> Vectors:
        """Store float vectors (N, D); int8 represents the largest magnitude of each row as 127.

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
        """Concatenate vectors of one storage."""
        scales = [part.scale for part in parts if part.scale is not None]
        return cls(np.concatenate([part.stored for part in parts]), np.concatenate(scales) if scales else None)

    @property
    def arrays(self) -> Arrays:
        """The arrays to store."""
        return {"vectors": self.stored} | ({} if self.scale is None else {"scale": self.scale})

    def __getitem__(self, rows: int | slice | Ints) -> Floats:
        plain: Floats = self.stored[rows].astype(np.float32)
        return plain if self.scale is None else plain * self.scale[rows, ..., None]

    def rewrite(self, folder: Path, kept: Ints, added: Iterable[Vectors]) -> None:
        """Write the stored rows ``kept``, then the rows of ``added``."""
        size = block_rows(self.shape[1])
        parts = (kept[start : start + size] for start in range(0, len(kept), size))
        old = (Vectors(self.stored[rows], None if self.scale is None else self.scale[rows]) for rows in parts)
        added = list(added)
        write_vectors(chain(old, added), len(kept) + sum(map(len, added)), folder)

    def _decoded(self, rows: slice | Ints, buffer: Floats) -> Floats:
        stored = self.stored[rows]
        self._bytes_read += stored.nbytes
        if self._bytes_read > _HELD:
            self._bytes_read = stored.nbytes
            if memory := getattr(self.stored, "_mmap", None):
                memory.madvise(mmap.MADV_DONTNEED)  # drop the pages; they are read again when needed
        if stored.dtype == np.float32:
            return stored
        _widen(stored, buffer)
        if self.scale is not None:
            buffer *= self.scale[rows, None]
        return buffer


def _widen(stored: NDArray[Any], buffer: Floats) -> None:
    """Convert to float32."""
    try:
        import torch  # converts float16 ten times as fast as numpy
    except ImportError:
        np.copyto(buffer, stored, casting="same_kind")
    else:
        torch.from_numpy(buffer).copy_(torch.from_numpy(stored))


def write_vectors(parts: Iterable[Vectors], count: int, folder: Path) -> None:
    """Write ``count`` vectors of one storage to ``vectors.npy`` (and ``scale.npy``), part by part."""
    written: Arrays = {}
    start = 0
    for part in parts:
        for name, array in part.arrays.items():
            if name not in written:
                shape = (count, *array.shape[1:])
                written[name] = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", array.dtype, shape)
            written[name][start : start + len(part)] = array
        start += len(part)


def hard_negatives(queries: Floats, vectors: VectorIndex, positives: Sequence[Collection[int]], k: int) -> list[Ints]:
    """For each query (Q, D) the k nearest rows that are not among its positives, best first.

    There are fewer than k when the index has no more rows. ``positives`` holds a collection of rows for each query.

    >>> rows = Vectors.pack(np.array([[1.0], [0.9], [0.1]], dtype=np.float32))
    >>> [found.tolist() for found in hard_negatives(np.ones((1, 1), np.float32), rows, [{0}], k=1)]
    [[1]]
    """
    ranked, _ = vectors.nearest(queries, k + max(map(len, positives), default=0))
    return [rows[~np.isin(rows, list(right))][:k] for rows, right in zip(ranked, positives, strict=True)]


def block_rows(width: int) -> int:
    """The number of rows in a block, of this dimension or with so many scores each."""
    return max(_BLOCK // max(width, 1), 64)


def _keys(scores: Floats, rows: Ints) -> NDArray[np.uint64]:
    """Score and row as one integer: in the order of descending score, then ascending row."""
    bits = (scores + np.float32(0)).view(np.int32)  # -0.0 becomes 0.0
    high = np.where(bits < 0, bits, bits ^ 0x7FFFFFFF).view(np.uint32)
    return high.astype(np.uint64) << np.uint64(32) | rows.astype(np.uint64)


def _scores(keys: NDArray[np.uint64]) -> Floats:
    bits = (keys >> np.uint64(32)).astype(np.uint32).view(np.int32)
    return np.where(bits < 0, bits, bits ^ 0x7FFFFFFF).view(np.float32)


def ascending(rows: Ints) -> Ints:
    """Unique rows in ascending order. Rows are nearly always sorted already, so that is checked first."""
    rows = np.asarray(rows, dtype=np.int64)
    return rows if bool((rows[1:] > rows[:-1]).all()) else np.unique(rows)


def as_slice(rows: Ints) -> slice | Ints:
    """Ascending rows as a slice if they have no gaps, because slices need no copy."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows
