"""The windows of a step: gold that retrieval missed is added, candidates are shuffled, chunks change nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from relik_ml.reader import BatchEncoder
from relik_ml.text import windows
from relik_ml.training import Processes, ReaderTraining, Repeated
from relik_ml.types import Annotated, Candidate, Document, Entity, Entry, Hit, Mention, Retrieved, Triple
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


def training(**settings: Any) -> ReaderTraining:
    hits = tuple(Hit(0, 5, place, (float(place),)) for place in range(6))
    candidates = tuple(Candidate(BY_ID[id_], 1.0) for id_ in ("Q18779", *WRONG))
    item = Retrieved(windows(CHEKHOV, 64, 64)[0], candidates, (), hits)
    encode = BatchEncoder(cast(Any, Nothing()), TYPES, 12, 1)
    return ReaderTraining(encode, [item] * 4, entities=BY_ID, **settings)


def ids(item: Retrieved) -> list[str]:
    return [candidate.entry.id for candidate in item.entities]


def gold_links(given: ReaderTraining, item: Retrieved) -> list[str]:
    """What the gold link of each mention says, NME being nothing."""
    gold = given.batch([item]).gold
    assert gold is not None
    return [["", *ids(item)][place] for place in gold.links[0].tolist() if place >= 0]


def test_missing_gold_replaces_the_last_candidates() -> None:
    given = training(added_gold=1.0)
    item = given.varied(given.items[0], Random(1))
    assert ids(item) == ["Q18779", *WRONG[:2], "Q5685", "Q39631", "Q36180"]
    assert gold_links(given, item) == ["Q5685", "Q39631", "Q36180", "Q18779", "Q5685"]
    assert [hit.candidate for hit in item.hits] == [0, 1, 2]
    assert gold_links(given, given.items[0]) == ["", "", "", "Q18779", ""]


def test_each_missing_entity_is_added_at_the_rate() -> None:
    given = training(added_gold=0.3)
    found = [set(ids(given.varied(given.items[0], Random(seed)))) for seed in range(400)]
    rates = [sum(id_ in each for each in found) / len(found) for id_ in ("Q5685", "Q39631", "Q36180")]
    assert rates == pytest.approx([0.3] * 3, abs=0.07)


def test_shuffled_candidates_keep_links_and_hits() -> None:
    given = training(candidate_order="shuffled")
    orders = set()
    for seed in range(5):
        item = given.varied(given.items[0], Random(seed))
        assert sorted(ids(item)) == sorted(ids(given.items[0]))
        assert gold_links(given, item) == ["", "", "", "Q18779", ""]
        before = {hit.features: ids(given.items[0])[hit.candidate] for hit in given.items[0].hits}
        assert {hit.features: ids(item)[hit.candidate] for hit in item.hits} == before
        orders.add(tuple(ids(item)))
    assert len(orders) > 1


def test_by_default_windows_are_as_retrieved() -> None:
    given = training()
    assert given.varied(given.items[0], Random(1)) is given.items[0]


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
    """Each window has an order of its own, and the losses of all chunks of all processes add up to that of the step."""
    runs = []
    for chunk, count in ((0, 1), (64, 1), (0, 3), (0, 5)):
        model, total = Weighted(), 0.0
        for rank in range(count):
            settings = {"added_gold": 0.5, "candidate_order": "shuffled", "processes": Processes(count, rank)}
            found = training(chunk_tokens=chunk, **settings).losses(model, [0, 1, 2, 3], Random(7))
            total += sum(loss.item() for loss in found)
        runs.append((total, {tuple(links) for links in model.seen}))
    assert len(runs[0][1]) > 1
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
    encode = BatchEncoder(cast(Any, Nothing()), TYPES, 12, 1)

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
