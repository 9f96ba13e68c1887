"""Entity linking: a place and what it refers to, by strong match (the place must be exactly right)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from relik_ml.scheme import Scheme
from relik_ml.score.counts import Counts, matched
from relik_ml.score.mentions import Place, place
from relik_ml.types import Document, Link, Mention

NIL = "NIL"

Linked = tuple[Place, str]


def answers(link: Link) -> tuple[str, ...]:
    """Every knowledge base id that is a right answer for a gold link; empty unless it is linked."""
    return (link.id, *link.alternatives) if link.status == "linked" and link.id is not None else ()


def linking(gold: Document, predicted: Document, scheme: Scheme) -> Iterator[tuple[str, Counts]]:
    """Without NIL (``el.inkb``), with NIL (``el.nil``), and only where the place is right (``el.gold_spans``)."""
    right, guessed = _linked(gold.mentions), set(_linked(predicted.mentions))
    yield "el.inkb", matched(right, guessed)
    yield "el.nil", matched(_linked_or_nil(gold, scheme), set(_linked_or_nil(predicted, scheme)))
    asked, found = {where for where, _ in right}, {place(mention) for mention in predicted.mentions}
    yield (
        "el.gold_spans",
        matched(
            {item: accepted for item, accepted in right.items() if item[0] in found},
            {item for item in guessed if item[0] in asked},
        ),
    )


def _linked(mentions: Iterable[Mention]) -> dict[Linked, set[Linked]]:
    """Each (place, id) with the (place, id) pairs that answer it."""
    items: dict[Linked, set[Linked]] = {}
    for mention in mentions:
        where, ids = place(mention), answers(mention.link)
        if ids:
            items.setdefault((where, ids[0]), set()).update((where, id) for id in ids)
    return items


def _linked_or_nil(document: Document, scheme: Scheme) -> dict[Linked, set[Linked]]:
    mentions = [mention for mention in document.mentions if mention.type in scheme.linked]
    nils = {(place(mention), NIL) for mention in mentions if mention.link.status == "nil"}
    return _linked(mentions) | {item: {item} for item in nils}
