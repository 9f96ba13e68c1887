"""Closed information extraction: triples between knowledge base entities, each counted once a document."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import product

from relik_ml.scheme import Scheme
from relik_ml.score.counts import Counts, matched
from relik_ml.score.links import answers
from relik_ml.score.mentions import place
from relik_ml.score.triples import Fact, Key, facts, ordered
from relik_ml.types import Document, Mention

Options = Callable[[Mention], tuple[Hashable, ...]]


def closed(gold: Document, predicted: Document, scheme: Scheme) -> Iterator[tuple[str, Counts]]:
    """Alias relations left out: ``cie.triples``, ``cie.mentions`` and ``cie.literals``."""
    for name, options in (("triples", by_id), ("mentions", by_mention), ("literals", by_id_or_place)):
        right, guessed = (_triples(side, options, scheme) for side in (gold, predicted))
        yield f"cie.{name}", matched(right, set(guessed))


def by_id(mention: Mention) -> tuple[Hashable, ...]:
    """An argument is its knowledge base id; a mention without one is no argument."""
    return answers(mention.link)


def by_mention(mention: Mention) -> tuple[Hashable, ...]:
    """An argument is its place, its type and its id."""
    return tuple((place(mention), mention.type, id) for id in answers(mention.link))


def by_id_or_place(mention: Mention) -> tuple[Hashable, ...]:
    """An argument is its id; a date, a number or an unlinked name is its place in the text."""
    return answers(mention.link) or (place(mention),)


def _triples(document: Document, options: Options, scheme: Scheme) -> dict[Key, set[Key]]:
    """Each distinct triple, named by the first option of both arguments, with the triples that answer it."""
    found: dict[Key, set[Key]] = {}
    for fact in facts(document):
        if fact.relation not in scheme.aliases:
            keys = _keys(fact, options, scheme)
            if keys:
                found.setdefault(keys[0], set()).update(keys)
    return found


def _keys(fact: Fact, options: Options, scheme: Scheme) -> list[Key]:
    """The answers to a fact, the chief one first; none when it relates a thing to itself."""
    pairs = list(product(options(fact.subject), options(fact.object)))
    if not pairs or pairs[0][0] == pairs[0][1]:
        return []
    return [ordered(one, fact.relation, other, scheme) for one, other in pairs if one != other]
