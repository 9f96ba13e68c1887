"""Questions to a store without SPARQL: facts of a thing, its timeline, paths between two things, and conflicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from heapq import nsmallest
from itertools import chain, combinations
from typing import Any, NamedTuple

from relik_ml.export.iris import DIRECT, XSD
from relik_ml.export.triples import ASSERTED
from relik_ml.facts import EVENT, HIDDEN, SYMMETRIC
from relik_ml.graph.database import GraphStore, fact_of
from relik_ml.graph.layout import SCORE, name_key
from relik_ml.graph.things import (
    Claim,
    Statement,
    claims_about,
    label_of,
    map_statements,
    statements_of,
    type_of,
)

FUNCTIONAL = {
    "P569": "date of birth", "P570": "date of death", "P19": "place of birth", "P20": "place of death",
    "P571": "inception", "P576": "date dissolved",
}  # fmt: skip
"""Wikidata properties that have one value."""
COMMON = frozenset({"PROFESSION", "NATIONALITY", "RELIGION", "IDEOLOGY", "LANGUAGE", "ORDINAL", "NUMBER"})
"""Types of things that relate what has nothing to do with each other: paths do not lead through them."""
SOURCES = 20
"""The most statements of a fact that are read where the facts are limited."""
_RANKED = 200
"""The most statements of a fact of which the likeliest are chosen."""
_DATES = {f"{XSD}{name}" for name in ("date", "gYearMonth", "gYear")}


class FoundFact(NamedTuple):
    """A fact and all that state it, the likeliest first."""

    subject: Any
    relation: str
    object: Any
    statements: Sequence[Statement]
    documents: int
    """The number of documents that have it."""

    @property
    def score(self) -> float | None:
        """That of the likeliest statement."""
        return self.statements[0].score

    @property
    def kind(self) -> str:
        """``stated`` if any statement is, else that of the likeliest."""
        kinds = [statement.kind for statement in self.statements]
        return "stated" if "stated" in kinds else kinds[0]


class Conflict(NamedTuple):
    """A thing with several values of a property that can have one."""

    subject: Any
    values: Sequence[FoundFact]


def facts(store: GraphStore, things: Iterable[Any], hidden: bool = False, limit: int | None = None) -> list[FoundFact]:
    """The facts about things: those of most documents first, then by score; those with events last.

    Without what texts deny, tautologies and the like, unless ``hidden`` asks for them. That an entity has another name
    is a tautology, once its names are resolved. With a ``limit`` only the facts that are within it are read, each with
    at most ``SOURCES`` of its statements, so that it takes little time for a thing of thousands of facts.
    """
    groups: dict[Any, list[Claim]] = defaultdict(list)
    for claim in (claim for thing in things for claim in claims_about(store, thing)):
        if hidden or (claim.kind not in HIDDEN and claim.subject != claim.object):
            groups[_key(claim)].append(claim)
    best = list(groups.values()) if limit is None else _best(store, groups.values(), limit)
    read = [_likeliest_claims(store, claims) if limit else claims for claims in best]
    found = gathered(map_statements(store, (claim.fact for claims in read for claim in claims)))
    counts = {_key(claims[0]): _documents(claims) for claims in best if limit and len(claims) > SOURCES}
    found = [fact._replace(documents=counts.get(_key(fact.statements[0]), fact.documents)) for fact in found]
    found.sort(key=lambda fact: (-fact.documents, *_likeliest(fact.statements[0])))
    return sorted(found, key=lambda fact: is_event(store, fact.subject) or is_event(store, fact.object))[:limit]


def _best(store: GraphStore, groups: Iterable[list[Claim]], limit: int) -> list[list[Claim]]:
    """The best groups of claims, in the order of ``facts``. Scores are read only where they decide."""
    event = cache(lambda term: is_event(store, term))
    tiers: dict[int, list[list[Claim]]] = defaultdict(list)
    for claims in groups:
        tiers[_documents(claims)].append(claims)
    found: list[list[Claim]] = []
    events: list[list[Claim]] = []
    for documents in sorted(tiers, reverse=True):
        for claims in sorted(tiers[documents], key=lambda claims: min(_rank(store, claim) for claim in claims)):
            (events if event(claims[0].subject) or event(claims[0].object) else found).append(claims)
            if len(found) >= limit:
                return found
    return [*found, *events[: limit - len(found)]]


def _key(claim: Claim | Statement) -> tuple[Any, frozenset[Any]]:
    return claim.predicate, frozenset((claim.subject, claim.object))


def _documents(claims: Iterable[Claim]) -> int:
    return len({claim.fact.value.partition("#")[0] for claim in claims})


def _likeliest_claims(store: GraphStore, claims: list[Claim]) -> list[Claim]:
    return claims if len(claims) <= SOURCES else nsmallest(SOURCES, claims[:_RANKED], key=partial(_rank, store))


def _rank(store: GraphStore, claim: Claim) -> tuple[bool, float]:
    score = next((float(quad.object.value) for quad in store.quads(claim.fact, SCORE, graph="")), 0.0)
    return claim.kind not in {"", *ASSERTED}, -score


def timeline(store: GraphStore, things: Sequence[Any]) -> list[FoundFact]:
    """The dated facts about things and about the events that they are in, by date."""
    about = [claim for thing in things for claim in claims_about(store, thing) if claim.kind not in HIDDEN]
    ends = {end for claim in about for end in (claim.subject, claim.object)} - {*things}
    of_events = (claim for end in ends if is_event(store, end) for claim in claims_about(store, end))
    dated = (claim for claim in chain(about, of_events) if claim.kind not in HIDDEN and is_date(claim.object))
    found = gathered(map_statements(store, (claim.fact for claim in dated)))
    return sorted(found, key=lambda fact: (fact.object.value, fact.relation, str(fact.subject)))


def path(store: GraphStore, starts: Sequence[Any], goals: Sequence[Any], longest: int = 6) -> list[FoundFact]:
    """The facts of a shortest path from one of the starts to one of the goals, in either direction of each fact.

    Empty when there is none of at most ``longest`` facts. A path does not lead through professions, nationalities and
    other things of ``COMMON`` types.
    """
    seen: tuple[dict[Any, Any], dict[Any, Any]] = (dict.fromkeys(starts), dict.fromkeys(goals))
    edges = [*starts], [*goals]
    for _ in range(longest):
        side = len(edges[0]) > len(edges[1])
        own, other = seen[side], seen[not side]
        new: list[Any] = []
        for thing in edges[side]:
            for triple in _triples(store, thing):
                end = triple[2] if triple[0] == thing else triple[0]
                if end in own or (end not in other and type_of(store, end) in COMMON):
                    continue
                own[end] = (thing, triple)
                new.append(end)
                if end in other:
                    triples = [*reversed(_back(seen[0], end)), *_back(seen[1], end)]
                    return [fact for each in triples for fact in gathered(statements_of(store, *each))[:1]]
        edges[side][:] = new
    return []


def conflicts(store: GraphStore, min_score: float = 0.0) -> Iterator[Conflict]:
    """Things with two values of a property of ``FUNCTIONAL``: dates that exclude each other, places of two names.

    Only what texts state counts, and a place that the store knows to be inside the other is no other place.
    """
    for id in FUNCTIONAL:
        subjects: dict[Any, list[Any]] = defaultdict(list)
        for quad in store.quads(None, DIRECT + id):
            subjects[quad.subject].append(quad)
        for subject in sorted(subjects, key=str):
            if len({quad.object for quad in subjects[subject]}) > 1:
                statements = map_statements(store, map(fact_of, subjects[subject]))
                stated = (statement for statement in statements if statement.kind == "stated")
                values = likely(gathered(stated), min_score)
                if any(_differ(store, one.object, other.object) for one, other in combinations(values, 2)):
                    yield Conflict(subject, values)


def gathered(statements: Iterable[Statement]) -> list[FoundFact]:
    """Statements of the same fact together, in either direction if its relation has none.

    The facts of most documents come first, then those with the highest scores.
    """
    groups: dict[tuple[Any, ...], list[Statement]] = defaultdict(list)
    for statement in statements:
        ends = [statement.subject, statement.object]
        ends = sorted(ends, key=str) if statement.relation in SYMMETRIC else ends
        groups[statement.relation, *ends].append(statement)
    found = []
    for group in groups.values():
        best, *others = sorted(group, key=_likeliest)
        documents = len({statement.document for statement in group})
        found.append(FoundFact(best.subject, best.relation, best.object, [best, *others], documents))
    return sorted(found, key=lambda fact: (-fact.documents, *_likeliest(fact.statements[0])))


def likely(found: Iterable[FoundFact], min_score: float) -> list[FoundFact]:
    """The facts whose score is at least that; a fact without a score counts as certain."""
    return [fact for fact in found if fact.score is None or fact.score >= min_score]


def is_event(store: GraphStore, term: Any) -> bool:
    """Whether a term is a thing whose commonest type is that of events."""
    return not _is_literal(term) and type_of(store, term) == EVENT


def is_date(term: Any) -> bool:
    """Whether a term is a date with a year."""
    return _is_literal(term) and term.datatype.value in _DATES


def _likeliest(statement: Statement) -> tuple[bool, float, str]:
    return statement.kind not in ASSERTED, -(statement.score or 0), statement.id


def _is_literal(term: Any) -> bool:
    return hasattr(term, "datatype")


def _triples(store: GraphStore, thing: Any) -> Iterator[tuple[Any, Any, Any]]:
    """The facts between this and other things that are triples."""
    for claim in claims_about(store, thing):
        if not claim.kind and not _is_literal(claim.object):
            yield claim.subject, claim.predicate, claim.object


def _back(seen: dict[Any, Any], end: Any) -> list[tuple[Any, Any, Any]]:
    found = []
    while seen[end] is not None:
        end, triple = seen[end]
        found.append(triple)
    return found


def _differ(store: GraphStore, one: Any, other: Any) -> bool:
    if is_date(one) and is_date(other):
        return not (one.value.startswith(other.value) or other.value.startswith(one.value))
    if _is_literal(one) or _is_literal(other):  # a date that cannot be read may be the same
        return False
    inside = any(_inside(store, *pair) for pair in ((one, other), (other, one)))
    return not inside and name_key(label_of(store, one)) != name_key(label_of(store, other))


def _inside(store: GraphStore, place: Any, larger: Any) -> bool:
    query = f"ASK {{ {place} (wdt:P131|wdt:P17|wdt:P276|wdt:P361)+ {larger} }}"
    return bool(store.query(query))
