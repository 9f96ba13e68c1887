"""Hard negatives: what the retriever likes best among the rows that are wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from relik_ml.index import Floats, Ints, VectorIndex


def hard_negatives(queries: Floats, vectors: VectorIndex, positives: Sequence[Collection[int]], k: int) -> list[Ints]:
    """For each query (Q, D) the k best-ranked rows that are not among its positives, best first.

    Fewer than k when the index has no more wrong rows. ``positives`` holds row numbers, a collection a query.

    >>> from relik_ml.index import Vectors
    >>> rows = Vectors.pack(np.array([[1.0], [0.9], [0.1]], dtype=np.float32))
    >>> [found.tolist() for found in hard_negatives(np.ones((1, 1), np.float32), rows, [{0}], k=1)]
    [[1]]
    """
    most = max((len(gold) for gold in positives), default=0)
    ranked, _ = vectors.nearest(queries, k + most)
    right = [np.fromiter(gold, dtype=np.int64, count=len(gold)) for gold in positives]
    return [rows[~np.isin(rows, gold)][:k] for rows, gold in zip(ranked, right, strict=True)]
