"""What a window brings to a step: the gold that retrieval missed, and another order of candidates every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from relik_ml.reader import BatchEncoder
from relik_ml.text import windows
from relik_ml.training import Teaching
from relik_ml.training.lessons import Lessons
from relik_ml.training.processes import ALONE
from relik_ml.types import Candidate, Hit, Retrieved
from tests.corpus import ENTITIES, TYPES, documents

BY_ID = {entry.id: entry for entry in ENTITIES}
WRONG = ("Q991", "Q7200", "Q220", "Q142", "Q5281")
CHEKHOV = documents()[1]
"""Mentions Q5685, Q39631, Q36180, Q18779, a date and Q5685."""


class Nothing:
    """An encoder that reads as many candidates as there are."""

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        return list(batch)

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Tensor]:
        return {}


def lessons(chunk: int = 0, **settings: Any) -> Lessons:
    hits = tuple(Hit(0, 5, place, (float(place),)) for place in range(6))
    candidates = tuple(Candidate(BY_ID[id_], 1.0) for id_ in ("Q18779", *WRONG))
    item = Retrieved(windows(CHEKHOV, 64, 64)[0], candidates, (), hits)
    encode = BatchEncoder(cast(Any, Nothing()), TYPES, 12, 1)
    return Lessons(encode, [item] * 4, Teaching(1000, chunk, **settings), ALONE, BY_ID)


def ids(item: Retrieved) -> list[str]:
    return [candidate.entry.id for candidate in item.entities]


def linked(given: Lessons, item: Retrieved) -> list[str]:
    """What the gold link of each mention says, NME being nothing."""
    gold = given.batch([item]).gold
    assert gold is not None
    return [["", *ids(item)][place] for place in gold.links[0].tolist() if place >= 0]


def test_missing_gold_takes_the_places_of_the_last() -> None:
    given = lessons(added=1.0)
    item = given.varied(given.items[0], Random(1))
    assert ids(item) == ["Q18779", *WRONG[:2], "Q5685", "Q39631", "Q36180"]
    assert linked(given, item) == ["Q5685", "Q39631", "Q36180", "Q18779", "Q5685"]
    assert [hit.candidate for hit in item.hits] == [0, 1, 2]
    assert linked(given, given.items[0]) == ["", "", "", "Q18779", ""]


def test_the_rate_is_that_of_the_entities() -> None:
    given = lessons(added=0.3)
    found = [set(ids(given.varied(given.items[0], Random(seed)))) for seed in range(400)]
    rates = [sum(id_ in each for each in found) / len(found) for id_ in ("Q5685", "Q39631", "Q36180")]
    assert rates == pytest.approx([0.3] * 3, abs=0.07)


def test_another_order_says_the_same() -> None:
    given = lessons(order="shuffled")
    orders = set()
    for seed in range(5):
        item = given.varied(given.items[0], Random(seed))
        assert sorted(ids(item)) == sorted(ids(given.items[0]))
        assert linked(given, item) == ["", "", "", "Q18779", ""]
        before = {hit.features: ids(given.items[0])[hit.candidate] for hit in given.items[0].hits}
        assert {hit.features: ids(item)[hit.candidate] for hit in item.hits} == before
        orders.add(tuple(ids(item)))
    assert len(orders) > 1


def test_as_retrieved_by_default() -> None:
    given = lessons()
    assert given.varied(given.items[0], Random(1)) is given.items[0]


class Spy(nn.Module):
    """Keeps what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[list[int]] = []

    def forward(self, batch: Any) -> Any:
        self.seen += batch.gold.links.tolist()
        return SimpleNamespace(loss=self.weight.sum())


def test_chunks_change_nothing_and_every_window_has_an_order_of_its_own() -> None:
    seen = []
    for chunk in (0, 64):
        spy = Spy()
        list(lessons(chunk, added=0.5, order="shuffled").losses(spy, [0, 1, 2, 3], Random(7)))
        seen.append(sorted(spy.seen))
    assert seen[0] == seen[1]
    assert len({tuple(links) for links in seen[0]}) > 1
