"""Learns the rule by which name hits are ranked; ``names/name_index.py`` holds what it gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from relik_ml.names import FEATURES
from relik_ml.retriever import Retriever
from relik_ml.training.candidates import held_out_candidates
from relik_ml.types import Document, Retrieved


def fit(retriever: Retriever, documents: Iterable[Document], size: int, stride: int) -> dict[str, float]:
    """The weight of each feature and ``"bias"``, by logistic regression on the hits of held-out documents.

    A hit counts as meant when its row is gold somewhere in the window.
    """
    items, _ = held_out_candidates(retriever, documents, size, stride)
    pairs = [pair for item in items for pair in _judged(item)]
    features = torch.tensor([features for features, _ in pairs], dtype=torch.float64)
    meant = torch.tensor([meant for _, meant in pairs], dtype=torch.float64)
    rule = torch.nn.Linear(len(FEATURES), 1, dtype=torch.float64)
    optimiser = torch.optim.LBFGS(rule.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(rule(features).squeeze(1), meant)
        loss = loss + 1e-5 * rule.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return dict(zip(FEATURES, rule.weight[0].tolist(), strict=True)) | {"bias": rule.bias.item()}


def _judged(item: Retrieved) -> Iterator[tuple[tuple[float, ...], bool]]:
    """The features of each hit, and whether its entity is meant in the window."""
    view = item.window
    inside = [m.link for m in view.document.mentions if view.start <= m.start and m.stop <= view.stop]
    gold = {id for link in inside if link.id for id in (link.id, *link.alternatives)}
    for hit in item.hits:
        yield hit.features, item.entities[hit.candidate].entry.id in gold
