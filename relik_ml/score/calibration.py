"""Calibration of scores: how close they are to probabilities, and Platt scaling (Platt 1999; Guo et al. 2017).

The scores of a calibrated model equal the share of right predictions. The expected calibration error (ECE) is the mean
gap between score and share over bins of scores, each bin weighted by its number of predictions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log, log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relik_ml.scheme import NEREL, Scheme
from relik_ml.score.scorers import answers, facts, ordered, spans_of, typed_spans
from relik_ml.types import Document

KINDS = ("mention", "link", "nil", "triple")
BINS = 10
_STEPS = 50
_SMALLEST = 1e-4
_IDENTITY = np.array([1.0, 0.0])
_PRIOR = 1e-3
"""Weight of the L2 regularisation towards the identity, which keeps the solution finite."""


class Judged(NamedTuple):
    """The score of a prediction, and whether the prediction is right."""

    score: float
    right: bool


@dataclass(frozen=True)
class Scaling:
    """``sigmoid(slope * logit(score) + offset)``: it keeps the order of scores."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, score: float) -> float:
        """The calibrated score, computed as by ``_logit`` and ``_sigmoid`` but without arrays."""
        score = min(max(score, _SMALLEST), 1 - _SMALLEST)
        logit = self.slope * (log(score) - log1p(-score)) + self.offset
        return 1 / (1 + exp(-min(max(logit, -30.0), 30.0)))

    @classmethod
    def fit(cls, judged: Sequence[Judged], offset: bool = True) -> Scaling:
        """The maximum likelihood scaling, by Newton's method; the identity where all are right or all are wrong.

        Without ``offset`` it only has a temperature, 1 / slope (Guo et al. 2017).
        """
        right = np.array([float(each.right) for each in judged])
        if len(judged) < 2 or right.min() == right.max():
            return cls()
        constant = np.full(len(judged), float(offset))  # zeros leave the offset at 0
        features = np.stack([_logit(np.array([each.score for each in judged])), constant], axis=1)
        weights = _IDENTITY
        for _ in range(_STEPS):
            chances = _sigmoid(features @ weights)
            gradient = features.T @ (chances - right) + _PRIOR * (weights - _IDENTITY)
            curvature = (features * (chances * (1 - chances))[:, None]).T @ features + _PRIOR * np.eye(2)
            step = np.linalg.solve(curvature, gradient)
            loss = _loss(features, right, weights)
            while _loss(features, right, weights - step) > loss and np.abs(step).max() > 1e-9:
                step = step / 2  # a full step overshoots where most scores are near 0 or 1
            weights = weights - step
        return cls(round(float(weights[0]), 4), round(float(weights[1]), 4))


@dataclass(frozen=True)
class Calibration:
    """A scaling for each kind of score; the identity where none was fitted."""

    scalings: Mapping[str, Scaling] = field(default_factory=dict)

    def __call__(self, kind: str, score: float) -> float:
        """The calibrated score, rounded."""
        scaling = self.scalings.get(kind)
        return round(scaling(score) if scaling else score, 4)

    @classmethod
    def fit(cls, judged: Mapping[str, Sequence[Judged]]) -> Calibration:
        """The scaling of each kind of judged scores.

        Links, a softmax over the candidates, get a temperature. The others are products of factors or depend on the
        coverage of the index, and get an offset too.
        """
        return cls({kind: Scaling.fit(judged[kind], kind != "link") for kind in KINDS if judged.get(kind)})


def judge(gold: Iterable[Document], predicted: Iterable[Document], scheme: Scheme = NEREL) -> dict[str, list[Judged]]:
    """The scores of all that was predicted, by kind.

    A mention is right by its span and type, a link or NIL of a right span by its id, a triple by the spans of its
    mentions and its relation.
    """
    found: dict[str, list[Judged]] = defaultdict(list)
    partners = {document.id: document for document in predicted}
    for right in gold:
        if guess := partners.get(right.id):
            _judge_mentions(right, guess, found)
            _judge_triples(right, guess, scheme, found)
    return dict(found)


def _judge_mentions(right: Document, guess: Document, found: dict[str, list[Judged]]) -> None:
    types = typed_spans(right)
    links = {spans_of(mention): mention.link for mention in right.mentions}
    for mention in guess.mentions:
        where, link = spans_of(mention), mention.link
        found["mention"].append(Judged(_known(mention.score), (where, mention.type) in types))
        if where in links and link.status == "linked":
            found["link"].append(Judged(_known(link.score), link.id in answers(links[where])))
        elif where in links and link.status == "nil" and links[where].status in ("linked", "nil"):
            found["nil"].append(Judged(_known(link.score), links[where].status == "nil"))


def _judge_triples(right: Document, guess: Document, scheme: Scheme, found: dict[str, list[Judged]]) -> None:
    gold, keys = (
        [ordered(spans_of(s), name, spans_of(o), scheme) for s, name, o in facts(each)] for each in (right, guess)
    )
    wanted = set(gold)
    for triple, key in zip(guess.triples, keys, strict=True):
        found["triple"].append(Judged(_known(triple.score), key in wanted))


class Bin(NamedTuple):
    """Predictions of like score: how many, their mean score and the share that is right."""

    low: float
    size: int
    score: float
    right: float


def reliability(judged: Sequence[Judged], bins: int = BINS) -> list[Bin]:
    """Predictions by score, in bins of equal width; empty ones are left out."""
    rows: dict[int, list[Judged]] = defaultdict(list)
    for each in judged:
        rows[min(int(each.score * bins), bins - 1)].append(each)
    means = {number: [sum(column) / len(row) for column in zip(*row, strict=True)] for number, row in rows.items()}
    return [Bin(number / bins, len(rows[number]), *means[number]) for number in sorted(rows)]


def calibration_error(rows: Iterable[Bin]) -> float:
    """The expected calibration error of the bins of ``reliability``.

    >>> calibration_error(reliability([Judged(0.9, True), Judged(0.9, False)]))
    0.4
    """
    rows = list(rows)
    gaps = sum(row.size * abs(row.score - row.right) for row in rows)
    return round(gaps / max(1, sum(row.size for row in rows)), 6)


def _known(score: float | None) -> float:
    return 1.0 if score is None else score


def _loss(features: NDArray[np.float64], right: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Negative log likelihood with the prior."""
    logits = features @ weights
    likelihood = (np.logaddexp(0, logits) - right * logits).sum()
    return float(likelihood + _PRIOR / 2 * ((weights - _IDENTITY) ** 2).sum())


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    logits: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return logits


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    chances: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return chances
