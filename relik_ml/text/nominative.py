"""Names of entities that no index has, in the nominative: persons by the gender and case that fit all their words,
other names by their head noun and its adjectives.

>>> names = Nominative(Morphology())
>>> [names.persons([name])[name] for name in ("Фридрихом Мерцем", "Ангелу Меркель", "Лидии Чарской", "Джоан Роулинг")]
['Фридрих Мерц', 'Ангела Меркель', 'Лидия Чарская', 'Джоан Роулинг']
>>> names.phrase("Тверским районным судом Москвы"), names.phrase("ФСБ России")
('Тверской районный суд Москвы', 'ФСБ России')
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from relik_ml.text.morph import Morphology

CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
GENDERS = ("masc", "femn")
_OF_PERSONS = {"Name", "Surn", "Patr"}
_MODIFIERS = {"ADJF", "PRTF"}

_TITLE = re.compile("[А-ЯЁ][а-яё]+(?:-[А-ЯЁа-яё]+)*")
_CONSONANT = "бвгджзйклмнпрстфхцчшщ"


class Ending(NamedTuple):
    """An ending of surnames that are not in the dictionary, after these letters, and what the nominative has there."""

    after: str
    ending: str
    nominative: str
    gender: str
    cases: tuple[str, ...]


ENDINGS = (
    Ending(_CONSONANT, "а", "", "masc", ("gent", "accs")),
    Ending(_CONSONANT, "у", "", "masc", ("datv",)),
    Ending(_CONSONANT, "ом", "", "masc", ("ablt",)),
    Ending(_CONSONANT, "ем", "", "masc", ("ablt",)),
    Ending("вн", "ым", "", "masc", ("ablt",)),
    Ending(_CONSONANT, "е", "", "masc", ("loct",)),
    Ending("аеиоу", "я", "й", "masc", ("gent", "accs")),
    Ending("аеиоу", "ю", "й", "masc", ("datv",)),
    Ending("аеиоу", "ем", "й", "masc", ("ablt",)),
    Ending("кц", "ого", "ий", "masc", ("gent", "accs")),
    Ending("кц", "ому", "ий", "masc", ("datv",)),
    Ending("кц", "им", "ий", "masc", ("ablt",)),
    Ending("кц", "ом", "ий", "masc", ("loct",)),
    Ending("кц", "ой", "ая", "femn", ("gent", "datv", "ablt", "loct")),
    Ending("кц", "ую", "ая", "femn", ("accs",)),
    Ending("вн", "ой", "а", "femn", ("gent", "datv", "ablt", "loct")),
    Ending(_CONSONANT, "у", "а", "femn", ("accs",)),
    Ending(_CONSONANT, "ой", "а", "femn", ("ablt",)),
    Ending(_CONSONANT, "ы", "а", "femn", ("gent",)),
    Ending(_CONSONANT, "и", "а", "femn", ("gent",)),
    Ending(_CONSONANT, "е", "а", "femn", ("datv", "loct")),
)
OBLIQUE = ("ой", "ом", "ем", "ым", "им", "ого", "ому", "ую")
"""Endings that few names have in the nominative."""
_BY_ENDING, _UNCHANGED, _OBLIQUE, _INDECLINABLE, _RARE = 0.4, 0.4, 0.1, 0.3, 0.02
_CITED = 1.3
"""How much likelier the nominative is than another case that fits as well: «Валентина Гагарина»."""
_SUPPORT = 3.0
"""How much a reading gains from another name of the document that has it."""


class Nominative:
    """The nominative of names, by the dictionary of ``morphology`` and, for surnames without an entry, by endings."""

    def __init__(self, morphology: Morphology) -> None:
        self._parse = morphology.parse
        self._forms = lru_cache(maxsize=10_000)(self._looked_up)
        self._phrases = lru_cache(maxsize=10_000)(self._inflected)

    def persons(self, names: Collection[str]) -> dict[str, str]:
        """The nominative of each name of a person. Names of one document settle what is ambiguous.

        >>> Nominative(Morphology()).persons(["Мерца", "Мерцем"])
        {'Мерца': 'Мерц', 'Мерцем': 'Мерц'}
        """
        read = {name: self._readings(name) for name in names}
        support: Counter[str] = Counter()
        for readings in read.values():
            for reading, weight in readings.items():
                support.update(dict.fromkeys((reading, reading.rpartition(" ")[2]), weight))

        def likelihood(name: str, reading: str) -> float:
            own = read[name][reading]
            return own * (1 + _SUPPORT * (support[reading] - own))

        return {name: max(readings, key=lambda each: likelihood(name, each)) for name, readings in read.items()}

    def phrase(self, name: str) -> str:
        """A name whose head is a common noun: the head and the adjectives before it, if they agree.

        Abbreviations, quotations and words that the dictionary lacks stay as they are.
        """
        return self._phrases(name)

    def _inflected(self, name: str) -> str:
        words, heads = name.split(), []
        for number, word in enumerate(words, 1):
            kinds = {parse.tag.POS for parse in self._known(word)}
            heads += [number] * ("NOUN" in kinds)
            if not kinds & _MODIFIERS:
                break
        agreeing = ((number, self._agreeing(words[:number])) for number in reversed(heads))
        return next((" ".join([*found, *words[number:]]) for number, found in agreeing if found), name)

    def _readings(self, name: str) -> dict[str, float]:
        """The nominatives that a name can have, with weights that add up to 1."""
        found: dict[str, float] = defaultdict(float)
        words = name.split()
        for reading in product(GENDERS, CASES):
            forms = [self._forms(word).get(reading, (word, _RARE)) for word in words]
            weight = _CITED if reading[1] == "nomn" else 1.0
            for _, each in forms:
                weight *= each
            nominative = " ".join(form for form, _ in forms)
            found[nominative] = max(found[nominative], weight)
        total = sum(found.values())
        return {nominative: weight / total for nominative, weight in found.items()}

    def _looked_up(self, word: str) -> Mapping[tuple[str, str], tuple[str, float]]:
        """By gender and case: the nominative of a word and a weight."""
        if not _TITLE.fullmatch(word):
            return dict.fromkeys(product(GENDERS, CASES), (word, 1.0))
        found: dict[tuple[str, str], tuple[str, float]] = {}
        for gender, case, form, weight in [*self._in_dictionary(word), *_by_ending(word)]:
            if weight > found.get((gender, case), ("", 0.0))[1]:
                found[gender, case] = form, weight
        return found

    def _in_dictionary(self, word: str) -> Iterator[tuple[str, str, str, float]]:
        for parse in self._known(word):
            if parse.tag.number == "sing" and _OF_PERSONS & parse.tag.grammemes and parse.tag.case in CASES:
                form, known = parse.inflect({"nomn", "sing"}), _RARE if "Fixd" in parse.tag else 1.0
                for gender in GENDERS if parse.tag.gender not in GENDERS else (parse.tag.gender,):
                    yield gender, parse.tag.case, _cased(form.word if form else word, word), parse.score + known

    def _agreeing(self, words: list[str]) -> list[str] | None:
        """Adjectives and their noun in the nominative. None if they do not agree."""
        *modifiers, noun = words
        best: tuple[float, list[Any]] = 0.0, []
        for head in self._known(noun):
            tag, weight, chosen = head.tag, head.score * (2.0 if head.tag.case == "nomn" else 1.0), []
            for word in modifiers:
                fitting = [
                    parse for parse in self._known(word)
                    if parse.tag.POS in _MODIFIERS and (parse.tag.case, parse.tag.number) == (tag.case, tag.number)
                    and (tag.number == "plur" or parse.tag.gender == tag.gender)
                ]  # fmt: skip
                chosen.append(max(fitting, key=lambda parse: parse.score, default=None))
                weight *= chosen[-1].score if chosen[-1] else 0.0
            if tag.POS == "NOUN" and weight > best[0]:
                best = weight, [*chosen, head]
        forms = [parse.inflect({"nomn", parse.tag.number, *_gender(parse)}) for parse in best[1]]
        if not forms or None in forms:
            return None
        return [_cased(form.word, word) for form, word in zip(forms, words, strict=True)]

    def _known(self, word: str) -> list[Any]:
        """The parses of a word, without guesses except of adjectives and compounds. None for abbreviations."""
        parses = self._parse(word) if word[1:].islower() else []
        return [each for each in parses if each.is_known or "-" in word or each.tag.POS in _MODIFIERS]


def _gender(parse: Any) -> set[str]:
    return {parse.tag.gender} if parse.tag.POS in _MODIFIERS and parse.tag.gender else set()


def _by_ending(word: str) -> Iterator[tuple[str, str, str, float]]:
    last = word[-1]
    unchanged = _OBLIQUE if word.endswith(OBLIQUE) else _UNCHANGED
    yield "masc", "nomn", word, unchanged * (1.5 if last in _CONSONANT else 1.0)
    yield "femn", "nomn", word, unchanged
    for case in CASES[1:]:
        yield "masc", case, word, _RARE if last in _CONSONANT or last in "аяь" else _INDECLINABLE
        yield "femn", case, word, _RARE if last in "ая" else _INDECLINABLE
    for after, ending, nominative, gender, cases in ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1 and stem[-1] in after:
            for case in cases:
                yield gender, case, stem + nominative, _BY_ENDING


def _cased(form: str, word: str) -> str:
    """A form with the capitals of the word."""
    parts = form.split("-"), word.split("-")
    if len(parts[0]) != len(parts[1]):
        return form
    return "-".join(own.capitalize() if as_in[:1].isupper() else own for own, as_in in zip(*parts, strict=True))
