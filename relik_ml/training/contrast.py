"""Training data of a retriever, windows as queries and entries as passages, and its contrastive loss.

Source: ReLiK, Orlando et al. 2024, section 3.1. The training loops are in the recipes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor

from relik_ml.encoders import TextEncoder
from relik_ml.index import PassageEncoder, Vectors, hard_negatives, passage
from relik_ml.models import Reduction, multi_label_nce
from relik_ml.reader import batches
from relik_ml.text import cut, windows
from relik_ml.training.distributed import SINGLE, Processes
from relik_ml.types import Document, Entry, Window

NONE = -1
"""Fills the rows of `Queries.mine` where there are fewer hard negatives."""

Embed = Callable[[], Tensor]
"""Computes the vectors (n, D) of one chunk at each call, with a graph unless gradients are disabled."""

RngState = tuple[Tensor, list[Tensor]]
"""States of torch's random generators, which decide dropout: of the CPU and of every GPU."""


class Batch(NamedTuple):
    """B queries and the P passages that they share."""

    queries: Sequence[str]
    passages: Sequence[str]
    positive: Tensor  # (B, P) bool: right for the query
    ignored: Tensor  # (B, P) bool: neither right nor a negative


@dataclass(frozen=True)
class Queries:
    """Windows, each with the rows of its positive entries and of the entries that are neither positive nor negative."""

    views: Sequence[Window]
    entries: Sequence[Entry]
    right: Sequence[Sequence[int]]
    ignored: Sequence[Set[int]]

    @classmethod
    def of(cls, documents: Iterable[Document], entries: Sequence[Entry], size: int, stride: int) -> Queries:
        """All windows of the documents, with their `gold_rows` as positives."""
        rows = {entry.id: row for row, entry in enumerate(entries)}
        views = [view for document in documents for view in windows(document, size, stride)]
        return cls(views, entries, [gold_rows(view, rows) for view in views], [frozenset()] * len(views))

    def ignoring_alternatives(self) -> Queries:
        """Ignore alternative ids of links, and entities of mentions that the window cuts, as negatives."""
        rows = {entry.id: row for row, entry in enumerate(self.entries)}
        return self._ignoring({rows[id_] for id_ in _ids_in_part(view) if id_ in rows} for view in self.views)

    def ignoring_namesakes(self) -> Queries:
        """Ignore entries with the name of a positive one as negatives."""
        names = [entry.name.casefold() for entry in self.entries]
        rows: dict[str, list[int]] = defaultdict(list)
        for row, name in enumerate(names):
            rows[name].append(row)
        return self._ignoring({row for each in right for row in rows[names[each]]} for right in self.right)

    def _ignoring(self, more: Iterable[Set[int]]) -> Queries:
        return replace(self, ignored=[before | after for before, after in zip(self.ignored, more, strict=True)])

    @property
    def texts(self) -> list[str]:
        """The text of each query."""
        return [view.text for view in self.views]

    def mine(self, encoder: PassageEncoder, vectors: Vectors, k: int) -> Tensor:
        """Hard negatives: the rows (Q, k) that an encoder ranks first among the negatives, padded with ``NONE``."""
        known = [{*right, *ignored} for right, ignored in zip(self.right, self.ignored, strict=True)]
        mined = torch.full((len(self.views), k), NONE)
        for index, rows in enumerate(hard_negatives(encoder.queries(self.texts), vectors, known, k)):
            mined[index, : len(rows)] = torch.from_numpy(rows)
        return mined

    def batch(self, indices: Sequence[int], negatives: int, random: Random, mined: Tensor | None = None) -> Batch:
        """The queries with these indices, their positives, their ``mined`` negatives and random ``negatives``."""
        right = chain.from_iterable(self.right[index] for index in indices)
        hard = [] if mined is None else [row for row in mined[list(indices)].flatten().tolist() if row != NONE]
        drawn = random.sample(range(len(self.entries)), min(negatives, len(self.entries)))
        rows = list(dict.fromkeys(chain(right, hard, drawn)))
        return Batch(
            [self.views[index].text for index in indices],
            [passage(self.entries[row]) for row in rows],
            _mask([self.right[index] for index in indices], rows),
            _mask([self.ignored[index] for index in indices], rows),
        )


@dataclass(frozen=True)
class Objective:
    """The contrastive loss of a batch; see ``multi_label_nce``.

    Each of several ``processes`` computes the vectors of its share of a batch. All of them gather all vectors and
    compute the loss of the whole batch; each propagates its gradient through the vectors of its own share.
    """

    temperature: float = 0.05
    reduction: Reduction = "mean"
    processes: Processes = SINGLE

    def __call__(self, encoder: TextEncoder, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar with its graph."""
        vectors = (encoder.model(*encoder.tokens(texts)) for texts in self._texts(encoder, batch))
        return self._loss(batch, *vectors)

    def cached(self, encoder: TextEncoder, batch: Batch, tokens: int, backward: Callable[[Tensor], None]) -> Tensor:
        """Add the gradient of a batch of any size to the weights; return the loss, detached (see `cached_backward`).

        At most ``tokens`` tokens, padding included, go through the network at once, in chunks of similar lengths.
        """
        groups, orders = [], []
        for texts in self._texts(encoder, batch):
            chunks = list(batches(encoder.lengths(texts), tokens))
            orders.append(torch.tensor([*chain.from_iterable(chunks)]).argsort())
            groups.append(
                [partial(encoder.model, *encoder.tokens([texts[index] for index in chunk])) for chunk in chunks]
            )

        def loss(*vectors: Tensor) -> Tensor:
            return self._loss(batch, *(rows[order] for rows, order in zip(vectors, orders, strict=True)))

        return cached_backward(groups, loss, backward)

    def _texts(self, encoder: TextEncoder, batch: Batch) -> tuple[list[str], list[str]]:
        """This process's share of the queries and of the passages, with their prefixes."""
        return (
            encoder.prefixed(self.processes.share(batch.queries), "query"),
            encoder.prefixed(self.processes.share(batch.passages), "passage"),
        )

    def _loss(self, batch: Batch, queries: Tensor, passages: Tensor) -> Tensor:
        queries = self.processes.gather_rows(queries, len(batch.queries)).float()
        passages = self.processes.gather_rows(passages, len(batch.passages)).float()
        right, ignored = batch.positive.to(queries.device), batch.ignored.to(queries.device)
        return multi_label_nce(queries, passages, right, self.temperature, ignored, self.reduction)


def cached_backward(
    groups: Sequence[Sequence[Embed]], loss: Callable[..., Tensor], backward: Callable[[Tensor], None]
) -> Tensor:
    """Add the gradient of ``loss`` to the weights behind the chunks (GradCache: Gao et al. 2021).

    The loss depends on the vectors only. So all vectors are first computed without a graph, the loss gives the gradient
    of each, and each chunk is then computed again, with a graph, to propagate its part of that gradient to the weights.
    The result is the gradient of the whole batch, in the memory of one chunk.

    Args:
        groups: the chunks of each argument of ``loss``, such as those of the queries and those of the passages.
        loss: a scalar of one tensor (N, D) for each group, its chunks concatenated.
        backward: called with a scalar instead of ``scalar.backward()``, such as ``accelerator.backward``.

    Returns:
        The loss, detached.

    >>> weight = torch.ones(2, requires_grad=True)
    >>> chunks = [lambda x=x: (weight * x)[None] for x in (1.0, 2.0, 3.0)]
    >>> cached_backward([chunks], lambda vectors: vectors.square().sum(), torch.Tensor.backward).item()
    28.0
    >>> weight.grad
    tensor([28., 28.])
    """
    with torch.no_grad():
        embedded = [[(_rng_state(), embed()) for embed in chunks] for chunks in groups]
    leaves = [torch.cat([vectors for _, vectors in chunks]).requires_grad_() for chunks in embedded]
    value = loss(*leaves)
    gradients = torch.autograd.grad(value, leaves)
    after = _rng_state()
    for chunks, first_pass, gradient in zip(groups, embedded, gradients, strict=True):
        parts = torch.split(gradient, [len(vectors) for _, vectors in first_pass])
        for embed, (state, _), part in zip(chunks, first_pass, parts, strict=True):
            _set_rng_state(state)  # the same dropout as in the first pass
            backward((embed() * part).sum())
    _set_rng_state(after)
    return value.detach()


def _rng_state() -> RngState:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all()


def _set_rng_state(state: RngState) -> None:
    torch.set_rng_state(state[0])
    torch.cuda.set_rng_state_all(state[1])


def gold_rows(view: Window, rows: Mapping[str, int]) -> list[int]:
    """Rows of the gold that lies whole in a window: entities by their ids, relations by their names, each once."""
    part = cut(view)
    ids = [mention.link.id for mention in part.mentions if mention.link.id]
    ids += [triple.relation for triple in part.triples]
    return [rows[id_] for id_ in dict.fromkeys(ids) if id_ in rows]


def _ids_in_part(view: Window) -> Iterator[str]:
    """All ids of the mentions that a window shows, whole or in part."""
    for mention in view.document.mentions:
        if mention.link.id and mention.start < view.stop and view.start < mention.stop:
            yield from (mention.link.id, *mention.link.alternatives)


def _mask(chosen: Sequence[Iterable[int]], rows: Sequence[int]) -> Tensor:
    """(len(chosen), len(rows)) bool: whether a row is among those chosen."""
    return torch.tensor([[row in few for row in rows] for few in map(set, chosen)], dtype=torch.bool)
