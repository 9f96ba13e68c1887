"""Candidates by name: an index of inflection-proof keys, so that «Владимиром Путиным» finds «Владимир Путин».

A name hit is a span of the text, a row of the index and features that say how good a hit it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.names.initials import fits, initials, is_initial
from relik_ml.names.name_table import ALIAS, LABEL, LEARNT, NIL_ROW, SURNAME, Learnt, NameTable, starts
from relik_ml.names.runs import DERIVED, INITIALS, SPELT, Ints, RunFinder, Runs
from relik_ml.types import Entry, Token

Floats = NDArray[np.float64]

WEIGHTS = {
    "label": -0.18, "alias": -0.43, "learnt": 0.76, "surname": -2.0, "count": 2.92, "prior": 1.23, "annotated": -0.74,
    "popularity": 1.42, "rank": 1.86, "rivals": -1.39, "upper": 1.64, "title": 1.55, "words": 6.22, "longest": 3.09,
    "spans": 1.78, "human": 0.11,
}  # fmt: skip
"""A fixed logistic rule over the features of a hit, by which candidates are ranked.

Learnt by logistic regression on the hits in the documents of NEREL train, each looked up without what itself had
taught the index; a hit counts as meant if its row is gold somewhere in the window. ``python benchmarks/retrieve.py
--fit --k 100 --dense 10`` on the training documents learns it anew.
"""

FEATURES = tuple(WEIGHTS)
"""What ``Hit.features`` holds, in this order; see ``NameIndex._features``.

``longest`` is 1 if a longer name of the same row stands in the window: this one may be part of it or short for it.
"""

COMPARED = 200
"""Number of the likeliest bearers of a surname that initials are compared with; the others keep their rank."""

SIEVE = 22
"""High bits of a key by which most runs are rejected before the binary search."""


class Found(NamedTuple):
    """A row whose name is in the text: the span in tokens, the log-odds that it is meant, and its features."""

    first: int
    last: int
    row: int
    weight: float
    features: tuple[float, ...]


class Matches(NamedTuple):
    """The matches of one text as columns (H,) of ``Found``, in text order, the likeliest rows of a span first."""

    first: Ints
    last: Ints
    row: Ints
    weight: Floats
    features: Floats
    """(H, F)."""

    def of(self, selected: NDArray[Any] | slice) -> Matches:
        """Select matches."""
        columns: tuple[NDArray[Any], ...] = self
        return Matches(*(column[selected] for column in columns))

    def rows(self) -> dict[int, float]:
        """Each row once with the weight of its best hit, the likeliest first."""
        order = np.lexsort((-self.weight, self.row))
        best = order[starts(self.row[order])]
        best = best[np.argsort(-self.weight[best], kind="stable")]
        return dict(zip(self.row[best].tolist(), self.weight[best].tolist(), strict=True))

    def found(self) -> list[Found]:
        """The matches as tuples, which takes far more time and memory."""
        first, last, row, weight, features = (column.tolist() for column in self)
        return list(map(Found, first, last, row, weight, map(tuple, features)))


NOTHING = Matches(*(np.zeros(0, np.int64),) * 3, np.zeros(0), np.zeros((0, len(FEATURES))))


class Evidence(NamedTuple):
    """Rows (H,) that spans, numbered in text order, may mean, and their evidence."""

    span: Ints
    row: Ints
    weight: Floats
    """Ranks the rows of one span."""
    popularity: Floats
    kind: Ints
    seen: Ints
    total: Ints

    def of(self, selected: NDArray[Any]) -> Evidence:
        """Select rows, in this order."""
        return Evidence(*(column[selected] for column in self))


class NameIndex:
    """Finds the rows of a ``NameTable`` in texts."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], lemma: Callable[[str], str]) -> None:
        """Inverse of ``arrays``; ModelError if they have an older format."""
        self.table = NameTable.unpacked(arrays)
        self.lemma, self._runs = lemma, RunFinder(lemma)
        self._present = np.zeros(1 << SIEVE, bool)
        self._present[self.table.keys >> np.uint64(48 - SIEVE)] = True

    @classmethod
    def build(
        cls, entries: Sequence[Entry], learnt: Learnt, lemma: Callable[[str], str], only_learnt: Set[str] = frozenset()
    ) -> NameIndex:
        """Index the names of entries and what annotators called them. Row numbers are positions in ``entries``.

        The ids ``only_learnt`` came from the annotated documents themselves: their names are indexed only through
        ``learnt``, which can be held out.
        """
        return cls(NameTable.build(entries, learnt, only_learnt).packed(), lemma)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to be stored."""
        return self.table.packed()

    def find(self, words: Sequence[Token], held_out: Learnt | None = None, per_span: int = 12) -> list[Found]:
        """What ``match_all`` finds in one text, one by one."""
        return self.match_all([words], [held_out or Learnt()], per_span)[0].found()

    def match_all(
        self,
        texts: Sequence[Sequence[Token]],
        held_out: Sequence[Learnt] | None = None,
        per_span: int = 12,
        firsts: Callable[[Ints], Ints] | None = None,
        entries: Sequence[Entry] | None = None,
    ) -> list[Matches]:
        """Every row whose name is in each text, at most ``per_span`` rows a span. Batches of texts are faster.

        Args:
            texts: the tokens of each text.
            held_out: the counts that the document of each text added to the index; they are subtracted.
            per_span: most rows of one span.
            firsts: maps rows to the first row of the same entity, whose evidence is combined.
            entries: the entries of the rows; with them, initials are compared with given names.
        """
        ends = np.cumsum([len(words) for words in texts])
        words = [word for text in texts for word in text]
        runs = self._known(self._runs(texts))
        spans, span = np.unique(runs.first * len(words) + runs.last, return_inverse=True)
        first, last = np.divmod(spans, max(1, len(words)))
        text: Ints = np.asarray(np.searchsorted(ends, first, "right"))
        evidence = _best(self._evidence(runs, span, text[span], held_out, firsts))
        if entries is not None:
            evidence = _fitting(evidence, first, last, words, ends[text], entries)
        chosen, features = self._described(evidence, _looks(words, first, last), last - first, text, per_span)
        begin = ends - [len(words) for words in texts]
        at, offset = chosen.span, begin[text[chosen.span]]
        found = Matches(first[at] - offset, last[at] - offset, chosen.row, log_odds(features), features)
        bounds = np.searchsorted(text[at], np.arange(len(texts) + 1))
        return [found.of(slice(start, stop)) for start, stop in pairwise(bounds.tolist())]

    def _known(self, runs: Runs) -> Runs:
        """The runs whose keys the index holds, in the order of their keys."""
        runs = runs.of(np.flatnonzero(self._present[runs.key >> np.uint64(48 - SIEVE)]))
        runs = runs.of(np.argsort(runs.key))  # neighbours lie in one cache line
        at = np.searchsorted(self.table.keys, runs.key)
        return runs.of(np.flatnonzero(self.table.keys[np.minimum(at, len(self.table.keys) - 1)] == runs.key))

    def _evidence(
        self,
        runs: Runs,
        span: Ints,
        text: Ints,
        held_out: Sequence[Learnt] | None,
        firsts: Callable[[Ints], Ints] | None,
    ) -> Evidence:
        """The rows of each key with their evidence, less what is held out of each text."""
        table = self.table
        low, high = np.searchsorted(table.keys, runs.key, "left"), np.searchsorted(table.keys, runs.key, "right")
        sizes = high - low
        run = np.repeat(np.arange(len(sizes)), sizes)
        at = np.arange(len(run)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + low[run]
        rows, kinds, seen = table.rows[at], table.kinds[at].astype(np.int64), table.counts[at].astype(np.int64)
        if held_out:
            known = zip(text[run].tolist(), table.keys[at].tolist(), rows.tolist(), strict=True)
            seen = np.maximum(seen - np.array([held_out[number][key, row] for number, key, row in known], np.int64), 0)
        way = runs.way[run]
        seen = np.where(way == SPELT, seen, 0)
        total = np.bincount(run, seen, len(sizes)).astype(np.int64)[run]
        kinds = _kinds(kinds, seen, way)
        keep = (kinds > 0) & (rows != NIL_ROW)
        run, rows, kinds, seen, total = (column[keep] for column in (run, rows, kinds, seen, total))
        if firsts is not None:
            run, rows, kinds, seen, total = _folded(run, firsts(rows.astype(np.int64)), kinds, seen, total)
        popularity = table.popularity[rows].astype(np.float64)
        weight = 8 * seen / (total + 1) + popularity + (kinds & (1 << LABEL) > 0)
        return Evidence(span[run], rows.astype(np.int64), weight, popularity, kinds, seen, total)

    def _described(
        self, evidence: Evidence, looks: Floats, length: Ints, text: Ints, per_span: int
    ) -> tuple[Evidence, Floats]:
        """The best rows of each span and their features. Of each span: look (S, 3), length and text (S,)."""
        span = evidence.span
        rank = np.arange(len(span)) - np.searchsorted(span, span)
        rivals = np.bincount(span, minlength=len(length))[span]
        rows, row = np.unique(text[span] * len(self.table.popularity) + evidence.row, return_inverse=True)
        longest = np.zeros(len(rows), np.int64)
        np.maximum.at(longest, row, length[span])
        partial = length[span] < longest[row]
        times = np.bincount(row, minlength=len(rows))[row]
        best = np.flatnonzero(rank < per_span)
        chosen = evidence.of(best)
        return chosen, self._features(chosen, rank[best], rivals[best], looks[chosen.span], partial[best], times[best])

    def _features(
        self, chosen: Evidence, rank: Ints, rivals: Ints, looks: Floats, longest: NDArray[np.bool_], spans: Ints
    ) -> Floats:
        """(H, F) in the order of ``FEATURES``, each of the order of one."""
        return np.stack(
            [
                *(chosen.kind >> bit & 1 for bit in (LABEL, ALIAS, LEARNT, SURNAME)),
                np.log1p(chosen.seen) / 3,
                chosen.seen / (chosen.total + 1),
                np.log1p(chosen.total) / 3,
                chosen.popularity / 4,
                1 / (1 + rank),
                np.log1p(rivals) / 3,
                *looks.T,
                longest,
                np.log1p(spans) / 2,
                self.table.human[chosen.row],
            ],
            axis=1,
        ).astype(np.float64)


def log_odds(features: Floats) -> Floats:
    """Log-odds (H,), but for a constant, that hits with features (H, F) are meant."""
    odds: Floats = (features * np.array(list(WEIGHTS.values()))).sum(axis=1)
    return odds


def _kinds(kinds: Ints, seen: Ints, way: Ints) -> Ints:
    """The kinds of keys by the way they were found: derived ones count as aliases, initials as surnames."""
    kinds = np.where(seen > 0, kinds, kinds & ~(1 << LEARNT))
    alias = np.where(kinds & (1 << LABEL | 1 << ALIAS), 1 << ALIAS, 0)
    return np.select([way == DERIVED, way == INITIALS], [alias, kinds & 1 << SURNAME], kinds)


def _folded(run: Ints, rows: Ints, kinds: Ints, seen: Ints, total: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Combine the evidence of the rows of one entity for one run into its first row."""
    order = np.lexsort((rows, run))
    run, rows = run[order], rows[order]
    begin = starts(run, rows)
    kinds, seen = np.bitwise_or.reduceat(kinds[order], begin), np.add.reduceat(seen[order], begin)
    return run[begin], rows[begin], kinds, seen, total[order][begin]


def _best(evidence: Evidence) -> Evidence:
    """Of each row of each span the best evidence, the likeliest rows of a span first.

    Of equal evidence an alias tells more than a surname: initials cannot contradict it.
    """
    kind = evidence.kind
    keys = (evidence.total, evidence.seen, kind, kind & 1 << ALIAS, evidence.popularity, evidence.weight)
    evidence = evidence.of(np.lexsort((*(-key for key in keys), evidence.row, evidence.span)))
    evidence = evidence.of(starts(evidence.span, evidence.row))
    return evidence.of(np.lexsort((evidence.row, -evidence.weight, evidence.span)))


def _fitting(
    evidence: Evidence, first: Ints, last: Ints, words: Sequence[Token], stop: Ints, entries: Sequence[Entry]
) -> Evidence:
    """The evidence that no initials contradict. Of each span its first and last word and where its text stops (S,).

    A person whom the initials do not fit is not named by them and the surname; nor, if they fit another person, by the
    surname between them.
    """
    initialled = np.flatnonzero((evidence.kind == 1 << SURNAME) & (first < last)[evidence.span])
    wrong, right, others = [], defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for at in np.split(initialled, starts(evidence.span[initialled])[1:]) if len(initialled) else ():
        span = int(evidence.span[at[0]])
        run = words[first[span] : min(last[span] + 2, stop[span])]
        surname = int((last if is_initial(run[0].text) else first)[span])
        letters = initials(run)
        for hit, row in zip(at[:COMPARED].tolist(), evidence.row[at[:COMPARED]].tolist(), strict=True):
            fit = fits(letters, entries[row]) if letters else None
            if fit:
                right[surname].add(row)
            elif fit is False:
                others[surname].add(row)
                wrong.append(hit)
    for surname in right:
        alone = np.flatnonzero(((first == surname) & (last == surname))[evidence.span])
        wrong += alone[np.isin(evidence.row[alone], list(others[surname] - right[surname]))].tolist()
    return evidence.of(np.delete(np.arange(len(evidence.row)), wrong)) if wrong else evidence


def _looks(words: Sequence[Token], first: Ints, last: Ints) -> Floats:
    """(S, 3): upper case, title case, words of each span."""
    solid = np.cumsum([0, *(word.text[0].isalnum() for word in words)])
    begin = [words[at].text for at in first.tolist()]
    return np.array(
        [
            [text.isupper() for text in begin],
            [len(text) > 1 and text.istitle() for text in begin],
            np.minimum(solid[last + 1] - solid[first], 4) / 4,
        ],
        np.float64,
    ).T
