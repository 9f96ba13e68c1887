"""A mind map of facts: the document on the left, then what the facts are about, and beyond that the facts.

>>> for branch in mindmap([(0, 1), (3, 1), (3, 2)]):
...     print(branch)
Branch(subject=3, y=30.0, facts=(1, 2), rows=(15.0, 45.0))
Branch(subject=0, y=89.0, facts=(0,), rows=(89.0,))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ROW = 30.0
_SPACE = 14.0


class Branch(NamedTuple):
    """A subject with the places of its facts, and how far down each of them stands, in pixels from the top."""

    subject: int
    y: float
    facts: tuple[int, ...]
    rows: tuple[float, ...]


def mindmap(facts: Sequence[tuple[int, int]]) -> list[Branch]:
    """A branch for every subject of ``facts`` (subject, object), from the top down, those with most facts first."""
    subjects: dict[int, list[int]] = {}
    for place, (subject, _) in enumerate(facts):
        subjects.setdefault(subject, []).append(place)
    branches = []
    top = 0.0
    for subject in sorted(subjects, key=lambda subject: -len(subjects[subject])):
        own = tuple(subjects[subject])
        rows = tuple(top + ROW * (place + 0.5) for place in range(len(own)))
        branches.append(Branch(subject, (rows[0] + rows[-1]) / 2, own, rows))
        top += len(own) * ROW + _SPACE
    return branches
