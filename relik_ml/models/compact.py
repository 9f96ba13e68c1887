"""The compact encoder: a few million parameters over frozen word vectors, quick on a CPU.

It reads a window with two bidirectional LSTM layers and passages as two bags of words, name and text, each once.
Window and candidates still meet in the one forward pass: a token sees the passages of the candidates whose names
stand over it, before the first LSTM layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from relik_ml.models.batch import Hits, ReaderBatch, States


@dataclass(frozen=True)
class CompactConfig:
    """Sizes of the compact encoder; its width H is ``2 * hidden``."""

    words: int
    lemmas: int
    grammemes: int
    shapes: int
    word_width: int = 128
    lemma_width: int = 64
    shape_width: int = 16
    hidden: int = 128
    layers: int = 2
    hit_features: int = 0
    dropout: float = 0.3
    passage_width: int = 16
    """Width of the bi-encoder's vectors: an index has hundreds of thousands."""
    lemma_dropout: float = 0.15
    """Share of lemmas hidden in training, so that words never seen are nothing new."""

    @property
    def width(self) -> int:
        """H."""
        return 2 * self.hidden


class CompactEncoder(nn.Module):
    """Takes ``inputs`` (see ``reader.compact``):

    words (B, T, 2) rows of form and lemma, lemmas (B, T), shapes (B, T), grammemes (B, T, G) float;
    names (P, ·) and texts (P, ·) word rows of all passages of the batch;
    entities (B, 1 + K), relations (B, R) and types (Y,): places among the passages.
    """

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        self.vectors = nn.Embedding(config.words, config.word_width, padding_idx=0)
        self.vectors.weight.requires_grad_(False)
        self.lemmas = nn.Embedding(config.lemmas, config.lemma_width, padding_idx=0)
        self.shapes = nn.Embedding(config.shapes, config.shape_width, padding_idx=0)
        self.passages = PassageEncoder(config.word_width, config.width, config.dropout)
        self.cover = CoverEncoder(config.width, config.hit_features) if config.hit_features else None
        features = 2 * config.word_width + config.lemma_width + config.shape_width + config.grammemes
        self.project = nn.Linear(features, config.width)
        self.layers = nn.ModuleList(BiLSTM(config.width, config.hidden) for _ in range(config.layers))
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.layers))
        self.dropout = nn.Dropout(config.dropout)
        self.absent = nn.Parameter(torch.randn(config.width) * 0.1)

    def forward(self, batch: ReaderBatch) -> States:
        """Encode passages, then the window in their light."""
        inputs = batch.inputs
        passages = self.passages(self.vectors(inputs["names"]), self.vectors(inputs["texts"]))
        entities = passages[inputs["entities"]].clone()
        entities[:, 0] = self.absent
        return States(self._tokens(batch, entities), entities, passages[inputs["relations"]], passages[inputs["types"]])

    def _tokens(self, batch: ReaderBatch, entities: Tensor) -> Tensor:
        """(B, T, H)."""
        inputs, mask = batch.inputs, batch.token_mask
        words = self.vectors(inputs["words"]).flatten(2)
        lemmas, shapes = self.lemmas(self._hide(inputs["lemmas"])), self.shapes(inputs["shapes"])
        features = torch.cat([words, lemmas, shapes, inputs["grammemes"]], dim=-1)
        states: Tensor = self.project(self.dropout(features))
        if self.cover is not None:
            states = states + self.cover(batch.hits, entities, mask)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            states = norm(states + layer(self.dropout(states), mask))
        return states

    def _hide(self, lemmas: Tensor) -> Tensor:
        """In training some lemmas become the unknown one (row 1)."""
        if not self.training:
            return lemmas
        hidden = (torch.rand(lemmas.shape, device=lemmas.device) < self.config.lemma_dropout) & (lemmas > 0)
        return lemmas.masked_fill(hidden, 1)


class BiLSTM(nn.Module):
    """One LSTM layer in each direction. Padding changes nothing: the backward one reads each window turned round
    within its own length, which is many times quicker on a CPU than packing the batch."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(width, hidden, batch_first=True)
        self.behind = nn.LSTM(width, hidden, batch_first=True)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """(B, T, H) and (B, T) give (B, T, 2 hidden)."""
        places = torch.arange(mask.shape[1], device=mask.device)
        turned = torch.where(mask, mask.sum(1, keepdim=True) - 1 - places, places)
        batch = torch.arange(len(mask), device=mask.device)[:, None]
        back = self.behind(states[batch, turned])[0]
        return torch.cat([self.ahead(states)[0], back[batch, turned]], dim=-1)


class PassageEncoder(nn.Module):
    """Two bags of word vectors, name and text, through a two-layer network."""

    def __init__(self, word_width: int, width: int, dropout: float) -> None:
        super().__init__()
        first, second = nn.Linear(2 * word_width, width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Dropout(dropout), first, nn.GELU(), second, nn.LayerNorm(width))

    def forward(self, names: Tensor, texts: Tensor) -> Tensor:
        """(P, ·, D) word vectors, zero where padded, give (P, H)."""
        bags = [words.sum(1) / words.abs().sum(-1).gt(0).sum(1, keepdim=True).clamp(min=1) for words in (names, texts)]
        output: Tensor = self.network(torch.cat(bags, dim=-1))
        return output


class CoverEncoder(nn.Module):
    """What the candidates named over a token say about it: a weighted mean of their passages and of the place
    of the token in the name (only, first, last, inside), weighted by the features of the hit."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Linear(features, 1)
        self.features = nn.Linear(features, width)
        self.places = nn.Embedding(4, width)
        self.project = nn.Linear(width, width)

    def forward(self, hits: Hits, entities: Tensor, mask: Tensor) -> Tensor:
        """N hits and candidates (B, 1 + K, H) give (B, T, H), zero where no name stands."""
        lengths = hits.last - hits.first + 1
        hit = torch.repeat_interleave(lengths)
        offset = torch.arange(len(hit), device=mask.device) - (lengths.cumsum(0) - lengths)[hit]
        place = (offset == 0).long() + 2 * (offset == lengths[hit] - 1).long()
        cell = hits.window[hit] * mask.shape[1] + hits.first[hit] + offset
        weight = self.weight(hits.features).clamp(-8, 8).exp()[hit]
        said = entities[hits.window, hits.candidate] + self.features(hits.features)
        heard = weight * (said[hit] + self.places(place))
        size, width = mask.numel(), entities.shape[-1]
        total = heard.new_zeros(size, width).index_add(0, cell, heard)
        norm = weight.new_zeros(size, 1).index_add(0, cell, weight)
        covered: Tensor = self.project(F.gelu(total / norm.clamp(min=1e-6))) * (norm > 0)
        return covered.view(*mask.shape, width)


class BagEncoder(nn.Module):
    """The compact bi-encoder: a bag of frozen word vectors in which each word weighs what it tells, then one layer.

    Queries and passages share the weights of words but not the last layer: one is news, the other an encyclopaedia.
    """

    def __init__(self, vectors: nn.Embedding, dimension: int) -> None:
        super().__init__()
        width = vectors.embedding_dim
        self.vectors = vectors
        self.weight = nn.Linear(width, 1)
        self.query = nn.Linear(width, dimension)
        self.passage = nn.Linear(width, dimension)

    def bag(self, words: Tensor) -> Tensor:
        """(N, L) word rows, 0 where padded, give (N, width)."""
        vectors = self.vectors(words)
        weights = self.weight(vectors).masked_fill(words.eq(0)[..., None], -torch.inf)
        weights = torch.where(words.ne(0).any(1)[:, None, None], weights, torch.zeros_like(weights)).softmax(1)
        bag: Tensor = (weights * vectors).sum(1)
        return bag

    def forward(self, queries: Tensor, passages: Tensor) -> tuple[Tensor, Tensor]:
        """Word rows (B, L) and (P, L') give unit vectors (B, D) and (P, D)."""
        return self.queries(queries), self.passages(passages)

    def queries(self, words: Tensor) -> Tensor:
        """(B, L) → (B, D)."""
        return F.normalize(self.query(self.bag(words)), dim=-1)

    def passages(self, words: Tensor) -> Tensor:
        """(P, L) → (P, D)."""
        return F.normalize(self.passage(self.bag(words)), dim=-1)
