"""Which windows and entries belong together, which are ignored, and one step over them."""

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from torch import Tensor

from relik_ml.encoders import TextEncoder
from relik_ml.index import Vectors, passage
from relik_ml.training import NONE, Objective, Queries
from relik_ml.types import Document, Entry, Link
from tests.corpus import ENTITIES, RELATIONS, documents, parse
from tests.recipes.running import recipe

RETRIEVER_RU = recipe("retriever_ru")
ENTRIES = [*ENTITIES, *RELATIONS]
ROWS = {entry.id: row for row, entry in enumerate(ENTRIES)}


@pytest.fixture
def queries() -> Queries:
    return Queries.of(documents(), ENTRIES, 24, 16)


def rows(*ids: str) -> set[int]:
    return {ROWS[id] for id in ids}


def test_positives_lie_whole_in_a_window(queries: Queries) -> None:
    assert queries.texts[0] == documents()[0].text
    assert set(queries.right[0]) == rows("Q80440", "Q1874", "PLACE_OF_BIRTH", "DATE_OF_BIRTH")
    assert all(not ignored for ignored in queries.ignored)


def test_alternatives_and_what_is_cut_off_are_no_negatives() -> None:
    document = parse("d", "[Москва|CITY|Q649] и [Минск|CITY|Q2280], а ещё [Казань и Рим|CITY|Q900]")
    first = replace(document.mentions[0], link=Link("linked", "Q649", alternatives=("Q4120", "Q0")))
    document = replace(document, mentions=(first, *document.mentions[1:]))
    queries = Queries.of([document], ENTRIES, 7, 7).ignoring_alternatives()
    assert queries.texts[0].endswith("ещё Казань")  # its mention goes on
    assert set(queries.right[0]) == rows("Q649", "Q2280")
    assert queries.ignored[0] == rows("Q649", "Q4120", "Q2280", "Q900")


def test_namesakes_can_be_ignored() -> None:
    entries = [*ENTRIES, Entry("Q1", "entity", "москва", "крейсер"), Entry("Q2", "entity", "Москва-Сити")]
    queries = Queries.of([documents()[6]], entries, 24, 16)
    assert queries.ignored == [frozenset()]
    assert queries.ignoring_namesakes().ignored == [rows("Q5281", "Q649", "HEADQUARTERED_IN") | {len(entries) - 2}]


def test_a_batch(queries: Queries) -> None:
    mined = torch.full((len(queries.views), 2), NONE)
    mined[1, 0] = ROWS["Q220"]
    batch = queries.batch([0, 1], 3, Random(0), mined)
    assert list(batch.queries) == [queries.texts[0], queries.texts[1]]
    expected = {*queries.right[0], *queries.right[1], ROWS["Q220"], *Random(0).sample(range(len(ENTRIES)), 3)}
    assert sorted(batch.passages) == sorted(passage(ENTRIES[row]) for row in expected)
    for row, right in zip(batch.positive, queries.right, strict=False):
        found = {text for text, yes in zip(batch.passages, row.tolist(), strict=True) if yes}
        assert found == {passage(ENTRIES[each]) for each in right}
    assert batch.positive.shape == batch.ignored.shape == (2, len(expected))
    assert not batch.ignored.any()
    assert len(queries.batch([0], 9999, Random(0)).passages) == len(ENTRIES)


def test_mined_negatives_are_the_best_ranked_wrong_rows(queries: Queries, checkpoints: Path) -> None:
    encoder = TextEncoder.from_pretrained(checkpoints / "xlmr")
    vectors = RETRIEVER_RU.entry_vectors(ENTRIES, encoder)
    queried = queries.ignoring_alternatives()
    found = queried.mine(encoder, vectors, 4)
    scores = encoder.queries(queries.texts) @ np.asarray(vectors).T
    for index, ranked in enumerate(np.argsort(-scores, axis=1, kind="stable")):
        known = {*queried.right[index], *queried.ignored[index]}
        assert found[index].tolist() == [row for row in ranked if row not in known][:4]
    everything = queries.mine(encoder, vectors, len(ENTRIES))
    assert (everything == NONE).sum(1).tolist() == [len(right) for right in queries.right]


@pytest.fixture(params=["e5-small", "xlmr"])
def encoder(request: pytest.FixtureRequest, checkpoints: Path) -> TextEncoder:
    return TextEncoder.from_pretrained(checkpoints / request.param)


@pytest.mark.parametrize("tokens", [1, 60, 10_000])
def test_a_cached_step_is_the_step(queries: Queries, encoder: TextEncoder, tokens: int) -> None:
    model = encoder.model.double()  # in float32, sums in another order differ by more than the gradient of some weights
    batch = queries.ignoring_alternatives().batch([3, 0, 7], 5, Random(1))
    objective = Objective(0.05, "sum")
    objective(encoder, batch).backward()
    exact = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    loss = objective.cached(encoder, batch, tokens, Tensor.backward)
    assert loss.item() == pytest.approx(objective(encoder, batch).item(), rel=1e-5)
    assert exact
    for name, weight in model.named_parameters():
        assert (weight.grad is None) == (name not in exact), name
        if weight.grad is not None:
            assert torch.allclose(weight.grad, exact[name], rtol=1e-5, atol=1e-6), name


def test_recall_by_vector_alone() -> None:
    document = Document("d", "Москва и Рим", mentions=parse("d", "[Москва|CITY|Q649] и [Рим|CITY|Q77]").mentions)
    views = Queries.of([document], ENTRIES, 24, 16).views
    vectors = Vectors.pack(np.eye(len(ENTRIES), dtype=np.float32)[:, ::-1].copy())
    queries = np.zeros((1, len(ENTRIES)), np.float32)
    queries[0, len(ENTRIES) - 1 - ROWS["Q649"]] = 1
    found = RETRIEVER_RU.dense_recall(queries, vectors, views, ENTITIES)
    assert (found.at(1), found.at(100), found.coverage) == (0.5, 0.5, 0.5)
