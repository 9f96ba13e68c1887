"""The runs of words of a text with the keys that each is looked up by.

A key's way says how far it is from the spelling: ``SPELT`` as written, ``DERIVED`` an adjective or inhabitant of what
is named so, ``HEARD`` a Russian spelling of a Latin name, ``INITIALS`` a surname behind or before initials,
``SHORTENED`` an acronym that follows from the name, ``ROMANISED`` a Latin spelling of a Russian name, ``SURNAMED`` a
Latin surname alone, by its sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.names.acronyms import LONGEST as LONGEST_SHORT
from relik_ml.names.acronyms import SHORTEST
from relik_ml.names.derivation import bases
from relik_ml.names.initials import is_initial
from relik_ml.names.keys import SHORT, SOUNDING, Keys, extended, finished, run_hash, variants, word_hash
from relik_ml.names.romanization import russian_stems
from relik_ml.names.stems import CYRILLIC, stem
from relik_ml.names.transliteration import sound
from relik_ml.types import Token

SPELT, DERIVED, HEARD, INITIALS, SHORTENED, ROMANISED, SURNAMED = range(7)

LONGEST, LONGEST_HEARD = 7, 3
"""Words in the longest name looked up."""

INITIALS_MOST = 3
"""Initials of one person, as in «Э. Т. А. Гофман»; more in a row are an alphabet."""

SHARES = {1: 24, 2: 22, 3: 8}
"""The most ways to read each word of a run of Latin words, by the length of the run: 512 readings of a run at most."""

GAP = 3
"""Code points that may lie between two words of a name, such as a dash between blanks."""


Known = Callable[[Keys], NDArray[np.bool_]]
"""Whether keys may be those of names."""


class Form(NamedTuple):
    """What is tried for one word: hashes, 0 for none."""

    surface: int
    lemma: int
    sound: int
    latin: bool
    """Whether it may be a Russian name in Latin letters."""
    readings: Keys
    """What it then may be in Russian, likeliest first."""
    derived: tuple[int, ...]
    acronym: int
    initial: bool
    """Whether it may be the initial of a name."""
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

    def __init__(self, lemma: Callable[[str], str], known: Known | None = None) -> None:
        """Readings of Latin words, which are hundreds a word, are given only where their keys may be ``known``."""
        self._lemma, self._known = lemma, known
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
        latin = [place for place, form in enumerate(forms) if form.latin]
        parts = [
            *_spelt(forms, near), *_heard(forms, near, latin), *_single(forms, latin),
            *_hyphened(forms, near, places, words), *_romanised(forms, near, latin, self._known),
            *_initialled(forms, near),
        ]  # fmt: skip
        first, last, key, way = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Runs(places[first], places[last], key, way)

    def _formed(self, word: str) -> Form:
        tried = variants(word, self._lemma)
        named, russian = word[0].isupper() and not word.isupper(), CYRILLIC.match(word)
        heard = sound(word) if named else ""
        readings = russian_stems(word) if named and not russian else ()
        derived = {base for each in tried for base in bases(each)} - {(each,) for each in tried} if russian else ()
        return Form(
            word_hash(tried[0]),
            word_hash(tried[-1]),
            word_hash(SOUNDING + heard) if heard else 0,
            bool(readings),
            np.array([word_hash(reading) for reading in readings], np.uint64),
            tuple(sorted(map(run_hash, derived))),
            word_hash(SHORT + word) if word.isupper() and SHORTEST <= len(word) <= LONGEST_SHORT else 0,
            is_initial(word),
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


def _heard(forms: Sequence[Form], near: NDArray[np.bool_], latin: Sequence[int]) -> Iterator[Runs]:
    sounds = _column(forms, 2)
    sounds[latin] = 0
    for length, left, run in _chains(sounds, near & (sounds > 0), LONGEST_HEARD):
        yield _runs(left[sounds[left] > 0], length, run[sounds[left] > 0], HEARD)


def _single(forms: Sequence[Form], latin: Sequence[int]) -> Iterator[Runs]:
    bases = [(place, base) for place, form in enumerate(forms) for base in form.derived]
    acronyms = [(place, form.acronym) for place, form in enumerate(forms) if form.acronym]
    surnames = [(place, forms[place].sound) for place in latin if forms[place].sound]
    for pairs, way in ((bases, DERIVED), (acronyms, SHORTENED), (surnames, SURNAMED)):
        yield _runs(_places(pairs), 1, _hashes(pairs), way)


def _hyphened(
    forms: Sequence[Form], near: NDArray[np.bool_], places: NDArray[np.int64], words: Sequence[Token]
) -> Iterator[Runs]:
    """What is derived from the second half of a name: «нью-йоркский»."""
    marked = np.flatnonzero((np.diff(places) == 2) & near[1:]) + 1  # behind a single mark
    second = [place for place in marked.tolist() if forms[place].derived and _hyphen(words, int(places[place]) - 1)]
    pairs = [(place - 1, base) for place in second for base in forms[place].derived]
    first = np.array([forms[place].surface for place, _ in pairs], np.uint64)
    yield _runs(_places(pairs), 2, extended(first, _hashes(pairs)), DERIVED)


def _hyphen(words: Sequence[Token], place: int) -> bool:
    """Whether a mark is a hyphen that joins the words beside it."""
    return words[place].text == "-" and words[place - 1].stop + 1 == words[place + 1].start


def _romanised(
    forms: Sequence[Form], near: NDArray[np.bool_], latin: Sequence[int], known: Known | None
) -> Iterator[Runs]:
    """Runs of Latin words, each read in as many ways as its share of the run's allows."""
    firsts, goes_on = latin, {place for place in latin if near[place]}
    for length, share in SHARES.items():
        firsts = [first for first in firsts if length == 1 or first + length - 1 in goes_on]
        readings = [_readings(forms[first : first + length], share) for first in firsts]
        keys = finished(np.concatenate([np.zeros(0, np.uint64), *readings]))
        kept = np.arange(len(keys)) if known is None else np.flatnonzero(known(keys))
        places = np.repeat(np.array(firsts, np.int64), [len(each) for each in readings])[kept]
        yield Runs(places, places + length - 1, keys[kept], np.full(len(kept), ROMANISED))


def _readings(run: Sequence[Form], share: int) -> Keys:
    keys = run[0].readings[:share]
    for form in run[1:]:
        keys = extended(keys[:, None], form.readings[:share]).ravel()
    return keys


def _initialled(forms: Sequence[Form], near: NDArray[np.bool_]) -> Iterator[Runs]:
    """Surnames with the initials before or behind them, all of them."""
    for name, first, last in _around([place for place, form in enumerate(forms) if form.initial], near):
        form = forms[name]
        tried = [each for each in (form.surface, form.lemma, form.sound, *form.readings) if each]
        spans = np.full(len(tried), first), np.full(len(tried), last)
        yield Runs(*spans, finished(np.array(tried, np.uint64)), np.full(len(tried), INITIALS))


def _around(initials: Sequence[int], near: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """The place of each surname with initials on one side, and the first and the last word of the run."""
    places = np.array(initials, np.int64)
    apart = np.flatnonzero((np.diff(places) > 1) | ~near[places[1:]]) + 1
    for group in np.split(places, apart):
        if not 0 < len(group) <= INITIALS_MOST:
            continue
        first, last = int(group[0]), int(group[-1])
        if first and near[first]:
            yield first - 1, first - 1, last
        if last + 1 < len(near) and near[last + 1]:
            yield last + 1, first, last + 1


def _places(pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array([place for place, _ in pairs], np.int64)


def _hashes(pairs: Sequence[tuple[int, int]]) -> Keys:
    return np.array([hash for _, hash in pairs], np.uint64)


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
