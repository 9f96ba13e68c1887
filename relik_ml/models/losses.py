"""The losses of the reader and of the retriever.

The reader's is L = L_S + L_E + L_type + L_EL + L_rel (ReLiK, Orlando et al. 2024, section 3.2, and types). Every term
is a sum over what is annotated, divided by the number of gold mentions of the batch, so that a window with few
mentions weighs no more than its mentions do, however the batch is made up.

With a teacher (Hinton et al. 2015, section 2, at temperature 1) every target is a mean of the gold and of the teacher's
probability. Cross-entropy is linear in its target, so this is the mean of two losses.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from relik_ml.network import IGNORE, Gold, ReaderOutput

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True)
class LossWeights:
    """Weight of each term of the reader's loss (the paper sums them)."""

    start: float = 1.0
    end: float = 1.0
    type: float = 1.0
    link: float = 1.0
    relation: float = 1.0


class Soft(NamedTuple):
    """What a teacher says about a batch."""

    output: ReaderOutput[Tensor]
    share: float  # its weight in the targets, from 0 to 1


def reader_losses(
    output: ReaderOutput[Tensor], gold: Gold[Tensor], token_mask: Tensor, soft: Soft | None = None
) -> dict[str, Tensor]:
    """The five terms, unweighted. ``output.mentions`` must be ``gold.mentions`` (teacher forcing)."""
    share = soft.share if soft else 0.0
    start, end, _, _, types, links, relations = soft.output if soft else output
    sums = {
        "start": start_loss(output.start, gold, token_mask, start, share),
        "end": end_loss(output.end, gold, token_mask, end, share),
        "type": type_loss(output.types, gold.types, gold.mention_mask, types, share),
        "link": choice_loss(output.links, gold.links, gold.mention_mask, links, share),
        "relation": relation_loss(output.relations, gold, relations, share),
    }
    return {name: loss / gold.mention_mask.sum().clamp(min=1) for name, loss in sums.items()}


def start_loss(logits: Tensor, gold: Gold[Tensor], token_mask: Tensor, soft: Tensor, share: float) -> Tensor:
    """Binary cross-entropy over every token that is real and annotated: is it the start of a mention?"""
    target = logits.new_zeros(logits.shape)
    window, mention = gold.mention_mask.nonzero(as_tuple=True)
    target[window, gold.mentions[window, mention, 0]] = 1.0
    return _binary(logits, target, token_mask & gold.start_mask, soft, share)


def end_loss(logits: Tensor, gold: Gold[Tensor], token_mask: Tensor, soft: Tensor, share: float) -> Tensor:
    """Binary cross-entropy over the real tokens t ≥ s of each annotated gold start s: does a mention end there?"""
    target = logits.new_zeros(logits.shape)
    window, mention = gold.mention_mask.nonzero(as_tuple=True)
    first, last = gold.mentions[window, mention].unbind(-1)
    fits = last - first < logits.shape[2]
    target[window[fits], first[fits], (last - first)[fits]] = 1.0
    starts = target.new_zeros(target.shape[:2]).bool()
    starts[window, first] = True
    reach = F.pad(token_mask, (0, logits.shape[2] - 1)).unfold(1, logits.shape[2], 1)
    return _binary(logits, target, reach & (starts & gold.start_mask)[..., None], soft, share)


def type_loss(logits: Tensor, gold: Tensor, mask: Tensor, soft: Tensor, share: float) -> Tensor:
    """−log of the probability of all types that gold allows, of the mentions where it allows any.

    With one type it is cross-entropy. A corpus with coarser types allows several, such as all kinds of places.
    """
    known = mask & gold.any(-1)
    chances = logits[known].log_softmax(-1)
    loss = -chances.masked_fill(~gold[known], -torch.inf).logsumexp(-1).sum()
    return torch.lerp(loss, -(soft[known].softmax(-1) * chances).sum(), share) if share else loss


def choice_loss(logits: Tensor, gold: Tensor, mask: Tensor, soft: Tensor, share: float) -> Tensor:
    """Cross-entropy over NME and the candidates, of the mentions where links are annotated.

    A gold entity that was not retrieved has target 0, NME.
    """
    known = mask & (gold != IGNORE)
    target = F.one_hot(gold[known], logits.shape[-1]).to(logits.dtype)
    if share:
        target = target.lerp(soft[known].softmax(-1), share)
    chances = logits[known].log_softmax(-1)
    return -(target * chances.masked_fill(chances.isneginf(), 0.0)).sum()  # absent candidates: both targets are 0


def relation_loss(logits: Tensor, gold: Gold[Tensor], soft: Tensor, share: float) -> Tensor:
    """Binary cross-entropy over every annotated ordered pair of mentions and every relation present, but ``unsure``."""
    target = logits.new_zeros(logits.shape)
    target[tuple(gold.triples.unbind(-1))] = 1.0
    scored = gold.pair_mask[..., None] & ~logits.isneginf()  # absent relations only: a NaN must stay visible
    scored[tuple(gold.unsure.unbind(-1))] = False
    return _binary(logits, target, scored, soft, share)


def _binary(logits: Tensor, target: Tensor, scored: Tensor, soft: Tensor, share: float) -> Tensor:
    if share:
        target = target.lerp(soft.sigmoid(), share)
    return F.binary_cross_entropy_with_logits(logits[scored], target[scored], reduction="sum")


def multi_label_nce(
    query: Tensor,
    passage: Tensor,
    positive: Tensor,
    temperature: float = 0.05,
    ignored: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Multi-label noise contrastive estimation, which trains a bi-encoder (ReLiK, section 3.1).

    Each positive competes with all negatives of its row and never with the row's other positives, so a
    window that names ten entities is not punished for liking nine of them::

        loss(q) = sum over p in P(q) of  -log  exp(s(q, p)) / (exp(s(q, p)) + sum over n in N(q) of exp(s(q, n)))

    The batch shares its passages: those of other queries are in-batch negatives, except where ``positive`` says that
    they are right for this row too, or ``ignored`` that it is unknown.

    Args:
        query: (B, D) vectors, normalised if ``temperature`` is to mean anything.
        passage: (P, D) vectors.
        positive: (B, P) bool, True where the passage is right for the query.
        temperature: divides inner products.
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
    masked = positive if ignored is None else positive | ignored
    # The lowest finite number and not -inf: a row without negatives then has loss 0 and gradient 0, not NaN.
    noise = scores.masked_fill(masked, torch.finfo(scores.dtype).min).logsumexp(dim=1, keepdim=True)
    rows = (F.softplus(noise - scores) * positive).sum(dim=1)
    each = positive.sum(dim=1)
    if reduction == "mean":
        rows = rows / each.clamp(min=1)
    return rows.sum() / (each > 0).sum().clamp(min=1)
