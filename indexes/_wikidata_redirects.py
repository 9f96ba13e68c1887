"""Redirects of merged items. Dumps do not contain them, so they come from a separate file.

A line is old id, tab, new id; see ``docs/guides/build-index.md`` for where to get the file. A redirect needs 16 bytes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from relik_ml.data import open_lines
from relik_ml.errors import DataError

LINE = re.compile(rb"Q(\d+)\tQ(\d+)\s*")

Ids: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Redirects:
    """Pairs of old and new ids as numbers, in two arrays of two rows.

    ``by_old`` has the pairs of the file, sorted by old id. ``by_new`` has for each old id its final id after all
    redirects, sorted by final id.
    """

    by_old: Ids
    by_new: Ids

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Redirects:
        """Redirects from pairs of numbers. Of several pairs with the same old number the first counts.

        >>> redirects = Redirects.of([(3, 2), (2, 1)])
        >>> redirects.new("Q3"), redirects.new("Q1"), redirects.old("Q1")
        ('Q1', 'Q1', ['Q2', 'Q3'])
        """
        flat = array("q", (number for pair in pairs for number in pair))
        both = np.array(flat, dtype=np.int64).reshape(-1, 2).T
        by_old = both[:, np.unique(both[0], return_index=True)[1]]
        ends = _ends(by_old)
        return cls(by_old, ends[:, np.lexsort((ends[0], ends[1]))])

    @classmethod
    def none(cls) -> Redirects:
        """No redirects."""
        return cls.of(())

    @classmethod
    def read(cls, path: Path) -> Redirects:
        """The redirects of a file, plain or compressed. DataError for an invalid line."""
        return cls.of(_pair(line, f"{path}, line {number}") for number, line in open_lines(path))

    def new(self, id: str) -> str:
        """The current id of an item after all redirects; cycles end where they close."""
        seen = {id}
        while len(self.by_old[0]) and (step := self._step(id)) is not None and step not in seen:
            seen.add(id := step)
        return id

    def old(self, id: str) -> list[str]:
        """All ids that redirect to an item, directly or indirectly, in numeric order."""
        if not len(self.by_new[0]):
            return []
        start, stop = (int(np.searchsorted(self.by_new[1], int(id[1:]), side)) for side in ("left", "right"))
        return [f"Q{number}" for number in self.by_new[0, start:stop].tolist()]

    def _step(self, id: str) -> str | None:
        number = int(id[1:])
        index = int(np.searchsorted(self.by_old[0], number))
        found = index < len(self.by_old[0]) and self.by_old[0, index] == number
        return f"Q{self.by_old[1, index]}" if found else None


def _ends(by_old: Ids) -> Ids:
    """The pairs of old and final ids. Only chains, which are few, have to be followed."""
    steps, ends = Redirects(by_old, by_old), by_old.copy()
    for index in np.flatnonzero(np.isin(by_old[1], by_old[0])).tolist():
        ends[1, index] = int(steps.new(f"Q{by_old[0, index]}")[1:])
    return ends[:, ends[0] != ends[1]]


def _pair(line: bytes, where: str) -> tuple[int, int]:
    if not (found := LINE.fullmatch(line)):
        fix = "write old id, tab, new id, such as Q2<tab>Q1"
        raise DataError("a line of the redirects cannot be read", where=where, got=repr(line[:60]), fix=fix)
    return int(found[1]), int(found[2])
