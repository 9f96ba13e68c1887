"""Inputs and outputs of the reader's modules, each tensor with its shape.

Letters: B windows, T tokens, K candidate entities, R relations, Y mention types, M mentions,
W longest mention in tokens, H width of the encoder, N name hits, F features of a hit.
Ends are **inclusive** inside the network (a token is a start or an end); ``reader.decode`` turns
them into the half-open offsets of documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

IGNORE = -100
"""Target of an unknown link or type; the loss ignores it."""


class States(NamedTuple):
    """Output of an encoder and input of the heads."""

    tokens: Tensor  # (B, T, H)
    entities: Tensor  # (B, 1 + K, H), index 0 is NME, the entity that is not there
    relations: Tensor  # (B, R, H)
    types: Tensor  # (Y, H)


class NameHits(NamedTuple):
    """Matches of candidate names in the windows, evidence of the retriever for the link scores."""

    window: Tensor  # (N,) long, index in the batch
    first: Tensor  # (N,) long, first token
    last: Tensor  # (N,) long, last token
    candidate: Tensor  # (N,) long in 1..K
    features: Tensor  # (N, F) float


class Given(NamedTuple):
    """Mentions that are given as input."""

    mentions: Tensor  # (B, M, 2) long, first and last token
    mention_mask: Tensor  # (B, M) bool


class Gold(NamedTuple):
    """Targets of one batch."""

    mentions: Tensor  # (B, M, 2) long, first and last token
    mention_mask: Tensor  # (B, M) bool
    types: Tensor  # (B, M) long in 0..Y-1, IGNORE where not annotated
    links: Tensor  # (B, M) long in 0..K, IGNORE where not annotated
    triples: Tensor  # (P, 4) long: window, subject mention, object mention, relation
    pair_mask: Tensor  # (B, M, M) bool, pairs whose relations are annotated
    start_mask: Tensor  # (B, T) bool, tokens whose mentions are annotated
    unsure: Tensor  # (U, 4) long as ``triples``: relations of annotated pairs that the loss leaves out


class ReaderBatch(NamedTuple):
    """Windows with their candidates, ready for one forward pass."""

    inputs: Mapping[str, Tensor]  # what the encoder takes
    token_mask: Tensor  # (B, T) bool
    entity_mask: Tensor  # (B, 1 + K) bool
    relation_mask: Tensor  # (B, R) bool
    hits: NameHits
    gold: Gold | None = None
    given: Given | None = None

    def to(self, device: str) -> ReaderBatch:
        """The same batch on another device."""
        inputs = {name: tensor.to(device) for name, tensor in self.inputs.items()}
        masks: list[Any] = [mask.to(device) for mask in (self.token_mask, self.entity_mask, self.relation_mask)]
        parts: list[Any] = [self.hits, self.gold, self.given]
        return ReaderBatch(inputs, *masks, *(part and type(part)(*(t.to(device) for t in part)) for part in parts))


class ReaderOutput(NamedTuple):
    """Logits for one batch; everything after the mentions refers to ``mentions``."""

    start: Tensor  # (B, T)
    end: Tensor  # (B, T, W): the mention that starts at t ends at t + w
    mentions: Tensor  # (B, M, 2) long, the spans that the fields below describe
    mention_mask: Tensor  # (B, M) bool
    types: Tensor  # (B, M, Y)
    links: Tensor  # (B, M, 1 + K), -inf on absent candidates
    relations: Tensor  # (B, M, M, R), -inf on absent relations and on the diagonal
    loss: Tensor | None = None
    losses: Mapping[str, Tensor] | None = None  # the terms of the loss, unweighted


class Encoder(nn.Module):
    """Base class of encoders, which contextualise a batch jointly with its passages or apart from them."""

    frozen = ""
    """Prefix of the weights that are never trained. They are stored in a file of their own."""
    packed = False
    """Whether the other weights are stored as int8."""

    def forward(self, batch: ReaderBatch) -> States:
        """States of tokens and symbols."""
        raise NotImplementedError
