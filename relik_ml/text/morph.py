"""Russian morphology: lemmas, grammemes and the case forms of names, from pymorphy3's dictionary.

>>> morphology = Morphology()
>>> [morphology.lemma(word) for word in ("Владимиром", "Путиным", "Королёва", "Microsoft")]
['владимир', 'путин', 'королев', 'microsoft']
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property, lru_cache
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer
    from pymorphy3.analyzer import Parse

UNKNOWN = "UNKN"
"""The grammeme of a word that the dictionary does not hold."""

NAMES = frozenset({"Name", "Surn", "Patr", "Geox", "Orgn", "Trad", "Abbr", "Init"})
"""Grammemes of names: a word has them as soon as one of its likely parses does."""

PERSON = frozenset({"Name", "Surn", "Patr"})

CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
LIKELY = 5
LONGEST = 64  # code points; what is longer is no word, and guessing its ending would take long

_IGNORED = re.compile("[\u0300\u0301\xad\u200b-\u200d\u2060\ufeff]")  # stress marks, soft hyphens, joiners
_WORD = re.compile(r"[^\W\d_]+")
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

    def inflect(self, name: str) -> tuple[str, ...]:
        """The other case forms of a name given in the nominative, in the order of ``CASES``, without repeats.

        The words up to the first noun change, and after a person's name the further names of that
        gender; the rest stays («Министерства иностранных дел»). Each word is judged alone, so a rare
        name may get a wrong form: good for finding names, not for writing them.

        >>> Morphology().inflect("Анна Каренина")
        ('Анны Карениной', 'Анне Карениной', 'Анну Каренину', 'Анной Карениной')
        """
        words = _WORD.findall(name)
        parses = self._declinable(words)
        forms: dict[str, None] = {}
        for case in CASES:
            changed = [_in_case(word, parse, case) for word, parse in zip(words, parses, strict=True)]
            forms["".join(chain.from_iterable(zip_longest(_WORD.split(name), changed, fillvalue="")))] = None
        return tuple(form for form in forms if form != name)

    def _declinable(self, words: list[str]) -> list[Parse | None]:
        """For each word the parse to decline it by, or None where it stays as it is."""
        chosen: list[Parse | None] = []
        head: Parse | None = None
        for word in words:
            options = [p for p in self._analyzer.parse(word[:LONGEST]) if "nomn" in p.tag and len(word) <= LONGEST]
            if head is not None:
                options = [p for p in options if _names_one_person(head, p)]
            chosen.append(options[0] if options else None)
            if head is None and options and options[0].tag.POS == "NOUN":
                head = options[0]
        return chosen

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


def _names_one_person(head: Parse, other: Parse) -> bool:
    both = (head.tag.grammemes & PERSON, other.tag.grammemes & PERSON)
    return all(both) and head.tag.gender in (None, other.tag.gender)


def _in_case(word: str, parse: Parse | None, case: str) -> str:
    form = parse.inflect({case}) if parse else None
    if form is None:
        return word
    if len(word) > 1 and word.isupper():
        return str(form.word).upper()
    return str(form.word).capitalize() if word[0].isupper() else str(form.word)


def _key(word: str) -> str:
    return word.casefold().replace("ё", "е")
