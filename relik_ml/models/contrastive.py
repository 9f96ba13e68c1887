"""The loss that trains a bi-encoder: several right passages for one query."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Reduction = Literal["mean", "sum"]


def multi_label_nce(
    query: Tensor,
    passage: Tensor,
    positive: Tensor,
    temperature: float = 0.05,
    ignored: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Multi-label noise contrastive estimation (ReLiK, Orlando et al. 2024, section 3.1).

    Each positive competes with all negatives of its row and never with the row's other positives, so a
    window that names ten entities is not punished for liking nine of them::

        loss(q) = sum over p in P(q) of  -log  exp(s(q, p)) / (exp(s(q, p)) + sum over n in N(q) of exp(s(q, n)))

    Passages are shared by the batch: those that other queries brought along are in-batch negatives,
    except where ``positive`` says that they are right for this row too, or ``ignored`` that nobody knows.

    Args:
        query: (B, D) vectors, normalised if ``temperature`` is to mean anything.
        passage: (P, D) vectors.
        positive: (B, P) bool, True where the passage is right for the query.
        temperature: what inner products are divided by.
        ignored: (B, P) bool, True where a passage that is not right is no negative either.
        reduction: ``sum`` over the positives of a row, as in the paper, or their ``mean``, so that a window with
            many entities weighs no more than one with a single one.

    Returns:
        A scalar: the mean over the rows that have a positive; zero, with a gradient, if no row has one.

    >>> query, passage = torch.eye(2), torch.eye(2)
    >>> round(multi_label_nce(query, passage, torch.eye(2).bool(), temperature=1.0).item(), 4)  # log(1 + e^(0 - 1))
    0.3133
    """
    scores = query @ passage.T / temperature
    silent = positive if ignored is None else positive | ignored
    # The lowest finite number and not -inf: a row without negatives then has loss 0 and gradient 0, not NaN.
    noise = scores.masked_fill(silent, torch.finfo(scores.dtype).min).logsumexp(dim=1, keepdim=True)
    rows = (F.softplus(noise - scores) * positive).sum(dim=1)
    each = positive.sum(dim=1)
    if reduction == "mean":
        rows = rows / each.clamp(min=1)
    return rows.sum() / (each > 0).sum().clamp(min=1)
