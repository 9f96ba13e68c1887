"""Brat standoff (https://brat.nlplab.org/standoff.html): a text and, beside it, lines that annotate ranges of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from relik_ml.data import Report, reading
from relik_ml.errors import DataError
from relik_ml.text import evidence, sentences
from relik_ml.types import Link, Mention, Property, Triple

from ._brat_lines import Bound, Equivalence, Reference, Relation, read_lines

__all__ = ["Bound", "Equivalence", "Reference", "Relation", "Standoff", "mention", "read_standoff"]


class Standoff(NamedTuple):
    """A text with its valid annotation: every id that a line names is in ``bounds``."""

    text: str
    bounds: dict[str, Bound]
    relations: list[Relation]
    references: list[Reference]
    equivalences: list[Equivalence]

    def triples(
        self, property_of: Callable[[str, str, str], Property | None] = lambda relation, subject, object: None
    ) -> tuple[Triple, ...]:
        """The relations with their sentences; ``property_of`` gets a relation and the types of its arguments."""
        spans = list(sentences(self.text)) if self.relations else []
        found = []
        for type, subject_id, object_id, _ in self.relations:
            subject, object = self.bounds[subject_id], self.bounds[object_id]
            property = property_of(type, subject.type, object.type)
            stated = evidence(spans, [*subject.fragments, *object.fragments])
            found.append(Triple(subject_id, type, object_id, property, stated))
        return tuple(found)


def read_standoff(path: Path, report: Report) -> Standoff:
    """The annotation at ``path`` (.ann) with the text beside it (.txt), both exactly as stored.

    Left out and counted are: lines that cannot be read, lines of kinds that the schema does not have, ranges whose text
    is not the surface that the line states, lines that name a missing range, and repeated relations. DataError when a
    file cannot be read or is not UTF-8.
    """
    text = _decode(path.with_suffix(".txt"))
    found = list(read_lines(_decode(path), f"{path.parent.name}/{path.name}", report))
    bounds: dict[str, Bound] = {}
    for bound in found:
        if isinstance(bound, Bound) and _is_valid(bound, text, bounds, report):
            bounds[bound.id] = bound
    relations = _relations([r for r in found if isinstance(r, Relation)], bounds, report)
    references = _references([r for r in found if isinstance(r, Reference)], bounds, report)
    equivalences = _equivalences([e for e in found if isinstance(e, Equivalence)], bounds, report)
    return Standoff(text, bounds, relations, references, equivalences)


def _decode(path: Path) -> str:
    try:
        with reading(path):
            return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        got = f"byte 0x{error.object[error.start]:02x} at {error.start}"
        raise DataError("the file is not UTF-8", where=str(path), got=got, fix="fetch it again") from None


def mention(bound: Bound, link: Link) -> Mention:
    """The mention of a range."""
    start, stop = min(f.start for f in bound.fragments), max(f.stop for f in bound.fragments)
    fragments = bound.fragments if len(bound.fragments) > 1 else ()
    return Mention(bound.id, start, stop, bound.type, fragments, link)


def _is_valid(bound: Bound, text: str, known: dict[str, Bound], report: Report) -> bool:
    report.count("mention lines")
    actual = " ".join(text[start:stop] for start, stop in bound.fragments)
    if actual != bound.surface or not all(start < stop <= len(text) for start, stop in bound.fragments):
        got = f"{bound.surface!r} for {actual!r}"
        report.defect("mention whose surface is not in the text: dropped", "mention lines", bound.where, got)
    elif bound.id in known:
        report.defect("mention id used before: dropped", "mention lines", bound.where, bound.id)
    else:
        return True
    return False


def _relations(found: list[Relation], bounds: dict[str, Bound], report: Report) -> list[Relation]:
    kept: dict[tuple[str, str, str], Relation] = {}
    report.count("relation lines", len(found))
    for relation in found:
        key, got = relation[:3], " ".join(relation[:3])
        if not {relation.subject, relation.object} <= bounds.keys():
            report.defect("relation of a mention that is not there: dropped", "relation lines", relation.where, got)
        elif key in kept:
            report.defect("duplicate triple: dropped", "relation lines", relation.where, got)
        else:
            kept[key] = relation
    return list(kept.values())


def _references(found: list[Reference], bounds: dict[str, Bound], report: Report) -> list[Reference]:
    report.count("reference lines", len(found))
    for reference in found:
        if reference.target not in bounds:
            got = f"{reference.target} {reference.value}"
            report.defect("link of a mention that is not there: dropped", "reference lines", reference.where, got)
    return [reference for reference in found if reference.target in bounds]


def _equivalences(found: list[Equivalence], bounds: dict[str, Bound], report: Report) -> list[Equivalence]:
    report.count("equivalence lines", len(found))
    for members, where in found:
        if not bounds.keys() >= set(members):
            what = "equivalence of a mention that is not there: dropped"
            report.defect(what, "equivalence lines", where, " ".join(members))
    return [equivalence for equivalence in found if bounds.keys() >= set(equivalence.members)]
