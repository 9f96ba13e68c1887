"""Russian lemmas from pymorphy3's dictionary.

>>> morphology = Morphology()
>>> [morphology.lemma(word) for word in ("Владимиром", "Путиным", "Королёва", "Microsoft")]
['владимир', 'путин', 'королев', 'microsoft']
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer
    from pymorphy3.analyzer import Parse

LONGEST = 64  # code points; what is longer is no word, and guessing its ending would take long

_IGNORED = re.compile("[\u0300\u0301\xad\u200b-\u200d\u2060\ufeff]")  # stress marks, soft hyphens, joiners
_CYRILLIC = re.compile("[\u0400-\u052f]")


class Morphology:
    """Lemmas of single words, cached for the last ``cache`` distinct words.

    The dictionary is loaded when the first word is looked up. A word's likeliest parse counts, without its context.
    Copies and pickles carry the setting, not the dictionary.
    """

    def __init__(self, cache: int = 200_000) -> None:
        self._cache = cache
        self._lemma = lru_cache(maxsize=cache)(self._looked_up)

    def __reduce__(self) -> tuple[type[Morphology], tuple[int]]:
        return Morphology, (self._cache,)

    def lemma(self, word: str) -> str:
        """The dictionary form, ready to be compared: case-folded, ё as е, without stress marks and soft hyphens.

        A word without Cyrillic letters is its own lemma, case-folded.

        >>> Morphology().lemma("ЁЛКАМИ")
        'елка'
        """
        return self._lemma(word)

    def parse(self, word: str) -> list[Parse]:
        """All readings of a word, the likeliest first, as pymorphy3 gives them; none of what is too long for a word."""
        return list(_analyzer().parse(word)) if len(word) <= LONGEST else []

    def _looked_up(self, word: str) -> str:
        lemma = _IGNORED.sub("", unicodedata.normalize("NFC", word))
        if len(lemma) <= LONGEST and _CYRILLIC.search(lemma):
            lemma = self._normal_form(lemma)
        return lemma.casefold().replace("ё", "е")

    def _normal_form(self, word: str) -> str:
        """``parse(word)[0].normal_form``, with less work for a word of the dictionary.

        Most words have one lemma, whatever their parse, and then no parse has to be built or weighed. Single letters
        may be initials, which only the analyzer knows.
        """
        analyzer, form = _analyzer(), word.lower()
        dictionary = analyzer.dictionary
        found = dictionary.words.similar_items(form, analyzer.char_substitutes) if len(word) > 1 else ()
        parses = [(dictionary.build_normal_form(*parse, spelt), *parse) for spelt, of in found for parse in of]
        if not parses:
            return str(analyzer.parse(word)[0].normal_form)
        if len({lemma for lemma, _, _ in parses}) == 1:
            return str(parses[0][0])
        weight, tag = analyzer.prob_estimator.p_t_given_w.prob, dictionary.build_tag_info
        return str(max(parses, key=lambda parse: weight(form, tag(*parse[1:])))[0])


@cache
def _analyzer() -> MorphAnalyzer:
    """The dictionary, which all share."""
    from pymorphy3 import MorphAnalyzer
    from pymorphy3_dicts_ru import get_path

    return MorphAnalyzer(path=get_path(), lang="ru")  # by its path: pymorphy3 would scan all installed packages
