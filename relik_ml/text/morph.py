"""Russian morphology: lemmas, grammemes and the case forms of names, from pymorphy3's dictionary.

>>> morphology = Morphology()
>>> [morphology.lemma(word) for word in ("Владимиром", "Путиным", "Королёва", "Microsoft")]
['владимир', 'путин', 'королев', 'microsoft']
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer

UNKNOWN = "UNKN"
"""The grammeme of a word that the dictionary does not hold."""

NAMES = frozenset({"Name", "Surn", "Patr", "Geox", "Orgn", "Trad", "Abbr", "Init"})
"""Grammemes of names: a word has them as soon as one of its likely parses does."""

CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
LIKELY = 5
LONGEST = 64  # code points; what is longer is no word, and guessing its ending would take long

_IGNORED = re.compile("[\u0300\u0301\xad\u200b-\u200d\u2060\ufeff]")  # stress marks, soft hyphens, joiners
_CYRILLIC = re.compile("[\u0400-\u052f]")


class _Analysis(NamedTuple):
    lemma: str
    grammemes: frozenset[str]


class Morphology:
    """Lemmas and grammemes of single words, remembered for the last ``cache`` distinct words.

    The dictionary is loaded when the first word is asked for. A word's likeliest parse counts; context is
    not looked at. Copies and pickles carry the setting, not the dictionary.
    """

    def __init__(self, cache: int = 200_000) -> None:
        self._cache = cache
        self._analysis = lru_cache(maxsize=cache)(self._analyse)

    def __reduce__(self) -> tuple[type[Morphology], tuple[int]]:
        return Morphology, (self._cache,)

    def lemma(self, word: str) -> str:
        """The dictionary form, fit to be compared: case-folded, ё as е, without stress marks and soft hyphens.

        A word without Cyrillic letters is its own lemma, case-folded.

        >>> Morphology().lemma("ЁЛКАМИ")
        'елка'
        """
        return self._analysis(word).lemma

    def grammemes(self, word: str) -> frozenset[str]:
        """OpenCorpora grammemes of the likeliest parse, and those of ``NAMES`` that any likely parse has.

        ``"UNKN"`` is among them when the dictionary does not hold the word.

        >>> sorted(Morphology().grammemes("Москвой"))
        ['Geox', 'NOUN', 'Sgtm', 'ablt', 'femn', 'inan', 'sing']
        """
        return self._analysis(word).grammemes

    def _analyse(self, word: str) -> _Analysis:
        plain = _IGNORED.sub("", unicodedata.normalize("NFC", word))
        if not plain or len(plain) > LONGEST:
            return _Analysis(_key(plain), frozenset({UNKNOWN}))
        parses = self._analyzer.parse(plain)
        names = {name for parse in parses[:LIKELY] for name in parse.tag.grammemes & NAMES}
        unknown = set() if self._analyzer.word_is_known(plain) else {UNKNOWN}
        lemma = parses[0].normal_form if _CYRILLIC.search(plain) else plain
        return _Analysis(_key(lemma), parses[0].tag.grammemes | names | unknown)

    @cached_property
    def _analyzer(self) -> MorphAnalyzer:
        from pymorphy3 import MorphAnalyzer

        return MorphAnalyzer(lang="ru")


def _key(word: str) -> str:
    return word.casefold().replace("ё", "е")
