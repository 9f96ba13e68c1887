"""What a retriever learns from: windows as questions, entries as passages, and which of them go together.

The step that all recipes share (ReLiK, Orlando et al. 2024, section 3.1); the loops stand in the recipes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain
from random import Random
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from relik_ml.index import PassageEncoder, Vectors, hard_negatives, passage
from relik_ml.models import Reduction, multi_label_nce
from relik_ml.reader import batches
from relik_ml.retriever import Embed
from relik_ml.text import windows
from relik_ml.training.gradcache import cached_backward
from relik_ml.training.knowledge import gold_ids
from relik_ml.training.processes import ALONE, Processes
from relik_ml.types import Document, Entry, Window

NONE = -1


class TrainableEncoder(PassageEncoder, Protocol):
    """A `PassageEncoder` that can be trained, such as a `TextEncoder`."""

    def embed_queries(self, texts: Sequence[str]) -> Tensor:
        """(N, D) with gradient."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Tensor:
        """(N, D) with gradient."""
        ...

    def defer_queries(self, texts: Sequence[str]) -> Embed:
        """``embed_queries``, computed at every call."""
        ...

    def defer_passages(self, texts: Sequence[str]) -> Embed:
        """``embed_passages``, computed at every call."""
        ...

    def query_lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each question."""
        ...

    def passage_lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each passage."""
        ...


class Batch(NamedTuple):
    """B questions and the P passages they share."""

    queries: Sequence[str]
    passages: Sequence[str]
    positive: Tensor  # (B, P) bool: right for the question
    ignored: Tensor  # (B, P) bool: not said to be right, and no negative either


@dataclass(frozen=True)
class Questions:
    """Windows, with the rows of the entries that are right for each, and of those that may be, so are no negatives."""

    views: Sequence[Window]
    entries: Sequence[Entry]
    right: Sequence[Sequence[int]]
    ignored: Sequence[Set[int]]

    @classmethod
    def of(cls, documents: Iterable[Document], entries: Sequence[Entry], size: int, stride: int) -> Questions:
        """All windows of the documents. Right is what is said in a window: entities by their ids, relations by name."""
        rows = {entry.id: row for row, entry in enumerate(entries)}
        views = [view for document in documents for view in windows(document, size, stride)]
        right = [gold_ids(view.document, view.start, view.stop, rows) for view in views]
        return cls(views, entries, right, [frozenset()] * len(views))

    def sparing_alternatives(self) -> Questions:
        """The same, but no negatives are other ids given for a link, and what a window shows only a part of."""
        rows = {entry.id: row for row, entry in enumerate(self.entries)}
        return self._sparing({rows[id_] for id_ in _touched(view) if id_ in rows} for view in self.views)

    def sparing_namesakes(self) -> Questions:
        """The same, but entries that are called like a right one are no negatives."""
        named: dict[str, list[int]] = defaultdict(list)
        for row in range(len(self.entries)):
            named[self._name(row)].append(row)
        return self._sparing({row for each in right for row in named[self._name(each)]} for right in self.right)

    def _sparing(self, more: Iterable[Set[int]]) -> Questions:
        return replace(self, ignored=[before | after for before, after in zip(self.ignored, more, strict=True)])

    def _name(self, row: int) -> str:
        return self.entries[row].name.casefold()

    @property
    def texts(self) -> list[str]:
        """The questions as they are asked."""
        return [view.text for view in self.views]

    def mine(self, encoder: PassageEncoder, vectors: Vectors, k: int) -> Tensor:
        """Hard negatives: rows (Q, k) that an encoder ranks first among the wrong; ``NONE`` where there are no more."""
        known = [{*right, *ignored} for right, ignored in zip(self.right, self.ignored, strict=True)]
        mined = torch.full((len(self.views), k), NONE)
        for place, rows in enumerate(hard_negatives(encoder.queries(self.texts), vectors, known, k)):
            mined[place, : len(rows)] = torch.from_numpy(rows)
        return mined

    def batch(self, places: Sequence[int], drawn: int, random: Random, mined: Tensor | None = None) -> Batch:
        """Some of the questions with what is right for them, ``mined`` for them, and ``drawn`` random passages."""
        right = chain.from_iterable(self.right[place] for place in places)
        hard = [] if mined is None else [row for row in mined[list(places)].flatten().tolist() if row != NONE]
        chance = random.sample(range(len(self.entries)), min(drawn, len(self.entries)))
        rows = list(dict.fromkeys(chain(right, hard, chance)))
        return Batch(
            [self.views[place].text for place in places],
            [passage(self.entries[row]) for row in rows],
            _mask([self.right[place] for place in places], rows),
            _mask([self.ignored[place] for place in places], rows),
        )


@dataclass(frozen=True)
class Objective:
    """What is minimised; see ``multi_label_nce``.

    Of several ``processes`` each computes the vectors of its share of a batch. All see all vectors and so the loss of
    the whole batch, whose gradient each of them follows down to the weights from its own share.
    """

    temperature: float = 0.05
    reduction: Reduction = "mean"
    processes: Processes = ALONE

    def __call__(self, encoder: TrainableEncoder, batch: Batch) -> Tensor:
        """The loss of a batch, with its graph."""
        share = self.processes.share
        return self._loss(
            encoder.embed_queries(share(batch.queries)), encoder.embed_passages(share(batch.passages)), batch
        )

    def cached(
        self, encoder: TrainableEncoder, batch: Batch, tokens: int, backward: Callable[[Tensor], None]
    ) -> Tensor:
        """The loss of a batch of any size, its gradient added to the weights.

        No more than ``tokens`` tokens, padding included, go through the network at once, short texts with short ones.
        """
        queries, passages = self.processes.share(batch.queries), self.processes.share(batch.passages)
        asked = list(batches(encoder.query_lengths(queries), tokens))
        told = list(batches(encoder.passage_lengths(passages), tokens))
        rows, columns = (torch.tensor([*chain.from_iterable(chunks)]).argsort() for chunks in (asked, told))
        groups = [
            [encoder.defer_queries([queries[place] for place in chunk]) for chunk in asked],
            [encoder.defer_passages([passages[place] for place in chunk]) for chunk in told],
        ]
        return cached_backward(groups, lambda q, p: self._loss(q[rows], p[columns], batch), backward)

    def _loss(self, queries: Tensor, passages: Tensor, batch: Batch) -> Tensor:
        queries = self.processes.rows(queries, len(batch.queries))
        passages = self.processes.rows(passages, len(batch.passages))
        right, unsure = batch.positive.to(queries.device), batch.ignored.to(queries.device)
        return multi_label_nce(queries.float(), passages.float(), right, self.temperature, unsure, self.reduction)


def _touched(view: Window) -> Iterator[str]:
    """All ids of the mentions that a window shows, be it in part."""
    for mention in view.document.mentions:
        if mention.link.id and mention.start < view.stop and view.start < mention.stop:
            yield from (mention.link.id, *mention.link.alternatives)


def _mask(chosen: Sequence[Iterable[int]], rows: Sequence[int]) -> Tensor:
    """(len(chosen), len(rows)) bool: whether a row is among those chosen."""
    return torch.tensor([[row in few for row in rows] for few in map(set, chosen)], dtype=torch.bool)
