"""Corpora that annotate entities, as clusters of mentions, and relations between entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from relik_ml.data import Report
from relik_ml.types import Entity, Mention, Property, Span, Triple

Pair = tuple[Mention, Mention]


def carriers(subjects: Iterable[Mention], objects: Iterable[Mention], stated: Sequence[Span]) -> Pair:
    """The two mentions that carry a relation of two entities.

    They are the nearest pair in one of the sentences ``stated``; if there is none, the nearest pair of mentions that
    both lie in some of these; then the nearest of all. Mentions with the same span come last, and of equal pairs the
    earliest is taken.

    >>> anna, she, omsk = Mention("T1", 0, 4, "PER"), Mention("T2", 30, 33, "PER"), Mention("T3", 21, 25, "LOC")
    >>> [mention.id for mention in carriers([anna, she], [omsk], [Span(0, 26)])]
    ['T1', 'T3']
    """

    subjects, objects = list(subjects), list(objects)
    inside = {
        mention.span: {number for number, (a, b) in enumerate(stated) if a <= mention.start and mention.stop <= b}
        for mention in (*subjects, *objects)
    }

    def key(pair: Pair) -> tuple[int, ...]:
        first, last = sorted(mention.span for mention in pair)
        rank = 0 if inside[first] & inside[last] else 1 if inside[first] and inside[last] else 2
        return first == last, rank, max(0, last.start - first.stop), first.start, last.start

    return min(product(subjects, objects), key=key)


@dataclass
class Relations:
    """The triples of a document in the making; ``entities`` are its mentions by the key of their entity.

    A relation is counted as one of the "relations" of the report, whatever becomes of it.
    """

    entities: Mapping[Any, list[Mention]]
    sentences: Sequence[Span]
    where: str
    report: Report
    found: dict[tuple[str, str, str], Triple] = field(default_factory=dict)

    def add(
        self, subject: Any, relation: str, object: Any, property: Property | None = None, stated: Sequence[Span] = ()
    ) -> None:
        """Add a relation that the sentences ``stated`` express, or count why it is left out."""
        self.report.count("relations")
        subjects, objects = self.entities.get(subject), self.entities.get(object)
        if not subjects or not objects:
            self._drop("relation of an entity without a mention: dropped", f"{subject} {relation} {object}")
            return
        key = subjects[0].id, relation, objects[0].id
        if subjects == objects:
            self._drop("relation of an entity to itself: dropped", " ".join(key))
        elif key in self.found:
            self._drop("duplicate relation: dropped", " ".join(key))
        else:
            one, other = carriers(subjects, objects, stated or self.sentences)
            self.found[key] = Triple(one.id, relation, other.id, property, tuple(stated))

    def _drop(self, what: str, got: str) -> None:
        self.report.defect(what, "relations", self.where, got)


def listed(marks: Iterable[tuple[Span | None, str]], where: str, report: Report) -> dict[int, list[Mention]]:
    """One mention for each span and type of a list; a mention that is listed twice is kept once, under both keys."""
    entities: dict[int, list[Mention]] = {}
    found: dict[tuple[Span, str], Mention] = {}
    for key, (span, type) in enumerate(marks):
        report.count("mentions listed")
        entities[key] = []
        if span is None:
            report.defect("mention outside the text: dropped", "mentions listed", where, type)
            continue
        if (span, type) in found:
            report.defect("mention listed twice: one kept", "mentions listed", where, type)
        entities[key] = [found.setdefault((span, type), Mention(f"T{len(found) + 1}", *span, type))]
    return entities


def distinct_mentions(entities: Mapping[Any, Iterable[Mention]]) -> tuple[Mention, ...]:
    """The mentions of all entities, each once."""
    return tuple({mention.id: mention for mentions in entities.values() for mention in mentions}.values())


def clusters(entities: Mapping[Any, list[Mention]]) -> tuple[Entity, ...]:
    """The entities that have a mention."""
    groups = [tuple(mention.id for mention in mentions) for mentions in entities.values() if mentions]
    return tuple(Entity(f"E{number}", ids) for number, ids in enumerate(groups, 1))
