"""How likely a name hit is meant: a fixed logistic rule over its features, by which candidates are ranked.

Learnt by logistic regression on the hits in 360 documents of NEREL train, each looked up without what itself had
taught the index; a hit counts as meant when its row is gold somewhere in the window. ``python benchmarks/retrieve.py
--fit`` learns it anew. The cosine of window and passage as one more feature changed nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WEIGHTS = {
    "label": -0.2, "alias": -0.37, "learnt": 0.75, "surname": -2.06, "count": 2.71, "prior": 1.46, "annotated": -0.68,
    "popularity": 1.5, "rank": 1.79, "rivals": -1.55, "upper": 1.66, "title": 1.51, "words": 6.03, "longest": 3.18,
    "spans": 1.8, "human": 0.24,
}  # fmt: skip


def log_odds(features: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Log-odds (H,), but for a constant, that hits with features (H, F) are meant. The features' names are given."""
    odds: NDArray[np.float64] = (features * np.array([WEIGHTS[name] for name in names])).sum(axis=1)
    return odds
