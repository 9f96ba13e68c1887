import random
from itertools import combinations

import pytest

from relik_ml.view import layout

HEIGHT = 30.0
Point = tuple[float, float]


def overlapping(widths: list[float], points: list[Point]) -> list[tuple[int, int]]:
    return [
        (one, other)
        for one, other in combinations(range(len(widths)), 2)
        if abs(points[one][0] - points[other][0]) < (widths[one] + widths[other]) / 2
        and abs(points[one][1] - points[other][1]) < HEIGHT
    ]


@pytest.mark.parametrize(("boxes", "edges"), [(2, 1), (12, 14), (40, 30), (90, 300)])
def test_no_box_lies_over_another(boxes: int, edges: int) -> None:
    dice = random.Random(boxes)
    widths = [dice.uniform(40, 240) for _ in range(boxes)]
    joined = [(dice.randrange(boxes), dice.randrange(boxes)) for _ in range(edges)]
    points = layout(widths, joined)
    assert not overlapping(widths, points)
    assert all(p[0] >= w / 2 - 0.1 and p[1] >= HEIGHT / 2 - 0.1 for p, w in zip(points, widths, strict=True))


def test_what_is_joined_has_room_for_its_label() -> None:
    one, other = layout([80.0, 100.0], [(0, 1)])
    assert abs(one[0] - other[0]) >= 90 + 100 or abs(one[1] - other[1]) >= HEIGHT + 40


def test_nothing_and_one() -> None:
    assert layout([], []) == []
    assert layout([80.0], [(0, 0)]) == [(40.0, 15.0)]


def test_a_star_of_as_many_as_may_be() -> None:
    widths = [100.0] * 400
    points = layout(widths, [(0, n) for n in range(1, 400 // 2)])
    assert len(overlapping(widths, points)) < 400 // 50
