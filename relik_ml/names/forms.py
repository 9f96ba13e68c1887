"""Forms of words and names that are compared in place of their spelling: stems, sounds, bases of adjectives.

>>> [stem(word) for word in ("Путина", "Путиным", "Россией", "российской", "США", "Google")]
['путин', 'путин', 'росс', 'российск', 'сша', 'google']
>>> [sound(word) for word in ("Дженнифером", "Jennifer", "Энистон", "Aniston", "Теру", "Theroux")]
['gonofor', 'gonofor', 'onoston', 'onoston', 'tor', 'tor']
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from relik_ml.text import tokens

CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
_ENDING = re.compile(
    "(?:иями|ыми|ими|ого|его|ому|ему|ами|ями|иях|ией|ов|ев|ей|ой|ий|ый|ая|яя|ое|ее|ые|ие|ых|их|ым|им|ом|ем|"
    "ам|ям|ах|ях|ою|ею|ия|ии|ию|ью|ье|ья|а|я|о|е|у|ю|ы|и|ь|й)$"
)

SUFFIXES = (
    ("анск", ""), ("инск", ""), ("енск", ""), ("овск", ""), ("евск", ""), ("йск", ""), ("ск", ""),
    ("ск", "ц"), ("йск", "ян"),
    ("чанин", ""), ("чан", ""), ("анин", ""), ("янин", ""), ("лян", ""), ("ян", ""), ("ан", ""),
    ("янк", ""), ("анк", ""), ("ийк", ""), ("нк", ""), ("йц", ""), ("ц", ""), ("ец", ""), ("анец", ""), ("инец", ""),
    ("вич", "в"), ("ич", ""), ("ичк", ""), ("лянин", ""), ("лянк", ""), ("итянин", ""), ("чанк", ""),
    ("чанин", "ск"), ("чанк", "ск"), ("янин", "ск"), ("янк", "ск"), ("ич", "ск"), ("ичк", "ск"), ("ец", "ск"),
    ("жанин", "г"), ("жанк", "г"), ("жец", "г"), ("женк", "г"), ("жск", "г"), ("цк", "к"), ("цк", "ц"),
    ("вск", "вл"), ("вец", "вл"),
)  # fmt: skip
"""Suffix of a derived stem and its replacement in the base: adjectives of places, inhabitants, and inhabitants from
adjectives («британский», британцы)."""

_ANY_SUFFIX = tuple({suffix for suffix, _ in SUFFIXES})

SHORTEST_BASE = 3

RUSSIAN = str.maketrans({
    **dict.fromkeys("аеиоуыэюяй", "o"), **dict.fromkeys("ъь", ""),
    "б": "b", "в": "v", "г": "g", "д": "d", "ж": "g", "з": "s", "к": "k", "л": "l", "м": "m", "н": "n", "п": "p",
    "р": "r", "с": "s", "т": "t", "ф": "f", "х": "h", "ц": "s", "ч": "c", "ш": "z", "щ": "z",
})  # fmt: skip
"""One sign a letter: c for ч, z for ш, g also for ж and дж, s for all sibilants, o for every vowel."""

LATIN = (
    ("tsch|tch", "č"), ("shch|sch|sh", "z"), ("ch(?=[lrt])", "k"), ("ch", "č"), ("kh", "h"), ("zh|dg|j", "g"),
    ("ph", "f"), ("th", "t"), ("gh", "g"), ("ck|qu|q", "k"), ("sz|ts|tz|z", "s"), ("c(?=[eiy])", "s"), ("c", "k"),
    ("eaux|oux", "o"), ("x", "ks"), ("(?<=[dst])w", "v"), ("[aeiouyw]", "o"), ("č", "c"),
)  # fmt: skip
"""English letters as Russian practical transcription writes them, longest first; w is a vowel, as in «Уильямс»."""

_LATIN = [(re.compile(pattern), sign) for pattern, sign in LATIN]
_TWICE = re.compile(r"(.)\1+")

_LOOKALIKES = str.maketrans("aceopxy", "асеорху")
_NOTE = re.compile(r"\s*\([^()]*\)$")
PATRONYMIC = re.compile(r"\w{2,}(?:ович|евич|ич|овна|евна|ична|инична)|оглы|кызы")
GIVEN = re.compile(r"[А-ЯЁ][а-яё-]+(?: [А-ЯЁ][а-яё-]+)?")
"""One or two capitalised words: given names after the comma in a register of persons."""


def folded(word: str) -> str:
    """A word case-folded, ё as е; in a Russian word, Latin letters that look like Russian ones as those.

    >>> folded("Клишас\N{LATIN SMALL LETTER A}") == "клишаса"
    True
    """
    whole = word.casefold().replace("ё", "е")
    return whole.translate(_LOOKALIKES) if CYRILLIC.search(whole) else whole


def stem(word: str) -> str:
    """A Russian word without its inflection, case-folded, ё as е; other words case-folded."""
    whole = folded(word)
    if len(whole) < 4 or word.isupper() or not CYRILLIC.match(whole):
        return whole
    bare = _ENDING.sub("", whole)
    return bare if len(bare) >= 3 else whole


def sound(word: str) -> str:
    """The sounds of a Latin word or of a Russian one in any case, without vowels at the end; "" if it has none.

    Russian and Latin spellings of one name meet: vowels are one sound, because a transcription keeps their places and
    little else («Пламмер», Plummer), and so are consonants that the languages divide differently («Джордж», «Георг»).
    """
    letters = stem(word) if CYRILLIC.match(word) else _latin(word)
    plain = letters.translate(RUSSIAN).replace("dg", "g")
    return _TWICE.sub(r"\1", plain).rstrip("o") if plain.isascii() and plain.isalpha() else ""


def _latin(word: str) -> str:
    letters = "".join(char for char in unicodedata.normalize("NFKD", word.casefold()) if char.isalpha())
    for pattern, sign in _LATIN:
        letters = pattern.sub(sign, letters)
    return letters


def bases(derived: str) -> Iterator[tuple[str, ...]]:
    """The stems of the names that the stem of an adjective or inhabitant may be derived from.

    The suffixes are those of Russian word formation; most bases that they give are no words, and an index shows which
    are names. ``demonyms.txt`` lists words that no suffix explains: the names of a place, and what is derived from it,
    each in the nominative. The same base may come twice.

    >>> list(bases("техасск")), ("москв",) in bases("москвич"), list(bases("петербуржец"))[-1]
    ([('техас',), ('техасц',)], True, ('санкт', 'петербург'))
    """
    for suffix, instead in SUFFIXES if derived.endswith(_ANY_SUFFIX) else ():
        base = derived.removesuffix(suffix) + instead
        if derived.endswith(suffix) and len(base) >= SHORTEST_BASE:
            yield from dict.fromkeys(((stem(base),), (base,)))
    yield from _irregular().get(derived, ())


@cache
def _irregular() -> Mapping[str, list[tuple[str, ...]]]:
    found: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for line in (files("relik_ml.names") / "demonyms.txt").read_text(encoding="utf-8").splitlines():
        places, _, words = line.partition(": ")
        for word in words.split():
            found[stem(word)] += [tuple(map(stem, words_of(place))) for place in places.split(", ")]
    return dict(found)


def words_of(text: str) -> list[str]:
    """The words and numbers of a text, without its marks."""
    return [token.text for token in tokens(text) if token.text[0].isalnum()]


def spellings(name: str, human: bool) -> tuple[str, ...]:
    """A name, the name without the marks of an encyclopaedia, and a person's name without the patronymic.

    The comma of a register marks a person even if the entry does not say that it is one.

    >>> spellings("Торез, Морис", human=True), spellings("Вирак (провинция)", human=False)
    (('Торез, Морис', 'Морис Торез'), ('Вирак (провинция)', 'Вирак'))
    >>> spellings("Королёв, Сергей Павлович", human=False)[1:]
    ('Сергей Павлович Королёв', 'Сергей Королёв')
    """
    plain = _NOTE.sub("", name)
    surname, comma, given = plain.partition(", ")
    if comma and (human or (" " not in surname and GIVEN.fullmatch(given) and PATRONYMIC.search(given))):
        plain = f"{given} {surname}"
    short = [word for word in plain.split(" ") if not PATRONYMIC.fullmatch(word)]
    familiar = " ".join(short) if len(short) == 2 and (human or comma) else plain
    return tuple(dict.fromkeys((name, plain, familiar)))
