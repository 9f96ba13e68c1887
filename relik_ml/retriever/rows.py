"""The rows of an index: 200,000 entries that open in a fraction of a second, each parsed when it is asked for."""

from __future__ import annotations

import json
import lzma
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from pathlib import Path
from typing import overload

import numpy as np

from relik_ml.types import Entry, Kind

IDS, ROWS = "ids.json.xz", "rows.jsonl.xz"
_CACHED = 65_536
_NEWLINE = ord("\n")

Runs = list[tuple[Kind, int]]
"""Kinds of consecutive rows with their counts: ``[("entity", 220037), ("relation", 49)]``."""


class Rows(Sequence[Entry]):
    """Entries over their JSON lines. ``ids`` are in memory, everything else is parsed on access."""

    def __init__(self, ids: list[str], kinds: Runs, lines: bytes) -> None:
        self.ids, self.kinds = ids, kinds
        self._lines = lines
        self._stops = np.flatnonzero(np.frombuffer(lines, dtype=np.uint8) == _NEWLINE)
        self._ends = list(accumulate(count for _, count in kinds))
        self._entry = lru_cache(_CACHED)(self._parse)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, row: int) -> Entry: ...
    @overload
    def __getitem__(self, row: slice) -> list[Entry]: ...
    def __getitem__(self, row: int | slice) -> Entry | list[Entry]:
        if isinstance(row, slice):
            return [self._entry(each) for each in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        return self._entry(int(row) % len(self))

    def kind(self, row: int) -> Kind:
        """The kind of one row, without parsing it."""
        return self.kinds[bisect_right(self._ends, row)][0]

    def ranges(self) -> list[tuple[Kind, range]]:
        """The kinds and the rows that they cover, in order."""
        return [(kind, range(*ends)) for (kind, _), ends in zip(self.kinds, pairwise([0, *self._ends]), strict=True)]

    def _parse(self, row: int) -> Entry:
        start = int(self._stops[row - 1]) + 1 if row else 0
        name, text, lang, aliases, types, popularity = json.loads(self._lines[start : self._stops[row]])
        return Entry(self.ids[row], self.kind(row), name, text, lang, tuple(aliases), tuple(types), popularity)


def runs(entries: Iterable[Entry]) -> Runs:
    """The kinds of consecutive entries with their counts.

    >>> runs([Entry("Q649", "entity", "Москва"), Entry("P19", "relation", "место рождения")])
    [('entity', 1), ('relation', 1)]
    """
    return [(kind, sum(1 for _ in group)) for kind, group in groupby(entry.kind for entry in entries)]


def write_rows(entries: Iterable[Entry], folder: Path) -> None:
    """Write ids and lines in the order of ``entries``: ``["name", "text", "lang", [aliases], [types], popularity]``."""
    ids = []
    with lzma.open(folder / ROWS, "wb") as file:
        for entry in entries:
            ids.append(entry.id)
            row = [entry.name, entry.text, entry.lang, entry.aliases, entry.types, entry.popularity]
            file.write(_json(row) + b"\n")
    (folder / IDS).write_bytes(lzma.compress(_json(ids)))


def read_rows(folder: Path, kinds: Runs) -> Rows:
    """Read what `write_rows` wrote."""
    ids = json.loads(lzma.decompress((folder / IDS).read_bytes()))
    return Rows(ids, kinds, lzma.decompress((folder / ROWS).read_bytes()))


def _json(value: object) -> bytes:
    """Compact UTF-8; a lone surrogate, which has no UTF-8, becomes its escape, which is JSON's too."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
