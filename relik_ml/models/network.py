"""The reader: one forward pass from a batch of windows to mentions, types, links and relations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from relik_ml.models.batch import Encoder, ReaderBatch, ReaderOutput, States
from relik_ml.models.heads import HeadConfig, HitHead, RelationHead, SpanHead, SymbolHead, endpoints
from relik_ml.models.losses import LossWeights, reader_losses


@dataclass(frozen=True)
class Thresholds:
    """Probabilities above which a prediction is kept."""

    start: float = 0.3
    """Of a start, and of an end: which spans are described at all."""
    end: float = 0.3
    mention: float = 0.5
    """Of a mention: p_S(s) · p_E(t | s) · p(type)."""
    link: float = 0.5
    """Of the best entity, where only it and NIL are compared."""
    relation: float = 0.35
    """Of a triple: p(relation) times the probabilities of its mentions."""


class ReaderModel(nn.Module):
    """Encoder and heads.

    With ``batch.gold`` the mentions are the gold ones and the output carries the loss (teacher forcing); with
    ``batch.given`` they are those; without either, they are those that the span head predicts.
    """

    def __init__(self, encoder: Encoder, types: int, config: HeadConfig, weights: LossWeights = LossWeights()) -> None:
        super().__init__()
        self.config, self.weights = config, weights
        self.encoder = encoder
        self.spans = SpanHead(config.width, config.inner, config.max_mention, config.dropout)
        self.types = SymbolHead(config.width, config.inner, config.dropout)
        self.links = SymbolHead(config.width, config.inner, config.dropout)
        self.hits = HitHead(config.hit_features) if config.hit_features else None
        self.relations = RelationHead(
            config.width, 4 * config.width, types, config.inner, config.distances, config.dropout
        )

    def forward(self, batch: ReaderBatch, thresholds: Thresholds = Thresholds()) -> ReaderOutput:
        """One pass. Shapes are in ``ReaderOutput``.

        Mixed precision stops at the encoder: sums of many losses need float32, and the heads are cheap.
        """
        states = States(*(state.to(torch.promote_types(state.dtype, torch.float32)) for state in self.encoder(batch)))
        with torch.autocast(states.tokens.device.type, enabled=False):
            return self._read(states, batch, thresholds)

    def _read(self, states: States, batch: ReaderBatch, thresholds: Thresholds) -> ReaderOutput:
        start, end = self.spans(states.tokens)
        known = batch.gold or batch.given
        if known is not None:
            mentions, mask = known.mentions, known.mention_mask
        else:
            mentions, mask = predicted_spans(start, end, batch.token_mask, thresholds)
        output = ReaderOutput(start, end, mentions, mask, *self._describe(states, batch, mentions, mask))
        if batch.gold is None:
            return output
        losses = reader_losses(output, batch.gold, batch.token_mask)
        loss = torch.stack([getattr(self.weights, name) * term for name, term in losses.items()]).sum()
        return output._replace(loss=loss, losses=losses)

    def _describe(
        self, states: States, batch: ReaderBatch, mentions: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of types, links and relations of the given mentions."""
        ends = endpoints(states.tokens, mentions)
        types = self.types(ends, states.types)
        links = self.links(ends, states.entities)
        if self.hits is not None:
            links = links + self.hits(batch.hits, mentions, mask, links.shape[-1])
        links = links.masked_fill(~batch.entity_mask[:, None], -torch.inf)
        # Closed IE (section 3.2): what a mention is linked to, and what type it has, condition its relations.
        linked = links.softmax(-1) @ states.entities
        chances = types.softmax(-1)
        features = torch.cat([ends, linked, chances @ states.types], dim=-1)
        relations = self.relations(states.tokens, mentions, features, chances.detach(), states.relations)
        self_pair = torch.eye(mentions.shape[1], dtype=torch.bool, device=mentions.device)
        absent = self_pair[None, :, :, None] | ~batch.relation_mask[:, None, None]
        return types, links, relations.masked_fill(absent, -torch.inf)


def predicted_spans(start: Tensor, end: Tensor, token_mask: Tensor, thresholds: Thresholds) -> tuple[Tensor, Tensor]:
    """The spans whose start and end are both more likely than the thresholds.

    (B, T) and (B, T, W) logits give mentions (B, M, 2), padded with zeros, and their mask (B, M).
    """
    reach = nn.functional.pad(token_mask, (0, end.shape[2] - 1)).unfold(1, end.shape[2], 1)
    likely = (start.sigmoid() > thresholds.start)[..., None] & (end.sigmoid() > thresholds.end)
    window, first, length = (likely & reach & token_mask[..., None]).nonzero(as_tuple=True)
    counts = torch.bincount(window, minlength=start.shape[0])
    mask = torch.arange(int(counts.max()), device=start.device) < counts[:, None]
    mentions = first.new_zeros(*mask.shape, 2)
    mentions[mask] = torch.stack([first, first + length], dim=-1)
    return mentions, mask
