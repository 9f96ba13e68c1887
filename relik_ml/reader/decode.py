"""Decodes logits into the mentions and triples of a window."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np

from relik_ml.config import Thresholds
from relik_ml.network import Array, ReaderOutput, Spans
from relik_ml.reader.encode import MentionRow
from relik_ml.scheme import NEREL
from relik_ml.score import Calibration
from relik_ml.text import Part
from relik_ml.types import Entry, Link, LinkCandidate, Mention, Property, Retrieved, Span, Triple

_BREAK = re.compile("[\n\r\t\x0b\x0c\x85\u2028\u2029]")

_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


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
    coarse: Mapping[str, Mapping[str, Set[str]]] = field(default_factory=lambda: NEREL.coarse)
    """By corpus, the types that make up each of its coarser ones, which given mentions may have."""

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

    def __call__(self, output: ReaderOutput[Array], batch: Sequence[Retrieved], candidates: int = 0) -> list[Part]:
        """In the order of the batch. Each link gets at most so many ``candidates``."""
        return [self._part(output, index, item, candidates) for index, item in enumerate(batch)]

    def describe(
        self, output: ReaderOutput[Array], batch: Sequence[Retrieved], rows: Sequence[Sequence[MentionRow]],
        candidates: int = 0,
    ) -> list[Part]:  # fmt: skip
        """The given mentions of the ``rows``, each with its link, and the triples between them.

        Mentions of one row share their link; its triples refer to the first one.
        """
        pairs = enumerate(zip(batch, rows, strict=True))
        return [self._described(output, index, *pair, candidates) for index, pair in pairs]

    def _described(
        self, output: ReaderOutput[Array], index: int, item: Retrieved, rows: Sequence[MentionRow], candidates: int
    ) -> Part:
        links = softmax(output.links[index, : len(rows)])
        spans = [_span(item, row.first, row.last) for row in rows]
        mentions = tuple(
            replace(mention, link=self._link(mention.type, spans[number], item, links[number], candidates))
            for number, row in enumerate(rows)
            for mention in row.mentions
        )
        relations = output.relations[index, : len(rows), : len(rows)]
        sure = np.ones(len(rows), np.float32)
        return Part(item.window, mentions, self._triples(relations, sure, [row.mentions[0] for row in rows], item))

    def _part(self, output: ReaderOutput[Array], index: int, item: Retrieved, candidates: int) -> Part:
        count = int(output.mention_mask[index].sum())
        spans = output.mentions[index, :count].tolist()
        types = _mention_scores(output, index, count)
        scores = types.max(-1)
        likely = np.flatnonzero(scores > self.thresholds.mention).tolist()
        kept = [number for number in likely if not _crosses_cells(item, *spans[number])]
        links = softmax(output.links[index, :count])
        mentions = tuple(
            self._mention(number, item, spans[number], types[number], links[number], candidates) for number in kept
        )
        relations = output.relations[index][kept][:, kept]
        return Part(item.window, mentions, self._triples(relations, scores[kept], mentions, item))

    def _mention(
        self, number: int, item: Retrieved, span: Sequence[int], types: Array, links: Array, candidates: int
    ) -> Mention:
        name, score = self.inventory.types[int(types.argmax())].id, self.calibration("mention", float(types.max()))
        start, stop = _span(item, *span)
        link = self._link(name, Span(start, stop), item, links, candidates)
        return Mention(f"T{number + 1}", start, stop, name, link=link, score=score)

    def _link(self, type: str, span: Span, item: Retrieved, links: Array, candidates: int) -> Link:
        finer = self.inventory.coarse.get(item.window.document.corpus, {}).get(type, {type})
        if finer.isdisjoint(self.inventory.linkable):
            return Link("unlinkable" if finer <= self.inventory.literals else "unknown")
        nil, *scores = links[: 1 + len(item.entities)].tolist()
        linkable = _linkable(item, span)
        best = max(linkable, key=scores.__getitem__, default=None)
        shown = self._candidates(linkable, scores, item)[:candidates] if candidates else ()
        if best is None or scores[best] <= self.thresholds.link * (scores[best] + nil):
            return Link("nil", score=self.calibration("nil", nil), candidates=shown)
        entry = item.entities[best].entry
        score = self.calibration("link", scores[best])
        return Link("linked", entry.id, _name(entry, item), score=score, candidates=shown)

    def _candidates(self, linkable: Set[int], scores: Sequence[float], item: Retrieved) -> tuple[LinkCandidate, ...]:
        """The entities that a mention may be linked to, the likeliest first."""
        order = sorted(linkable, key=lambda index: (-scores[index], index))
        return tuple(
            LinkCandidate(entry.id, _name(entry, item), self.calibration("link", scores[index]))
            for index in order
            for entry in [item.entities[index].entry]
        )

    def _triples(
        self, logits: Array, scores: Array, mentions: Sequence[Mention], item: Retrieved
    ) -> tuple[Triple, ...]:
        """Of logits (M, M, R) between mentions with these scores (M,)."""
        pairs = scores[:, None] * scores
        chances = sigmoid(logits[..., : len(item.relations)]) * pairs[..., None]
        found = np.argwhere(chances > self.thresholds.relation).tolist()
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


def _name(entry: Entry, item: Retrieved) -> str:
    """The name of an entry in the script of the document: an alias if the name is in another language.

    >>> from relik_ml.types import Document, Window
    >>> item = Retrieved(Window(Document("d", ""), 0, 0, ()), (), ())
    >>> _name(Entry("Q1744", "entity", "Madonna", lang="en", aliases=("Мадонна",)), item)
    'Мадонна'
    """
    lang = item.window.document.lang
    if lang != "ru" or entry.lang == lang or _CYRILLIC.search(entry.name):
        return entry.name
    return next(filter(_CYRILLIC.search, entry.aliases), entry.name)


def _span(item: Retrieved, first: int, last: int) -> Span:
    """The span of the tokens from ``first`` to ``last``, both inclusive."""
    return Span(item.window.tokens[first].start, item.window.tokens[last].stop)


def _crosses_cells(item: Retrieved, first: int, last: int) -> bool:
    """Whether there is a line break or a tab between two tokens, such as between cells of a table."""
    start, stop = _span(item, first, last)
    return _BREAK.search(item.window.document.text, start, stop) is not None


def _mention_scores(output: ReaderOutput[Array], index: int, count: int) -> Array:
    """(M, Y): p_S(s) · p_E(t | s) · p(type)."""
    first, last = output.mentions[index, :count].T
    bounds = sigmoid(output.start[index, first]) * sigmoid(output.end[index, first, last - first])
    scores: Array = bounds[:, None] * softmax(output.types[index, :count])
    return scores


def predicted_spans(start: Array, end: Array, token_mask: Array, thresholds: Thresholds) -> Spans[Array]:
    """The spans whose start and end are both more likely than the thresholds.

    Logits (B, T) and (B, T, W) give mentions (B, M, 2), padded with zeros, and their mask (B, M).
    """
    windows, tokens, longest = end.shape
    likely = (sigmoid(start) > thresholds.start) & token_mask
    window, first = likely.nonzero()
    last = first[:, None] + np.arange(longest)
    inside = (last < tokens) & token_mask[window[:, None], np.minimum(last, tokens - 1)]
    row, length = ((sigmoid(end[window, first]) > thresholds.end) & inside).nonzero()
    counts = np.bincount(window[row], minlength=windows)
    mask = np.arange(counts.max(initial=0)) < counts[:, None]
    mentions = np.zeros((*mask.shape, 2), np.int64)
    mentions[mask] = np.stack([first[row], first[row] + length], -1)
    return Spans(mentions, mask)


def sigmoid(logits: Array) -> Array:
    """1 / (1 + e^-x), without overflow."""
    small = np.exp(-np.abs(logits))
    chances: Array = np.where(logits >= 0, 1, small) / (1 + small)
    return chances


def softmax(logits: Array) -> Array:
    """Along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    chances: Array = powers / powers.sum(-1, keepdims=True)
    return chances
