"""Runs of words that may be names, with the keys to look them up by.

The way of a key tells how it was derived from the words: ``SPELT``, from their spelling; ``DERIVED``, an adjective or
inhabitant as the name of the place; ``HEARD``, from the sound of a transcribed Latin name; ``INITIALS``, the surname
next to initials.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.names.forms import CYRILLIC, bases, sound
from relik_ml.names.initials import is_initial
from relik_ml.names.keys import SOUNDING, Keys, extended, finished, run_hash, variants, word_hash
from relik_ml.types import Token

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SPELT, DERIVED, HEARD, INITIALS = range(4)

LONGEST, LONGEST_HEARD = 7, 3
"""The maximum number of words in a name, and in a name that is looked up by its sound."""

MOST_INITIALS = 3
"""The maximum number of initials of one person, as in «Э. Т. А. Гофман». Longer rows are lists of letters."""

QUOTES = frozenset('«»"“”„')

GAP = 3
"""The maximum number of code points between two words of a name, such as a dash between blanks."""


class Form(NamedTuple):
    """The forms of a word that are looked up, as hashes; 0 if the word has no such form."""

    surface: int
    lemma: int
    sound: int
    derived: tuple[int, ...]
    initial: bool
    """Whether the word may be an initial."""


class Runs(NamedTuple):
    """Runs (N,) of words: the positions of the first and the last word, a key, and the way of the key."""

    first: Ints
    last: Ints
    key: Keys
    way: Ints

    def of(self, selected: Ints) -> Runs:
        """Select runs, in this order."""
        return Runs(self.first[selected], self.last[selected], self.key[selected], self.way[selected])


class RunFinder:
    """Finds the runs in texts. Caches the forms of words."""

    def __init__(self, lemma: Callable[[str], str]) -> None:
        self._lemma = lemma
        self._form = lru_cache(maxsize=1 << 17)(self._formed)

    def __call__(self, texts: Sequence[Sequence[Token]]) -> Runs:
        """The runs in all texts. Words are numbered through, from text to text; punctuation is skipped."""
        words = [word for text in texts for word in text]
        solid = [at for at, word in enumerate(words) if word.text[0].isalnum()]
        if not solid:
            nothing = np.zeros(0, np.int64)
            return Runs(nothing, nothing, np.zeros(0, np.uint64), nothing)
        forms, positions = [self._form(words[at].text) for at in solid], np.array(solid)
        ends = np.cumsum([len(text) for text in texts])
        near = _near([words[at] for at in solid], np.searchsorted(ends, positions, "right"))
        parts = [*_spelt(forms, near), *_heard(forms, near), _derived(forms), *_initialled(forms, near)]
        first, last, key, way = (np.concatenate(column) for column in zip(*parts, strict=True))
        return _closed(Runs(positions[first], positions[last], key, way), words)

    def _formed(self, word: str) -> Form:
        tried, russian = variants(word, self._lemma), CYRILLIC.match(word)
        heard = sound(word) if russian and word[0].isupper() and not word.isupper() else ""
        derived = {base for each in tried for base in bases(each)} - {(each,) for each in tried} if russian else ()
        return Form(
            surface=word_hash(tried[0]),
            lemma=word_hash(tried[-1]),
            sound=word_hash(SOUNDING + heard) if heard else 0,
            derived=tuple(sorted(map(run_hash, derived))),
            initial=is_initial(word),
        )


def _closed(runs: Runs, words: Sequence[Token]) -> Runs:
    """The runs, with the mark that closes a quotation which opens inside them, as in «РИА "Новости"»."""
    mark = np.array([word.text in QUOTES for word in words] + [False])
    before = np.concatenate([[0], np.cumsum(mark)])
    opened = (before[runs.last + 1] - before[runs.first]) % 2 == 1
    return runs._replace(last=runs.last + (opened & mark[runs.last + 1]))


def _near(words: Sequence[Token], text: Ints) -> Flags:
    """(N,) whether each word may continue the name of the word before it. ``text`` (N,) is the text of each word."""
    start, stop = np.array([word.start for word in words]), np.array([word.stop for word in words])
    near = np.zeros(len(words), bool)
    near[1:] = (start[1:] - stop[:-1] <= GAP) & (text[1:] == text[:-1])
    return near


def _spelt(forms: Sequence[Form], near: Flags) -> Iterator[Runs]:
    """Runs of surfaces and runs of lemmas, and for two words also the mixtures of both."""
    surface = np.array([form.surface for form in forms], np.uint64)
    lemma = np.array([form.lemma for form in forms], np.uint64)
    yield from _chains(surface, near, LONGEST, SPELT)
    yield from _chains(lemma, near, LONGEST, SPELT)
    pairs = np.flatnonzero(near[1:])
    for first, second in ((surface, lemma), (lemma, surface)):
        yield _runs(pairs, 2, extended(first[pairs], second[pairs + 1]), SPELT)


def _heard(forms: Sequence[Form], near: Flags) -> Iterator[Runs]:
    sounds = np.array([form.sound for form in forms], np.uint64)
    for runs in _chains(sounds, near & (sounds > 0), LONGEST_HEARD, HEARD):
        yield runs.of(np.flatnonzero(sounds[runs.first]))


def _derived(forms: Sequence[Form]) -> Runs:
    at = [at for at, form in enumerate(forms) for _ in form.derived]
    keys = [key for form in forms for key in form.derived]
    return _runs(np.array(at, np.int64), 1, np.array(keys, np.uint64), DERIVED)


def _initialled(forms: Sequence[Form], near: Flags) -> Iterator[Runs]:
    """Surnames with initials before or after them."""
    for name, first, last in _around([at for at, form in enumerate(forms) if form.initial], near):
        tried = np.array([key for key in forms[name][:3] if key], np.uint64)
        spans = np.full(len(tried), first), np.full(len(tried), last)
        yield Runs(*spans, finished(tried), np.full(len(tried), INITIALS))


def _around(initials: Sequence[int], near: Flags) -> Iterator[tuple[int, int, int]]:
    """For each surname next to initials: its position, and the first and the last word of the run."""
    positions = np.array(initials, np.int64)
    breaks = np.flatnonzero((np.diff(positions) > 1) | ~near[positions[1:]]) + 1
    for group in np.split(positions, breaks):
        if not 0 < len(group) <= MOST_INITIALS:
            continue
        first, last = int(group[0]), int(group[-1])
        if near[first]:
            yield first - 1, first - 1, last
        if last + 1 < len(near) and near[last + 1]:
            yield last + 1, first, last + 1


def _chains(hashes: Keys, near: Flags, longest: int, way: int) -> Iterator[Runs]:
    """All runs of up to ``longest`` words, shorter ones first."""
    first, runs = np.arange(len(hashes)), hashes
    for length in range(1, longest + 1):
        yield _runs(first, length, runs, way)
        goes_on = first + length < len(hashes)
        goes_on[goes_on] = near[first[goes_on] + length]
        first, runs = first[goes_on], extended(runs[goes_on], hashes[first[goes_on] + length])


def _runs(first: Ints, length: int, runs: Keys, way: int) -> Runs:
    return Runs(first, first + length - 1, finished(runs), np.full(len(first), way))
