"""Parsing of the lines of a brat annotation. ``_brat`` checks them against the text.

    T1⇥PERSON 0 5⇥Чехов                      a typed range; 0 5;9 12 if it is discontinuous
    R1⇥PLACE_OF_BIRTH Arg1:T1 Arg2:T2⇥       a relation between two of them
    N1⇥Reference T1 Wikidata:Q5685⇥Чехов     a reference of one of them to a knowledge base
    *⇥Equiv T1 T2                            ranges of one entity

The schema has no events (E), attributes (A, M), notes (#) and symmetric relations (* with another name than Equiv).
They are left out and counted by kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from relik_ml.data import Report
from relik_ml.types import Span

# At most nine digits: no text is longer, and int() raises for thousands of digits.
_BOUND = re.compile(r"(T\S+)\t(\S+) ([0-9]{1,9} [0-9]{1,9}(?:;[0-9]{1,9} [0-9]{1,9})*)\t(.*)")
_RELATION = re.compile(r"R\S+\t(\S+) ([^\s:]+):(\S+) ([^\s:]+):(\S+)\s*")
_REFERENCE = re.compile(r"N\S+\t\S+ (\S+) ([^\s:]+):(\S+)(?:\t(.*))?")
_EQUIVALENCE = re.compile(r"\*\tEquiv((?: \S+){2,})\s*")
_LEFT_OUT = re.compile(r"[EAM#]\S+\t.+|\*\t\S+(?: \S+){2,}\s*")
_KINDS = {"E": "event", "A": "attribute", "M": "attribute", "#": "note", "*": "symmetric relation"}


class Bound(NamedTuple):
    """A typed range: fragments in the order of the line, and the surface that the line states."""

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


class Equivalence(NamedTuple):
    """Ranges of one entity, by their ids."""

    members: tuple[str, ...]
    where: str


def read_lines(content: str, name: str, report: Report) -> Iterator[Bound | Relation | Reference | Equivalence]:
    """The parsed lines of the file ``name``. Invalid lines and lines of other kinds are counted."""
    for number, line in enumerate(content.split("\n"), 1):
        where, line = f"{name}:{number}", line.removesuffix("\r")
        if not line:
            continue
        report.count("annotation lines")
        if match := _BOUND.fullmatch(line):
            fragments = tuple(Span(*map(int, pair.split())) for pair in match[3].split(";"))
            yield Bound(match[1], match[2], fragments, match[4], where)
        elif match := _RELATION.fullmatch(line):
            yield _relation(match, where, report)
        elif match := _REFERENCE.fullmatch(line):
            yield Reference(match[1], match[2], match[3], match[4] or "", where)
        elif match := _EQUIVALENCE.fullmatch(line):
            yield Equivalence(tuple(dict.fromkeys(match[1].split())), where)
        elif match := _LEFT_OUT.fullmatch(line):
            report.defect(f"{_KINDS[line[0]]}: no place for it, left out", "annotation lines", where, repr(line))
        else:
            report.defect("line that is no annotation: skipped", "annotation lines", where, repr(line))


def _relation(match: re.Match[str], where: str, report: Report) -> Relation:
    """The relation of a line. Roles other than Arg1 and Arg2 are dropped; their order is kept."""
    type, role, subject, other_role, object = match.groups()
    if (role, other_role) == ("Arg2", "Arg1"):
        subject, object = object, subject
    elif (role, other_role) != ("Arg1", "Arg2"):
        report.defect("roles of a relation: left out", "relation lines", where, f"{type} {role} {other_role}")
    return Relation(type, subject, object, where)
