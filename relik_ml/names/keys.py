"""Keys that names are compared by: hashes of stems, the same for every inflection of a name.

A query word is tried by the stem of its surface and by the stem of its lemma, because each is right where the other
is not: «Путина» (whose likeliest lemma is «путина») by its surface, «Павла» by its lemma. The key of a run of words is
reckoned from the hashes of its words, so that all runs of a text take a few sums over arrays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from hashlib import blake2b
from itertools import product

import numpy as np
from numpy.typing import NDArray

from relik_ml.names.stems import stem
from relik_ml.names.transliteration import sound
from relik_ml.text import tokens

Keys = NDArray[np.uint64]

_NOTE = re.compile(r"\s*\([^()]*\)$")
_ODD, _BITS = 0x9E3779B97F4A7C15, (1 << 64) - 1
SOUNDING = "\x00"
"""Stands before a word that is written as it sounds, apart from all that are spelt."""

SHORT = "\x01"
"""Stands before an acronym that is built from a name, apart from the words that it may look like."""

PATRONYMIC = re.compile(r"\w{2,}(?:ович|евич|ич|овна|евна|ична|инична)|оглы|кызы")
GIVEN = re.compile(r"[А-ЯЁ][а-яё-]+(?: [А-ЯЁ][а-яё-]+)?")
"""One or two capitalised words: what stands behind the comma in a register of persons."""


AUDIBLE = 4
"""Sounds of the shortest name that is told by them."""


def name_key(name: str) -> int:
    """The hash of a name as written, 0 for one without letters or digits.

    It has 48 bits: in one index of a million names out of 500 two meet.
    """
    return run_key([stem(word) for word in words_of(name)])


def sound_key(name: str) -> int:
    """The hash of a name as it sounds; 0 when one of its words has no sound, or all have too few."""
    sounds = [sound(word) for word in words_of(name)]
    enough = all(sounds) and sum(map(len, sounds)) >= AUDIBLE
    return run_key([SOUNDING + each for each in sounds]) if enough else 0


def acronym_key(acronym: str) -> int:
    """The hash of an acronym that no source gives but that follows from a name."""
    return run_key([SHORT + acronym])


def surface_keys(surface: str, lemma: Callable[[str], str]) -> set[int]:
    """Every key that a query with this surface would try for the names that are spelt so."""
    forms = [variants(word, lemma) for word in words_of(surface)]
    if len(forms) <= 2:
        mixtures = set(product(*forms))
    else:
        mixtures = {tuple(form[0] for form in forms), tuple(form[-1] for form in forms)}
    return {key for key in map(run_key, mixtures) if key}


def words_of(text: str) -> list[str]:
    """The words and numbers of a text, without its marks."""
    return [token.text for token in tokens(text) if token.text[0].isalnum()]


def variants(word: str, lemma: Callable[[str], str]) -> tuple[str, ...]:
    """What a query tries for a word: the stem of its surface and, if it is another, the stem of its lemma."""
    return tuple(dict.fromkeys((stem(word), stem(lemma(word)))))


def run_key(stems: Sequence[str]) -> int:
    """The key of a run of stems; 0 for nothing and for a single letter, which names no one."""
    if sum(map(len, stems)) < 2:
        return 0
    folded = run_hash(stems)
    return ((folded ^ folded >> 29) * _ODD & _BITS) >> 16


def run_hash(stems: Sequence[str]) -> int:
    """The unfinished key of a run of stems, which ``extended`` goes on from and ``finished`` ends."""
    return reduce(lambda run, stem: (run * _ODD + word_hash(stem)) & _BITS, stems, 0)


def finished(runs: Keys) -> Keys:
    """The keys of runs that ``extended`` gave: what ``run_key`` does last."""
    return ((runs ^ runs >> np.uint64(29)) * np.uint64(_ODD)) >> np.uint64(16)


def extended(runs: Keys, hashes: Keys) -> Keys:
    """Runs (N,) with one word more, whose hashes (N,) are given."""
    longer: Keys = runs * np.uint64(_ODD) + hashes
    return longer


@lru_cache(maxsize=1 << 18)
def word_hash(stem: str) -> int:
    """64 bits of a stem."""
    return int.from_bytes(blake2b(stem.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def spellings(name: str, human: bool) -> tuple[str, ...]:
    """A name and what it is without the marks of an encyclopaedia, and a person's also without the patronymic.

    A person is known by the comma of a register even where nothing says that it is one.

    >>> spellings("Торез, Морис", human=True), spellings("Вирак (провинция)", human=False)
    (('Торез, Морис', 'Морис Торез'), ('Вирак (провинция)', 'Вирак'))
    >>> spellings("Королёв, Сергей Павлович", human=False)[1:]
    ('Сергей Павлович Королёв', 'Сергей Королёв')
    """
    plain = _NOTE.sub("", name)
    surname, comma, given = plain.partition(", ")
    if comma and (human or (" " not in surname and GIVEN.fullmatch(given) and PATRONYMIC.search(given))):
        plain = f"{given} {surname}"
    words = plain.split(" ")
    short = [word for word in words if not PATRONYMIC.fullmatch(word)]
    familiar = " ".join(short) if len(short) == 2 and (human or comma) else plain
    return tuple(dict.fromkeys((name, plain, familiar)))
