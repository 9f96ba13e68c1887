"""Named entities: places in the text, with and without their type."""

from __future__ import annotations

from collections.abc import Iterator

from relik_ml.score.counts import Counts, exact
from relik_ml.types import Document, Mention, Span

Place = tuple[Span, ...]


def place(mention: Mention) -> Place:
    """Where a mention stands: its fragments in text order, or the one span of an unbroken mention.

    >>> place(Mention("T1", 0, 24, "DATE", fragments=(Span(17, 24), Span(0, 5))))
    (Span(start=0, stop=5), Span(start=17, stop=24))
    """
    return tuple(sorted(mention.fragments)) or (mention.span,)


def boundaries(gold: Document, predicted: Document) -> Iterator[tuple[str, Counts]]:
    """Places alone, whatever their type."""
    yield "ner.boundaries", exact(_places(gold), _places(predicted))


def typed(gold: Document, predicted: Document) -> Iterator[tuple[str, Counts]]:
    """Places with their type: all together (``ner``) and each type alone (``ner.type.PERSON``)."""
    right, guessed = typed_places(gold), typed_places(predicted)
    yield "ner", exact(right, guessed)
    for name in sorted({name for _, name in right | guessed}):
        yield f"ner.type.{name}", exact(_of_type(right, name), _of_type(guessed, name))


def typed_places(document: Document) -> set[tuple[Place, str]]:
    """The distinct (place, type) pairs of a document."""
    return {(place(mention), mention.type) for mention in document.mentions}


def _places(document: Document) -> set[Place]:
    return {place(mention) for mention in document.mentions}


def _of_type(pairs: set[tuple[Place, str]], name: str) -> set[tuple[Place, str]]:
    return {pair for pair in pairs if pair[1] == name}
