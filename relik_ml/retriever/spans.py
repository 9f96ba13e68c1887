"""The runs of words of a text with the keys that each is looked up by.

A key's way says how far it is from the spelling: ``SPELT`` as written, ``DERIVED`` an adjective or inhabitant of what
is named so, ``HEARD`` another script's spelling of it, ``INITIALS`` a surname behind or before initials, ``SHORTENED``
an acronym that follows from the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.retriever.acronyms import LONGEST as LONGEST_SHORT
from relik_ml.retriever.acronyms import SHORTEST
from relik_ml.retriever.derivation import bases
from relik_ml.retriever.keys import SHORT, SOUNDING, Keys, extended, finished, variants, word_hash
from relik_ml.retriever.stems import CYRILLIC, stem
from relik_ml.retriever.transliteration import sound
from relik_ml.types import Token

SPELT, DERIVED, HEARD, INITIALS, SHORTENED = range(5)

LONGEST, LONGEST_HEARD = 7, 3
"""Words in the longest name looked up."""

GAP = 3
"""Code points that may lie between two words of a name, such as a dash between blanks."""


class Form(NamedTuple):
    """What is tried for one word: hashes, 0 for none."""

    surface: int
    lemma: int
    sound: int
    derived: tuple[int, ...]
    acronym: int
    letter: bool
    """Whether it is one capital letter, and so no name alone but perhaps an initial."""
    brief: bool
    """Whether it is one letter or digit, which alone names no one."""


class Runs(NamedTuple):
    """Runs (N,) of words: the first and the last word by their place among the words, and a key with its ``way``."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    key: Keys
    way: NDArray[np.int64]

    def of(self, places: NDArray[np.int64]) -> Runs:
        """Some of them, in this order."""
        return Runs(self.first[places], self.last[places], self.key[places], self.way[places])


class Spans:
    """Finds the runs of texts; forms of words are remembered."""

    def __init__(self, lemma: Callable[[str], str]) -> None:
        self._lemma = lemma
        self._form = lru_cache(maxsize=1 << 17)(self._formed)

    def __call__(self, texts: Sequence[Sequence[Token]]) -> Runs:
        """The runs of all words, numbers included, that no wide gap interrupts; places go on from text to text."""
        words = [word for text in texts for word in text]
        solid = [place for place, word in enumerate(words) if word.text[0].isalnum()]
        if not solid:
            nothing = np.zeros(0, np.int64)
            return Runs(nothing, nothing, np.zeros(0, np.uint64), nothing)
        forms = [self._form(words[place].text) for place in solid]
        places = np.array(solid)
        near = _near([words[place] for place in solid], np.searchsorted(_ends(texts), places, "right"))
        parts = [*_spelt(forms, near), *_heard(forms, near), *_single(forms), *_initialled(forms, near)]
        first, last, key, way = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Runs(places[first], places[last], key, way)

    def _formed(self, word: str) -> Form:
        tried = variants(word, self._lemma)
        named = word[0].isupper() and not word.isupper() and CYRILLIC.match(word)
        heard = sound(word) if named else ""
        derived = {base for each in tried for base in bases(each)} - {*tried} if CYRILLIC.match(word) else ()
        return Form(
            word_hash(tried[0]),
            word_hash(tried[-1]),
            word_hash(SOUNDING + heard) if heard else 0,
            tuple(sorted(map(word_hash, derived))),
            word_hash(SHORT + word) if word.isupper() and SHORTEST <= len(word) <= LONGEST_SHORT else 0,
            len(word) == 1 and word.isupper(),
            len(stem(word)) < 2,
        )


def _ends(texts: Sequence[Sequence[Token]]) -> NDArray[np.int64]:
    """(T,) where each text ends among the words of all."""
    return np.cumsum([len(text) for text in texts])


def _near(words: Sequence[Token], text: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) whether a name may go on from the word before to each word; ``text`` (N,) numbers the text of each."""
    start, stop = np.array([word.start for word in words]), np.array([word.stop for word in words])
    near = np.zeros(len(words), bool)
    near[1:] = (start[1:] - stop[:-1] <= GAP) & (text[1:] == text[:-1])
    return near


def _column(forms: Sequence[Form], field: int) -> Keys:
    return np.array([form[field] for form in forms], np.uint64)


def _spelt(forms: Sequence[Form], near: NDArray[np.bool_]) -> Iterator[Runs]:
    """Short runs in every mixture of surfaces and lemmas, long ones all by the one or all by the other."""
    surface, lemma = _column(forms, 0), _column(forms, 1)
    long = np.array([not form.brief for form in forms])
    for length, left, one in _chains(surface, near, LONGEST):
        keep = long[left] if length == 1 else slice(None)
        yield _runs(left[keep], length, one[keep], SPELT)
    for length, left, other in _chains(lemma, near, LONGEST):
        keep = long[left] if length == 1 else slice(None)
        yield _runs(left[keep], length, other[keep], SPELT)
    pairs = np.flatnonzero(near[1:])
    for first, second in ((surface, lemma), (lemma, surface)):
        yield _runs(pairs, 2, extended(first[pairs], second[pairs + 1]), SPELT)


def _heard(forms: Sequence[Form], near: NDArray[np.bool_]) -> Iterator[Runs]:
    sounds = _column(forms, 2)
    for length, left, run in _chains(sounds, near & (sounds > 0), LONGEST_HEARD):
        yield _runs(left[sounds[left] > 0], length, run[sounds[left] > 0], HEARD)


def _single(forms: Sequence[Form]) -> Iterator[Runs]:
    bases = [(place, base) for place, form in enumerate(forms) for base in form.derived]
    acronyms = [(place, form.acronym) for place, form in enumerate(forms) if form.acronym]
    for pairs, way in ((bases, DERIVED), (acronyms, SHORTENED)):
        places, hashes = [place for place, _ in pairs], [hash for _, hash in pairs]
        yield _runs(np.array(places, np.int64), 1, np.array(hashes, np.uint64), way)


def _initialled(forms: Sequence[Form], near: NDArray[np.bool_]) -> Iterator[Runs]:
    """Surnames with one or two initials before or behind them."""
    for place in [place for place, form in enumerate(forms) if form.letter]:
        for first, last, name in _around(forms, near, place):
            tried = [form for form in (forms[name].surface, forms[name].lemma, forms[name].sound) if form]
            spans = np.full(len(tried), first), np.full(len(tried), last)
            yield Runs(*spans, finished(np.array(tried, np.uint64)), np.full(len(tried), INITIALS))


def _around(forms: Sequence[Form], near: NDArray[np.bool_], place: int) -> Iterator[tuple[int, int, int]]:
    """First and last word of each run with an initial at ``place`` at its edge, and the place of the surname."""
    for name in (place + 1, place + 2, place - 1, place - 2):
        low, high = min(place, name), max(place, name)
        if low < 0 or high >= len(forms) or not near[low + 1 : high + 1].all():
            continue
        if [form.letter for form in forms[low : high + 1]].count(False) == 1 and not forms[name].letter:
            yield low, high, name


def _chains(hashes: Keys, near: NDArray[np.bool_], longest: int) -> Iterator[tuple[int, NDArray[np.int64], Keys]]:
    """Length, first places and unfinished keys of all runs up to a length."""
    left, runs = np.arange(len(hashes)), hashes
    for length in range(1, longest + 1):
        yield length, left, runs
        goes_on = left + length < len(hashes)
        goes_on[goes_on] = near[left[goes_on] + length]
        left, runs = left[goes_on], runs[goes_on]
        runs = extended(runs, hashes[left + length])


def _runs(left: NDArray[np.int64], length: int, runs: Keys, way: int) -> Runs:
    return Runs(left, left + length - 1, finished(runs), np.full(len(left), way))
