"""Shared by corpora of Wikipedia abstracts: correction of spans, links, and fast sentence splitting.

The spans of REBEL and similar corpora refer to a text from which empty brackets were removed later. These corpora are
large, so every step must be fast.
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

MISSING = frozenset({"", "None", "none", "NULL", "null"})  # instead of the item of a page without one
ITEM = re.compile(r"Q[1-9]\d*", re.ASCII)
PROPERTY = re.compile(r"P[1-9]\d*", re.ASCII)
LANGUAGES = ("ar", "ca", "de", "el", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "vi", "zh")
LEAP = 4  # maximum number of deleted brackets between two spans

# A character class comes first, because the regex engine finds it fast. A line break is always a gap.
_SENTENCE = re.compile(
    r"""[.!?…。！？؟\n](?:(?<=[.!?…])['"»”’)\]]*(\s+)(?=[^\W\d_a-zа-яё]|["«“'(\d])|(?<=[。！？؟])(\s*)|(?<=\n)\s*)"""
)


class Mark(NamedTuple):
    """An entity of a record: its claimed span, its surface and its link."""

    start: int
    stop: int
    surface: str
    uri: str


def align(text: str, marks: Iterable[Mark]) -> dict[Mark, int]:
    """The actual start of each mark's surface, two characters to the left for every ``()`` deleted before it.

    The shift never decreases along the text, so the last shift is tried first. Marks whose surface is not found near
    their span are left out.

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
    """CorpusNotFound when the name of a file states another language, because its numbers would be misread.

    >>> refuse_other_language(Path("train.ru.jsonl"), "ru")
    """
    named = set(LANGUAGES).intersection(re.split(r"[\W_]+", path.name))
    if named and lang not in named:
        fix = f"give --lang {min(named)}, or rename the file if that is no language"
        raise CorpusNotFound("the file is in another language", where=str(path), got=f"--lang {lang}", fix=fix)


@lru_cache(maxsize=1 << 15)
def link(uri: str) -> Link | None:
    """The link of a uri that is not a literal: unknown when it is missing, None when it is not an item.

    >>> link("Q42").id, link("None").status, link("P31")
    ('Q42', 'unknown', None)
    """
    if ITEM.fullmatch(uri):
        return Link("linked", uri)
    return Link() if uri in MISSING else None


def sentences(text: str, within: Iterable[tuple[int, int, int]]) -> dict[int, Span]:
    """The span of each numbered sentence, from the spans that it contains: (number, start, stop).

    The corpus has no sentence boundaries, so a simple rule finds a sentence around all spans of one number. The rule
    must be fast, because the corpora have millions of abstracts.

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
    """The gaps between the sentences of a text, up to the first gap after ``reach``."""
    gaps = []
    for found in _SENTENCE.finditer(text):
        start, _ = gap = found.span(found.lastindex or 0)
        gaps.append(gap)
        if start >= reach:
            break
    return gaps
