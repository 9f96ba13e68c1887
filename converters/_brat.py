"""Brat standoff (https://brat.nlplab.org/standoff.html): a text and, beside it, lines that annotate ranges of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from relik_ml.data import Report
from relik_ml.errors import DataError

from ._brat_lines import Bound, Equivalence, Reference, Relation, read_lines

__all__ = ["Bound", "Equivalence", "Reference", "Relation", "Standoff", "read_standoff"]


class Standoff(NamedTuple):
    """A text with its sound annotation: every id that a line names is in ``bounds``."""

    text: str
    bounds: dict[str, Bound]
    relations: list[Relation]
    references: list[Reference]
    equivalences: list[Equivalence]


def read_standoff(path: Path, report: Report) -> Standoff:
    """The annotation at ``path`` (.ann) with the text beside it (.txt), both exactly as stored.

    Lines that cannot be read or have no place, ranges that do not hold their surface, lines that name a range
    which is not there and repeated relations are left out and counted. DataError when a file cannot be read
    or is not UTF-8.
    """
    text = _decode(path.with_suffix(".txt"))
    found = list(read_lines(_decode(path), f"{path.parent.name}/{path.name}", report))
    bounds: dict[str, Bound] = {}
    for bound in found:
        if isinstance(bound, Bound) and _sound(bound, text, bounds, report):
            bounds[bound.id] = bound
    relations = _relations([r for r in found if isinstance(r, Relation)], bounds, report)
    references = _references([r for r in found if isinstance(r, Reference)], bounds, report)
    equivalences = _equivalences([e for e in found if isinstance(e, Equivalence)], bounds, report)
    return Standoff(text, bounds, relations, references, equivalences)


def _decode(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError("cannot read the file", where=str(path), got=str(error.strerror), fix="fetch it anew") from None
    except UnicodeDecodeError as error:
        got = f"byte 0x{error.object[error.start]:02x} at {error.start}"
        raise DataError("the file is not UTF-8", where=str(path), got=got, fix="fetch it anew") from None


def _sound(bound: Bound, text: str, known: dict[str, Bound], report: Report) -> bool:
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
