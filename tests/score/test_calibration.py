"""Calibration: what is judged right, the error before and after scaling, and a scaling that finds known parameters."""

from collections.abc import Iterator

import numpy as np
import pytest

from relik_ml.score import Judged, Scaling, calibration_error, judge, reliability
from relik_ml.types import Document, Link, Mention, Triple

TEXT = "Чехов родился в Таганроге, Левитан — в Кибартах."


def sample(slope: float, offset: float, count: int) -> Iterator[Judged]:
    """Overconfident scores that are right as often as the scaling says."""
    random = np.random.default_rng(0)
    for score in np.clip(1 - random.beta(0.3, 3, count), 1e-4, 1 - 1e-4).tolist():
        yield Judged(score, bool(random.random() < Scaling(slope, offset)(score)))


@pytest.mark.parametrize(("slope", "offset"), [(0.4, -0.3), (1.0, 0.0), (1.5, 1.0)])
def test_the_parameters_of_a_known_distortion_are_found(slope: float, offset: float) -> None:
    found = Scaling.fit(list(sample(slope, offset, 20_000)))
    assert (found.slope, found.offset) == pytest.approx((slope, offset), abs=0.1)


def test_without_an_offset_only_the_temperature_is_found() -> None:
    found = Scaling.fit(list(sample(0.4, 0.0, 20_000)), offset=False)
    assert found.slope == pytest.approx(0.4, abs=0.1)
    assert found.offset == 0.0


def test_scaling_lowers_the_error_and_keeps_the_order() -> None:
    judged = list(sample(0.4, -0.3, 5_000))
    scaling = Scaling.fit(judged)
    scaled = [Judged(scaling(each.score), each.right) for each in judged]
    assert calibration_error(reliability(judged)) > 0.1
    assert calibration_error(reliability(scaled)) < 0.03
    scores = sorted(each.score for each in judged)
    assert [scaling(score) for score in scores] == sorted(scaling(score) for score in scores)


def test_scores_near_zero_and_one_do_not_diverge() -> None:
    judged = [Judged(1.0, number % 3 > 0) for number in range(300)] + [Judged(0.0, False)] * 5
    scaling = Scaling.fit(judged)
    assert scaling(1.0) == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("judged", [[], [Judged(0.9, True)], [Judged(0.9, True)] * 9, [Judged(0.2, False)] * 9])
def test_nothing_is_scaled_without_right_and_wrong(judged: list[Judged]) -> None:
    assert Scaling.fit(judged) == Scaling()


def test_mentions_links_nil_and_triples_are_judged() -> None:
    chekhov = Mention("T1", 0, 5, "PERSON", link=Link("linked", "Q5685", alternatives=("Q1",)))
    taganrog = Mention("T2", 16, 25, "CITY", link=Link("linked", "Q6911"))
    levitan = Mention("T3", 27, 34, "PERSON", link=Link("nil"))
    born = Triple("T1", "PLACE_OF_BIRTH", "T2", score=0.9), Triple("T3", "PLACE_OF_BIRTH", "T4", score=0.1)
    gold = Document("d", TEXT, mentions=(chekhov, taganrog, levitan), triples=born[:1])
    guesses = (
        Mention("T1", 0, 5, "PERSON", link=Link("linked", "Q1", score=0.9), score=0.8),
        Mention("T2", 16, 25, "COUNTRY", link=Link("linked", "Q2", score=0.7), score=0.6),
        Mention("T3", 27, 34, "PERSON", link=Link("nil", score=0.5), score=0.4),
        Mention("T4", 39, 47, "CITY", link=Link("nil", score=0.3), score=0.2),
    )
    found = Document("d", TEXT, mentions=guesses, triples=born)
    assert judge([gold], [found]) == {
        "mention": [Judged(0.8, True), Judged(0.6, False), Judged(0.4, True), Judged(0.2, False)],
        "link": [Judged(0.9, True), Judged(0.7, False)],
        "nil": [Judged(0.5, True)],
        "triple": [Judged(0.9, True), Judged(0.1, False)],
    }
    assert judge([gold], []) == {}


def test_the_error_is_the_mean_gap_between_score_and_share() -> None:
    judged = [Judged(0.95, True)] * 3 + [Judged(0.95, False)] + [Judged(0.1, False)] * 4
    assert calibration_error(reliability(judged)) == pytest.approx((4 * 0.2 + 4 * 0.1) / 8)
    assert [(row.low, row.size) for row in reliability(judged)] == [(0.1, 4), (0.9, 4)]
    assert calibration_error(reliability([])) == 0.0
