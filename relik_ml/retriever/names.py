"""Candidates by name: an index of inflection-proof keys, so that «Владимиром Путиным» finds «Владимир Путин».

A name hit is a span of the text, a row of the index and features that say how good a hit it is.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.retriever.keys import CYRILLIC, mixed_keys, name_key, spellings, variants
from relik_ml.types import Entry, Token

LABEL, ALIAS, LEARNT, SURNAME = range(4)
"""How a key came to be: the entry's name, one of its aliases, an annotated surface, the surname of a person."""

HUMAN = "Q5"
LONGEST = 7
"""Words in the longest name looked up."""

WORD = 2.0
"""What each word of a name adds to the weight of its hits: the longer, the less it stands there by chance."""

GAP = 3
"""Code points that may lie between two words of a name, such as a dash between blanks."""


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


class Learnt(Counter[tuple[int, int]]):
    """In how many documents a key was annotated with a row (``NOBODY``: with nothing in the knowledge base)."""


class Evidence(NamedTuple):
    """Why a row is proposed for a span; the greatest by ``weight`` counts."""

    weight: float
    popularity: float
    kind: int
    seen: int
    total: int


class Match(NamedTuple):
    """A key that stands in a text: tokens ``first`` to ``last`` inclusive, and where its rows lie in the index."""

    first: int
    last: int
    key: int


@dataclass(frozen=True, slots=True)
class Found:
    """A row whose name stands in the text: the span in tokens, and the features of that hit."""

    first: int
    last: int
    row: int
    weight: float
    features: tuple[float, ...]


class NameIndex:
    """Sorted key hashes with the rows they name.

    ``keys`` (N,) uint64, ``rows`` (N,) uint32, ``kinds`` (N,) uint8 bit set over ``LABEL`` …, ``counts`` (N,)
    uint16 documents in which annotators linked this key to this row, ``NOBODY`` among the rows. For each row of the
    index, ``popularity`` float16 and ``human``, whether it is a person.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], lemma: Callable[[str], str]) -> None:
        """From what ``arrays`` gave."""
        self.keys = arrays["keys_high"].astype(np.uint64) << np.uint64(16) | arrays["keys_low"]
        self.rows, self.kinds = arrays["rows"], arrays["kinds"]
        self.counts = np.zeros(len(self.keys), np.uint16)
        self.counts[arrays["learnt"]] = arrays["counts"]
        self.popularity = arrays["popularity"]
        self.human = np.unpackbits(arrays["human"])[: len(self.popularity)]
        self._lemma = lemma

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
            for kind, name in _names(entry) if named else ():
                kinds[name_key(name), row] |= 1 << kind
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
        """What a folder keeps: 11 bytes a name, for there are hundreds of thousands."""
        return _packed(self.keys, self.rows, self.kinds, self.counts, self.popularity, self.human)

    def find(self, words: Sequence[Token], held_out: Learnt | None = None, per_span: int = 12) -> list[Found]:
        """Every row whose name stands in the tokens, at most ``per_span`` rows a span, likeliest first.

        ``held_out`` is what one document taught the index: it is taken back, so that a reader in training
        meets its documents as if they were new.
        """
        matches = self._matches(words)
        keys = np.array([match.key for match in matches], np.uint64)
        low, high = np.searchsorted(self.keys, keys, "left"), np.searchsorted(self.keys, keys, "right")
        spans: dict[tuple[int, int], dict[int, Evidence]] = {}
        for place in np.flatnonzero(low < high).tolist():
            match = matches[place]
            known = spans.setdefault((match.first, match.last), {})
            for row, evidence in self._rows(match.key, int(low[place]), int(high[place]), held_out or Learnt()):
                known[row] = max(known.get(row, evidence), evidence)
        return self._describe(words, spans, per_span)

    def _matches(self, words: Sequence[Token]) -> list[Match]:
        """The keys of every run of up to ``LONGEST`` words that no wide gap interrupts."""
        solid = [place for place, word in enumerate(words) if word.text[0].isalnum()]
        stems = [variants(words[place].text, self._lemma) for place in solid]
        return [
            Match(solid[left], solid[right], key)
            for left in range(len(solid))
            for right in self._reach(words, solid, left)
            for key in mixed_keys(stems[left : right + 1])
        ]

    @staticmethod
    def _reach(words: Sequence[Token], solid: Sequence[int], left: int) -> Iterator[int]:
        yield left
        for right in range(left + 1, min(left + LONGEST, len(solid))):
            if words[solid[right]].start - words[solid[right - 1]].stop > GAP:
                return
            yield right

    def _rows(self, key: int, low: int, high: int, held_out: Learnt) -> Iterator[tuple[int, Evidence]]:
        """The rows of one key with their evidence, less what is held out."""
        rows, kinds = self.rows[low:high].tolist(), self.kinds[low:high].tolist()
        seen = zip(rows, self.counts[low:high].tolist(), strict=True)
        counts = [max(0, count - held_out[key, row]) for row, count in seen]
        total = sum(counts)
        for row, kind, count in zip(rows, kinds, counts, strict=True):
            kind = kind if count else kind & ~(1 << LEARNT)
            if kind and row != NOBODY:
                popularity = float(self.popularity[row])
                weight = 8 * count / (total + 1) + popularity + (kind & (1 << LABEL) > 0)
                yield row, Evidence(weight, popularity, kind, count, total)

    def _describe(
        self, words: Sequence[Token], spans: Mapping[tuple[int, int], Mapping[int, Evidence]], per_span: int
    ) -> list[Found]:
        places: dict[int, list[int]] = defaultdict(list)
        for (first, last), rows in spans.items():
            for row in rows:
                places[row].append(last - first)
        found = []
        for (first, last), rows in spans.items():
            ranked = sorted(rows.items(), key=lambda item: (-item[1].weight, item[0]))
            span = words[first : last + 1]
            for rank, (row, evidence) in enumerate(ranked[:per_span]):
                features = self._features(span, row, evidence, rank, len(ranked), places[row])
                found.append(Found(first, last, row, evidence.weight + WORD * _words(span), features))
        return found

    def _features(
        self, span: Sequence[Token], row: int, evidence: Evidence, rank: int, rivals: int, lengths: Sequence[int]
    ) -> tuple[float, ...]:
        """In the order of ``FEATURES``, each of the order of one."""
        _, popularity, kind, count, total = evidence
        return (
            *(float(kind >> bit & 1) for bit in (LABEL, ALIAS, LEARNT, SURNAME)),
            math.log1p(count) / 3,
            count / (total + 1),
            math.log1p(total) / 3,
            popularity / 4,
            1 / (1 + rank),
            math.log1p(rivals) / 3,
            float(span[0].text.isupper()),
            float(len(span[0].text) > 1 and span[0].text.istitle()),
            min(_words(span), 4) / 4,
            float(max(lengths) >= len(span)),
            math.log1p(len(lengths)) / 2,
            float(self.human[row]),
        )


def _words(span: Sequence[Token]) -> int:
    return sum(word.text[0].isalnum() for word in span)


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
        "keys_high": (keys >> np.uint64(16)).astype(np.uint32),
        "keys_low": keys.astype(np.uint16),
        "rows": rows,
        "kinds": kinds,
        "learnt": learnt.astype(np.uint32),
        "counts": counts[learnt],
        "popularity": popularity,
        "human": np.packbits(human),
    }


def _names(entry: Entry) -> Iterator[tuple[int, str]]:
    human = HUMAN in entry.types
    for kind, name in [(LABEL, entry.name), *((ALIAS, alias) for alias in entry.aliases)]:
        for written in spellings(name, human):
            yield kind, written
    words = spellings(entry.name, human)[-1].split()
    if human and len(words) > 1 and CYRILLIC.match(words[-1]):
        yield SURNAME, words[-1]
