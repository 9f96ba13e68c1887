"""Overlapping windows of tokens over long documents: cutting documents into them and merging the parts.

>>> from relik_ml.types import Mention
>>> text = "Пушкин родился в Москве. Лермонтов родился тоже в Москве."
>>> people = (Mention("T1", 0, 6, "PERSON"), Mention("T2", 25, 34, "PERSON"))
>>> document = Document(id="d", text=text, mentions=people)
>>> views = windows(document, size=8, stride=6)
>>> [text[view.start : view.stop] for view in views]
['Пушкин родился в Москве. Лермонтов родился тоже', 'Москве. Лермонтов родился тоже в Москве.']
>>> merge(document, map(cut, views)) == document
True
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from operator import add
from typing import NamedTuple

from relik_ml.errors import ConfigError, DataError
from relik_ml.text.tokens import sentences, tokens
from relik_ml.types import Document, Link, Mention, Span, Token, Triple, Window


@dataclass(frozen=True, slots=True)
class Part:
    """The annotation of one window. Triples refer to mentions of the same part; offsets are the document's."""

    window: Window
    mentions: tuple[Mention, ...] = ()
    triples: tuple[Triple, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """How much of the gold lies whole in some window, and how much is lost. Additive over documents."""

    mentions: int = 0
    mentions_lost: int = 0
    triples: int = 0
    triples_lost: int = 0

    def __add__(self, other: Fit) -> Fit:
        return Fit(*map(add, astuple(self), astuple(other)))


def windows(document: Document, size: int, stride: int) -> list[Window]:
    """Windows of at most ``size`` tokens, each beginning at most ``stride`` tokens behind the one before.

    Every token is in a window, and neighbours share at least ``size - stride`` tokens. A document of at most ``size``
    tokens is one window; a document without tokens has none. Of a longer document all windows are full: the last one
    ends with the text. A window begins at a sentence if one begins in the second half of the stride.

    Raises:
        ConfigError: not ``1 <= stride <= size``.
    """
    if not 1 <= stride <= size:
        got = f"size {size}, stride {stride}"
        raise ConfigError("window does not fit its stride", got=got, fix="1 <= stride <= size")
    found = tokens(document.text)
    starts = _starts(document.text, found, size, stride)
    runs = [tuple(found[start : start + size]) for start in starts]
    return [Window(document, run[0].start, run[-1].stop, run) for run in runs]


def cut(window: Window) -> Part:
    """The gold of the window's document that lies whole in it: mentions, and triples with both arguments."""
    inside = tuple(m for m in window.document.mentions if window.start <= m.start and m.stop <= window.stop)
    ids = {mention.id for mention in inside}
    return Part(window, inside, tuple(t for t in window.document.triples if t.subject in ids and t.object in ids))


def fit(document: Document, views: Iterable[Window]) -> Fit:
    """What of the document's gold survives being cut into ``views``, and what is lost.

    >>> document = Document(id="d", text="Анна и её брат", mentions=(Mention("T1", 0, 14, "FAMILY"),))
    >>> fit(document, windows(document, size=2, stride=1)) + fit(document, windows(document, size=4, stride=2))
    Fit(mentions=1, mentions_lost=1, triples=0, triples_lost=0)
    """
    kept = merge(document, map(cut, views))
    mentions, triples = len(kept.mentions), len(kept.triples)
    return Fit(mentions, len(document.mentions) - mentions, triples, len(document.triples) - triples)


def merge(document: Document, parts: Iterable[Part]) -> Document:
    """Replace the annotation of a document by that of its parts.

    Parts that were cut from the document select from it: ids, order and entities are kept. Other parts are
    predictions, whose ids are valid only inside their part. Mentions with equal fragments are merged, and triples with
    equal relation and arguments; the highest score wins, so a span has one type. Of the links given with that type the
    one with the highest score wins; ``unknown`` loses to any other. A missing score counts as 1. Mentions are numbered
    T1, T2, … in text order; a triple from a mention to itself is dropped. The order of the parts does not matter.

    Raises:
        DataError: a part uses a mention id twice, or a triple refers to a mention that is not in its part.

    >>> document = Document(id="d", text="Минск принял гостей")
    >>> views = windows(document, size=2, stride=1)
    >>> parts = [Part(view, (Mention("T9", 0, 5, "CITY", score=score),)) for view, score in zip(views, (0.4, 0.7))]
    >>> [(mention.id, mention.score) for mention in merge(document, parts).mentions]
    [('T1', 0.7)]
    """
    parts = list(parts)
    own = {*document.mentions, *document.triples}
    if all(own.issuperset(part.mentions) and own.issuperset(part.triples) for part in parts):
        return _selected(document, parts)
    return _resolved(document, parts)


def fill(document: Document, parts: Iterable[Part]) -> Document:
    """The document's own mentions, all of them, with the links and the triples that the parts have found for them.

    A mention of a part is the document's mention of that id; one that is in no part has an ``unknown`` link. Of
    several links and triples the same wins as in ``merge``.

    >>> document = Document(id="d", text="Минск", mentions=(Mention("T7", 0, 5, "CITY"), Mention("T3", 0, 5, "ORG")))
    >>> found = Mention("T7", 0, 5, "CITY", link=Link("linked", "Q2280"))
    >>> filled = fill(document, [Part(view, (found,)) for view in windows(document, size=2, stride=1)])
    >>> [(mention.id, mention.link.id) for mention in filled.mentions]
    [('T7', 'Q2280'), ('T3', None)]
    """
    mentions: dict[str, list[Mention]] = {mention.id: [replace(mention, link=Link())] for mention in document.mentions}
    triples: dict[tuple[str, str, str], list[Triple]] = defaultdict(list)
    order = {mention.id: number for number, mention in enumerate(document.mentions)}
    for part in parts:
        for mention in part.mentions:
            mentions[mention.id].append(mention)
        for triple in part.triples:
            triples[triple.subject, triple.object, triple.relation].append(triple)
    return replace(
        document,
        mentions=tuple(replace(m, link=_best_link(mentions[m.id])) for m in document.mentions),
        entities=(),
        triples=tuple(
            _best_triple(triples[subject, object, relation], subject, object)
            for subject, object, relation in sorted(triples, key=lambda key: (order[key[0]], order[key[1]], key[2]))
        ),
    )


def _selected(document: Document, parts: Sequence[Part]) -> Document:
    ids = {mention.id for part in parts for mention in part.mentions}
    triples = {triple for part in parts for triple in part.triples}
    entities = (replace(e, mentions=tuple(id for id in e.mentions if id in ids)) for e in document.entities)
    return replace(
        document,
        mentions=tuple(mention for mention in document.mentions if mention.id in ids),
        entities=tuple(entity for entity in entities if entity.mentions),
        triples=tuple(triple for triple in document.triples if triple in triples),
    )


class _Position(NamedTuple):
    """What makes two predicted mentions one; sorts in text order, the longer first."""

    start: int
    minus_stop: int
    fragments: tuple[Span, ...]


def _resolved(document: Document, parts: Sequence[Part]) -> Document:
    mentions: dict[_Position, list[Mention]] = defaultdict(list)
    triples: dict[tuple[_Position, _Position, str], list[Triple]] = defaultdict(list)
    for part in parts:
        positions = _positions(part)
        for mention in part.mentions:
            mentions[positions[mention.id]].append(mention)
        for triple in part.triples:
            triples[positions[triple.subject], positions[triple.object], triple.relation].append(triple)
    ids = {position: f"T{number}" for number, position in enumerate(sorted(mentions), start=1)}
    return replace(
        document,
        mentions=tuple(_best_mention(mentions[position], id) for position, id in ids.items()),
        entities=(),
        triples=tuple(
            _best_triple(triples[subject, object, relation], ids[subject], ids[object])
            for subject, object, relation in sorted(triples)
            if subject != object
        ),
    )


def _positions(part: Part) -> dict[str, _Position]:
    positions = {m.id: _Position(m.start, -m.stop, tuple(sorted(m.fragments))) for m in part.mentions}
    where = f"window [{part.window.start}, {part.window.stop}) of document {part.window.document.id!r}"
    if len(positions) < len(part.mentions):
        raise DataError("two mentions of a part have one id", where=where, fix="number the mentions of a part")
    named = {id for triple in part.triples for id in (triple.subject, triple.object)}
    if missing := sorted(named - positions.keys()):
        raise DataError(
            "a triple refers to a mention that is not in its part", where=where, got=missing[0], fix="add that mention"
        )
    return positions


def _best_mention(rivals: Sequence[Mention], id: str) -> Mention:
    if len(rivals) == 1:  # as most are
        return replace(rivals[0], id=id)
    best = min((replace(mention, id=id, link=Link()) for mention in rivals), key=_rank)
    return replace(best, link=_best_link(rival for rival in rivals if rival.type == best.type))


def _best_link(rivals: Iterable[Mention]) -> Link:
    return min((mention.link for mention in rivals), key=lambda link: (link.status == "unknown", *_rank(link)))


def _best_triple(rivals: Sequence[Triple], subject: str, object: str) -> Triple:
    if len(rivals) == 1:
        return replace(rivals[0], subject=subject, object=object)
    return min((replace(triple, subject=subject, object=object) for triple in rivals), key=_rank)


def _rank(value: Mention | Link | Triple) -> tuple[float, str]:
    """The highest score first; ``repr`` makes the order total, so that ties never fall to the order of parts."""
    return (-1.0 if value.score is None else -value.score, repr(value))


def _starts(text: str, found: Sequence[Token], size: int, stride: int) -> Iterator[int]:
    """The token at which each window starts."""
    if not found:
        return
    start, last = 0, max(len(found) - size, 0)
    starts = _sentence_starts(text, found) if last else []
    while start < last:
        yield start
        nearby = bisect_right(starts, start + stride)
        sentence = starts[nearby - 1] if nearby else 0
        start = sentence if sentence > start + stride // 2 else start + stride
    yield last


def _sentence_starts(text: str, found: Sequence[Token]) -> list[int]:
    positions = {token.start: number for number, token in enumerate(found)}
    return [positions[sentence.start] for sentence in sentences(text) if sentence.start in positions]
