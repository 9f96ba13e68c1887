"""Scorers of mentions, links, relations between mentions, and facts of a knowledge base.

Each scorer yields the counts of one document by the name of the score; ``report.TITLES`` says what each means.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from itertools import product
from typing import Any, NamedTuple, TypeVar

from relik_ml.scheme import Scheme
from relik_ml.score.counts import Counts, exact, matched
from relik_ml.types import Document, Link, Mention, Span

NIL = "NIL"

Scores = Iterator[tuple[str, Counts]]
Spans = tuple[Span, ...]
Linked = tuple[Spans, str]
Key = tuple[Hashable, str, Hashable]
Argument = TypeVar("Argument", bound=Hashable)
Sentences = Callable[[str], Iterable[Span]]


def counted(gold: Document, predicted: Document, scheme: Scheme, sentences: Sentences) -> Scores:
    """All counts of one document, of the layers that its gold annotates."""
    known = {layer for layer in ("types", "links", "triples") if getattr(gold.annotated, layer) != "none"}
    if gold.annotated.mentions == "none":
        return
    yield "ner.boundaries", exact({spans_of(m) for m in gold.mentions}, {spans_of(m) for m in predicted.mentions})
    if "types" in known:
        yield from typed(gold, predicted)
    if "links" in known:
        yield from linking(gold, predicted, scheme)
    if "triples" in known:
        yield from relations(gold, predicted, scheme, sentences)
    if known >= {"links", "triples"}:
        yield from closed(gold, predicted, scheme)


def spans_of(mention: Mention) -> Spans:
    """The fragments of a mention in text order, or the one span of a continuous mention.

    >>> spans_of(Mention("T1", 0, 24, "DATE", fragments=(Span(17, 24), Span(0, 5))))
    (Span(start=0, stop=5), Span(start=17, stop=24))
    """
    return tuple(sorted(mention.fragments)) or (mention.span,)


def typed_spans(document: Document) -> set[tuple[Spans, str]]:
    """The distinct (spans, type) pairs of a document."""
    return {(spans_of(mention), mention.type) for mention in document.mentions}


def typed(gold: Document, predicted: Document) -> Scores:
    """Spans with their type: all together (``ner``) and each type alone (``ner.type.PERSON``)."""
    right, guessed = typed_spans(gold), typed_spans(predicted)
    yield "ner", exact(right, guessed)
    yield from labels("ner.type.", right, guessed)


def labels(prefix: str, gold: Set[tuple[Any, ...]], guessed: Set[tuple[Any, ...]]) -> Scores:
    """The items of each label alone. The label of an item is its second part."""
    for name in sorted({item[1] for item in gold | guessed}):
        yield prefix + name, exact(*({item for item in side if item[1] == name} for side in (gold, guessed)))


# Links, by strong match: the span must be exactly right.


def answers(link: Link) -> tuple[str, ...]:
    """Every knowledge base id that is a right answer for a gold link; empty unless it is linked."""
    return (link.id, *link.alternatives) if link.status == "linked" and link.id is not None else ()


def linking(gold: Document, predicted: Document, scheme: Scheme) -> Scores:
    """Without NIL (``el.inkb``), with NIL (``el.nil``), and only where the span is right (``el.gold_spans``)."""
    right, guessed = _linked(gold.mentions), set(_linked(predicted.mentions))
    yield "el.inkb", matched(right, guessed)
    yield "el.nil", matched(_linked_or_nil(gold, scheme), set(_linked_or_nil(predicted, scheme)))
    asked, found = {where for where, _ in right}, {spans_of(mention) for mention in predicted.mentions}
    both = {item: accepted for item, accepted in right.items() if item[0] in found}
    yield "el.gold_spans", matched(both, {item for item in guessed if item[0] in asked})


def _linked(mentions: Iterable[Mention]) -> dict[Linked, set[Linked]]:
    """Each (spans, id) with the (spans, id) pairs that are right answers."""
    items: dict[Linked, set[Linked]] = {}
    for mention in mentions:
        where, ids = spans_of(mention), answers(mention.link)
        if ids:
            items.setdefault((where, ids[0]), set()).update((where, id) for id in ids)
    return items


def _linked_or_nil(document: Document, scheme: Scheme) -> dict[Linked, set[Linked]]:
    mentions = [mention for mention in document.mentions if mention.type in scheme.linked]
    nils = {(spans_of(mention), NIL) for mention in mentions if mention.link.status == "nil"}
    return _linked(mentions) | {item: {item} for item in nils}


# Relations between mentions: by span (boundaries) and by span and type (strict), in a sentence or a document.


class ResolvedTriple(NamedTuple):
    """A triple with its two mentions instead of their ids."""

    subject: Mention
    relation: str
    object: Mention


def facts(document: Document) -> list[ResolvedTriple]:
    """The triples of a document, their arguments looked up."""
    mentions = {mention.id: mention for mention in document.mentions}
    return [ResolvedTriple(mentions[t.subject], t.relation, mentions[t.object]) for t in document.triples]


def ordered(one: Argument, relation: str, other: Argument, scheme: Scheme) -> tuple[Argument, str, Argument]:
    """The key of a triple. The arguments of an unordered relation are sorted.

    >>> ordered("Q2", "SPOUSE", "Q1", Scheme(unordered=frozenset({"SPOUSE"})))
    ('Q1', 'SPOUSE', 'Q2')
    """
    if relation in scheme.unordered and repr(other) < repr(one):
        one, other = other, one
    return one, relation, other


def relations(gold: Document, predicted: Document, scheme: Scheme, sentences: Sentences) -> Scores:
    """``re.<scope>.<match>``, alias relations left out, and ``re.<scope>.<match>.aliases`` with them.

    ``re.type.<relation>`` is a relation alone, as ``re.document.strict`` counts it.
    """
    together = _one_sentence(sentences(gold.text))
    for scope in ("document", "sentence"):
        sides = [[f for f in facts(side) if scope == "document" or together(f)] for side in (gold, predicted)]
        for match, argument in (("boundaries", spans_of), ("strict", _typed_span)):
            keys = [{ordered(argument(f.subject), f.relation, argument(f.object), scheme) for f in s} for s in sides]
            yield f"re.{scope}.{match}.aliases", exact(*keys)
            right, guessed = ({key for key in s if key[1] not in scheme.aliases} for s in keys)
            yield f"re.{scope}.{match}", exact(right, guessed)
            if (scope, match) == ("document", "strict"):
                yield from labels("re.type.", right, guessed)


def _typed_span(mention: Mention) -> tuple[Hashable, ...]:
    return spans_of(mention), mention.type


def _one_sentence(sentences: Iterable[Span]) -> Callable[[ResolvedTriple], bool]:
    """A test whether both arguments of a fact, whole, lie in one of the sentences."""
    spans = sorted(sentences)
    starts = [span.start for span in spans]

    def together(fact: ResolvedTriple) -> bool:
        start = min(fact.subject.start, fact.object.start)
        number = bisect_right(starts, start) - 1
        return number >= 0 and max(fact.subject.stop, fact.object.stop) <= spans[number].stop

    return together


# Closed information extraction: triples between knowledge base entities, each counted once a document.


ARGUMENTS: dict[str, Callable[[Mention], tuple[Hashable, ...]]] = {
    "triples": lambda mention: answers(mention.link),
    "mentions": lambda mention: tuple((spans_of(mention), mention.type, id) for id in answers(mention.link)),
    "literals": lambda mention: answers(mention.link) or (spans_of(mention),),
}
"""For each score, the keys of a mention as an argument of a fact; a mention without a key is no argument.

For ``literals`` the key of a date, a number or an unlinked name is its span.
"""


def closed(gold: Document, predicted: Document, scheme: Scheme) -> Scores:
    """Alias relations left out: ``cie.triples``, ``cie.mentions`` and ``cie.literals``."""
    for name in ARGUMENTS:
        yield f"cie.{name}", matched(_triples(gold, name, scheme), set(_triples(predicted, name, scheme)))


def _triples(document: Document, score: str, scheme: Scheme) -> dict[Key, set[Key]]:
    """Each distinct triple, by the first key of both arguments, with the triples that are right answers.

    A triple from an entity to itself is left out.
    """
    found: dict[Key, set[Key]] = {}
    for subject, relation, object in facts(document):
        pairs = list(product(*map(ARGUMENTS[score], (subject, object))))
        if relation not in scheme.aliases and pairs and pairs[0][0] != pairs[0][1]:
            keys = [ordered(one, relation, other, scheme) for one, other in pairs if one != other]
            found.setdefault(keys[0], set()).update(keys)
    return found
