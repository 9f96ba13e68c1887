"""Scores of coreference: how well the entities of documents agree, as clusters of mentions.

A mention that is in no entity is a cluster of its own. Each measure gives the recall of one clustering in another;
the precision is the recall with both exchanged. Sums over documents make the score of a corpus.

>>> gold, predicted = clusters("abc", "defg"), clusters("ab", "cd", "fghi")  # the example of Pradhan et al. 2014
>>> {name: round(100 * compare(measure, gold, predicted).f1) for name, measure in MEASURES.items()}
{'coref.muc': 40, 'coref.b3': 45, 'coref.ceafe': 52, 'coref.lea': 28}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Cluster = Set[Hashable]
Clustering = Sequence[Cluster]
Measure = Callable[[Clustering, Clustering], tuple[float, float]]
"""The recall of the first clustering in the second: its numerator and its denominator."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Sums of a measure: the numerators and denominators of recall and precision."""

    found: float = 0.0
    gold: float = 0.0
    right: float = 0.0
    guessed: float = 0.0

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(
            self.found + other.found, self.gold + other.gold, self.right + other.right, self.guessed + other.guessed
        )

    @property
    def empty(self) -> bool:
        """Nothing in gold and nothing guessed: no score is defined."""
        return not (self.guessed or self.gold)

    @property
    def precision(self) -> float:
        """The precision; 0 if nothing was guessed."""
        return self.right / self.guessed if self.guessed else 0.0

    @property
    def recall(self) -> float:
        """The recall; 0 without gold."""
        return self.found / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 when both are."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def clusters(*members: Iterable[Hashable]) -> list[Cluster]:
    """A clustering by the members of its clusters."""
    return [frozenset(each) for each in members]


def compare(measure: Measure, gold: Clustering, predicted: Clustering) -> Agreement:
    """A measure in both directions."""
    return Agreement(*measure(gold, predicted), *measure(predicted, gold))


def muc(one: Clustering, other: Clustering) -> tuple[float, float]:
    """The links that remain of those that a cluster needs at least (Vilain et al. 1995). Sees no singletons."""
    pieces = [len(shared) + len(cluster) - shared.total() for cluster, shared in _shared(one, other)]
    return sum(map(len, one)) - sum(pieces), sum(map(len, one)) - len(one)


def b_cubed(one: Clustering, other: Clustering) -> tuple[float, float]:
    """Over mentions: the share of the mention's cluster that is with it in the other (Bagga and Baldwin 1998)."""
    right = sum(count**2 / len(cluster) for cluster, shared in _shared(one, other) for count in shared.values())
    return right, sum(map(len, one))


def ceaf_e(one: Clustering, other: Clustering) -> tuple[float, float]:
    """Over clusters: the similarity to the partner in the best alignment (Luo 2005, φ4)."""
    similar = np.zeros((len(one), len(other)))
    for row, (cluster, shared) in enumerate(_shared(one, other)):
        for column, count in shared.items():
            similar[row, column] = 2 * count / (len(cluster) + len(other[column]))
    return best_alignment(similar), len(one)


def lea(one: Clustering, other: Clustering) -> tuple[float, float]:
    """Over clusters, by size: the share of a cluster's links that are in the other (Moosavi and Strube 2016).

    A singleton has one link, to itself, which the other has if it is a singleton there.
    """
    total = 0.0
    for cluster, shared in _shared(one, other):
        if len(cluster) > 1:
            total += len(cluster) * sum(map(_links, shared.values())) / _links(len(cluster))
        else:
            total += any(len(other[each]) == 1 for each in shared)
    return total, sum(map(len, one))


def overlap(one: Clustering, other: Clustering) -> tuple[float, float]:
    """Over sets: the share of the members that are in any set of the other (soft scores of Zaporojets et al. 2021)."""
    there = frozenset[Hashable]().union(*other)
    return sum(len(each & there) / len(each) for each in one), len(one)


MEASURES: Mapping[str, Measure] = {
    "coref.muc": muc, "coref.b3": b_cubed, "coref.ceafe": ceaf_e, "coref.lea": lea,
}  # fmt: skip


def _shared(one: Clustering, other: Clustering) -> Iterable[tuple[Cluster, Counter[int]]]:
    """Each cluster, with the number of its mentions in the clusters of the other that have some."""
    home = {mention: number for number, cluster in enumerate(other) for mention in cluster}
    return [(cluster, Counter(home[mention] for mention in cluster if mention in home)) for cluster in one]


def _links(size: int) -> float:
    return size * (size - 1) / 2


def best_alignment(similarity: NDArray[np.float64]) -> float:
    """The largest sum of similarities (N, M) of pairs of one row and one column each.

    Shortest augmenting paths in the residual graph of the assignment (Jonker and Volgenant 1987).

    >>> best_alignment(np.array([[0.75, 0.5, 0.0], [0.75, 0.0, 0.0]]))
    1.25
    """
    cost = -similarity if similarity.shape[0] <= similarity.shape[1] else -similarity.T
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    for row in range(rows):
        distance, before = np.full(columns, np.inf), np.full(columns, -1)
        done, column, reached = np.zeros(columns, bool), -1, row
        least = 0.0
        while True:
            there = least + cost[reached] - row_price[reached] - column_price
            nearer = ~done & (there < distance)
            distance[nearer], before[nearer] = there[nearer], column
            column = int(np.where(done, np.inf, distance).argmin())
            least = distance[column]
            if owner[column] < 0:
                break
            done[column], reached = True, owner[column]
        row_price[row] += least
        row_price[owner[done]] += least - distance[done]
        column_price[done] -= least - distance[done]
        while column >= 0:
            previous = int(before[column])
            owner[column] = row if previous < 0 else owner[previous]
            column = previous
    taken = np.flatnonzero(owner >= 0)
    return float(-cost[owner[taken], taken].sum())
