"""How likely a name hit is meant: a fixed logistic rule over its features, by which candidates are ranked.

Learnt by logistic regression on the hits in the documents of NEREL train, each looked up without what itself had
taught the index; a hit counts as meant when its row is gold somewhere in the window. ``python benchmarks/retrieve.py
--fit --k 100 --dense 10`` on the training documents learns it anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WEIGHTS = {
    "label": -0.18, "alias": -0.43, "learnt": 0.76, "surname": -2.0, "count": 2.92, "prior": 1.23, "annotated": -0.74,
    "popularity": 1.42, "rank": 1.86, "rivals": -1.39, "upper": 1.64, "title": 1.55, "words": 6.22, "longest": 3.09,
    "spans": 1.78, "human": 0.11,
}  # fmt: skip


def log_odds(features: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Log-odds (H,), but for a constant, that hits with features (H, F) are meant. The features' names are given."""
    odds: NDArray[np.float64] = (features * np.array([WEIGHTS[name] for name in names])).sum(axis=1)
    return odds
