"""Retrieval: does the gold entity stand among the first k candidates?

>>> found = recall([["Q649"], ["Q159"]], [["Q649", "Q159"], ["Q1", "Q159"]], known={"Q649", "Q159"}, ks=(1, 2))
>>> found.at(1), found.at(2), found.coverage
(0.5, 1.0, 1.0)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

KS = (1, 10, 50, 100)


@dataclass(frozen=True, slots=True)
class Recall:
    """Additive counts of retrieval.

    ``hits[k]``: gold items with a right id among their first k candidates; ``gold``: all gold items; ``held``: those
    for which the index holds a right id at all, which bounds every recall.
    """

    hits: Mapping[int, int]
    held: int = 0
    gold: int = 0

    def __add__(self, other: Recall) -> Recall:
        hits = {k: self.hits.get(k, 0) + other.hits.get(k, 0) for k in sorted({*self.hits, *other.hits})}
        return Recall(hits, self.held + other.held, self.gold + other.gold)

    def at(self, k: int) -> float:
        """Recall at k, over all gold items, also those the index does not hold."""
        return self.hits[k] / self.gold if self.gold else 0.0

    @property
    def coverage(self) -> float:
        """The share of the gold items that the index holds."""
        return self.held / self.gold if self.gold else 0.0


def recall(
    gold: Iterable[Collection[str]], candidates: Iterable[Sequence[str]], known: Set[str], ks: Sequence[int] = KS
) -> Recall:
    """Compare the right ids of each gold item with its ranked candidates, best first.

    ``gold`` and ``candidates`` run in parallel (ValueError when one is shorter); ``known`` are the ids of the index.
    A gold item is whatever is looked up: a linked mention with its alternatives, or an entity of a window.
    """
    pairs = [(set(right), ranked) for right, ranked in zip(gold, candidates, strict=True)]
    hits = {k: sum(not right.isdisjoint(ranked[:k]) for right, ranked in pairs) for k in ks}
    return Recall(hits, sum(not right.isdisjoint(known) for right, _ in pairs), len(pairs))
