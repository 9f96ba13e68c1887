"""Decodes logits into the mentions and triples of a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from relik_ml.models import ReaderOutput, Thresholds
from relik_ml.reader.encode import MentionRow
from relik_ml.score import Calibration
from relik_ml.text import Part
from relik_ml.types import Entry, Link, Mention, Property, Retrieved, Span, Triple

_BREAKS = "\n\r\t\x0b\x0c\x85\u2028\u2029"


@dataclass(frozen=True)
class Inventory:
    """Labels of the network's outputs, besides the candidates of each window."""

    types: tuple[Entry, ...]
    linkable: Set[str] = frozenset()
    """Types whose mentions are linked; mentions of other types, but literals, get an ``unknown`` link."""
    literals: Set[str] = frozenset()
    """Types whose mentions are values, such as dates, and so ``unlinkable``."""
    properties: Mapping[str, Property] = field(default_factory=dict)
    """Wikidata property of each relation that has one."""
    typed: Mapping[tuple[str, str, str], Property] = field(default_factory=dict)
    """Properties by relation, type of subject and type of object; they take precedence over ``properties``."""

    def property_of(self, relation: str, subject: str, object: str) -> Property | None:
        """The Wikidata property of a relation between mentions of these types."""
        return self.typed.get((relation, subject, object), self.properties.get(relation))


class Decoder:
    """``ReaderOutput`` and the windows it came from → one ``Part`` a window.

    Every probability becomes a score: a mention's is p_S(s) · p_E(t | s) · p(type), a link's its softmax
    probability, a triple's its sigmoid times the scores of its mentions; each is then calibrated. Mentions never cross
    a line break or a tab.
    """

    def __init__(
        self, inventory: Inventory, thresholds: Thresholds = Thresholds(), calibration: Calibration = Calibration()
    ) -> None:
        self.inventory, self.thresholds, self.calibration = inventory, thresholds, calibration

    def __call__(self, output: ReaderOutput, batch: Sequence[Retrieved]) -> list[Part]:
        """In the order of the batch."""
        return [self._part(output, index, item) for index, item in enumerate(batch)]

    def describe(
        self, output: ReaderOutput, batch: Sequence[Retrieved], rows: Sequence[Sequence[MentionRow]]
    ) -> list[Part]:
        """The given mentions of the ``rows``, each with its link, and the triples between them.

        Mentions of one row share their link; its triples refer to the first one.
        """
        return [self._described(output, index, *pair) for index, pair in enumerate(zip(batch, rows, strict=True))]

    def _described(self, output: ReaderOutput, index: int, item: Retrieved, rows: Sequence[MentionRow]) -> Part:
        links = output.links[index, : len(rows)].softmax(-1)
        mentions = tuple(
            replace(mention, link=self._link(mention.type, _span(item, row.first, row.last), item, links[number]))
            for number, row in enumerate(rows)
            for mention in row.mentions
        )
        relations = output.relations[index, : len(rows), : len(rows)]
        sure = relations.new_ones(len(rows))
        return Part(item.window, mentions, self._triples(relations, sure, [row.mentions[0] for row in rows], item))

    def _part(self, output: ReaderOutput, index: int, item: Retrieved) -> Part:
        count = int(output.mention_mask[index].sum())
        spans = output.mentions[index, :count].tolist()
        types = _mention_scores(output, index, count)
        scores = types.amax(-1) if count else types.new_zeros(0)
        likely = (scores > self.thresholds.mention).nonzero().squeeze(-1).tolist()
        kept = [number for number in likely if not _crosses_cells(item, *spans[number])]
        links = output.links[index, :count].softmax(-1)
        mentions = tuple(self._mention(number, item, spans[number], types[number], links[number]) for number in kept)
        relations = output.relations[index][kept][:, kept]
        return Part(item.window, mentions, self._triples(relations, scores[kept], mentions, item))

    def _mention(self, number: int, item: Retrieved, span: Sequence[int], types: Tensor, links: Tensor) -> Mention:
        score, type_ = types.max(-1)
        name = self.inventory.types[int(type_)].id
        start, stop = _span(item, *span)
        link = self._link(name, Span(start, stop), item, links)
        return Mention(f"T{number + 1}", start, stop, name, link=link, score=self.calibration("mention", float(score)))

    def _link(self, type: str, span: Span, item: Retrieved, links: Tensor) -> Link:
        if type not in self.inventory.linkable:
            return Link("unlinkable" if type in self.inventory.literals else "unknown")
        nil, *scores = links[: 1 + len(item.entities)].tolist()
        best = max(_linkable(item, span), key=scores.__getitem__, default=None)
        if best is None or scores[best] <= self.thresholds.link * (scores[best] + nil):
            return Link("nil", score=self.calibration("nil", nil))
        entry = item.entities[best].entry
        return Link("linked", entry.id, entry.name, score=self.calibration("link", scores[best]))

    def _triples(
        self, logits: Tensor, scores: Tensor, mentions: Sequence[Mention], item: Retrieved
    ) -> tuple[Triple, ...]:
        """Of logits (M, M, R) between mentions with these scores (M,)."""
        pairs = scores[:, None] * scores
        chances = logits[..., : len(item.relations)].sigmoid() * pairs[..., None]
        found = (chances > self.thresholds.relation).nonzero().tolist()
        return tuple(
            Triple(
                mentions[subject].id,
                (name := item.relations[relation].entry.id),
                mentions[object_].id,
                self.inventory.property_of(name, mentions[subject].type, mentions[object_].type),
                score=self.calibration("triple", float(chances[subject, object_, relation])),
            )
            for subject, object_, relation in found
            if subject != object_
        )


def _linkable(item: Retrieved, span: Span) -> set[int]:
    """The candidates that a mention may be linked to: those whose name matches its span, and those found by vector.

    Candidates whose name matches only elsewhere in the window are hardly ever right (docs/results/embedded-model.md).
    """
    named = {hit.candidate for hit in item.hits}
    here = {hit.candidate for hit in item.hits if (hit.start, hit.stop) == span}
    return here.union(candidate for candidate in range(len(item.entities)) if candidate not in named)


def _span(item: Retrieved, first: int, last: int) -> Span:
    """The span of the tokens from ``first`` to ``last``, both inclusive."""
    return Span(item.window.tokens[first].start, item.window.tokens[last].stop)


def _crosses_cells(item: Retrieved, first: int, last: int) -> bool:
    """Whether there is a line break or a tab between two tokens, such as between cells of a table."""
    start, stop = _span(item, first, last)
    return any(character in item.window.document.text[start:stop] for character in _BREAKS)


def _mention_scores(output: ReaderOutput, index: int, count: int) -> Tensor:
    """(M, Y): p_S(s) · p_E(t | s) · p(type)."""
    first, last = output.mentions[index, :count].unbind(-1)
    bounds = output.start[index, first].sigmoid() * output.end[index, first, last - first].sigmoid()
    return bounds[:, None] * torch.softmax(output.types[index, :count], -1)
