"""Vectors at rest and exact search over them: float32, float16, or int8 with one scale a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import ConfigError, ModelError
from relik_ml.index.exact import Floats, Ints, ascending, check_queries, nearest
from relik_ml.index.tensors import release

__all__ = ["STORAGES", "Floats", "Ints", "Storage", "VectorIndex", "Vectors"]

Storage = Literal["float32", "float16", "int8"]

_HELD = 512 * 2**20  # bytes of a mapped file that a search keeps in memory
STORAGES: tuple[Storage, ...] = get_args(Storage)


class VectorIndex(Protocol):
    """N vectors of width D that can be searched by inner product, exactly or nearly so."""

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: int | slice | Ints) -> Floats:
        """The vectors of some rows as float32, as far as they were kept."""
        ...

    def nearest(self, queries: Floats, k: int, rows: Ints | None = None) -> tuple[Ints, Floats]:
        """The k rows of largest inner product with each query (Q, D), among ``rows`` or all.

        Returns:
            Row numbers (Q, K) and scores (Q, K), best first, equal scores by row; K is k or the number of rows,
            if that is less.

        Raises:
            ConfigError: the queries are not (Q, D) finite numbers, or k is negative.
        """
        ...


class Vectors:
    """N vectors of width D. Indexing gives float32, whatever they are stored as."""

    def __init__(self, stored: NDArray[Any], scale: Floats | None = None) -> None:
        """``stored`` is (N, D); ``scale`` (N,) belongs to int8 and to nothing else."""
        self.stored, self.scale = stored, scale
        self._read = 0

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
        """See `VectorIndex`; exact, so the same question has the same answer."""
        queries = check_queries(queries, k, self.shape[1])
        rows = np.arange(len(self)) if rows is None else ascending(rows)
        return nearest(queries, k, self._unpack, rows, self.shape[1])

    def take(self, rows: Ints) -> Vectors:
        """Some rows, packed as they are."""
        return Vectors(self.stored[rows], None if self.scale is None else self.scale[rows])

    def _unpack(self, rows: slice | Ints, buffer: Floats) -> Floats:
        stored = self.stored[rows]
        self._read += stored.nbytes
        if self._read > _HELD:
            release(self.stored)
            self._read = stored.nbytes
        if stored.dtype == np.float32:
            return stored
        return _widened(stored, None if self.scale is None else self.scale[rows], buffer)


def _widened(stored: NDArray[Any], scale: Floats | None, buffer: Floats) -> Floats:
    """Unpacked by torch, which converts float16 ten times as fast as numpy."""
    import torch

    unpacked = torch.from_numpy(buffer).copy_(torch.from_numpy(stored))
    if scale is not None:
        unpacked.mul_(torch.from_numpy(scale)[:, None])
    return buffer
