"""Words as numbers for the compact encoder: every feature is a function of the surface, so it is computed once a form.

>>> lexicon = Lexicon(words=("в", "москве", "москва"), lemmas=("в", "москва"), grammemes=("NOUN", "Geox"))
>>> lexicon.word("Москве")
Word(form=3, base=4, lemma=3, shape=2, grammemes=(0, 1))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from relik_ml.text.morph import Morphology
from relik_ml.text.tokens import tokens

PADDING, UNKNOWN = 0, 1
RESERVED = 2
"""Rows 0 (padding) and 1 (unknown) of every table."""

SHAPES = (
    "padding",
    "lower",
    "title",
    "upper",
    "mixed",
    "initial",
    "digits",
    "latin",
    "quote",
    "bracket",
    "dash",
    "other",
)


class Word(NamedTuple):
    """The features of one surface form: rows of tables and the places of its grammemes."""

    form: int
    base: int
    lemma: int
    shape: int
    grammemes: tuple[int, ...]


class Lexicon:
    """The vocabulary of the compact encoder.

    ``words`` index the word vectors (case-folded forms, ё as е), ``lemmas`` the trained lemma table,
    ``grammemes`` the morphological features.
    """

    def __init__(self, words: Iterable[str], lemmas: Iterable[str], grammemes: Iterable[str]) -> None:
        self.words, self.lemmas, self.grammemes = tuple(words), tuple(lemmas), tuple(grammemes)
        self._word = {word: row for row, word in enumerate(self.words, RESERVED)}
        self._lemma = {lemma: row for row, lemma in enumerate(self.lemmas, RESERVED)}
        self._grammeme = {grammeme: place for place, grammeme in enumerate(self.grammemes)}
        self._morphology = Morphology()
        self.word = lru_cache(maxsize=500_000)(self._read)

    def _read(self, surface: str) -> Word:
        plain = _writable(surface)
        form, lemma = fold(surface), self._morphology.lemma(plain)
        base = self._word.get(lemma, UNKNOWN)
        places = (self._grammeme.get(grammeme) for grammeme in self._morphology.grammemes(plain))
        return Word(
            self._word.get(form, base),
            base,
            self._lemma.get(lemma, UNKNOWN),
            shape(surface),
            tuple(sorted(place for place in places if place is not None)),
        )

    def forms(self, text: str, limit: int) -> list[int]:
        """Rows of the first ``limit`` known words of a passage, without morphology: passages are many."""
        rows = (self._word.get(fold(token.text)) for token in tokens(text))
        return [row for row in rows if row is not None][:limit]

    def lemma(self, surface: str) -> str:
        """The lemma of one word."""
        return self._morphology.lemma(_writable(surface))

    def to_json(self) -> dict[str, list[str]]:
        """What a folder keeps."""
        return {"words": list(self.words), "lemmas": list(self.lemmas), "grammemes": list(self.grammemes)}

    @classmethod
    def from_json(cls, record: Mapping[str, list[str]]) -> Lexicon:
        """The other way round."""
        return cls(record["words"], record["lemmas"], record["grammemes"])

    @classmethod
    def learn(cls, texts: Iterable[str], words: Iterable[str], minimum: int = 2) -> Lexicon:
        """Lemmas seen at least ``minimum`` times and grammemes seen at all in the texts, beside the given words."""
        morphology, lemmas, grammemes = Morphology(), Counter[str](), set[str]()
        for text in texts:
            surfaces = [_writable(token.text) for token in tokens(text)]
            lemmas.update(map(morphology.lemma, surfaces))
            grammemes.update(*map(morphology.grammemes, surfaces))
        kept = sorted(lemma for lemma, count in lemmas.items() if count >= minimum)
        return cls(words, kept, sorted(map(str, grammemes)))


def fold(word: str) -> str:
    """The key of a form: case-folded, ё as е."""
    return word.casefold().replace("ё", "е")


def _writable(surface: str) -> str:
    """A surface that the dictionary can be asked for: lone surrogates, which have no UTF-8, as question marks."""
    return surface.encode("utf-8", "replace").decode("utf-8")


def shape(surface: str) -> int:
    """How a token looks, as a place in ``SHAPES``."""
    return SHAPES.index(_shape(surface))


def _shape(surface: str) -> str:
    if surface.isdigit():
        return "digits"
    if not surface[0].isalpha():
        kinds = {"«»\"'“”„": "quote", "()[]{}": "bracket", "-–—": "dash"}
        return next((kind for chars, kind in kinds.items() if surface in chars), "other")
    if surface.isascii():
        return "latin"
    if surface.islower():
        return "lower"
    if surface.isupper():
        return "initial" if len(surface) == 1 else "upper"
    # Not istitle: a stress mark or a soft hyphen inside a word begins a new one for it.
    return "title" if surface[0].isupper() and surface[1:] == surface[1:].lower() else "mixed"
