"""Relations between mentions: by place (boundaries) and by place and type (strict), in a sentence or a document."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from relik_ml.scheme import Scheme
from relik_ml.score.counts import Counts, exact
from relik_ml.score.mentions import Place, place
from relik_ml.types import Document, Mention, Span

Sentences = Callable[[str], Iterable[Span]]
Argument = TypeVar("Argument", bound=Hashable)


class Fact(NamedTuple):
    """A triple with its two mentions in place of their ids."""

    subject: Mention
    relation: str
    object: Mention


def facts(document: Document) -> list[Fact]:
    """The triples of a document, their arguments looked up."""
    mentions = {mention.id: mention for mention in document.mentions}
    return [Fact(mentions[t.subject], t.relation, mentions[t.object]) for t in document.triples]


def ordered(one: Argument, relation: str, other: Argument, scheme: Scheme) -> tuple[Argument, str, Argument]:
    """The key of a triple: the arguments of an unordered relation stand in one fixed order.

    >>> ordered("Q2", "SPOUSE", "Q1", Scheme(unordered=frozenset({"SPOUSE"})))
    ('Q1', 'SPOUSE', 'Q2')
    """
    if relation in scheme.unordered and repr(other) < repr(one):
        one, other = other, one
    return one, relation, other


def relations(
    gold: Document, predicted: Document, scheme: Scheme, sentences: Sentences
) -> Iterator[tuple[str, Counts]]:
    """``re.<scope>.<match>``, alias relations left out, and ``re.<scope>.<match>.aliases`` with them."""
    together = one_sentence(sentences(gold.text))
    for scope in ("document", "sentence"):
        sides = [[f for f in facts(side) if scope == "document" or together(f)] for side in (gold, predicted)]
        for match, argument in (("boundaries", place), ("strict", _typed_place)):
            right, guessed = ({_key(fact, argument, scheme) for fact in side} for side in sides)
            yield f"re.{scope}.{match}.aliases", exact(right, guessed)
            yield f"re.{scope}.{match}", exact(_plain(right, scheme), _plain(guessed, scheme))


def one_sentence(sentences: Iterable[Span]) -> Callable[[Fact], bool]:
    """A test whether both arguments of a fact, whole, lie in one of the sentences (given in text order)."""
    spans = sorted(sentences)
    starts = [span.start for span in spans]

    def together(fact: Fact) -> bool:
        start = min(fact.subject.start, fact.object.start)
        stop = max(fact.subject.stop, fact.object.stop)
        number = bisect_right(starts, start) - 1
        return number >= 0 and stop <= spans[number].stop

    return together


Key = tuple[Hashable, str, Hashable]


def _typed_place(mention: Mention) -> tuple[Place, str]:
    return place(mention), mention.type


def _key(fact: Fact, argument: Callable[[Mention], Hashable], scheme: Scheme) -> Key:
    return ordered(argument(fact.subject), fact.relation, argument(fact.object), scheme)


def _plain(keys: set[Key], scheme: Scheme) -> set[Key]:
    return {key for key in keys if key[1] not in scheme.aliases}
