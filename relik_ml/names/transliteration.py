"""How a name sounds, written so that Russian and Latin spellings of one name meet: «Энистон» and Aniston.

Vowels are one sound, because a transcription keeps their places and little else («Пламмер», Plummer); consonants that
Russian and English share out differently are one too (George: «Джордж», «Георг»).

>>> [sound(word) for word in ("Дженнифером", "Jennifer", "Энистон", "Aniston", "Теру", "Theroux")]
['gonofor', 'gonofor', 'onoston', 'onoston', 'tor', 'tor']
"""

from __future__ import annotations

import re
import unicodedata

from relik_ml.names.stems import CYRILLIC, stem

RUSSIAN = str.maketrans({
    **dict.fromkeys("аеиоуыэюяй", "o"), **dict.fromkeys("ъь", ""),
    "б": "b", "в": "v", "г": "g", "д": "d", "ж": "g", "з": "s", "к": "k", "л": "l", "м": "m", "н": "n", "п": "p",
    "р": "r", "с": "s", "т": "t", "ф": "f", "х": "h", "ц": "s", "ч": "c", "ш": "z", "щ": "z",
})  # fmt: skip
"""One sign a letter: c for ч, z for ш, g also for ж and дж, s for all that hiss, o for every vowel."""

LATIN = (
    ("tsch|tch", "č"), ("shch|sch|sh", "z"), ("ch(?=[lrt])", "k"), ("ch", "č"), ("kh", "h"), ("zh|dg|j", "g"),
    ("ph", "f"), ("th", "t"), ("gh", "g"), ("ck|qu|q", "k"), ("sz|ts|tz|z", "s"), ("c(?=[eiy])", "s"), ("c", "k"),
    ("eaux|oux", "o"), ("x", "ks"), ("(?<=[dst])w", "v"), ("[aeiouyw]", "o"), ("č", "c"),
)  # fmt: skip
"""English letters as Russian practical transcription writes them, longest first; w is a vowel, as in «Уильямс»."""

_LATIN = [(re.compile(pattern), sign) for pattern, sign in LATIN]
_TWICE = re.compile(r"(.)\1+")


def sound(word: str) -> str:
    """The sounds of a Latin word or of a Russian one in any case, without vowels at the end; "" when it has none."""
    folded = stem(word) if CYRILLIC.match(word) else _latin(word)
    plain = folded.translate(RUSSIAN).replace("dg", "g")
    return _TWICE.sub(r"\1", plain).rstrip("o") if plain.isascii() and plain.isalpha() else ""


def _latin(word: str) -> str:
    folded = "".join(char for char in unicodedata.normalize("NFKD", word.casefold()) if char.isalpha())
    for pattern, sign in _LATIN:
        folded = pattern.sub(sign, folded)
    return folded
