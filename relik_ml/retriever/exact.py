"""Exact search by inner product: blocks that stay in the processor's cache, the best k of each query kept as they pass.

One matrix product a block, then one comparison with the worst score that is still kept: nearly all scores end there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_VALUES = 2**20  # numbers of a block: 4 MB as float32


def block_rows(width: int) -> int:
    """How many rows of this width are unpacked and scored at a time."""
    return min(max(_VALUES // max(width, 1), 1024), 4096)


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


class _Hits(NamedTuple):
    """Scored rows, flat: which query, which row, how good; (H,) each."""

    queries: Ints
    rows: Ints
    scores: Floats


class Best:
    """The best k rows of each query, kept up while blocks of scores pass in the order of their rows.

    >>> best = Best(2)
    >>> best.offer(np.array([[1, 5, 3]], np.float32), 0)
    >>> best.offer(np.array([[4, 5]], np.float32), 3)
    >>> best.result()[0].tolist()
    [[1, 4]]
    """

    def __init__(self, k: int) -> None:
        """``k`` is at least 1, and the first block offered has k columns or is the only one."""
        self.k = k
        self._hits: list[_Hits] = []
        self._waiting = 0
        self._floor: Floats | None = None

    def offer(self, scores: Floats, start: int) -> None:
        """Consider scores (Q, B) of the rows from ``start`` on."""
        if self._floor is None:
            columns = top(scores, self.k)
            kept = np.take_along_axis(scores, columns, 1)
            queries = np.repeat(np.arange(len(scores)), columns.shape[1])
            self._hits, self._floor = [_Hits(queries, start + columns.ravel(), kept.ravel())], kept[:, -1:]
            return
        # An equal score of a later row loses, so what is not greater than the floor is out.
        places = np.flatnonzero(scores > self._floor)
        queries, columns = np.divmod(places, scores.shape[1])
        self._hits.append(_Hits(queries, start + columns, scores.ravel()[places]))
        self._waiting += len(places)
        if self._waiting > 2 * self.k * len(scores):
            self._merge()

    def result(self) -> tuple[Ints, Floats]:
        """Rows (Q, K) and scores (Q, K), best first, equal scores by row."""
        assert self._floor is not None, "nothing was offered"
        self._merge()
        count, (_, rows, scores) = len(self._floor), self._hits[0]
        return rows.reshape(count, -1), scores.reshape(count, -1)

    def _merge(self) -> None:
        if self._floor is None or not len(self._floor):
            return
        queries, rows, scores = map(np.concatenate, zip(*self._hits, strict=True))
        order = np.lexsort((rows, -scores, queries))
        queries, rows, scores = queries[order], rows[order], scores[order]
        rank = np.arange(len(queries)) - np.searchsorted(queries, np.arange(len(self._floor)))[queries]
        kept = rank < self.k
        self._hits, self._waiting = [_Hits(queries[kept], rows[kept], scores[kept])], 0
        self._floor = scores[kept].reshape(len(self._floor), -1)[:, -1:]


def nearest(
    queries: Floats, k: int, unpack: Callable[[slice | Ints, Tensor], Tensor], rows: Ints, width: int
) -> tuple[Ints, Floats]:
    """The k of ``rows`` (ascending) of largest inner product with each query (Q, D).

    ``unpack`` gives the float32 vectors of a slice or array of rows; it may write them into the buffer that it is
    handed, which stays in the processor's cache.

    Returns:
        Row numbers (Q, K) and scores (Q, K), best first, equal scores by row; K is k or the number of rows.
    """
    import torch

    k = min(k, len(rows))
    if k < 1 or not len(queries):
        return np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    best, asked, size = Best(k), torch.from_numpy(queries), block_rows(width)
    buffer = torch.empty(max(size, k), width)
    start, stop = 0, max(size, k)
    while start < len(rows):
        stop = min(stop, len(rows))
        part = unpack(_as_slice(rows[start:stop]), buffer[: stop - start])
        best.offer((asked @ part.T).numpy(), start)
        start, stop = stop, stop + size
    places, scores = best.result()
    return rows[places], scores


def ascending(rows: Ints) -> Ints:
    """Rows in order and each once; what is so already, as it nearly always is, is not sorted again."""
    rows = np.asarray(rows, dtype=np.int64)
    return rows if bool((rows[1:] > rows[:-1]).all()) else np.unique(rows)


def check_queries(queries: Floats, k: int, width: int) -> Floats:
    """Queries as float32 (Q, ``width``); ConfigError when they are not that, or not finite, or k is negative."""
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    if queries.ndim != 2 or queries.shape[1] != width:
        raise ConfigError("queries do not fit the index", got=str(queries.shape), fix=f"give (Q, {width})")
    if not np.isfinite(queries).all():
        raise ConfigError("queries are not finite numbers", fix="check the weights of the encoder")
    if k < 0:
        raise ConfigError("k is negative", got=str(k), fix="ask for 1 row or more")
    return queries


def _as_slice(rows: Ints) -> slice | Ints:
    """Ascending rows without a gap as a slice, which is read without a copy."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows
