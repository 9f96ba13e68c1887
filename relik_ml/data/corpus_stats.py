"""Statistics of a corpus: additive counts over documents, as a table or as JSON.

>>> from relik_ml.types import Link, Mention, Triple
>>> text = "Анна Ахматова родилась в Одессе."
>>> anna, first = Mention("T1", 0, 13, "PERSON", link=Link("linked", "Q80440")), Mention("T2", 0, 4, "PERSON")
>>> city = Mention("T3", 25, 31, "CITY", link=Link("nil"))
>>> stats = Stats()
>>> stats.add(Document("d", text, mentions=(anna, first, city), triples=(Triple("T1", "PLACE_OF_BIRTH", "T3"),)))
>>> print(stats.table())  # doctest: +ELLIPSIS
documents                                           1
characters                                         32
tokens                                              6
  median, tokens                                    6
  95 % at most, tokens                              6
  longest, tokens                                   6
mentions                                            3
  inside another                                    1    33.33 %
...
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from relik_ml.text import sentences
from relik_ml.types import Document, Mention, Span, Status, Triple

WINDOWS = (32, 64, 128, 256)
REACHES = ("sentence", *(f"window {size}" for size in WINDOWS))


@dataclass(slots=True)
class Stats:
    """Counts over documents, which add up.

    ``reach`` counts the triples whose arguments lie within one sentence, or within one window of N tokens with a stride
    of N / 2. ``depths`` maps nesting depths to numbers of mentions, ``lengths`` numbers of tokens to numbers of
    documents. To compare with published figures, tokens are razdel's and windows ignore sentences.
    """

    counts: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    links: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    reach: Counter[str] = field(default_factory=Counter)
    depths: Counter[int] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)

    def add(self, document: Document) -> None:
        """Count a document."""
        mentions, triples = document.mentions, document.triples
        words = _tokens(document.text)
        self.lengths[len(words)] += 1
        sizes = {"documents": 1, "characters": len(document.text), "tokens": len(words), "mentions": len(mentions)}
        self.counts.update(sizes | {"entities": len(document.entities), "triples": len(triples)})
        self.counts["discontinuous"] += sum(bool(mention.fragments) for mention in mentions)
        self.types.update(mention.type for mention in mentions)
        self.links.update(mention.link.status for mention in mentions)
        self.relations.update(triple.relation for triple in triples)
        self.depths.update(depths := nesting(mentions))
        self.counts["inside another"] += sum(depth > 0 for depth in depths)
        self.counts["crossing pairs"] += sum(1 for _ in crossings([mention.span for mention in mentions]))
        self.reach.update(_reach(document, words))

    def __add__(self, other: Stats) -> Stats:
        return Stats(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def table(self) -> str:
        """The counts as a table, types and relations by frequency."""
        mentions, triples = self.counts["mentions"], self.counts["triples"]
        lines = [(name, self.counts[name], 0) for name in ("documents", "characters", "tokens")]
        for name, share in (("median", 0.5), ("95 % at most", 0.95), ("longest", 1)):
            lines.append((f"  {name}, tokens", self.quantile(share), 0))
        lines.append(("mentions", mentions, 0))
        lines += [(f"  {name}", self.counts[name], mentions) for name in ("inside another", "discontinuous")]
        lines.append(("  deepest nesting, levels", 1 + max(self.depths, default=-1), 0))
        lines.append(("  crossing pairs", self.counts["crossing pairs"], 0))
        lines += [(f"  {status}", self.links[status], mentions) for status in get_args(Status)]
        lines += [(f"  {type}", count, mentions) for type, count in self.types.most_common()]
        lines += [("entities", self.counts["entities"], 0), ("triples", triples, 0)]
        lines += [(f"  in one {name}", self.reach[name], triples) for name in REACHES]
        lines += [(f"  {name}", count, triples) for name, count in self.relations.most_common()]
        return "\n".join(f"{name:40}{n:>13,}" + (f"{100 * n / of:>9.2f} %" if of else "") for name, n, of in lines)

    def json(self) -> dict[str, Any]:
        """The counts as a JSON object."""
        return {
            **{name: self.counts[name] for name in ("documents", "characters", "tokens")},
            "tokens_per_document": {"median": self.quantile(0.5), "p95": self.quantile(0.95), "max": self.quantile(1)},
            "mentions": self.counts["mentions"],
            "types": dict(self.types.most_common()),
            "nesting": {
                "inside_another": self.counts["inside another"],
                "levels": {str(depth): count for depth, count in sorted(self.depths.items())},
                "crossing_pairs": self.counts["crossing pairs"],
                "discontinuous": self.counts["discontinuous"],
            },
            "links": {status: self.links[status] for status in get_args(Status)},
            "entities": self.counts["entities"],
            "triples": self.counts["triples"],
            "relations": dict(self.relations.most_common()),
            "reach": {name: {"count": self.reach[name], "share": self._share(name)} for name in REACHES},
        }

    def _share(self, reach: str) -> float:
        triples = self.counts["triples"]
        return round(self.reach[reach] / triples, 6) if triples else 0.0

    def quantile(self, share: float) -> int:
        """The quantile of the tokens per document; 0 without documents."""
        total = 0
        for length, count in sorted(self.lengths.items()):
            total += count
            if total >= share * self.counts["documents"]:
                return length
        return 0


def measure(documents: Iterable[Document]) -> Stats:
    """The statistics of a stream of documents."""
    stats = Stats()
    for document in documents:
        stats.add(document)
    return stats


def nesting(mentions: Iterable[Mention]) -> list[int]:
    """The nesting depth of each mention, in text order. Equal spans are not nested.

    >>> spans = [(0, 20), (5, 10), (5, 7), (5, 7), (8, 15)]
    >>> nesting(Mention("T", start, stop, "CITY") for start, stop in spans)
    [0, 1, 2, 2, 1]
    """
    found: list[int] = []
    open_: list[tuple[Span, int]] = []
    for span in sorted((m.span for m in mentions), key=lambda span: (span.start, -span.stop)):
        open_ = [(outer, depth) for outer, depth in open_ if outer.stop > span.start]
        around = (depth for outer, depth in open_ if outer.stop >= span.stop and outer != span)
        depth = 1 + max(around, default=-1)
        open_.append((span, depth))
        found.append(depth)
    return found


def crossings(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The pairs of spans, by their positions, that overlap without one containing the other.

    >>> list(crossings([(0, 20), (5, 10), (5, 7), (5, 7), (8, 15), (0, 4), (4, 6)]))
    [(6, 2), (6, 3), (6, 1), (1, 4)]
    """
    open_: list[int] = []
    for index in sorted(range(len(spans)), key=spans.__getitem__):
        start, stop = spans[index]
        open_ = [other for other in open_ if spans[other][1] > start]
        yield from ((other, index) for other in open_ if spans[other][0] < start and spans[other][1] < stop)
        open_.append(index)


def _tokens(text: str) -> list[Span]:
    from razdel import tokenize  # imported late: other commands do not need it

    return [Span(token.start, token.stop) for token in tokenize(text)]


def _windows(words: Sequence[Span], size: int) -> list[Span]:
    starts = range(0, len(words), size // 2)
    return [Span(words[start].start, words[min(start + size, len(words)) - 1].stop) for start in starts]


def _reach(document: Document, words: Sequence[Span]) -> Iterator[str]:
    """``sentence`` and ``window N``, once for each triple that lies within one of them."""
    if not document.triples:
        return
    by_id = {mention.id: mention for mention in document.mentions}
    envelopes = [_envelope(triple, by_id) for triple in document.triples]
    yield from ["sentence"] * _inside(envelopes, list(sentences(document.text)))
    for size in WINDOWS:
        yield from [f"window {size}"] * _inside(envelopes, _windows(words, size))


def _envelope(triple: Triple, by_id: dict[str, Mention]) -> Span:
    one, other = by_id[triple.subject], by_id[triple.object]
    return Span(min(one.start, other.start), max(one.stop, other.stop))


def _inside(inner: Iterable[Span], outer: Sequence[Span]) -> int:
    """The number of inner spans that lie within one outer span.

    Starts and stops of the outer spans ascend, so the last outer span that starts before an inner one reaches farthest.
    """
    starts = [span.start for span in outer]
    found = ((bisect_right(starts, span.start), span) for span in inner)
    return sum(index > 0 and span.stop <= outer[index - 1].stop for index, span in found)
