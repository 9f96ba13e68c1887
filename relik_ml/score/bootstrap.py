"""Confidence intervals of scores by the bootstrap over documents (Efron 1979)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from relik_ml.score.counts import Counts

Interval = tuple[float, float]
MACRO = "macro"


def intervals(
    documents: Sequence[Mapping[str, Counts]], samples: int, types: str, level: float = 0.95, seed: int = 1
) -> dict[str, Interval]:
    """The interval of each F1, percentile method, over ``samples`` resamples of the documents.

    ``documents`` hold the counts of each document by the score's name. Names that begin with ``types`` are scores of
    single types; the mean of their F1 over the types that gold has is added as ``"macro"``.

    >>> counts = [{"ner": Counts(1, 1, 1)}, {"ner": Counts(0, 1, 1)}]
    >>> intervals(counts, 100, "ner.type.")["ner"]
    (0.0, 1.0)
    """
    names = sorted({name for counts in documents for name in counts})
    table = np.array([[_columns(counts.get(name, Counts())) for name in names] for counts in documents])
    chosen = np.random.default_rng(seed).integers(0, len(documents), (samples, len(documents)))
    times = np.apply_along_axis(np.bincount, 1, chosen, minlength=len(documents))
    correct, guessed, gold = np.moveaxis(np.tensordot(times, table, 1), 2, 0)  # (samples, names) each
    f1 = 2 * correct / np.maximum(guessed + gold, 1)
    low, high = np.quantile(f1, [(1 - level) / 2, (1 + level) / 2], axis=0).round(4).tolist()
    found = dict(zip(names, zip(low, high, strict=True), strict=True))
    if single := [place for place, name in enumerate(names) if name.startswith(types)]:
        there = gold[:, single] > 0
        macro = (f1[:, single] * there).sum(1) / np.maximum(there.sum(1), 1)
        found[MACRO] = tuple(np.quantile(macro, [(1 - level) / 2, (1 + level) / 2]).round(4).tolist())
    return found


def _columns(counts: Counts) -> tuple[int, int, int]:
    return counts.correct, counts.guessed, counts.gold
