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

from relik_ml.names.fusion import log_odds
from relik_ml.names.initials import COMPARED, fit, initials, is_initial, surname
from relik_ml.names.spans import DERIVED, INITIALS, ROMANISED, SPELT, SURNAMED, Runs, Spans
from relik_ml.names.table import ALIAS, HUMAN, LABEL, LEARNT, NOBODY, SURNAME, Ints, Learnt, NameTable, starts
from relik_ml.types import Entry, Token

__all__ = [
    "ALIAS", "FEATURES", "HUMAN", "LABEL", "LEARNT", "NOBODY", "SURNAME", "Found", "Hits", "Learnt", "Matches",
    "NameIndex",
]  # fmt: skip

Floats = NDArray[np.float64]

FEATURES = (
    "label", "alias", "learnt", "surname", "count", "prior", "annotated", "popularity", "rank", "rivals",
    "upper", "title", "words", "longest", "spans", "human",
)  # fmt: skip
"""What ``Hit.features`` holds, in this order; see ``NameIndex._features``.

``longest`` is 1 when a longer name of the same row stands in the window: this one may be part of it or short for it.
"""

SOUND = SURNAME + 1
"""Bit of a hit whose Latin surname so far only sounds like the word in the text."""

HEARD_MOST = 1_000
"""Rows whose surname is compared with one Latin word: in an index of millions tens of thousands sound like Johnson."""

SIEVE = 22
"""Bits of a key by which most runs that are no name are known, before any key is searched for."""


class Found(NamedTuple):
    """A row whose name stands in the text: the span in tokens, the log-odds that it is meant, and its features."""

    first: int
    last: int
    row: int
    weight: float
    features: tuple[float, ...]


class Matches(NamedTuple):
    """What was found in one text (H,), in text order, the likeliest rows of a span first: columns of ``Found``."""

    first: Ints
    last: Ints
    row: Ints
    weight: Floats
    features: Floats
    """(H, F)."""

    def of(self, places: NDArray[Any] | slice) -> Matches:
        """Some of them."""
        columns: tuple[NDArray[Any], ...] = self
        return Matches(*(column[places] for column in columns))

    def rows(self) -> dict[int, float]:
        """Each row once with the weight of its best hit, the likeliest first."""
        order = np.lexsort((-self.weight, self.row))
        best = order[starts(self.row[order])]
        best = best[np.argsort(-self.weight[best], kind="stable")]
        return dict(zip(self.row[best].tolist(), self.weight[best].tolist(), strict=True))

    def found(self) -> list[Found]:
        """One by one, which takes far more time and memory."""
        first, last, row, weight, features = (column.tolist() for column in self)
        return list(map(Found, first, last, row, weight, map(tuple, features)))


NOTHING = Matches(*(np.zeros(0, np.int64),) * 3, np.zeros(0), np.zeros((0, len(FEATURES))))


class Hits(NamedTuple):
    """Rows (H,) proposed for spans. ``span`` numbers the spans in text order."""

    span: Ints
    row: Ints
    weight: Floats
    """By it the rows of one span are ranked."""
    popularity: Floats
    kind: Ints
    seen: Ints
    total: Ints

    def of(self, places: NDArray[Any]) -> Hits:
        """Some of them, in this order."""
        return Hits(*(column[places] for column in self))


class Asked(NamedTuple):
    """What ``NameIndex.match_all`` is given, the words of all texts in one."""

    words: Sequence[Token]
    held_out: Sequence[Learnt] | None
    firsts: Callable[[Ints], Ints] | None
    entries: Sequence[Entry] | None


class NameIndex:
    """Finds the rows of a ``NameTable`` in texts."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], lemma: Callable[[str], str]) -> None:
        """From what ``arrays`` gave; ModelError when they are of an older form."""
        self.table = NameTable.unpacked(arrays)
        self.lemma, self._spans = lemma, Spans(lemma, self._sieved)
        self._present = np.zeros(1 << SIEVE, bool)
        self._present[self.table.keys >> np.uint64(48 - SIEVE)] = True

    @classmethod
    def build(
        cls, entries: Sequence[Entry], learnt: Learnt, lemma: Callable[[str], str], only_learnt: Set[str] = frozenset()
    ) -> NameIndex:
        """Index the names of entries and what annotators called them. Row numbers are places in ``entries``.

        The ids ``only_learnt`` came from the annotated documents themselves: their names are not indexed but through
        ``learnt``, which can be held out.
        """
        return cls(NameTable.build(entries, learnt, only_learnt).packed(), lemma)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a folder keeps."""
        return self.table.packed()

    def kept(self, rows: NDArray[Any]) -> NameIndex:
        """The names of these rows alone; ``rows`` (K,), ascending, are numbered anew.

        What annotators linked to another row stands for nothing in the knowledge base from now on, as if that row had
        never been there.
        """
        return NameIndex(self.table.kept(rows).packed(), self.lemma)

    def extended(self, entries: Sequence[Entry]) -> NameIndex:
        """The same names and those of more entries, whose rows follow; nobody has annotated these yet."""
        return NameIndex(self.table.extended(NameTable.build(entries, Learnt())).packed(), self.lemma)

    def find(self, words: Sequence[Token], held_out: Learnt | None = None, per_span: int = 12) -> list[Found]:
        """Every row whose name stands in the tokens, at most ``per_span`` rows a span, likeliest first.

        ``held_out`` is what one document taught the index: it is taken back, so that a reader in training
        meets its documents as if they were new.
        """
        return self.match_all([words], [held_out or Learnt()], per_span)[0].found()

    def find_all(
        self, texts: Sequence[Sequence[Token]], per_span: int = 12, entries: Sequence[Entry] | None = None
    ) -> list[list[Found]]:
        """What ``find`` finds in each text; with ``entries``, the rows, initials are compared."""
        return [found.found() for found in self.match_all(texts, per_span=per_span, entries=entries)]

    def match_all(
        self,
        texts: Sequence[Sequence[Token]],
        held_out: Sequence[Learnt] | None = None,
        per_span: int = 12,
        firsts: Callable[[Ints], Ints] | None = None,
        entries: Sequence[Entry] | None = None,
    ) -> list[Matches]:
        """What ``find`` finds in each text, as arrays. Many at once take a fraction of the time.

        ``firsts`` gives for each row the first of the same entity, where an entity has several, one a language: then
        what they say together is said of the first. ``entries`` are the rows: with them initials are compared.
        """
        ends = np.cumsum([len(words) for words in texts])
        words = [word for text in texts for word in text]
        runs = self._known(self._spans(texts))
        spans, span = np.unique(runs.first * len(words) + runs.last, return_inverse=True)
        first, last = np.divmod(spans, max(1, len(words)))
        text: Ints = np.asarray(np.searchsorted(ends, first, "right"))
        hits = _best(self._hits(runs, span, text[span], Asked(words, held_out, firsts, entries)))
        if entries is not None:
            hits = _fitting(hits, first, last, words, ends[text], entries)
        chosen, features = self._describe(hits, _looks(words, first, last), last - first, text, per_span)
        begin = ends - [len(words) for words in texts]
        at, offset = chosen.span, begin[text[chosen.span]]
        found = Matches(first[at] - offset, last[at] - offset, chosen.row, log_odds(features, FEATURES), features)
        bounds = np.searchsorted(text[at], np.arange(len(texts) + 1))
        return [found.of(slice(start, stop)) for start, stop in pairwise(bounds.tolist())]

    def _known(self, runs: Runs) -> Runs:
        """The runs whose keys the index holds, in the order of their keys."""
        runs = runs.of(np.flatnonzero(self._sieved(runs.key)))
        runs = runs.of(np.argsort(runs.key))  # neighbours lie in one cache line
        place = np.searchsorted(self.table.keys, runs.key)
        return runs.of(np.flatnonzero(self.table.keys[np.minimum(place, len(self.table.keys) - 1)] == runs.key))

    def _sieved(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Whether the index may hold these keys."""
        present: NDArray[np.bool_] = self._present[keys >> np.uint64(48 - SIEVE)]
        return present

    def _hits(self, runs: Runs, span: Ints, text: Ints, asked: Asked) -> Hits:
        """The rows of each key with their evidence, less what is held out of each text."""
        table = self.table
        low, high = np.searchsorted(table.keys, runs.key, "left"), np.searchsorted(table.keys, runs.key, "right")
        sizes = high - low
        run = np.repeat(np.arange(len(sizes)), sizes)
        place = np.arange(len(run)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + low[run]
        rows, kinds, seen = table.rows[place], table.kinds[place].astype(np.int64), table.counts[place].astype(np.int64)
        if held_out := asked.held_out:
            met = zip(text[run].tolist(), table.keys[place].tolist(), rows.tolist(), strict=True)
            seen = np.maximum(seen - np.array([held_out[number][key, row] for number, key, row in met], np.int64), 0)
        way = runs.way[run]
        seen = np.where(way == SPELT, seen, 0)
        total = np.bincount(run, seen, len(sizes)).astype(np.int64)[run]
        kinds = _kinds(kinds, seen, way)
        keep = (kinds > 0) & (rows != NOBODY)
        keep[keep] = _exact(kinds[keep], runs.first[run[keep]], rows[keep], table.popularity[rows[keep]], asked)
        run, rows, kinds, seen, total = (column[keep] for column in (run, rows, kinds, seen, total))
        if asked.firsts is not None:
            run, rows, kinds, seen, total = _folded(run, asked.firsts(rows.astype(np.int64)), kinds, seen, total)
        popularity = table.popularity[rows].astype(np.float64)
        weight = 8 * seen / (total + 1) + popularity + (kinds & (1 << LABEL) > 0) - (kinds & (1 << SOUND) > 0)
        return Hits(span[run], rows.astype(np.int64), weight, popularity, kinds, seen, total)

    def _describe(self, hits: Hits, looks: Floats, length: Ints, text: Ints, per_span: int) -> tuple[Hits, Floats]:
        """The best hits of each span and their features. Of each span: look (S, 3), length and text (S,)."""
        rank = np.arange(len(hits.span)) - np.searchsorted(hits.span, hits.span)
        rivals = np.bincount(hits.span, minlength=len(length))[hits.span]
        rows, row = np.unique(text[hits.span] * len(self.table.popularity) + hits.row, return_inverse=True)
        longest = np.zeros(len(rows), np.int64)
        np.maximum.at(longest, row, length[hits.span])
        partial = length[hits.span] < longest[row]
        times = np.bincount(row, minlength=len(rows))[row]
        best = np.flatnonzero(rank < per_span)
        chosen = hits.of(best)
        return chosen, self._features(chosen, rank[best], rivals[best], looks[chosen.span], partial[best], times[best])

    def _features(
        self, hits: Hits, rank: Ints, rivals: Ints, looks: Floats, longest: NDArray[np.bool_], spans: Ints
    ) -> Floats:
        """(H, F) in the order of ``FEATURES``, each of the order of one."""
        return np.stack(
            [
                *(hits.kind >> bit & 1 for bit in (LABEL, ALIAS, LEARNT, SURNAME)),
                np.log1p(hits.seen) / 3,
                hits.seen / (hits.total + 1),
                np.log1p(hits.total) / 3,
                hits.popularity / 4,
                1 / (1 + rank),
                np.log1p(rivals) / 3,
                *looks.T,
                longest,
                np.log1p(spans) / 2,
                self.table.human[hits.row],
            ],
            axis=1,
        ).astype(np.float64)


def _kinds(kinds: Ints, seen: Ints, way: Ints) -> Ints:
    """What a key says when it is met in some way: a guess says as much as an alias, initials speak of surnames."""
    kinds = np.where(seen > 0, kinds, kinds & ~(1 << LEARNT))
    base, surname = np.where(kinds & (1 << LABEL | 1 << ALIAS), 1 << ALIAS, 0), kinds & 1 << SURNAME
    ways = [way == DERIVED, way == ROMANISED, way == INITIALS, way == SURNAMED]
    return np.select(ways, [base, base | surname, surname, np.where(surname, surname | 1 << SOUND, 0)], kinds)


def _folded(run: Ints, rows: Ints, kinds: Ints, seen: Ints, total: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """What the rows of one entity say of one run, as said by one of them."""
    order = np.lexsort((rows, run))
    run, rows = run[order], rows[order]
    begin = starts(run, rows)
    kinds, seen = np.bitwise_or.reduceat(kinds[order], begin), np.add.reduceat(seen[order], begin)
    return run[begin], rows[begin], kinds, seen, total[order][begin]


def _best(hits: Hits) -> Hits:
    """Of each row of each span the best evidence, the likeliest rows of a span first.

    An alias tells more than a surname: initials cannot contradict it.
    """
    keys = (hits.total, hits.seen, hits.kind, hits.kind & 1 << ALIAS, hits.popularity, hits.weight)
    order = np.lexsort((*(-key for key in keys), hits.row, hits.span))
    hits = hits.of(order)
    hits = hits.of(starts(hits.span, hits.row))
    return hits.of(np.lexsort((hits.row, -hits.weight, hits.span)))


def _exact(
    kinds: Ints, first: Ints, rows: NDArray[np.uint32], popularity: NDArray[np.float16], asked: Asked
) -> NDArray[np.bool_]:
    """(H,) whether a hit is no Latin surname that merely sounds like the word in the text, whose place is ``first``.

    Of all that sound so the likeliest are compared, and the others are taken for what merely does.
    """
    exact = np.ones(len(kinds), bool)
    if (entries := asked.entries) is not None:
        heard = np.flatnonzero(kinds & 1 << SOUND)
        exact[heard] = False
        heard = heard[np.lexsort((rows[heard], -popularity[heard], first[heard]))]
        heard = heard[np.arange(len(heard)) - np.searchsorted(first[heard], first[heard]) < HEARD_MOST]
        surnames = {row: surname(entries[row]).casefold() for row in np.unique(rows[heard]).tolist()}
        met = zip(first[heard].tolist(), rows[heard].tolist(), strict=True)
        exact[heard] = [asked.words[word].text.casefold() == surnames[row] for word, row in met]
    return exact


def _fitting(hits: Hits, first: Ints, last: Ints, words: Sequence[Token], stop: Ints, entries: Sequence[Entry]) -> Hits:
    """The hits that no initials contradict. Of each span its first and last word and where its text stops (S,).

    A person whom initials do not fit is not named by them and the surname; nor, if they fit another, by the surname.
    """
    told = np.flatnonzero((hits.kind == 1 << SURNAME) & (first < last)[hits.span])  # with initials alone
    if not len(told):
        return hits
    wrong, right, others = [], defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for at in np.split(told, starts(hits.span[told])[1:]):
        span = int(hits.span[at[0]])
        run = words[first[span] : min(last[span] + 2, stop[span])]
        name = int((last if is_initial(run[0].text) else first)[span])
        letters = initials(run)
        for hit, row in zip(at[:COMPARED].tolist(), hits.row[at[:COMPARED]].tolist(), strict=True):
            fits = fit(letters, entries[row]) if letters else None
            if fits:
                right[name].add(row)
            elif fits is False:
                others[name].add(row)
                wrong.append(hit)
    for name in right:
        alone = np.flatnonzero(((first == name) & (last == name))[hits.span])
        wrong += alone[np.isin(hits.row[alone], list(others[name] - right[name]))].tolist()
    return hits.of(np.delete(np.arange(len(hits.row)), wrong)) if wrong else hits


def _looks(words: Sequence[Token], first: Ints, last: Ints) -> Floats:
    """(S, 3): upper case, title case, words of each span."""
    solid = np.cumsum([0, *(word.text[0].isalnum() for word in words)])
    begin = [words[place].text for place in first.tolist()]
    return np.array(
        [
            [text.isupper() for text in begin],
            [len(text) > 1 and text.istitle() for text in begin],
            np.minimum(solid[last + 1] - solid[first], 4) / 4,
        ],
        np.float64,
    ).T
