"""Abstracts of Wikipedia whose links were made spans: spans put back in their place, links, quick sentences.

REBEL and corpora like it claim their spans on a text from which empty brackets were taken out later, and are so
large that every step has to be cheap.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from relik_ml.errors import CorpusNotFound
from relik_ml.types import Link, Span

MISSING = frozenset({"", "None", "none", "NULL", "null"})  # what stands where a page has no item
ITEM = re.compile(r"Q[1-9]\d*", re.ASCII)
PROPERTY = re.compile(r"P[1-9]\d*", re.ASCII)
LANGUAGES = ("ar", "ca", "de", "el", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "vi", "zh")
LEAP = 4  # how many deleted brackets may stand between two spans

# One set of characters comes first, because the engine looks for it alone and fast; a line break is all gap.
_SENTENCE = re.compile(
    r"""[.!?…。！？؟\n](?:(?<=[.!?…])['"»”’)\]]*(\s+)(?=[^\W\d_a-zа-яё]|["«“'(\d])|(?<=[。！？؟])(\s*)|(?<=\n)\s*)"""
)


class Mark(NamedTuple):
    """An entity as its record names it: the span it claims, its surface and its link."""

    start: int
    stop: int
    surface: str
    uri: str


def align(text: str, marks: Iterable[Mark]) -> dict[Mark, int]:
    """Where each mark's surface really starts, two characters further left for every ``()`` deleted before it.

    The shift only grows along the text, so that a span is looked for at the last shift first. Marks whose
    surface is nowhere near are left out.

    >>> text = "Чехов  — писатель"  # it was: Чехов () — писатель
    >>> align(text, [Mark(0, 5, "Чехов", "Q5685"), Mark(11, 19, "писатель", "Q36180")]).values()
    dict_values([0, 9])
    """
    found: dict[Mark, int] = {}
    shift = 0
    for item in sorted(marks):
        start, stop, surface, _ = item
        if stop - start != len(surface):
            continue
        at, last = start - 2 * shift, max(start - 2 * (shift + LEAP), 0)
        while at >= last and not text.startswith(surface, at):
            at -= 2
        if at >= last:
            found[item], shift = at, (start - at) // 2
    return found


def refuse_other_language(path: Path, lang: str) -> None:
    """Refuse a file whose name says that it is in another language (CorpusNotFound): its numbers would be misread.

    >>> refuse_other_language(Path("train.ru.jsonl"), "ru")
    """
    named = set(LANGUAGES).intersection(re.split(r"[\W_]+", path.name))
    if named and lang not in named:
        fix = f"give --lang {min(named)}, or rename the file if that is no language"
        raise CorpusNotFound("the file is in another language", where=str(path), got=f"--lang {lang}", fix=fix)


@lru_cache(maxsize=1 << 15)
def link(uri: str) -> Link | None:
    """The link that a uri which is no literal means: unknown when it is missing, None when it is no item.

    >>> link("Q42").id, link("None").status, link("P31")
    ('Q42', 'unknown', None)
    """
    if ITEM.fullmatch(uri):
        return Link("linked", uri)
    return Link() if uri in MISSING else None


def sentences(text: str, within: Iterable[tuple[int, int, int]]) -> dict[int, Span]:
    """The range of each numbered sentence, found by what is said to stand in it (number, start, stop).

    The corpus does not keep its own sentence boundaries, so a sentence is what a quick rule puts around all spans of
    one number. The rule has to be quick: the corpora have millions of abstracts.

    >>> text = "Чехов родился в 1860 г. в Таганроге. Он был врачом."
    >>> [text[start:stop] for start, stop in sentences(text, [(0, 26, 35), (1, 44, 50)]).values()]
    ['Чехов родился в 1860 г. в Таганроге.', 'Он был врачом.']
    """
    reach: dict[int, tuple[int, int]] = {}
    for number, start, stop in within:
        first, last = reach.get(number, (start, stop))
        reach[number] = first if first < start else start, last if last > stop else stop
    gaps = _gaps(text, max([stop for _, stop in reach.values()], default=0))
    starts, stops = [0, *(stop for _, stop in gaps)], [*(start for start, _ in gaps), len(text)]
    return {
        number: Span(starts[bisect_right(starts, start) - 1], stops[bisect_left(stops, stop)])
        for number, (start, stop) in reach.items()
    }


def _gaps(text: str, reach: int) -> list[tuple[int, int]]:
    """What stands between the sentences of a text, up to the first gap behind ``reach``."""
    gaps = []
    for found in _SENTENCE.finditer(text):
        start, _ = gap = found.span(found.lastindex or 0)
        gaps.append(gap)
        if start >= reach:
            break
    return gaps
