"""The ids of an index: id → rows and row → id, without reading them all when they are millions.

Several rows may have one id, a passage in each language, so an id has rows, not a row.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from relik_ml.index.tensors import Tensors


def short_hash(text: str) -> int:
    """64 bits of BLAKE2b, the same on every machine and in every run."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Ids(Sequence[str]):
    """What a small index has: a list."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        return self._ids[row]

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and bool(self.rows(id))

    def rows(self, id: str) -> list[int]:
        """The rows of an id, ascending; none when it is unknown."""
        return self._rows.get(id, [])

    def firsts(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each row the first row that has the same id; any shape."""
        return self._firsts[rows]

    @cached_property
    def _rows(self) -> dict[str, list[int]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for row, id in enumerate(self._ids):
            found[id].append(row)
        return dict(found)

    @cached_property
    def _firsts(self) -> NDArray[np.int64]:
        return np.fromiter((self._rows[id][0] for id in self._ids), np.int64, len(self._ids))


class MappedIds(Ids):
    """What a large index has: the ids end to end in UTF-8, where each stops, and their hashes in order."""

    def __init__(self, tensors: Tensors) -> None:
        """``tensors`` is what `id_tensors` gave."""
        self._text, self._stops = tensors["text"], tensors["stops"]
        self._hashes, self._order, self._first = tensors["hashes"], tensors["order"], tensors["first"]

    def __len__(self) -> int:
        return len(self._stops)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        row = range(len(self))[int(row)]
        start = int(self._stops[row - 1]) if row else 0
        return self._text[start : int(self._stops[row])].tobytes().decode("utf-8", "surrogatepass")

    def rows(self, id: str) -> list[int]:
        """The rows of an id, ascending; none when it is unknown."""
        wanted = np.uint64(short_hash(id))
        start, stop = (int(np.searchsorted(self._hashes, wanted, side)) for side in ("left", "right"))
        return [row for row in self._order[start:stop].tolist() if self[row] == id]

    def firsts(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each row the first row that has the same id; any shape."""
        found: NDArray[np.int64] = self._first[rows]
        return found


def id_tensors(ids: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The arrays of `MappedIds`: 32 bytes a row besides the text."""
    text, stops, hashes = bytearray(), array("q"), array("Q")
    for id in ids:
        text += id.encode("utf-8", "surrogatepass")
        stops.append(len(text))
        hashes.append(short_hash(id))
    plain = np.array(hashes, dtype=np.uint64)
    order = np.argsort(plain, kind="stable")
    return {
        "text": np.frombuffer(bytes(text), dtype=np.uint8),
        "stops": np.array(stops, dtype=np.int64),
        "hashes": plain[order],
        "order": order.astype(np.int64),
        "first": _firsts(plain, order),
    }


def _firsts(hashes: NDArray[np.uint64], order: NDArray[Any]) -> NDArray[np.int64]:
    """For each row the first row of the same hash: ``order`` is stable, so a run of equals starts with it."""
    if not len(hashes):
        return np.empty(0, np.int64)
    starts = np.flatnonzero(np.concatenate([[True], hashes[order][1:] != hashes[order][:-1]]))
    firsts = np.empty(len(hashes), np.int64)
    firsts[order] = np.repeat(order[starts], np.diff(starts, append=len(order)))
    return firsts
