"""Which windows and entries go together, which are left out of account, and one step over them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from torch import Tensor

from relik_ml.index import Vectors, passage
from relik_ml.retriever import TextEncoder
from relik_ml.training import Objective, Questions, dense_recall, entry_vectors
from relik_ml.training.contrast import NONE, TrainableEncoder
from relik_ml.types import Document, Entry, Link
from tests.corpus import ENTITIES, RELATIONS, documents, parse

ENTRIES = [*ENTITIES, *RELATIONS]
ROWS = {entry.id: row for row, entry in enumerate(ENTRIES)}


@pytest.fixture
def questions() -> Questions:
    return Questions.of(documents(), ENTRIES, 24, 16)


def rows(*ids: str) -> set[int]:
    return {ROWS[id] for id in ids}


def test_right_is_what_a_window_says(questions: Questions) -> None:
    assert questions.texts[0] == documents()[0].text
    assert set(questions.right[0]) == rows("Q80440", "Q1874", "PLACE_OF_BIRTH", "DATE_OF_BIRTH")
    assert all(not ignored for ignored in questions.ignored)


def test_alternatives_and_what_is_cut_off_are_no_negatives() -> None:
    document = parse("d", "[Москва|CITY|Q649] и [Минск|CITY|Q2280], а ещё [Казань и Рим|CITY|Q900]")
    first = replace(document.mentions[0], link=Link("linked", "Q649", alternatives=("Q4120", "Q0")))
    document = replace(document, mentions=(first, *document.mentions[1:]))
    questions = Questions.of([document], ENTRIES, 7, 7).sparing_alternatives()
    assert questions.texts[0].endswith("ещё Казань")  # its mention goes on
    assert set(questions.right[0]) == rows("Q649", "Q2280")
    assert questions.ignored[0] == rows("Q649", "Q4120", "Q2280", "Q900")


def test_namesakes_can_be_spared() -> None:
    entries = [*ENTRIES, Entry("Q1", "entity", "москва", "крейсер"), Entry("Q2", "entity", "Москва-Сити")]
    questions = Questions.of([documents()[6]], entries, 24, 16)
    assert questions.ignored == [frozenset()]
    assert questions.sparing_namesakes().ignored == [rows("Q5281", "Q649", "HEADQUARTERED_IN") | {len(entries) - 2}]


def test_a_batch(questions: Questions) -> None:
    mined = torch.full((len(questions.views), 2), NONE)
    mined[1, 0] = ROWS["Q220"]
    batch = questions.batch([0, 1], 3, Random(0), mined)
    assert list(batch.queries) == [questions.texts[0], questions.texts[1]]
    expected = {*questions.right[0], *questions.right[1], ROWS["Q220"], *Random(0).sample(range(len(ENTRIES)), 3)}
    assert sorted(batch.passages) == sorted(passage(ENTRIES[row]) for row in expected)
    for row, right in zip(batch.positive, questions.right, strict=False):
        found = {text for text, yes in zip(batch.passages, row.tolist(), strict=True) if yes}
        assert found == {passage(ENTRIES[each]) for each in right}
    assert batch.positive.shape == batch.ignored.shape == (2, len(expected))
    assert not batch.ignored.any()
    assert len(questions.batch([0], 9999, Random(0)).passages) == len(ENTRIES)


def test_mined_negatives_are_the_best_ranked_wrong_rows(questions: Questions, checkpoints: Path) -> None:
    encoder = TextEncoder.from_pretrained(checkpoints / "xlmr")
    vectors = entry_vectors(ENTRIES, encoder)
    spared = questions.sparing_alternatives()
    found = spared.mine(encoder, vectors, 4)
    scores = encoder.queries(questions.texts) @ np.asarray(vectors).T
    for place, ranked in enumerate(np.argsort(-scores, axis=1, kind="stable")):
        known = {*spared.right[place], *spared.ignored[place]}
        assert found[place].tolist() == [row for row in ranked if row not in known][:4]
    everything = questions.mine(encoder, vectors, len(ENTRIES))
    assert (everything == NONE).sum(1).tolist() == [len(right) for right in questions.right]


@pytest.fixture(params=["e5-small", "xlmr"])
def encoder(request: pytest.FixtureRequest, checkpoints: Path) -> TrainableEncoder:
    return TextEncoder.from_pretrained(checkpoints / request.param)


@pytest.mark.parametrize("tokens", [1, 60, 10_000])
def test_a_cached_step_is_the_step(questions: Questions, encoder: TrainableEncoder, tokens: int) -> None:
    model = encoder.model  # type: ignore[attr-defined]
    batch = questions.sparing_alternatives().batch([3, 0, 7], 5, Random(1))
    objective = Objective(0.05, "sum")
    objective(encoder, batch).backward()
    exact = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    loss = objective.cached(encoder, batch, tokens, Tensor.backward)
    assert loss.item() == pytest.approx(objective(encoder, batch).item(), rel=1e-5)
    assert exact
    for name, weight in model.named_parameters():
        assert (weight.grad is None) == (name not in exact), name
        if weight.grad is not None:  # float32 sums in another order, of terms as large as the largest gradient
            largest = exact[name].abs().max().item()
            assert torch.allclose(weight.grad, exact[name], rtol=1e-4, atol=1e-5 * max(1.0, largest)), name


def test_recall_by_vector_alone() -> None:
    document = Document("d", "Москва и Рим", mentions=parse("d", "[Москва|CITY|Q649] и [Рим|CITY|Q77]").mentions)
    questions = Questions.of([document], ENTRIES, 24, 16)
    vectors = Vectors.pack(np.eye(len(ENTRIES), dtype=np.float32)[:, ::-1].copy())
    queries = np.zeros((1, len(ENTRIES)), np.float32)
    queries[0, len(ENTRIES) - 1 - ROWS["Q649"]] = 1
    found = dense_recall(queries, vectors, questions.views, ENTITIES)
    assert (found.at(1), found.at(100), found.coverage) == (0.5, 0.5, 0.5)
