"""Sentences and tokens of a text, as ranges of code points. The text itself is never changed.

>>> [token.text for token in tokens("Экс-мэр Нью-Йорка получил 8,1 млн.")]
['Экс', '-', 'мэр', 'Нью', '-', 'Йорка', 'получил', '8', ',', '1', 'млн', '.']
>>> text = "Новости\\nВ. В. Путин родился в 1952 г. в Ленинграде. Ему 70 лет."
>>> [text[start:stop] for start, stop in sentences(text)]
['Новости', 'В. В. Путин родился в 1952 г. в Ленинграде.', 'Ему 70 лет.']
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from relik_ml.types import Span, Token

MAX_TOKEN = 64
"""The maximum number of code points in a token. Longer runs of letters or digits are split."""

MAX_PIECE = 5_000
"""The maximum number of code points passed to razdel, which takes quadratic time on runs such as «а. а. а.»."""

_PARAGRAPH = re.compile("[^\n\r\x0b\x0c\x85\u2028\u2029]+")
_TO_LAST_BLANK = re.compile(r".*\s", re.DOTALL)
_JOINERS = "\xad\u200c\u200d\u2060"  # soft hyphen, ZWNJ, ZWJ, word joiner


def tokens(text: str, start: int = 0, stop: int | None = None) -> list[Token]:
    """The tokens of ``text[start:stop]``, with offsets into ``text``, in linear time.

    A token is a run of letters, including combining marks, soft hyphens and joiners inside it; a run of digits; or any
    other single character that is not white space. Every character that is not white space is in exactly one token.

    >>> tokens("за\\u0301мок, 2024", start=2)[0].text
    '\\u0301'
    >>> [token.text for token in tokens("сло\\xadво 5км")]
    ['сло\\xadво', '5', 'км']
    """
    stop = len(text) if stop is None else stop
    spans = [match.span() for match in _token_pattern().finditer(text, start, stop)]
    if any(right - left > MAX_TOKEN for left, right in spans):
        spans = [part for span in spans for part in _capped(*span)]
    return [Token(left, right, text[left:right]) for left, right in spans]


def sentences(text: str) -> Iterator[Span]:
    """The sentences of a text, in order: each line is split by razdel.

    Sentences do not overlap. They begin and end with a character that is not white space, and together they contain
    all such characters. A sentence longer than ``MAX_PIECE`` is cut, after a blank if possible.
    """
    for line in _PARAGRAPH.finditer(text):
        yield from _line_sentences(text, *line.span())


def evidence(sentences: Sequence[Span], spans: Sequence[Span]) -> tuple[Span, ...]:
    """The sentences that overlap one of the spans, in order.

    >>> evidence([Span(0, 10), Span(11, 20), Span(21, 30)], [Span(2, 5), Span(22, 24)])
    (Span(start=0, stop=10), Span(start=21, stop=30))
    """
    return tuple(s for s in sentences if any(span.start < s.stop and s.start < span.stop for span in spans))


def _line_sentences(text: str, start: int, stop: int) -> Iterator[Span]:
    while stop - start > MAX_PIECE:
        blank = _TO_LAST_BLANK.match(text, start, start + MAX_PIECE)
        cut = blank.end() if blank else start + MAX_PIECE
        found = _split(text, start, cut)
        if len(found) > 1:  # the last one may continue after the cut, so split it again with the rest
            cut = found.pop().start
        yield from found
        start = cut
    yield from _split(text, start, stop)


def _split(text: str, start: int, stop: int) -> list[Span]:
    from razdel import sentenize

    found = (Span(start + sentence.start, start + sentence.stop) for sentence in sentenize(text[start:stop]))
    return [span for span in found if span.start < span.stop]


def _capped(start: int, stop: int) -> Iterator[tuple[int, int]]:
    return ((left, min(left + MAX_TOKEN, stop)) for left in range(start, stop, MAX_TOKEN))


@cache
def _token_pattern() -> re.Pattern[str]:
    """Compiled on first use: ``re`` has no class for combining marks, so they are collected from ``unicodedata``."""
    basic = map(chr, range(0x10000))
    marks = "".join(char for char in basic if unicodedata.category(char) in ("Mn", "Mc", "Me"))
    letters, inside = r"[^\W\d_]+", f"[{marks}{_JOINERS}]++"
    return re.compile(rf"{letters}(?:{inside}{letters})*[{marks}]*|\d+|\S")
