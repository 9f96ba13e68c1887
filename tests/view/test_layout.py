from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest

from relik_ml.view.layout import HEIGHT, MOST, Point, layout
from relik_ml.view.mindmap import ROW, mindmap


def overlapping(widths: list[float], points: list[Point]) -> list[tuple[int, int]]:
    return [
        (one, other)
        for one, other in combinations(range(len(widths)), 2)
        if abs(points[one].x - points[other].x) < (widths[one] + widths[other]) / 2
        and abs(points[one].y - points[other].y) < HEIGHT
    ]


@pytest.mark.parametrize(("boxes", "edges"), [(2, 1), (12, 14), (40, 30), (90, 300)])
def test_no_box_lies_over_another(boxes: int, edges: int) -> None:
    dice = random.Random(boxes)
    widths = [dice.uniform(40, 240) for _ in range(boxes)]
    joined = [(dice.randrange(boxes), dice.randrange(boxes)) for _ in range(edges)]
    points = layout(widths, joined)
    assert not overlapping(widths, points)
    assert all(p.x >= w / 2 - 0.1 and p.y >= HEIGHT / 2 - 0.1 for p, w in zip(points, widths, strict=True))


def test_the_same_graph_is_drawn_the_same() -> None:
    widths, edges = [60.0] * 20, [(n, (n * 7) % 20) for n in range(20)]
    assert layout(widths, edges) == layout(widths, edges)


def test_what_is_joined_has_room_for_its_label() -> None:
    one, other = layout([80.0, 100.0], [(0, 1)])
    assert abs(one.x - other.x) >= 90 + 100 or abs(one.y - other.y) >= HEIGHT + 40


def test_nothing_and_one() -> None:
    assert layout([], []) == []
    assert layout([80.0], [(0, 0)]) == [Point(40.0, 15.0)]


def test_a_star_of_as_many_as_may_be() -> None:
    widths = [100.0] * MOST
    points = layout(widths, [(0, n) for n in range(1, MOST // 2)])
    assert len(overlapping(widths, points)) < MOST // 50


def test_every_fact_has_a_row_of_its_own() -> None:
    facts = [(0, 1), (2, 3), (0, 4), (5, 0), (2, 1), (0, 0)]
    branches = mindmap(facts)
    assert sorted(fact for branch in branches for fact in branch.facts) == list(range(len(facts)))
    rows = [row for branch in branches for row in branch.rows]
    assert rows == sorted(rows)
    assert min(b - a for a, b in pairwise(rows)) >= ROW
    assert [branch.subject for branch in branches] == [0, 2, 5]
