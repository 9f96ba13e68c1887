"""Exact search by inner product: blocks that stay in the processor's cache, the best k of each query kept as they pass.

One matrix product a block, then one comparison with the worst score that is still kept: nearly all scores end there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import ConfigError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_Keys = NDArray[np.uint64]
_VALUES, _NARROW = 2**15, 32  # numbers that torch unpacks in one thread, and the width up to which a block has no more
_ALONE = 2**18  # products that OpenBLAS makes in one thread
_TOGETHER = 256  # queries: of more, fewer hits each wait to be merged
_MAGNITUDE, _HALF = 0x7FFFFFFF, np.uint64(32)


def block_rows(width: int) -> int:
    """How many rows of this width are unpacked and scored at a time."""
    return min(max(_VALUES // max(width, 1), _VALUES // _NARROW), 2048)


class Best:
    """The best k rows of each query, kept up while blocks of scores pass in the order of their rows.

    Score and row are held as one integer, so that a plain sort puts the best first and equal scores by row.

    >>> best = Best(2)
    >>> best.offer(np.array([[1], [5], [3]], np.float32), 0)
    >>> best.offer(np.array([[4], [5]], np.float32), 3)
    >>> best.result()[0].tolist()
    [[1, 4]]
    """

    def __init__(self, k: int) -> None:
        """``k`` is at least 1, and the first block offered has k rows or is the only one."""
        self.k = k
        self._kept: _Keys | None = None
        self._floor: Floats = np.empty(0, np.float32)
        self._new: list[tuple[Ints, Floats]] = []  # places among the scores of all rows, and these scores
        self._waiting = 0

    def offer(self, scores: Floats, start: int) -> None:
        """Consider scores (B, Q) of the rows from ``start`` on."""
        if self._kept is None:
            first = scores[: 4 * self.k]
            self._keep(_keys(first.T, np.arange(start, start + len(first))))
            scores, start = scores[len(first) :], start + len(first)
        # An equal score of a later row loses, so what is not greater than the floor is out.
        places = np.flatnonzero(scores > self._floor)
        self._new.append((places + start * scores.shape[1], scores.ravel()[places]))
        self._waiting += len(places)
        if self._waiting > self.k * min(len(self._floor), _TOGETHER):
            self._merge()

    def result(self) -> tuple[Ints, Floats]:
        """Rows (Q, K) and scores (Q, K), best first, equal scores by row."""
        kept = self._merge()
        return (kept & np.uint64(0xFFFFFFFF)).astype(np.int64), _scores(kept)

    def _merge(self) -> _Keys:
        assert self._kept is not None, "nothing was offered"
        if not self._waiting:
            return self._kept
        places, scores = map(np.concatenate, zip(*self._new, strict=True))
        rows, queries = np.divmod(places, len(self._kept))
        counts = np.bincount(queries, minlength=len(self._kept))
        order = np.argsort(queries.astype(np.min_scalar_type(len(counts))), kind="stable")  # by digits if they are few
        rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        table = np.full((len(counts), counts.max()), np.iinfo(np.uint64).max, np.uint64)
        table[queries[order], rank] = _keys(scores, rows)[order]
        return self._keep(np.concatenate([self._kept, table], axis=1))

    def _keep(self, table: _Keys) -> _Keys:
        """Go on from the best k of each line."""
        self._kept = np.sort(table, axis=1)[:, : self.k]
        self._floor = _scores(self._kept[:, -1])
        self._new, self._waiting = [], 0
        return self._kept


def nearest(
    queries: Floats, k: int, unpack: Callable[[slice | Ints, Floats], Floats], rows: Ints, width: int
) -> tuple[Ints, Floats]:
    """The k of ``rows`` (ascending) of largest inner product with each query (Q, D).

    ``unpack`` gives the float32 vectors of a slice or array of rows; it may write them into the buffer that it is
    handed, which stays in the processor's cache.

    Returns:
        Row numbers (Q, K) and scores (Q, K), best first, equal scores by row; K is k or the number of rows.
    """
    k = min(k, len(rows))
    if k < 1 or not len(queries):
        return np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    best, size = Best(k), block_rows(width)
    buffer = np.empty((max(size, k), width), np.float32)
    scores = np.empty((len(buffer), len(queries)), np.float32)
    start, stop = 0, len(buffer)
    while start < len(rows):
        stop = min(stop, len(rows))
        part = unpack(_as_slice(rows[start:stop]), buffer[: stop - start])
        best.offer(_products(part, queries, scores[: stop - start]), start)
        start, stop = stop, stop + size
    places, found = best.result()
    return rows[places], found


def _products(part: Floats, queries: Floats, scores: Floats) -> Floats:
    """Inner products (B, Q).

    Those of narrow vectors are made in one thread: a second would save little, and where other programs take the
    cores, waiting for it costs a hundred times as much.
    """
    step = max(_ALONE // queries.size, 16) if queries.shape[1] <= _NARROW else len(part)
    for start in range(0, len(part), step):
        np.matmul(part[start : start + step], queries.T, out=scores[start : start + step])
    return scores


def _keys(scores: Floats, rows: Ints) -> _Keys:
    """Integers that are the smaller the better: the score turned round in the high half, the row in the low one."""
    bits = (scores + np.float32(0)).view(np.int32)  # -0.0 becomes 0.0
    turned = np.where(bits < 0, bits, bits ^ _MAGNITUDE).view(np.uint32)
    return turned.astype(np.uint64) << _HALF | rows.astype(np.uint64)


def _scores(keys: _Keys) -> Floats:
    """The scores of keys."""
    turned = (keys >> _HALF).astype(np.uint32).view(np.int32)
    return np.where(turned < 0, turned, turned ^ _MAGNITUDE).view(np.float32)


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
