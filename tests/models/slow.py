"""The mathematics of the reader as loops over Python floats, written from the paper (ReLiK, section 3.2).

Nothing here is shared with the library but the weights, which are read out of its layers by name.
"""

import math
from collections.abc import Sequence

from torch import nn

from relik_ml.models import HitHead, RelationHead, SpanHead, SymbolHead

Vector = list[float]
Matrix = list[Vector]
Span = tuple[int, int]


def gelu(values: Sequence[float]) -> Vector:
    return [0.5 * x * (1 + math.erf(x / math.sqrt(2))) for x in values]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def softmax(values: Sequence[float]) -> Vector:
    powers = [math.exp(x - max(values)) for x in values]
    return [power / sum(powers) for power in powers]


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def linear(layer: nn.Module, x: Sequence[float]) -> Vector:
    assert isinstance(layer, nn.Linear)
    bias = layer.bias.tolist() if layer.bias is not None else [0.0] * layer.out_features
    return [dot(row, x) + b for row, b in zip(layer.weight.tolist(), bias, strict=True)]


def two_layers(network: nn.Sequential, x: Sequence[float]) -> Vector:
    return linear(network[2], gelu(linear(network[0], x)))


def starts(head: SpanHead, tokens: Matrix) -> Vector:
    """The logit of p_S(s) for every token."""
    return [two_layers(head.start, token)[0] for token in tokens]


def ends(head: SpanHead, tokens: Matrix) -> dict[Span, float]:
    """The logit of p_E(t | s) for every s ≤ t that a mention may span: one network over [x_s, x_t] and t - s."""
    logits = {}
    for s, first in enumerate(tokens):
        for t in range(s, min(s + head.max_mention, len(tokens))):
            stop, length = linear(head.end_of_stop, tokens[t]), head.length.weight[t - s].tolist()
            summed = zip(linear(head.end_of_start, first), stop, length, strict=True)
            logits[s, t] = linear(head.end, gelu([sum(each) for each in summed]))[0]
    return logits


def symbol_scores(head: SymbolHead, pair: Vector, symbols: Matrix) -> Vector:
    """M · E_k / √D with one projection W_M for [x_s, x_t] and for the doubled symbol."""
    mention = gelu(linear(head.project, pair))
    return [dot(mention, gelu(linear(head.project, symbol + symbol))) / math.sqrt(len(mention)) for symbol in symbols]


def hit_score(head: HitHead, features: Vector) -> float:
    return two_layers(head.score, features)[0]


def bucket(gap: int, buckets: int) -> int:
    """Two buckets a power of two: ⌊2 log₂ |gap|⌋, in whole numbers."""
    half = buckets // 2
    size = min((max(abs(gap), 1) ** 2).bit_length() - 1, half - 1)
    return half + size if gap >= 0 else half - 1 - size


def between(head: RelationHead, tokens: Matrix, m: Span, n: Span, relation: Vector) -> float:
    """The mean over the tokens behind the one and before the other mention."""
    inside = [tokens[t] for t in range(len(tokens)) if m[1] < t < n[0] or n[1] < t < m[0]]
    return sum(dot(gelu(linear(head.between, token)), relation) for token in inside) / max(len(inside), 1)


def relation_scores(
    head: RelationHead, tokens: Matrix, mentions: list[Span], features: Matrix, types: Matrix, relations: Matrix
) -> dict[tuple[int, int, int], float]:
    """W_rel (S_m ⊙ O_n ⊙ R_k) + b and the three further terms, each pair and relation apart."""
    scores = {}
    for k, symbol in enumerate(relations):
        relation = gelu(linear(head.relation, symbol + symbol))
        for m, one in enumerate(mentions):
            for n, other in enumerate(mentions):
                subject, object_ = gelu(linear(head.subject, features[m])), gelu(linear(head.object, features[n]))
                product = [s * o * r for s, o, r in zip(subject, object_, relation, strict=True)]
                pair = zip(linear(head.subject_type, types[m]), linear(head.object_type, types[n]), strict=True)
                far = head.distance.weight[bucket(other[0] - one[0], head.distance.num_embeddings)].tolist()
                scores[m, n, k] = (
                    linear(head.score, product)[0]
                    + dot([s * o for s, o in pair], relation)
                    + dot(far, relation)
                    + between(head, tokens, one, other, relation)
                )
    return scores


def weighted(weights: Sequence[float], rows: Matrix) -> Vector:
    """Σ_k w_k x_k."""
    return [dot(weights, column) for column in zip(*rows, strict=True)]


def surprise(logit: float, target: bool) -> float:
    """Binary cross-entropy of one decision, from its definition."""
    chance = sigmoid(logit)
    return -math.log(chance if target else 1 - chance)


def choice(logits: Sequence[float], target: int) -> float:
    """Cross-entropy of one choice, from its definition."""
    return -math.log(softmax(logits)[target])
