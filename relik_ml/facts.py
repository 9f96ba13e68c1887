"""The triples of a document as a reader wants them: marked by kind, the interesting ones first.

>>> from relik_ml.types import Document, Mention, Triple
>>> text = "Президент США Джо Байден родился не в Москве, а в Скрантоне."
>>> mentions = (Mention("T1", 0, 13, "PROFESSION"), Mention("T2", 10, 13, "COUNTRY"), Mention("T3", 14, 24, "PERSON"),
...             Mention("T4", 38, 44, "CITY"), Mention("T5", 50, 59, "CITY"))
>>> triples = (Triple("T1", "WORKPLACE", "T2"), Triple("T3", "WORKS_AS", "T1"), Triple("T3", "PLACE_OF_BIRTH", "T4"),
...            Triple("T3", "PLACE_OF_BIRTH", "T5"))
>>> document = Document("d", text, mentions=mentions, triples=triples)
>>> for fact in document.facts(hidden=True):
...     print(fact.kind, fact)
stated Джо Байден — PLACE_OF_BIRTH → Скрантоне
stated Джо Байден — WORKS_AS → Президент США
negated Джо Байден — PLACE_OF_BIRTH → Москве
tautology Президент США — WORKPLACE → США
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import log2
from typing import TYPE_CHECKING

from relik_ml.statements import is_noun_phrase, statement

if TYPE_CHECKING:
    from relik_ml.types import Document, FactKind, Mention, Triple

HIDDEN: frozenset[FactKind] = frozenset({"negated", "repetition", "tautology", "literal"})
"""The kinds that views leave out unless they are asked for."""

NAMED = frozenset({"PERSON", "PER", "ORGANIZATION", "ORG"})
"""Types of people and organisations."""
EVENT = "EVENT"
ROLE = "PROFESSION"

COUNTS: Mapping[str, int] = {
    "WORKPLACE": 3837, "ALTERNATIVE_NAME": 3687, "WORKS_AS": 3578, "PARTICIPANT_IN": 3413, "POINT_IN_TIME": 1620,
    "TAKES_PLACE_IN": 1598, "HEADQUARTERED_IN": 1557, "ORIGINS_FROM": 1413, "LOCATED_IN": 1164, "AGENT": 1137,
    "AGE_IS": 804, "HAS_CAUSE": 585, "PRODUCES": 554, "AWARDED_WITH": 470, "PART_OF": 394, "IDEOLOGY_OF": 374,
    "MEMBER_OF": 369, "CONVICTED_OF": 342, "INANIMATE_INVOLVED": 319, "SUBEVENT_OF": 318, "KNOWS": 307,
    "SUBORDINATE_OF": 305, "MEDICAL_CONDITION": 272, "PARENT_OF": 261, "PLACE_RESIDES_IN": 228, "OWNER_OF": 192,
    "ABBREVIATION": 191, "FOUNDED_BY": 176, "ORGANIZES": 164, "PENALIZED_AS": 153, "SPOUSE": 141,
    "DATE_OF_CREATION": 138, "RELIGION_OF": 135, "DATE_OF_BIRTH": 118, "DATE_OF_DEATH": 108, "SCHOOLS_ATTENDED": 107,
    "PLACE_OF_BIRTH": 106, "AGE_DIED_AT": 104, "SIBLING": 100, "PLACE_OF_DEATH": 72, "START_TIME": 58, "INCOME": 53,
    "CAUSE_OF_DEATH": 52, "PRICE_OF": 47, "DATE_FOUNDED_IN": 46, "RELATIVE": 42, "EXPENDITURE": 37, "END_TIME": 35,
    "DATE_DEFUNCT_IN": 6,
}  # fmt: skip
"""How often the train documents of NEREL have each relation. Others count as ``USUAL``."""
USUAL = 192
SYMMETRIC = frozenset({"ALTERNATIVE_NAME", "KNOWS", "RELATIVE", "SIBLING", "SPOUSE"})
"""Relations that say the same in both directions."""
TOTAL = sum(COUNTS.values())

_ORDER = ("stated", "quoted", "hypothetical", "negated", "repetition", "tautology", "literal")


def ranked(document: Document, hidden: bool = False) -> list[tuple[Triple, FactKind]]:
    """The triples with their kinds, the interesting ones first; without those of ``HIDDEN`` kinds unless asked for.

    Facts of one kind are ordered: those about named people and organisations first, those with events last, and
    within that by the information that the relation carries (the rarer, the more) times the score.
    """
    mentions = {mention.id: mention for mention in document.mentions}
    marked = zip(document.triples, kinds(document), strict=True)

    def interest(fact: tuple[Triple, FactKind]) -> tuple[int, bool, bool, float]:
        triple, kind = fact
        subject, object = mentions[triple.subject], mentions[triple.object]
        named = subject.type in NAMED and any(map(str.isupper, document.surface(subject)))
        information = log2(TOTAL / COUNTS.get(triple.relation, USUAL))
        value = information * (1.0 if triple.score is None else triple.score)
        return _ORDER.index(kind), not named, EVENT in (subject.type, object.type), -value

    return sorted((fact for fact in marked if hidden or fact[1] not in HIDDEN), key=interest)


def kinds(document: Document) -> list[FactKind]:
    """The kind of each triple. Of facts that say the same, the best stated with the highest score is no repetition."""
    mentions = {mention.id: mention for mention in document.mentions}
    keys = identities(document)
    found = [
        _kind(document, triple, mentions[triple.subject], mentions[triple.object], keys) for triple in document.triples
    ]
    names = {mention.id: _name(document, mention, keys) for mention in document.mentions}
    told = set()
    for index in sorted(
        range(len(found)), key=lambda at: (_ORDER.index(found[at]), -(document.triples[at].score or 0.0))
    ):
        triple = document.triples[index]
        ends = [names[triple.subject], names[triple.object]]
        fact = triple.relation, *(sorted(ends, key=str) if triple.relation in SYMMETRIC else ends)
        if found[index] not in HIDDEN and fact in told:
            found[index] = "repetition"
        told.add(fact)
    return found


def identities(document: Document) -> dict[str, object]:
    """What each mention refers to, as a key: the id of its link, its entity, or the mention itself."""
    keys: dict[str, object] = {mention.id: (document.id, "mention", mention.id) for mention in document.mentions}
    links = {mention.id: mention.link.id for mention in document.mentions if mention.link.id}
    for entity in reversed(document.entities):  # a mention of two entities belongs to the first
        own = {links[id] for id in entity.mentions if id in links}
        key = own.pop() if len(own) == 1 else (document.id, "entity", entity.id)
        keys.update(dict.fromkeys(entity.mentions, key))
    return keys | links


def _kind(
    document: Document, triple: Triple, subject: Mention, object: Mention, keys: Mapping[str, object]
) -> FactKind:
    text = document.text
    if {subject.link.status, object.link.status} == {"unlinkable"}:
        return "literal"
    outer, inner = sorted([subject, object], key=lambda mention: mention.start - mention.stop)
    if keys[subject.id] == keys[object.id] or (outer.start <= inner.start and inner.stop <= outer.stop):
        return "tautology"
    if subject.type == ROLE and is_noun_phrase(text, subject.span, object.span, triple.relation):
        return "tautology"
    return statement(text, subject.span, object.span, triple.evidence, triple.relation)


def _name(document: Document, mention: Mention, keys: Mapping[str, object]) -> object:
    """What makes two mentions the same in a fact: what they refer to, or without that their text."""
    key = keys[mention.id]
    surface = re.sub(r"\s+", " ", mention.link.label or document.surface(mention)).casefold()
    return (mention.type, surface) if key == (document.id, "mention", mention.id) else key
