"""Mentions as layers under a text: the lane that each is drawn in, and the pieces that a text falls into.

>>> university = Mention("T1", 2, 27, "ORGANIZATION")
>>> city = Mention("T2", 2, 15, "CITY")
>>> document = Document("d", "В Ленинградском университете", mentions=(university, city))
>>> lanes(document.mentions)
[1, 0]
>>> for piece in pieces(document):
...     print(piece.start, piece.stop, piece.inside, piece.between)
0 2 () ()
2 15 (1, 0) ()
15 27 (0,) ()
27 28 () ()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

from relik_ml.types import Document, Mention


class Piece(NamedTuple):
    """A run of text (code points) that no boundary cuts, and the places of the mentions over it, inner ones first.

    ``inside`` are those that the run is part of, ``between`` the discontinuous ones whose fragments lie on both sides.
    """

    start: int
    stop: int
    inside: tuple[int, ...]
    between: tuple[int, ...]


def lanes(mentions: Sequence[Mention]) -> list[int]:
    """A lane for each mention, 0 next to the text: no two that overlap share one, and an outer one is further out.

    A discontinuous mention takes its lane for the whole of its envelope.
    """
    found = [0] * len(mentions)
    for cluster in _clusters(mentions):
        placed: list[int] = []
        for place in sorted(cluster, key=lambda place: mentions[place].stop - mentions[place].start):
            over = [other for other in placed if _overlap(mentions[place], mentions[other])]
            floor = 1 + max((found[other] for other in over if _within(mentions[other], mentions[place])), default=-1)
            taken = {found[other] for other in over}
            found[place] = next(lane for lane in count(floor) if lane not in taken)
            placed.append(place)
    return found


def pieces(document: Document) -> Iterator[Piece]:
    """The text in pieces, cut where a mention, a fragment, a piece of evidence or a line begins or ends."""
    lane = lanes(document.mentions)
    starts: dict[int, list[int]] = {}
    for place, mention in enumerate(document.mentions):
        starts.setdefault(mention.start, []).append(place)
    open_: set[int] = set()
    before = 0
    for cut in _cuts(document):
        open_ = {place for place in open_ if document.mentions[place].stop > before}
        open_.update(starts.get(before, ()))
        over = sorted(open_, key=lambda place: (lane[place], place))
        inside = tuple(place for place in over if _holds(document.mentions[place], before))
        yield Piece(before, cut, inside, tuple(place for place in over if place not in inside))
        before = cut


def _cuts(document: Document) -> list[int]:
    cuts = {place for mention in document.mentions for span in _spans(mention) for place in span}
    cuts |= {place for triple in document.triples for span in triple.evidence for place in span}
    cuts |= {place for place, char in enumerate(document.text, 1) if char == "\n"}
    return sorted((cuts | {len(document.text)}) - {0})


def _clusters(mentions: Sequence[Mention]) -> Iterator[list[int]]:
    """Places of mentions in runs that overlap one another, so that only these are compared."""
    cluster: list[int] = []
    reach = 0
    for place in sorted(range(len(mentions)), key=lambda place: mentions[place].span):
        if cluster and mentions[place].start >= reach:
            yield cluster
            cluster = []
        cluster.append(place)
        reach = max(reach, mentions[place].stop)
    if cluster:
        yield cluster


def _spans(mention: Mention) -> Sequence[tuple[int, int]]:
    return mention.fragments or (mention.span,)


def _holds(mention: Mention, point: int) -> bool:
    return any(start <= point < stop for start, stop in _spans(mention))


def _overlap(one: Mention, other: Mention) -> bool:
    return one.start < other.stop and other.start < one.stop


def _within(inner: Mention, outer: Mention) -> bool:
    return outer.start <= inner.start and inner.stop <= outer.stop
