"""The language of a document, detected by py3langid where nothing states it.

>>> with_language(Document("anna", "Анна Ахматова родилась в Одессе.", lang=""), ["ru"]).lang
'ru'
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from relik_ml.errors import DataError
from relik_ml.types import Document

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SAMPLE = 4000  # characters that decide
SHORT = 20  # letters below which no text is refused: a foreign name in Russian letters looks like any language
_UNLIKELY = 0.05
_NO_LANGUAGE = "zxx"  # numbers, signs, code

_RUSSIAN, _CYRILLIC = re.compile("(?i)[а-яё]"), re.compile("[\u0400-\u052f]")
_ONLY_RUSSIAN = re.compile(r"(?i)[ыэё]|(?:ь|лся)\b")  # neither Bulgarian, Macedonian nor Serbian


def with_language(document: Document, known: Sequence[str], where: str = "") -> Document:
    """The document, with its language detected if ``lang`` is empty; ``known`` are the languages of the model.

    A text that is short or of no clear language counts as the likeliest of them.

    Raises:
        DataError: it is, or states that it is, in another language.
    """
    if document.lang in known:
        return document
    got, fix = repr(document.lang)[:40], f"give one of {', '.join(known)}, or a --model trained on it"
    if not document.lang:
        lang, share = _detected(document.text[:SAMPLE], known)
        if lang in known:
            return replace(document, lang=lang)
        got = f"{lang}, {100 * share:.0f} %"
        fix = f"give --lang {known[0]} to read it all the same, or a --model trained on it"
    raise DataError(
        "the model does not know this language", where=where or f"document {document.id!r}", got=got, fix=fix
    )


def _detected(text: str, known: Sequence[str]) -> tuple[str, float]:
    """A language and its probability: one of the known, unless these have 5 % at most and another one has half."""
    letters = sum(map(str.isalpha, text))
    if "ru" in known and _is_russian(text, letters):
        return "ru", 1.0
    if letters < SHORT and len(known) == 1:
        return known[0], 1.0
    scores = dict(_identifier().rank(text))
    own = {lang: scores.get(lang, 2 * _UNLIKELY) for lang in known}  # what it cannot detect is never ruled out
    best, share = next(iter(scores.items()))
    if letters >= SHORT and best != _NO_LANGUAGE and share >= 0.5 and sum(own.values()) <= _UNLIKELY:
        return best, share
    return max(own.items(), key=lambda pair: pair[1])


def _is_russian(text: str, letters: int) -> bool:
    """Whether a text is plainly Russian, so that the detector, which takes half a second to load, is not needed."""
    russian, cyrillic = (len(letter.findall(text)) for letter in (_RUSSIAN, _CYRILLIC))
    return russian > 0.7 * letters and cyrillic - russian <= 0.01 * letters and bool(_ONLY_RUSSIAN.search(text))


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
