"""Keys that names are compared by: hashes of stems, the same for every inflection of a name.

A query word is tried by the stem of its surface and by the stem of its lemma, because each is right where the other
is not: «Путина» (whose likeliest lemma is «путина») by its surface, «Павла» by its lemma.

>>> [stem(word) for word in ("Путина", "Путиным", "Россией", "российской", "США", "Google")]
['путин', 'путин', 'росс', 'российск', 'сша', 'google']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from itertools import product

from relik_ml.text.tokens import tokens

_ENDING = re.compile(
    "(?:иями|ыми|ими|ого|его|ому|ему|ами|ями|иях|ией|ов|ев|ей|ой|ий|ый|ая|яя|ое|ее|ые|ие|ых|их|ым|им|ом|ем|"
    "ам|ям|ах|ях|ою|ею|ия|ии|ию|ью|ье|ья|а|я|о|е|у|ю|ы|и|ь|й)$"
)
_NOTE = re.compile(r"\s*\([^()]*\)$")
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


def name_key(name: str) -> int:
    """The hash of a name as written, 0 for one without letters or digits.

    It has 48 bits: in one index of a million names out of 500 two meet.
    """
    return _hash([stem(token.text) for token in tokens(name) if token.text[0].isalnum()])


def surface_keys(surface: str, lemma: Callable[[str], str]) -> set[int]:
    """Every key that a query with this surface would try."""
    words = [token.text for token in tokens(surface) if token.text[0].isalnum()]
    return set(mixed_keys([variants(word, lemma) for word in words])) if words else set()


def variants(word: str, lemma: Callable[[str], str]) -> tuple[str, ...]:
    """What a query tries for a word: the stem of its surface and, if it is another, the stem of its lemma."""
    return tuple(dict.fromkeys((stem(word), stem(lemma(word)))))


def stem(word: str) -> str:
    """A Russian word without its inflection, case-folded, ё as е; other words case-folded."""
    folded = word.casefold().replace("ё", "е")
    if len(folded) < 4 or word.isupper() or not CYRILLIC.match(folded):
        return folded
    bare = _ENDING.sub("", folded)
    return bare if len(bare) >= 3 else folded


def mixed_keys(stems: Sequence[tuple[str, ...]]) -> list[int]:
    """The keys of words with variants: short runs in every mixture, long ones all by the first or all by the last."""
    if len(stems) <= 2:
        mixtures = list(product(*stems))
    else:
        mixtures = list(dict.fromkeys((tuple(word[0] for word in stems), tuple(word[-1] for word in stems))))
    return [key for key in map(_hash, mixtures) if key]


def _hash(words: Iterable[str]) -> int:
    joined = " ".join(words)
    if len(joined) < 2:
        return 0
    return int.from_bytes(blake2b(joined.encode(errors="surrogatepass"), digest_size=6).digest(), "little")


def spellings(name: str, human: bool) -> tuple[str, ...]:
    """A name and what it is without the marks of an encyclopaedia, the plainest last.

    >>> spellings("Торез, Морис", human=True), spellings("Вирак (провинция)", human=False)
    (('Торез, Морис', 'Морис Торез'), ('Вирак (провинция)', 'Вирак'))
    """
    plain = _NOTE.sub("", name)
    surname, comma, given = plain.partition(", ")
    if human and comma:
        plain = f"{given} {surname}"
    return tuple(dict.fromkeys((name, plain)))
