"""A mind map of facts: the document in the middle, around it what the facts are about, and beyond that the facts.

>>> branches = mindmap([(0, 1), (0, 2), (3, 1)])
>>> [(branch.subject, branch.side, branch.facts) for branch in branches]
[(0, 1, (0, 1)), (3, -1, (2,))]
>>> branches[0].y, branches[0].rows
(0.0, (-15.0, 15.0))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ROW = 30.0
_SPACE = 14.0


class Branch(NamedTuple):
    """A subject with the places of its facts: its side of the map (1 right, -1 left), heights in pixels from the middle."""

    subject: int
    side: int
    y: float
    facts: tuple[int, ...]
    rows: tuple[float, ...]


def mindmap(facts: Sequence[tuple[int, int]]) -> list[Branch]:
    """A branch for every subject of ``facts`` (subject, object), those with most facts first, both sides equally long."""
    subjects: dict[int, list[int]] = {}
    for place, (subject, _) in enumerate(facts):
        subjects.setdefault(subject, []).append(place)
    sides: dict[int, list[int]] = {1: [], -1: []}
    length = {1: 0.0, -1: 0.0}
    for subject in sorted(subjects, key=lambda subject: -len(subjects[subject])):
        side = 1 if length[1] <= length[-1] else -1
        sides[side].append(subject)
        length[side] += len(subjects[subject]) * ROW + _SPACE
    return [branch for side in (1, -1) for branch in _side(side, sides[side], subjects)]


def _side(side: int, chosen: Sequence[int], subjects: dict[int, list[int]]) -> list[Branch]:
    height = sum(len(subjects[subject]) * ROW + _SPACE for subject in chosen) - _SPACE
    top = -height / 2
    branches = []
    for subject in chosen:
        facts = tuple(subjects[subject])
        rows = tuple(top + ROW * (place + 0.5) for place in range(len(facts)))
        branches.append(Branch(subject, side, (rows[0] + rows[-1]) / 2, facts, rows))
        top += len(facts) * ROW + _SPACE
    return branches
