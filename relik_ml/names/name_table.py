"""The names of an index as arrays: for each key its rows and their evidence.

A key is a hash (``names/keys.py``), so a name takes nine bytes regardless of its length.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import ModelError
from relik_ml.names.forms import CYRILLIC, spellings, words_of
from relik_ml.names.keys import name_key, sound_key
from relik_ml.types import Entry

Ints = NDArray[np.int64]

LABEL, ALIAS, LEARNT, SURNAME = range(4)
"""Kinds of keys: the entry's name, one of its aliases, an annotated surface, the surname of a person."""

HUMAN = "Q5"

POPULAR = 60_000.0
"""The highest popularity that is stored: half precision ends soon after it."""

NIL_ROW = 0xFFFFFFFF
"""The row of annotated surfaces that are NIL."""

TRANSCRIBED = 2
"""Words in the longest Latin name that is indexed by its sound, one more for persons: longer ones are translated."""


class Learnt(Counter[tuple[int, int]]):
    """Number of documents in which a key was annotated with a row (``NIL_ROW``: with NIL)."""


class NameTable(NamedTuple):
    """Names in the order of their keys, and what is known of the rows.

    On disk, a key is split in two: for each value of the high 16 bits the number of keys that have it, and for each key
    its low 32 bits. Of the counts only those above zero are stored.
    """

    keys: NDArray[np.uint64]
    """(N,) of 48 bits."""
    rows: NDArray[np.uint32]
    """(N,), ``NIL_ROW`` among them."""
    kinds: NDArray[np.uint8]
    """(N,) bit sets over ``LABEL`` …"""
    counts: NDArray[np.uint16]
    """(N,) documents in which annotators linked this key to this row."""
    popularity: NDArray[np.float16]
    """Of each row of the index (R,)."""
    human: NDArray[np.uint8]
    """(R,) whether the row is a person."""

    @classmethod
    def build(cls, entries: Iterable[Entry], learnt: Learnt, only_learnt: Set[str] = frozenset()) -> NameTable:
        """The names of entries and what annotators called them; see ``NameIndex.build``.

        Names are collected in arrays, 13 bytes each, because a dict would take hundreds.
        """
        keys, rows, kinds, popularity, human = array("Q"), array("I"), array("B"), array("d"), array("B")
        for row, entry in enumerate(entries):
            named = entry.kind == "entity" and entry.id not in only_learnt
            for kind, key in filter(itemgetter(1), _keys(entry) if named else ()):
                keys.append(key)
                rows.append(row)
                kinds.append(1 << kind)
            popularity.append(min(entry.popularity, POPULAR))
            human.append(HUMAN in entry.types)
        counts = array("H", bytes(2 * len(keys)))
        for (key, row), count in learnt.items():
            if key:
                keys.append(key)
                rows.append(row)
                kinds.append(1 << LEARNT)
                counts.append(min(count, 65_535))
        names = _merged(np.asarray(keys), np.asarray(rows), np.asarray(kinds), np.asarray(counts))
        return cls(*names, np.array(popularity, np.float16), np.asarray(human))

    @classmethod
    def unpacked(cls, arrays: Mapping[str, NDArray[Any]]) -> NameTable:
        """Inverse of ``packed``; ModelError if the arrays have an older format."""
        if len(arrays["keys_high"]) != 1 << 16:
            fix = "build the index again: relik-ml index build, or recipes/cie_ru.py for a model"
            raise ModelError("the names of the index are of an older form", fix=fix)
        high = np.repeat(np.arange(len(arrays["keys_high"]), dtype=np.uint64), arrays["keys_high"])
        keys, popularity = high << np.uint64(32) | arrays["keys_low"], arrays["popularity"]
        counts = np.zeros(len(keys), np.uint16)
        counts[arrays["learnt"]] = arrays["counts"]
        human = np.unpackbits(arrays["human"])[: len(popularity)]
        return cls(keys, arrays["rows"], arrays["kinds"], counts, popularity, human)

    def packed(self) -> dict[str, NDArray[Any]]:
        """Arrays to be stored, 9 bytes a name."""
        learnt = np.flatnonzero(self.counts)
        high = np.bincount((self.keys >> np.uint64(32)).astype(np.int64), minlength=1 << 16)
        return {
            "keys_high": high.astype(np.uint32),
            "keys_low": self.keys.astype(np.uint32),
            "rows": self.rows,
            "kinds": self.kinds,
            "learnt": learnt.astype(np.uint32),
            "counts": self.counts[learnt],
            "popularity": self.popularity,
            "human": np.packbits(self.human),
        }

    def kept(self, rows: NDArray[Any]) -> NameTable:
        """The names of these rows alone; ``rows`` (K,), ascending, are numbered anew.

        Annotations that linked to another row count as NIL from now on, as if that row had never been in the index.
        """
        number = np.full(len(self.popularity) + 1, NIL_ROW, np.uint32)
        number[rows] = np.arange(len(rows), dtype=np.uint32)
        renumbered = number[np.minimum(self.rows, len(self.popularity))]
        kinds = np.where(renumbered == NIL_ROW, self.kinds & 1 << LEARNT, self.kinds)
        keep = np.flatnonzero(kinds)
        names = _merged(*(column[keep] for column in (self.keys, renumbered, kinds, self.counts)))
        return NameTable(*names, self.popularity[rows], self.human[rows])

    def extended(self, entries: Iterable[Entry]) -> NameTable:
        """The same names and those of more entries, whose rows follow, without annotations."""
        new = NameTable.build(entries, Learnt())
        shifted = new._replace(rows=new.rows + np.uint32(len(self.popularity)))
        columns: Iterator[tuple[NDArray[Any], NDArray[Any]]] = zip(self, shifted, strict=True)
        keys, rows, kinds, counts, popularity, human = (np.concatenate(column) for column in columns)
        return NameTable(*_merged(keys, rows, kinds, counts), popularity, human)


def starts(*columns: NDArray[Any]) -> Ints:
    """The positions in sorted columns (N,) where one of them changes: where each run of equals starts."""
    first = np.zeros(len(columns[0]), bool)
    first[:1] = True
    for column in columns:
        first[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(first)


def _merged(
    keys: NDArray[Any], rows: NDArray[Any], kinds: NDArray[Any], counts: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Names sorted by key and row, one for each pair, with the kinds and counts of all that have it."""
    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    begin = starts(keys, rows)
    together = np.minimum(np.add.reduceat(counts[order], begin, dtype=np.uint32), 65_535)
    return keys[begin], rows[begin], np.bitwise_or.reduceat(kinds[order], begin), together.astype(np.uint16)


def _keys(entry: Entry) -> Iterator[tuple[int, int]]:
    """The keys of an entry, each with the kind of name that it stands for; 0 for what has no key."""
    human = HUMAN in entry.types
    for kind, name in [(LABEL, entry.name), *((ALIAS, alias) for alias in entry.aliases)]:
        for written in spellings(name, human):
            yield kind, name_key(written)
    plain = spellings(entry.name, human)[-1]
    words = words_of(plain)
    several = human and len(words) > 1
    if several and CYRILLIC.match(words[-1]):
        yield SURNAME, name_key(words[-1])
    latin = not CYRILLIC.search(plain)
    if latin and len(words) <= (TRANSCRIBED + human) and all(word.istitle() for word in words):
        yield ALIAS, sound_key(plain)
        if several:
            yield SURNAME, sound_key(words[-1])
