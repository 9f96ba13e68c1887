"""Candidates by name: an index of inflection-proof keys, so that «Владимиром Путиным» finds «Владимир Путин».

A name hit is a span of the text, a row of the index and features that say how good a hit it is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import ModelError
from relik_ml.retriever.acronyms import acronyms
from relik_ml.retriever.fusion import log_odds
from relik_ml.retriever.keys import acronym_key, name_key, sound_key, spellings, words_of
from relik_ml.retriever.spans import DERIVED, INITIALS, SPELT, Runs, Spans
from relik_ml.retriever.stems import CYRILLIC
from relik_ml.types import Entry, Token

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LABEL, ALIAS, LEARNT, SURNAME = range(4)
"""How a key came to be: the entry's name, one of its aliases, an annotated surface, the surname of a person."""

HUMAN = "Q5"

FEATURES = (
    "label", "alias", "learnt", "surname", "count", "prior", "annotated", "popularity", "rank", "rivals",
    "upper", "title", "words", "longest", "spans", "human",
)  # fmt: skip
"""What ``Hit.features`` holds, in this order; see ``NameIndex._features``.

``longest`` is 1 when a longer name of the same row stands in the window: this one may be part of it or short for it.
"""

POPULAR = 60_000.0
"""Popularity is stored in half precision, which ends soon after this."""

NOBODY = 0xFFFFFFFF
"""The row of annotated surfaces that stand for nothing in the knowledge base."""

SIEVE = 22
"""Bits of a key by which most runs that are no name are known, before any key is searched for."""

TRANSCRIBED = 2
"""Words in the longest Latin name that is indexed by its sound, one more for persons: longer ones are translated."""


class Learnt(Counter[tuple[int, int]]):
    """In how many documents a key was annotated with a row (``NOBODY``: with nothing in the knowledge base)."""


class Found(NamedTuple):
    """A row whose name stands in the text: the span in tokens, the log-odds that it is meant, and its features."""

    first: int
    last: int
    row: int
    weight: float
    features: tuple[float, ...]


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


class NameIndex:
    """Sorted key hashes with the rows they name.

    ``keys`` (N,) uint64, ``rows`` (N,) uint32, ``kinds`` (N,) uint8 bit set over ``LABEL`` …, ``counts`` (N,)
    uint16 documents in which annotators linked this key to this row, ``NOBODY`` among the rows. For each row of the
    index, ``popularity`` float16 and ``human``, whether it is a person. Stored, keys are parted into the number of keys
    with each of their high 16 bits, and their low 32 bits.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], lemma: Callable[[str], str]) -> None:
        """From what ``arrays`` gave; ModelError when they are of an older form."""
        if len(arrays["keys_high"]) != 1 << 16:
            fix = "build the index again: relik-ml index build, or recipes/cie_ru.py for a model"
            raise ModelError("the names of the index are of an older form", fix=fix)
        high = np.repeat(np.arange(len(arrays["keys_high"]), dtype=np.uint64), arrays["keys_high"])
        self.keys = high << np.uint64(32) | arrays["keys_low"]
        self.rows, self.kinds = arrays["rows"], arrays["kinds"]
        self.counts = np.zeros(len(self.keys), np.uint16)
        self.counts[arrays["learnt"]] = arrays["counts"]
        self.popularity = arrays["popularity"]
        self.human = np.unpackbits(arrays["human"])[: len(self.popularity)]
        self._lemma, self._spans = lemma, Spans(lemma)
        self._present = np.zeros(1 << SIEVE, bool)
        self._present[self.keys >> np.uint64(48 - SIEVE)] = True

    @classmethod
    def build(
        cls, entries: Sequence[Entry], learnt: Learnt, lemma: Callable[[str], str], only_learnt: Set[str] = frozenset()
    ) -> NameIndex:
        """Index the names of entries and what annotators called them. Row numbers are places in ``entries``.

        The ids ``only_learnt`` came from the annotated documents themselves: their names are not indexed but through
        ``learnt``, which can be held out.
        """
        kinds: dict[tuple[int, int], int] = defaultdict(int)
        for row, entry in enumerate(entries):
            named = entry.kind == "entity" and entry.id not in only_learnt
            for kind, key in _keys(entry) if named else ():
                kinds[key, row] |= 1 << kind
        counts: dict[tuple[int, int], int] = {}
        for pair, count in learnt.items():
            counts[pair] = min(count, 65_535)
            kinds[pair] |= 1 << LEARNT
        pairs = sorted(pair for pair in kinds if pair[0])
        return cls(
            _packed(
                np.array([key for key, _ in pairs], np.uint64),
                np.array([row for _, row in pairs], np.uint32),
                np.array([kinds[pair] for pair in pairs], np.uint8),
                np.array([counts.get(pair, 0) for pair in pairs], np.uint16),
                np.array([min(entry.popularity, POPULAR) for entry in entries], np.float16),
                np.array([HUMAN in entry.types for entry in entries], np.uint8),
            ),
            lemma,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a folder keeps: 9 bytes a name, for there are hundreds of thousands."""
        return _packed(self.keys, self.rows, self.kinds, self.counts, self.popularity, self.human)

    def kept(self, rows: NDArray[Any]) -> NameIndex:
        """The names of these rows alone; ``rows`` (K,), ascending, are numbered anew.

        What annotators linked to another row stands for nothing in the knowledge base from now on, as if that row had
        never been there.
        """
        number = np.full(len(self.popularity) + 1, NOBODY, np.uint32)
        number[rows] = np.arange(len(rows), dtype=np.uint32)
        renumbered = number[np.minimum(self.rows, len(self.popularity))]
        kinds = np.where(renumbered == NOBODY, self.kinds & 1 << LEARNT, self.kinds)
        keep = np.flatnonzero(kinds)
        names = _merged(*(column[keep] for column in (self.keys, renumbered, kinds, self.counts)))
        return NameIndex(_packed(*names, self.popularity[rows], self.human[rows]), self._lemma)

    def extended(self, entries: Sequence[Entry]) -> NameIndex:
        """The same names and those of more entries, whose rows follow; nobody has annotated these yet."""
        new = NameIndex.build(entries, Learnt(), self._lemma)
        rows = np.concatenate([self.rows, new.rows + np.uint32(len(self.popularity))])
        keys, kinds, counts, popularity, human = (
            np.concatenate([getattr(self, column), getattr(new, column)])
            for column in ("keys", "kinds", "counts", "popularity", "human")
        )
        return NameIndex(_packed(*_merged(keys, rows, kinds, counts), popularity, human), self._lemma)

    def find(self, words: Sequence[Token], held_out: Learnt | None = None, per_span: int = 12) -> list[Found]:
        """Every row whose name stands in the tokens, at most ``per_span`` rows a span, likeliest first.

        ``held_out`` is what one document taught the index: it is taken back, so that a reader in training
        meets its documents as if they were new.
        """
        return self.find_all([words], [held_out or Learnt()], per_span)[0]

    def find_all(
        self,
        texts: Sequence[Sequence[Token]],
        held_out: Sequence[Learnt] | None = None,
        per_span: int = 12,
        firsts: Callable[[Ints], Ints] | None = None,
    ) -> list[list[Found]]:
        """What ``find`` finds in each text. Many at once take a fraction of the time.

        ``firsts`` gives for each row the first of the same entity, where an entity has several, one a language: then
        what they say together is said of the first.
        """
        ends = np.cumsum([len(words) for words in texts])
        words = [word for text in texts for word in text]
        runs = self._known(self._spans(texts))
        spans, span = np.unique(runs.first * len(words) + runs.last, return_inverse=True)
        first, last = np.divmod(spans, max(1, len(words)))
        text: Ints = np.asarray(np.searchsorted(ends, first, "right"))
        hits = _best(self._hits(runs, span, text[span], held_out, firsts))
        chosen, features = self._describe(hits, _looks(words, first, last), last - first, text, per_span)
        begin = ends - [len(words) for words in texts]
        at, offset = chosen.span, begin[text[chosen.span]]
        columns = first[at] - offset, last[at] - offset, chosen.row, log_odds(features, FEATURES)
        found: list[list[Found]] = [[] for _ in texts]
        values = zip(text[at].tolist(), *(column.tolist() for column in columns), features.tolist(), strict=True)
        for number, left, right, row, weight, values_ in values:
            found[number].append(Found(left, right, row, weight, tuple(values_)))
        return found

    def _known(self, runs: Runs) -> Runs:
        """The runs whose keys the index holds, in the order of their keys."""
        runs = runs.of(np.flatnonzero(self._present[runs.key >> np.uint64(48 - SIEVE)]))
        runs = runs.of(np.argsort(runs.key))  # neighbours lie in one cache line
        place = np.searchsorted(self.keys, runs.key)
        return runs.of(np.flatnonzero(self.keys[np.minimum(place, len(self.keys) - 1)] == runs.key))

    def _hits(
        self,
        runs: Runs,
        span: Ints,
        text: Ints,
        held_out: Sequence[Learnt] | None,
        firsts: Callable[[Ints], Ints] | None,
    ) -> Hits:
        """The rows of each key with their evidence, less what is held out of each text."""
        low, high = np.searchsorted(self.keys, runs.key, "left"), np.searchsorted(self.keys, runs.key, "right")
        sizes = high - low
        run = np.repeat(np.arange(len(sizes)), sizes)
        place = np.arange(len(run)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + low[run]
        rows, kinds, seen = self.rows[place], self.kinds[place].astype(np.int64), self.counts[place].astype(np.int64)
        if held_out:
            asked = zip(text[run].tolist(), self.keys[place].tolist(), rows.tolist(), strict=True)
            seen = np.maximum(seen - np.array([held_out[number][key, row] for number, key, row in asked], np.int64), 0)
        way = runs.way[run]
        seen = np.where(way == SPELT, seen, 0)
        total = np.bincount(run, seen, len(sizes)).astype(np.int64)[run]
        kinds = _kinds(kinds, seen, way)
        keep = np.flatnonzero((kinds > 0) & (rows != NOBODY))
        run, rows, kinds, seen, total = (column[keep] for column in (run, rows, kinds, seen, total))
        if firsts is not None:
            run, rows, kinds, seen, total = _folded(run, firsts(rows.astype(np.int64)), kinds, seen, total)
        popularity = self.popularity[rows].astype(np.float64)
        weight = 8 * seen / (total + 1) + popularity + (kinds & (1 << LABEL) > 0)
        return Hits(span[run], rows.astype(np.int64), weight, popularity, kinds, seen, total)

    def _describe(self, hits: Hits, looks: Floats, length: Ints, text: Ints, per_span: int) -> tuple[Hits, Floats]:
        """The best hits of each span and their features. Of each span: look (S, 3), length and text (S,)."""
        rank = np.arange(len(hits.span)) - np.searchsorted(hits.span, hits.span)
        rivals = np.bincount(hits.span, minlength=len(length))[hits.span]
        rows, row = np.unique(text[hits.span] * len(self.popularity) + hits.row, return_inverse=True)
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
                self.human[hits.row],
            ],
            axis=1,
        ).astype(np.float64)


def _kinds(kinds: Ints, seen: Ints, way: Ints) -> Ints:
    """What a key says when it is met in some way: a base says as much as an alias, initials speak of surnames."""
    kinds = np.where(seen > 0, kinds, kinds & ~(1 << LEARNT))
    base = np.where(kinds & (1 << LABEL | 1 << ALIAS), 1 << ALIAS, 0)
    return np.where(way == DERIVED, base, np.where(way == INITIALS, kinds & 1 << SURNAME, kinds))


def _folded(run: Ints, rows: Ints, kinds: Ints, seen: Ints, total: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """What the rows of one entity say of one run, as said by one of them."""
    order = np.lexsort((rows, run))
    run, rows = run[order], rows[order]
    starts = _starts(run, rows)
    kinds, seen = np.bitwise_or.reduceat(kinds[order], starts), np.add.reduceat(seen[order], starts)
    return run[starts], rows[starts], kinds, seen, total[order][starts]


def _starts(*columns: NDArray[Any]) -> Ints:
    """The places of sorted columns (N,) where one of them changes: where each run of equals starts."""
    first = np.zeros(len(columns[0]), bool)
    first[:1] = True
    for column in columns:
        first[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(first)


def _best(hits: Hits) -> Hits:
    """Of each row of each span the best evidence, the likeliest rows of a span first."""
    keys = (hits.total, hits.seen, hits.kind, hits.popularity, hits.weight)
    order = np.lexsort((*(-key for key in keys), hits.row, hits.span))
    hits = hits.of(order)
    hits = hits.of(_starts(hits.span, hits.row))
    return hits.of(np.lexsort((hits.row, -hits.weight, hits.span)))


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


def _merged(
    keys: NDArray[Any], rows: NDArray[Any], kinds: NDArray[Any], counts: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Names by key and row; those that nobody has of one key are counted together."""
    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    starts = _starts(keys, rows)
    together = np.minimum(np.add.reduceat(counts[order].astype(np.int64), starts), 65_535)
    return keys[starts], rows[starts], kinds[order][starts], together.astype(np.uint16)


def _packed(
    keys: NDArray[Any],
    rows: NDArray[Any],
    kinds: NDArray[Any],
    counts: NDArray[Any],
    popularity: NDArray[Any],
    human: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    learnt = np.flatnonzero(counts)
    return {
        "keys_high": np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=1 << 16).astype(np.uint32),
        "keys_low": keys.astype(np.uint32),
        "rows": rows,
        "kinds": kinds,
        "learnt": learnt.astype(np.uint32),
        "counts": counts[learnt],
        "popularity": popularity,
        "human": np.packbits(human),
    }


def _keys(entry: Entry) -> Iterator[tuple[int, int]]:
    """The keys of an entry, each with the kind of name that it stands for."""
    human = HUMAN in entry.types
    for kind, name in [(LABEL, entry.name), *((ALIAS, alias) for alias in entry.aliases)]:
        for written in spellings(name, human):
            yield kind, name_key(written)
    plain = spellings(entry.name, human)[-1]
    words = words_of(plain)
    latin = not CYRILLIC.search(plain)
    if human and len(words) > 1 and CYRILLIC.match(words[-1]):
        yield SURNAME, name_key(words[-1])
    if latin and len(words) <= (TRANSCRIBED + human) and all(word.istitle() for word in words):
        yield from _sounds(plain, words, human)
    if not (latin or human):
        yield from ((ALIAS, acronym_key(acronym)) for acronym in acronyms(words))


def _sounds(name: str, words: Sequence[str], human: bool) -> Iterator[tuple[int, int]]:
    yield ALIAS, sound_key(name)
    if human and len(words) > 1:
        yield SURNAME, sound_key(words[-1])
