"""The heads of the reader, over the states of tokens and symbols.

Source: ReLiK, Orlando et al. 2024, section 3.2. Docstrings note what is not in the paper.
Letters as in ``relik_ml.network``; D is the inner width of a head.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from relik_ml.network import NameHits


def endpoints(tokens: Tensor, mentions: Tensor) -> Tensor:
    """[x_s, x_t] of each mention: (B, T, H) and (B, M, 2) give (B, M, 2H)."""
    batch = torch.arange(tokens.shape[0], device=tokens.device)[:, None]
    return torch.cat([tokens[batch, mentions[..., 0]], tokens[batch, mentions[..., 1]]], dim=-1)


def prior_bias(layer: nn.Linear, prior: float) -> None:
    """Initialise the bias of a binary classifier so that it predicts ``prior``, the share of positives, at first."""
    nn.init.constant_(layer.bias, math.log(prior / (1 - prior)))


class SpanHead(nn.Module):
    """p_S(s), and p_E(t | s) for every s ≤ t < s + W, so that one start may have several ends.

    The end is scored by a two-layer network over [x_s, x_t] whose first layer is split into a part of
    each token, so that no (T, T, 2H) tensor is made; beyond the paper it also sees the length t - s.
    """

    def __init__(self, width: int, inner: int, max_mention: int, dropout: float) -> None:
        super().__init__()
        self.max_mention = max_mention
        self.dropout = nn.Dropout(dropout)
        self.start = nn.Sequential(nn.Linear(width, inner), nn.GELU(), start := nn.Linear(inner, 1))
        self.end_of_start = nn.Linear(width, inner)
        self.end_of_stop = nn.Linear(width, inner, bias=False)
        self.length = nn.Embedding(max_mention, inner)
        self.end = nn.Linear(inner, 1)
        nn.init.normal_(self.length.weight, std=0.02)
        prior_bias(start, 0.15)
        prior_bias(self.end, 0.1)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, H) gives start logits (B, T) and end logits (B, T, W)."""
        tokens = self.dropout(tokens)
        reach = torch.arange(self.max_mention, device=tokens.device)
        last = torch.arange(tokens.shape[1], device=tokens.device)[:, None] + reach  # (T, W)
        stop = F.pad(self.end_of_stop(tokens), (0, 0, 0, self.max_mention - 1))[:, last]  # (B, T, W, D)
        pairs = self.end_of_start(tokens)[:, :, None] + stop + self.length.weight
        return self.start(tokens).squeeze(-1), self.end(F.gelu(pairs)).squeeze(-1)


class SymbolHead(nn.Module):
    """M = GeLU(W_M [x_s, x_t]), E_k = GeLU(W_M [x_STk, x_STk]), score M · E_k / √D.

    Serves links (over candidates, NME first) and types (over type passages). √D, beyond the paper, keeps the scores of
    an untrained head near zero.
    """

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(2 * width, inner)
        self.scale = inner**-0.5

    def forward(self, ends: Tensor, symbols: Tensor) -> Tensor:
        """(B, M, 2H) and (B, S, H) or (S, H) give (B, M, S)."""
        mention = F.gelu(self.project(self.dropout(ends)))
        symbol = F.gelu(self.project(self.dropout(torch.cat([symbols, symbols], dim=-1))))
        return (mention @ symbol.transpose(-1, -2)).mul(self.scale)


class HitHead(nn.Module):
    """Adds scores of the retriever's name hits to the link logits (beyond the paper).

    A bi-encoder loses the spelling of a rare name; a name index does not. A hit is a span, a candidate and the features
    of the match; its score is added to the link logit of this pair.
    """

    def __init__(self, features: int, inner: int = 64) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(features, inner), nn.GELU(), nn.Linear(inner, 1))

    def forward(self, hits: NameHits[Tensor], mentions: Tensor, mention_mask: Tensor, candidates: int) -> Tensor:
        """N hits and mentions (B, M, 2) give a (B, M, candidates) addition, zero where there is no hit."""
        spans = torch.stack([hits.first, hits.last], -1)
        same = (mentions[hits.window] == spans[:, None]).all(-1) & mention_mask[hits.window]  # (N, M)
        hit, mention = same.nonzero(as_tuple=True)
        scores: Tensor = self.score(hits.features[hit]).squeeze(-1)
        addition = scores.new_zeros(*mention_mask.shape, candidates)
        return addition.index_put((hits.window[hit], mention, hits.candidate[hit]), scores, accumulate=True)


class RelationHead(nn.Module):
    """p(k | m, m') for every ordered pair of mentions and every relation.

    S_m = GeLU(W_S s_m), O_m' = GeLU(W_O s_m'), R_k = GeLU(W_R [x_STk, x_STk]), logit = W_rel (S_m ⊙ O_m' ⊙ R_k) + b.
    W_rel is folded into R_k and the sum over D is one matrix product, so no (M, M, R, D) tensor exists.

    Beyond the paper three terms join the logit, each a product with R_k too, so that relations stay open: the pair
    of types, the signed log distance, and the mean over the tokens strictly between the two mentions.
    """

    def __init__(self, width: int, features: int, types: int, inner: int, distances: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.subject = nn.Linear(features, inner)
        self.object = nn.Linear(features, inner)
        self.relation = nn.Linear(2 * width, inner)
        self.score = nn.Linear(inner, 1)
        self.subject_type = nn.Linear(types, inner, bias=False)
        self.object_type = nn.Linear(types, inner, bias=False)
        self.distance = nn.Embedding(distances, inner)
        self.between = nn.Linear(width, inner)
        nn.init.normal_(self.distance.weight, std=0.02)
        prior_bias(self.score, 5e-4)

    def forward(self, tokens: Tensor, mentions: Tensor, features: Tensor, types: Tensor, relations: Tensor) -> Tensor:
        """tokens (B, T, H), mentions (B, M, 2), their features (B, M, ·) and type probabilities (B, M, Y),
        relations (B, R, H) give logits (B, M, M, R): row is subject, column is object."""
        features = self.dropout(features)
        subject, object_ = F.gelu(self.subject(features)), F.gelu(self.object(features))
        relation = F.gelu(self.relation(self.dropout(torch.cat([relations, relations], dim=-1))))
        weighted = relation * self.score.weight[0]
        logits = trilinear(
            torch.cat([subject, self.subject_type(types)], -1),
            torch.cat([object_, self.object_type(types)], -1),
            torch.cat([weighted, relation], -1),
        )
        logits = logits + self._distance(mentions, relation) + self._between(tokens, mentions, relation)
        return logits + self.score.bias

    def _distance(self, mentions: Tensor, relation: Tensor) -> Tensor:
        """(B, M, M, R): two buckets per power of two tokens from start to start, before and after apart."""
        gap = mentions[:, None, :, 0] - mentions[:, :, None, 0]
        half = self.distance.num_embeddings // 2
        size = (2 * torch.log2(gap.abs().clamp(min=1).float())).long().clamp(max=half - 1)
        bucket = torch.where(gap >= 0, size + half, half - 1 - size)
        scores = relation @ self.distance.weight.T  # (B, R, buckets)
        batch = torch.arange(relation.shape[0], device=relation.device)[:, None, None]
        return scores.transpose(1, 2)[batch, bucket]

    def _between(self, tokens: Tensor, mentions: Tensor, relation: Tensor) -> Tensor:
        """(B, M, M, R): mean score of the tokens strictly between two mentions, zero when there are none."""
        scores = F.gelu(self.between(self.dropout(tokens))) @ relation.transpose(1, 2)  # (B, T, R)
        sums = F.pad(scores.cumsum(1), (0, 0, 1, 0))
        first, last = mentions.unbind(-1)
        start = torch.minimum(last[:, :, None], last[:, None]) + 1
        stop = torch.maximum(torch.maximum(first[:, :, None], first[:, None]), start)
        batch = torch.arange(tokens.shape[0], device=tokens.device)[:, None, None]
        return (sums[batch, stop] - sums[batch, start]) / (stop - start).clamp(min=1)[..., None]


def trilinear(subject: Tensor, object_: Tensor, relation: Tensor) -> Tensor:
    """Σ_d s_md · o_nd · r_kd: (B, M, D), (B, N, D) and (B, R, D) give (B, M, N, R), by way of (B, M, R, D)."""
    batch, mentions, width = subject.shape
    relations = relation.shape[1]
    pairs = (subject[:, :, None] * relation[:, None]).view(batch, mentions * relations, width)
    product = pairs @ object_.transpose(1, 2)  # (B, M R, N)
    return product.view(batch, mentions, relations, object_.shape[1]).transpose(2, 3)
