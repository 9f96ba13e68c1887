"""Logits → mentions and triples of one window. Nothing is parsed out of text: places are numbers throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import torch
from torch import Tensor

from relik_ml.models.batch import ReaderOutput
from relik_ml.models.config import Thresholds
from relik_ml.text.windows import Part
from relik_ml.types import Entry, Link, Mention, Property, Retrieved, Triple


@dataclass(frozen=True)
class Inventory:
    """What the numbers of the network stand for, besides the candidates of each window."""

    types: tuple[Entry, ...]
    linkable: Set[str] = frozenset()
    """Types whose mentions can be linked; all others are ``unlinkable``."""
    properties: Mapping[str, Property] = field(default_factory=dict)
    """Wikidata property of each relation that has one."""


class Decoder:
    """``ReaderOutput`` and the windows it came from → one ``Part`` a window.

    Every probability becomes a score: a mention's is p_S(s) · p_E(t | s) · p(type), a link's its softmax
    probability, a triple's its sigmoid.
    """

    def __init__(self, inventory: Inventory, thresholds: Thresholds = Thresholds()) -> None:
        self.inventory, self.thresholds = inventory, thresholds

    def __call__(self, output: ReaderOutput, batch: Sequence[Retrieved]) -> list[Part]:
        """In the order of the batch."""
        return [self._part(output, place, item) for place, item in enumerate(batch)]

    def _part(self, output: ReaderOutput, place: int, item: Retrieved) -> Part:
        count = int(output.mention_mask[place].sum())
        spans = output.mentions[place, :count].tolist()
        scores = _mention_scores(output, place, count)
        links = output.links[place, :count].softmax(-1)
        mentions = tuple(
            self._mention(number, item, span, scores[number], links[number]) for number, span in enumerate(spans)
        )
        return Part(item.window, mentions, self._triples(output.relations[place, :count, :count], mentions, item))

    def _mention(self, number: int, item: Retrieved, span: Sequence[int], types: Tensor, links: Tensor) -> Mention:
        score, type_ = types.max(-1)
        tokens = item.window.tokens
        name = self.inventory.types[int(type_)].id
        link = self._link(item, links) if name in self.inventory.linkable else Link("unlinkable")
        start, stop = tokens[span[0]].start, tokens[span[1]].stop
        return Mention(f"T{number + 1}", start, stop, name, link=link, score=round(float(score), 4))

    @staticmethod
    def _link(item: Retrieved, links: Tensor) -> Link:
        score, place = links[: 1 + len(item.entities)].max(-1)
        if not int(place):
            return Link("nil", score=round(float(score), 4))
        entry = item.entities[int(place) - 1].entry
        return Link("linked", entry.id, entry.name, score=round(float(score), 4))

    def _triples(self, logits: Tensor, mentions: Sequence[Mention], item: Retrieved) -> tuple[Triple, ...]:
        chances = logits[..., : len(item.relations)].sigmoid()
        found = (chances > self.thresholds.relation).nonzero().tolist()
        return tuple(
            Triple(
                mentions[subject].id,
                (name := item.relations[relation].entry.id),
                mentions[object_].id,
                self.inventory.properties.get(name),
                score=round(float(chances[subject, object_, relation]), 4),
            )
            for subject, object_, relation in found
            if subject != object_
        )


def _mention_scores(output: ReaderOutput, place: int, count: int) -> Tensor:
    """(M, Y): p_S(s) · p_E(t | s) · p(type)."""
    first, last = output.mentions[place, :count].unbind(-1)
    bounds = output.start[place, first].sigmoid() * output.end[place, first, last - first].sigmoid()
    return bounds[:, None] * torch.softmax(output.types[place, :count], -1)
