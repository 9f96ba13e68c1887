"""Counts that add up over documents, and the two ways to compare a gold set with a guessed one.

>>> Counts(2, 4, 3) + Counts(1, 1, 2)
Counts(correct=3, guessed=5, gold=5)
>>> Counts(3, 5, 5).f1
0.6
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Set
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items are right, how many were guessed and how many there are."""

    correct: int = 0
    guessed: int = 0
    gold: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.correct + other.correct, self.guessed + other.guessed, self.gold + other.gold)

    @property
    def empty(self) -> bool:
        """Nothing in gold and nothing guessed: no score is defined."""
        return not (self.guessed or self.gold)

    @property
    def precision(self) -> float:
        """The share of the guesses that are right; 0 without guesses."""
        return _share(self.correct, self.guessed)

    @property
    def recall(self) -> float:
        """The share of the gold items that were found; 0 without gold."""
        return _share(self.correct, self.gold)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 when both are."""
        return _share(2 * self.correct, self.guessed + self.gold)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def exact(gold: Set[Item], guessed: Set[Item]) -> Counts:
    """Compare two sets item by item.

    >>> exact({"Чехов", "Таганрог"}, {"Чехов", "Ялта", "Москва"})
    Counts(correct=1, guessed=3, gold=2)
    """
    return Counts(len(gold & guessed), len(guessed), len(gold))


def matched(gold: Mapping[Item, Collection[Item]], guessed: Set[Item]) -> Counts:
    """Compare gold items that each accept several answers with a set of guesses.

    ``gold`` maps an item to its accepted guesses. Each guess is paired with at most one gold item and each gold
    item with at most one guess, as many pairs as possible (Kuhn's augmenting paths). The order does not matter.

    >>> matched({"a": ["x", "y"], "b": ["x"]}, {"x", "y"})
    Counts(correct=2, guessed=2, gold=2)
    """
    taken: dict[Item, Item] = {}

    def pair(item: Item, tried: set[Item]) -> bool:
        for guess in gold[item]:
            if guess in guessed and guess not in tried:
                tried.add(guess)
                if guess not in taken or pair(taken[guess], tried):
                    taken[guess] = item
                    return True
        return False

    return Counts(sum(pair(item, set()) for item in gold), len(guessed), len(gold))
