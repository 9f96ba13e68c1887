"""Keys that names are compared by: hashes of stems, the same for every inflection of a name.

A query word is tried by the stem of its surface and by the stem of its lemma, because each is right where the other
is not: «Путина» (whose likeliest lemma is «путина») by its surface, «Павла» by its lemma. The key of a run of words is
computed from the hashes of its words, so that all runs of a text take a few sums over arrays.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from hashlib import blake2b
from itertools import product

import numpy as np
from numpy.typing import NDArray

from relik_ml.names.forms import bases, sound, stem, words_of

Keys = NDArray[np.uint64]

_ODD, _BITS = 0x9E3779B97F4A7C15, (1 << 64) - 1
SOUNDING = "\x00"
"""Prefix of words in phonetic form, which separates them from spelt words."""

AUDIBLE = 4
"""Least number of sounds of a name that is indexed by its sound."""


def name_key(name: str) -> int:
    """The hash of a name as written, 0 for one without letters or digits.

    It has 48 bits: in one index of a million names out of 500 two meet.
    """
    return run_key([stem(word) for word in words_of(name)])


def sound_key(name: str) -> int:
    """The hash of a name as it sounds; 0 if one of its words has no sound, or all have too few."""
    sounds = [sound(word) for word in words_of(name)]
    enough = all(sounds) and sum(map(len, sounds)) >= AUDIBLE
    return run_key([SOUNDING + each for each in sounds]) if enough else 0


def surface_keys(surface: str, lemma: Callable[[str], str]) -> set[int]:
    """Every key that a query with this surface would try for the names that are spelt so."""
    forms = [variants(word, lemma) for word in words_of(surface)]
    if len(forms) <= 2:
        mixtures = set(product(*forms))
    else:
        mixtures = {tuple(form[0] for form in forms), tuple(form[-1] for form in forms)}
    return {key for key in map(run_key, mixtures) if key}


def derived_keys(word: str, lemma: Callable[[str], str]) -> set[int]:
    """The keys of the names that an adjective or inhabitant may be derived from: «российский», «Россия»."""
    return {run_key(base) for each in variants(word, lemma) for base in bases(each)} - {0}


def variants(word: str, lemma: Callable[[str], str]) -> tuple[str, ...]:
    """What a query tries for a word: the stem of its surface and, if it is another, the stem of its lemma."""
    return tuple(dict.fromkeys((stem(word), stem(lemma(word)))))


def run_key(stems: Sequence[str]) -> int:
    """The key of a run of stems; 0 for nothing and for a single letter, which names no one."""
    if sum(map(len, stems)) < 2:
        return 0
    hash = run_hash(stems)
    return ((hash ^ hash >> 29) * _ODD & _BITS) >> 16


def run_hash(stems: Sequence[str]) -> int:
    """The unfinished key of a run of stems."""
    return reduce(lambda run, stem: (run * _ODD + word_hash(stem)) & _BITS, stems, 0)


def extended(runs: Keys, hashes: Keys) -> Keys:
    """Runs (N,), as unfinished keys, with one word more, whose hashes (N,) are given."""
    longer: Keys = runs * np.uint64(_ODD) + hashes
    return longer


def finished(runs: Keys) -> Keys:
    """The keys of runs that ``extended`` gave, equal to ``run_key`` of their stems."""
    return ((runs ^ runs >> np.uint64(29)) * np.uint64(_ODD)) >> np.uint64(16)


@lru_cache(maxsize=1 << 18)
def word_hash(stem: str) -> int:
    """64 bits of a stem."""
    return int.from_bytes(blake2b(stem.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
