"""Intervals: around the score, narrower with more documents, and the same for the same seed."""

from __future__ import annotations

import pytest

from relik_ml.score import Counts, score
from relik_ml.score.bootstrap import intervals
from relik_ml.types import Annotated, Document, Mention


def counts(documents: int) -> list[dict[str, Counts]]:
    return [{"ner": Counts(number % 3, 2, 2), "ner.type.A": Counts(number % 3, 2, 2)} for number in range(documents)]


def test_an_interval_holds_the_score_and_narrows_with_documents() -> None:
    few, many = (intervals(counts(number), 500, "ner.type.")["ner"] for number in (9, 900))
    assert few[0] < 0.5 < few[1]
    assert many[0] < 0.5 < many[1]
    assert many[1] - many[0] < (few[1] - few[0]) / 5


def test_the_width_is_that_of_the_normal_approximation() -> None:
    """F1 of equal documents is a mean of numbers with standard deviation 0.408."""
    low, high = intervals(counts(300), 4000, "ner.type.")["ner"]
    assert (high - low) / 2 == pytest.approx(1.96 * 0.408 / 300**0.5, rel=0.08)


def test_the_same_seed_gives_the_same_interval() -> None:
    first, second, other = (intervals(counts(20), 200, "t.", seed=seed) for seed in (1, 1, 2))
    assert first == second != other


def test_a_report_has_intervals_when_asked() -> None:
    annotated = Annotated(mentions="complete", types="complete")
    gold = [
        Document(str(n), "Чехов и Левитан", mentions=(Mention("T1", 0, 5, "PERSON"),), annotated=annotated)
        for n in range(4)
    ]
    report = score(gold, gold, bootstrap=50)
    assert report.intervals["ner"] == report.intervals["macro"] == (1.0, 1.0)
    assert "95 % interval" in report.table()
    assert "95 % interval" not in score(gold, gold).table()
