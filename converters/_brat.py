"""Brat standoff: a text and, beside it, lines that annotate ranges of it (https://brat.nlplab.org/standoff.html).

    T1⇥PERSON 0 5⇥Чехов                      a typed range; several ranges when discontinuous: 0 5;9 12
    R1⇥PLACE_OF_BIRTH Arg1:T1 Arg2:T2⇥       a relation between two of them
    N1⇥Reference T1 Wikidata:Q5685⇥Чехов     a reference of one of them to a knowledge base

Other kinds of lines (events, attributes, notes) are no part of the corpora read here and count as unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relik_ml.errors import DataError
from relik_ml.plugins import Report
from relik_ml.types import Span

_BOUND = re.compile(r"(T\S+)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)")
_RELATION = re.compile(r"R\S+\t(\S+) Arg1:(\S+) Arg2:(\S+)\s*")
_REFERENCE = re.compile(r"N\S+\t\S+ (\S+) ([^\s:]+):(\S+)(?:\t(.*))?")


class Bound(NamedTuple):
    """A typed range: fragments in the order of the line, and the surface the line claims."""

    id: str
    type: str
    fragments: tuple[Span, ...]
    surface: str
    where: str


class Relation(NamedTuple):
    """A relation between two ranges, by their ids."""

    type: str
    subject: str
    object: str
    where: str


class Reference(NamedTuple):
    """A reference of a range to a row of a knowledge base; the label may be empty."""

    target: str
    base: str
    value: str
    label: str
    where: str


class Standoff(NamedTuple):
    """A text with its sound annotation: every id that a relation or reference names is in ``bounds``."""

    text: str
    bounds: dict[str, Bound]
    relations: list[Relation]
    references: list[Reference]


def read_standoff(path: Path, report: Report) -> Standoff:
    """The annotation at ``path`` (.ann) with the text beside it (.txt), both exactly as stored.

    Lines that cannot be read, ranges that do not hold their surface, relations and references to nowhere and
    repeated relations are left out and counted. DataError when a file cannot be read or is not UTF-8.
    """
    text = _decode(path.with_suffix(".txt"))
    found = list(_lines(path, report))
    bounds: dict[str, Bound] = {}
    for bound in found:
        if isinstance(bound, Bound) and _sound(bound, text, bounds, report):
            bounds[bound.id] = bound
    relations = _relations([r for r in found if isinstance(r, Relation)], bounds, report)
    references = _references([r for r in found if isinstance(r, Reference)], bounds, report)
    return Standoff(text, bounds, relations, references)


def _decode(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError("cannot read the file", where=str(path), got=str(error.strerror), fix="fetch it anew") from None
    except UnicodeDecodeError as error:
        got = f"byte 0x{error.object[error.start]:02x} at {error.start}"
        raise DataError("the file is not UTF-8", where=str(path), got=got, fix="fetch it anew") from None


def _lines(path: Path, report: Report) -> Iterator[Bound | Relation | Reference]:
    for number, line in enumerate(_decode(path).split("\n"), 1):
        where, line = f"{path.parent.name}/{path.name}:{number}", line.removesuffix("\r")
        if not line:
            continue
        report.count("annotation lines")
        if match := _BOUND.fullmatch(line):
            fragments = tuple(Span(*map(int, pair.split())) for pair in match[3].split(";"))
            yield Bound(match[1], match[2], fragments, match[4], where)
        elif match := _RELATION.fullmatch(line):
            yield Relation(match[1], match[2], match[3], where)
        elif match := _REFERENCE.fullmatch(line):
            yield Reference(match[1], match[2], match[3], match[4] or "", where)
        else:
            report.defect("line that is no annotation: skipped", "annotation lines", where, repr(line))


def _sound(bound: Bound, text: str, known: dict[str, Bound], report: Report) -> bool:
    report.count("mention lines")
    actual = " ".join(text[start:stop] for start, stop in bound.fragments)
    if actual != bound.surface or any(start >= stop for start, stop in bound.fragments):
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
