"""The loss of the reader, L = L_S + L_E + L_type + L_EL + L_rel (ReLiK, section 3.2, and types).

Every term is a sum over what is annotated, divided by the number of gold mentions of the batch, so that a
window with few mentions weighs no more than its mentions do, however the batch is made up.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from relik_ml.models.batch import IGNORE, Gold, ReaderOutput
from relik_ml.models.config import LossWeights


def reader_losses(output: ReaderOutput, gold: Gold, token_mask: Tensor) -> dict[str, Tensor]:
    """The five terms, unweighted. ``output.mentions`` must be ``gold.mentions`` (teacher forcing)."""
    known = gold.mention_mask
    mentions = known.sum().clamp(min=1)
    return {
        "start": start_loss(output.start, gold, token_mask) / mentions,
        "end": end_loss(output.end, gold, token_mask) / mentions,
        "type": F.cross_entropy(output.types[known], gold.types[known], reduction="sum", ignore_index=IGNORE)
        / mentions,
        "link": link_loss(output.links, gold) / mentions,
        "relation": relation_loss(output.relations, gold) / mentions,
    }


def weigh(losses: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """The weighted sum, a scalar."""
    weighted = [getattr(weights, name) * loss for name, loss in losses.items()]
    return torch.stack(weighted).sum()


def start_loss(logits: Tensor, gold: Gold, token_mask: Tensor) -> Tensor:
    """Binary cross-entropy over every token that is real and annotated: is it the start of a mention?"""
    target = logits.new_zeros(logits.shape)
    window, mention = gold.mention_mask.nonzero(as_tuple=True)
    target[window, gold.mentions[window, mention, 0]] = 1.0
    scored = token_mask & gold.start_mask
    return F.binary_cross_entropy_with_logits(logits[scored], target[scored], reduction="sum")


def end_loss(logits: Tensor, gold: Gold, token_mask: Tensor) -> Tensor:
    """Binary cross-entropy over the real tokens t ≥ s of each annotated gold start s: does a mention end there?"""
    target = logits.new_zeros(logits.shape)
    window, mention = gold.mention_mask.nonzero(as_tuple=True)
    first, last = gold.mentions[window, mention].unbind(-1)
    fits = last - first < logits.shape[2]
    target[window[fits], first[fits], (last - first)[fits]] = 1.0
    starts = target.new_zeros(target.shape[:2]).bool()
    starts[window, first] = True
    reach = F.pad(token_mask, (0, logits.shape[2] - 1)).unfold(1, logits.shape[2], 1)
    scored = reach & (starts & gold.start_mask)[..., None]
    return F.binary_cross_entropy_with_logits(logits[scored], target[scored], reduction="sum")


def link_loss(logits: Tensor, gold: Gold) -> Tensor:
    """Cross-entropy over NME and the candidates. A gold entity that was not retrieved has target 0, NME."""
    known = gold.mention_mask & (gold.links != IGNORE)
    return F.cross_entropy(logits[known], gold.links[known], reduction="sum")


def relation_loss(logits: Tensor, gold: Gold) -> Tensor:
    """Binary cross-entropy over every annotated ordered pair of mentions and every relation present, but ``unsure``."""
    target = logits.new_zeros(logits.shape)
    target[tuple(gold.triples.unbind(-1))] = 1.0
    scored = gold.pair_mask[..., None] & ~logits.isneginf()  # absent relations, and nothing that went wrong
    scored[tuple(gold.unsure.unbind(-1))] = False
    return F.binary_cross_entropy_with_logits(logits[scored], target[scored], reduction="sum")


__all__ = ["IGNORE", "end_loss", "link_loss", "reader_losses", "relation_loss", "start_loss", "weigh"]
