"""Recall of retrieval: whether the gold entity is among the first k candidates.

>>> found = recall([["Q649"], ["Q159"]], [["Q649", "Q159"], ["Q1", "Q159"]], known={"Q649", "Q159"}, ks=(1, 2))
>>> found.at(1), found.at(2), found.coverage
(0.5, 1.0, 1.0)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from relik_ml.text import cut
from relik_ml.types import Retrieved

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

    def within(self, k: int) -> float:
        """Recall at k over those gold items that the index holds."""
        return self.hits[k] / self.held if self.held else 0.0

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


def retrieval(
    items: Iterable[Retrieved], known: Set[str], seen: Set[str] = frozenset(), ks: Sequence[int] = KS
) -> dict[str, Recall]:
    """How many linked mentions have their entity among the first k candidates of a window that holds them whole.

    ``known`` are the ids of the index, ``seen`` those that training saw. The groups are ``"all"``, ``"seen"`` and
    ``"unseen"``, and each type. A mention in two windows counts twice, because it needs its entity in both.
    """
    found: dict[str, Recall] = defaultdict(lambda: Recall({}))
    for item in items:
        ranked = [[candidate.entry.id for candidate in item.entities]]
        for mention in cut(item.window).mentions:
            if mention.link.id:
                right = (mention.link.id, *mention.link.alternatives)
                for group in ("all", "unseen" if seen.isdisjoint(right) else "seen", mention.type):
                    found[group] += recall([right], ranked, known, ks)
    return dict(found)


def table(rows: Mapping[str, Recall]) -> str:
    """Recall in hundredths as Markdown, a line a group: of all gold, and of the gold that the index holds."""
    ks = sorted({k for found in rows.values() for k in found.hits})
    head = ["", *(f"@{k}" for k in ks), *(f"in index @{k}" for k in ks), "in index", "gold"]
    lines = [head, ["---", *["--:"] * (len(head) - 1)]]
    for name, found in rows.items():
        shares = [found.at(k) for k in ks] + [found.within(k) for k in ks] + [found.coverage]
        lines.append([name, *(f"{100 * share:.1f}" for share in shares), f"{found.gold:,}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def record(rows: Mapping[str, Recall]) -> dict[str, dict[str, float]]:
    """The same for programs, as fractions."""
    return {
        name: {f"recall@{k}": found.at(k) for k in found.hits}
        | {f"recall@{k} in index": found.within(k) for k in found.hits}
        | {"in index": found.coverage, "gold": found.gold}
        for name, found in rows.items()
    }
