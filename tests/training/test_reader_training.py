"""The windows of a step: chunks and processes change nothing, and which relations are never negatives."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from relik_ml.reader import BatchEncoder
from relik_ml.text import windows
from relik_ml.training import Processes, ReaderTraining, Repeated
from relik_ml.types import Annotated, Candidate, Document, Entity, Entry, Mention, Retrieved, Triple
from tests.corpus import ENTITIES, TYPES, documents

BY_ID = {entry.id: entry for entry in ENTITIES}
GOLD = ("Q5685", "Q39631", "Q36180", "Q18779")


class Nothing:
    """An encoder that reads as many candidates as there are."""

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        return list(batch)

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Tensor]:
        return {}


def training(**settings: Any) -> ReaderTraining:
    """One window four times, its gold candidates in another order each time."""
    view = windows(documents()[1], 64, 64)[0]
    orders = [[Candidate(BY_ID[id], 1.0) for id in GOLD[n:] + GOLD[:n]] for n in range(4)]
    items = [Retrieved(view, tuple(candidates), ()) for candidates in orders]
    return ReaderTraining(BatchEncoder(cast(Any, Nothing()), TYPES, 12, 0), items, **settings)


class Weighted(nn.Module):
    """Its loss is a weight times the sum of the links, so that its gradient says what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.seen: list[list[int]] = []

    def forward(self, batch: Any, soft: None = None) -> Any:
        self.seen += batch.gold.links.tolist()
        return SimpleNamespace(loss=self.weight * (batch.gold.links + 1).sum() / (batch.gold.links >= 0).sum())


def test_chunks_and_processes_change_nothing() -> None:
    """The losses of all chunks of all processes add up to that of the step."""
    runs = []
    for chunk, count in ((0, 1), (64, 1), (0, 3), (0, 5)):
        model, total = Weighted(), 0.0
        for rank in range(count):
            found = training(chunk_tokens=chunk, processes=Processes(count, rank)).losses(model, [0, 1, 2, 3])
            total += sum(loss.item() for loss in found)
        runs.append((total, {tuple(links) for links in model.seen}))
    assert len(runs[0][1]) == 4
    for total, seen in runs[1:]:
        assert total == pytest.approx(runs[0][0])
        assert seen == runs[0][1]


def test_repeats_of_a_relation_between_entities_are_never_negatives() -> None:
    text = "Чехов и Ялта, Чехов и Ялта."
    spans = {"T1": (0, 5, "PERSON"), "T2": (8, 12, "CITY"), "T3": (14, 19, "PERSON"), "T4": (22, 26, "CITY")}
    entities = Entity("E1", ("T1", "T3")), Entity("E2", ("T2", "T4"))
    annotated = Annotated("complete", "complete", "none", "complete", "complete", entity_triples=True)
    mentions = tuple(Mention(id, *span) for id, span in spans.items())
    between = Document("d", text, "ru", mentions, entities, (Triple("T1", "LIVED", "T2"),), annotated)
    nearest = replace(between, annotated=replace(annotated, entity_triples=False))
    lived = (Candidate(Entry("LIVED", "relation", "жил"), 0.0),)
    encode = BatchEncoder(cast(Any, Nothing()), TYPES, 12, 0)

    def unsure(repeated: Repeated, *documents: Document) -> list[list[int]]:
        items = [Retrieved(windows(document, 64, 64)[0], (), lived) for document in documents]
        gold = ReaderTraining(encode, items, repeated=repeated).batch(items).gold
        assert gold is not None
        found: list[list[int]] = gold.unsure.tolist()
        return found

    ignored = [[0, 0, 3, 0], [0, 2, 1, 0], [0, 2, 3, 0]]
    assert unsure("negatives", between, nearest) == ignored
    assert unsure("ignored", between, nearest) == [*ignored, *([1, *row[1:]] for row in ignored)]
    assert unsure("negatives", nearest) == []
