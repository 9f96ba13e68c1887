"""Scorers of entities, and of relations between them: coreference, and the scores of DocRED and DWIE.

>>> from relik_ml.types import Annotated, Entity, Mention, Triple
>>> mentions = Mention("T1", 0, 4, "PER"), Mention("T2", 6, 9, "PER"), Mention("T3", 14, 18, "LOC")
>>> known = Annotated("complete", "complete", "none", "complete", "complete", entity_triples=True)
>>> gold = Document("d", "Anna. She, of Omsk.", mentions=mentions, entities=(Entity("E1", ("T1", "T2")),),
...                 triples=(Triple("T2", "P19", "T3"),), annotated=known)
>>> named_facts([gold], Scheme()) == {("Anna", "P19", "Omsk"), ("She", "P19", "Omsk")}
True
>>> half = Document("d", gold.text, mentions=(mentions[0], mentions[2]), triples=(Triple("T1", "P19", "T3"),))
>>> dict(entity_counts(gold, half, Scheme()))["dwie.re.hard"]
Counts(correct=0, guessed=1, gold=1)
>>> dict(agreements(gold, half, Scheme()))["dwie.re.soft"]
Agreement(found=0.5, gold=1, right=1.0, guessed=1)
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from itertools import product

from relik_ml.scheme import Scheme
from relik_ml.score.agreement import MEASURES, Agreement, Clustering, compare, overlap
from relik_ml.score.counts import Counts, exact
from relik_ml.score.scorers import Key, ResolvedTriple, Spans, facts, ordered, spans_of
from relik_ml.types import Document

NamedFact = tuple[str, str, str]
Parts = frozenset[Hashable]
TypedEntity = frozenset[tuple[Spans, str]]
"""The mentions of an entity. All have the type of the entity."""


def entity_counts(gold: Document, predicted: Document, scheme: Scheme) -> Iterator[tuple[str, Counts]]:
    """``re.entities``, and the scores of DWIE for which an entity or a relation is right or wrong as a whole."""
    if _relates_entities(gold):
        key = entity_key(gold, scheme)
        yield "re.entities", exact(*({key(fact) for fact in facts(side)} for side in (gold, predicted)))
    for layer, right, guessed in _parts(gold, predicted, scheme):
        missed = unreachable(gold) if layer == "re" else 0
        yield f"dwie.{layer}.hard", exact(right, guessed) + Counts(gold=missed)


def agreements(
    gold: Document, predicted: Document, scheme: Scheme, known: Set[NamedFact] = frozenset()
) -> Iterator[tuple[str, Agreement]]:
    """The scores whose precision and recall count different things; ``known`` are the facts of training documents."""
    if gold.annotated.entities == "complete":
        sides = _clusters(gold), _clusters(predicted)
        yield from ((name, compare(measure, *sides)) for name, measure in MEASURES.items())
    for layer, right, guessed in _parts(gold, predicted, scheme):
        yield f"dwie.{layer}.soft", compare(overlap, list(right), list(guessed))
    if known and _relates_entities(gold):
        yield "re.entities.ign", unseen(gold, predicted, scheme, known)


# Relations between entities


def entity_key(gold: Document, scheme: Scheme) -> Callable[[ResolvedTriple], Key]:
    """The key of a triple: the entities of gold that it relates, whichever of their mentions it names.

    A mention that is in none of them is an entity of its own.
    """
    spans = {mention.id: spans_of(mention) for mention in gold.mentions}
    homes: dict[Spans, Hashable] = {spans[id]: entity.id for entity in gold.entities for id in entity.mentions}

    def key(fact: ResolvedTriple) -> Key:
        one, other = (homes.get(where, where) for where in (spans_of(fact.subject), spans_of(fact.object)))
        return ordered(one, fact.relation, other, scheme)

    return key


def unseen(gold: Document, predicted: Document, scheme: Scheme, known: Set[NamedFact]) -> Agreement:
    """Ign-F1 (Yao et al. 2019): a correct relation that training documents state does not count for precision.

    They state it if any name of its subject and any name of its object are in one of the ``known`` facts.
    Recall is that of all relations.
    """
    key = entity_key(gold, scheme)
    right = {key(fact): names for fact, names in _by_name(gold, scheme)}
    guessed = {key(fact) for fact in facts(predicted)}
    found = right.keys() & guessed
    seen = sum(not known.isdisjoint(right[each]) for each in found)
    return Agreement(len(found), len(right), len(found) - seen, len(guessed) - seen)


def named_facts(documents: Iterable[Document], scheme: Scheme) -> frozenset[NamedFact]:
    """The facts of documents by name: each relation with every pair of names of its two entities."""
    return frozenset(name for document in documents for _, names in _by_name(document, scheme) for name in names)


def _by_name(document: Document, scheme: Scheme) -> Iterator[tuple[ResolvedTriple, set[NamedFact]]]:
    names = {
        id: {" ".join(document.text[start:stop] for start, stop in spans) for spans, _ in entity}
        for id, entity in _entities(document).items()
    }
    for fact in facts(document):
        pairs = product(names[fact.subject.id], names[fact.object.id])
        yield fact, {ordered(one, fact.relation, other, scheme) for one, other in pairs}


def _relates_entities(gold: Document) -> bool:
    return gold.annotated.entity_triples and "none" not in (gold.annotated.mentions, gold.annotated.triples)


# Entities as sets of mentions


def _parts(gold: Document, predicted: Document, scheme: Scheme) -> Iterator[tuple[str, Set[Parts], Set[Parts]]]:
    """Entities as sets of (spans, type) and relations as sets of (spans, relation, spans), where gold has all."""
    if gold.annotated.entities != "complete":
        return
    if gold.annotated.types != "none":
        yield "ner", set(_entities(gold).values()), set(_entities(predicted).values())
    if _relates_entities(gold):
        yield "re", _mention_pairs(gold, scheme), _mention_pairs(predicted, scheme)


def _mention_pairs(document: Document, scheme: Scheme) -> set[Parts]:
    """Each relation between two entities as all its relations between their mentions."""
    entities = _entities(document)
    return {
        Parts(
            ordered(one, fact.relation, other, scheme)
            for (one, _), (other, _) in product(entities[fact.subject.id], entities[fact.object.id])
        )
        for fact in facts(document)
    }


def _entities(document: Document) -> dict[str, TypedEntity]:
    """The entity of each mention, by the id of the mention. A mention that is in none is alone.

    The type of an entity is the most frequent type of its mentions, or the first of these.
    """
    mentions = {mention.id: mention for mention in document.mentions}
    found: dict[str, TypedEntity] = {}
    for group in (*((id,) for id in mentions), *(entity.mentions for entity in document.entities)):
        members = [mentions[id] for id in group]
        for name, _ in Counter(mention.type for mention in members).most_common(1):
            found |= dict.fromkeys(group, frozenset((spans_of(mention), name) for mention in members))
    return found


def unreachable(gold: Document) -> int:
    """The relations that DWIE annotates for entities without a mention: nothing can find them, and they count."""
    listed = gold.meta.get("unreachable", ()) if gold.corpus == "dwie" else ()
    return len({str(relation) for relation in listed})


def _clusters(document: Document) -> Clustering:
    """The entities of a document as sets of spans. A mention that is in none is alone."""
    spans = {mention.id: spans_of(mention) for mention in document.mentions}
    groups = [[spans[id] for id in entity.mentions] for entity in document.entities]
    home = {each: number for number, group in reversed([*enumerate(groups)]) for each in group}
    alone = [frozenset({each}) for each in set(spans.values()) - home.keys()]
    groups_apart = [frozenset(each for each in group if home[each] == number) for number, group in enumerate(groups)]
    return [each for each in (*groups_apart, *alone) if each]
