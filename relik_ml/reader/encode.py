"""Windows with candidates → tensors: what all encoders share. The encoder's own inputs come from an ``Inputs``."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from relik_ml.models.batch import IGNORE, Given, Gold, Hits, ReaderBatch
from relik_ml.text.windows import cut
from relik_ml.types import Entry, Link, Mention, Retrieved, Window


class Inputs(Protocol):
    """Makes the tensors that one kind of encoder takes."""

    cut: Counter[str]
    """What was cut short or dropped since construction, and out of how many."""

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """The same windows with those candidates that the encoder can read, the best ones; no window is dropped."""
        ...

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Tensor]:
        """Everything of ``ReaderBatch.inputs``."""
        ...


class Row(NamedTuple):
    """A mention as the network sees it: its first and last token, and the document's mentions that stand there."""

    first: int
    last: int
    mentions: tuple[Mention, ...]


class BatchEncoder:
    """Retrieved windows → ``ReaderBatch``. ``types`` are the mention types in the order of the network.

    ``fit`` a batch first: targets, hits and what is decoded number the candidates that are left::

        batch = encoder.fit(batch)
        parts = decoder(model(encoder(batch)), batch)
    """

    def __init__(self, inputs: Inputs, types: Sequence[Entry], max_mention: int, hit_features: int) -> None:
        self.inputs, self.types = inputs, tuple(types)
        self.max_mention, self.hit_features = max_mention, hit_features
        self._type = {entry.id: place for place, entry in enumerate(self.types)}

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """The windows as the encoder can read them: ``Inputs.fit``."""
        return self.inputs.fit(batch)

    def __call__(self, batch: Sequence[Retrieved]) -> ReaderBatch:
        """A batch without targets."""
        return ReaderBatch(
            self.inputs(batch),
            _mask([len(item.window.tokens) for item in batch]),
            _mask([1 + len(item.entities) for item in batch]),
            _mask([len(item.relations) for item in batch]),
            self._hits(batch),
        )

    def with_gold(self, batch: Sequence[Retrieved]) -> ReaderBatch:
        """A batch with the targets of the documents it was cut from."""
        return self(batch)._replace(gold=self._gold(batch))

    def with_mentions(self, batch: Sequence[Retrieved], rows: Sequence[Sequence[Row]]) -> ReaderBatch:
        """A batch that asks about given mentions: the ``rows`` of each window."""
        mask = _mask([len(found) for found in rows])
        mentions = torch.zeros(*mask.shape, 2, dtype=torch.long)
        mentions[mask] = torch.tensor([row[:2] for found in rows for row in found], dtype=torch.long).view(-1, 2)
        return self(batch)._replace(given=Given(mentions, mask))

    def rows(self, item: Retrieved) -> list[Row]:
        """The mentions of the window's document that lie whole in it, in its order, less those ``out_of_reach``.

        Mentions that touch the same tokens are one row.
        """
        snap = Snap(item.window)
        found: dict[tuple[int, int], list[Mention]] = {}
        for mention in cut(item.window).mentions:
            span = snap(mention.start, mention.stop)
            if not self._out_of_reach(mention, span):
                found.setdefault(span, []).append(mention)
        return [Row(*span, tuple(mentions)) for span, mentions in found.items()]

    def _hits(self, batch: Sequence[Retrieved]) -> Hits:
        rows, features = [], []
        for place, item in enumerate(batch):
            snap = Snap(item.window)
            for hit in item.hits if self.hit_features else ():
                rows.append((place, *snap(hit.start, hit.stop), 1 + hit.candidate))
                features.append(hit.features)
        window, first, last, candidate = torch.tensor(rows, dtype=torch.long).view(-1, 4).unbind(1)
        return Hits(window, first, last, candidate, torch.tensor(features).view(len(rows), self.hit_features))

    def _gold(self, batch: Sequence[Retrieved]) -> Gold:
        targets = [self._targets(item) for item in batch]
        mask = _mask([len(mentions) for mentions, _, _ in targets])
        size = mask.shape[1]
        mentions, types = torch.zeros(*mask.shape, 2, dtype=torch.long), torch.zeros(mask.shape, dtype=torch.long)
        links = torch.full(mask.shape, IGNORE)
        for place, (found, _, _) in enumerate(targets):
            for row, (first, last, type_, link) in enumerate(found):
                mentions[place, row] = torch.tensor([first, last])
                types[place, row], links[place, row] = type_, link
        triples = [(place, *triple) for place, (_, triples, _) in enumerate(targets) for triple in triples]
        annotated = torch.tensor([scored for _, _, scored in targets]).view(-1, 1, 1)
        pairs = mask[:, :, None] & mask[:, None] & ~torch.eye(size, dtype=torch.bool) & annotated
        return Gold(mentions, mask, types, links, torch.tensor(triples, dtype=torch.long).view(-1, 4), pairs)

    def out_of_reach(self, items: Sequence[Retrieved]) -> Counter[str]:
        """How many gold mentions and triples of windows there are, and how many of them no target can express.

        Those are discontinuous mentions, longer ones than the network spans, unknown types, and what relates them.
        """
        counts = Counter[str]()
        for item in items:
            part, snap = cut(item.window), Snap(item.window)
            lost = {m.id for m in part.mentions if self._out_of_reach(m, snap(m.start, m.stop))}
            counts["mentions"] += len(part.mentions)
            counts["mentions out of reach"] += len(lost)
            counts["triples"] += len(part.triples)
            counts["triples out of reach"] += sum(bool({t.subject, t.object} & lost) for t in part.triples)
        return counts

    def _out_of_reach(self, mention: Mention, span: tuple[int, int]) -> bool:
        return bool(mention.fragments) or mention.type not in self._type or span[1] - span[0] >= self.max_mention

    def _targets(self, item: Retrieved) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, int]], bool]:
        """Mentions as (first, last, type, link), triples as places of those, and whether triples are annotated."""
        entities = {candidate.entry.id: place for place, candidate in enumerate(item.entities, 1)}
        relations = {candidate.entry.id: place for place, candidate in enumerate(item.relations)}
        rows = self.rows(item)
        found = [(first, last, self._type[same[0].type], _link(same[0].link, entities)) for first, last, same in rows]
        places = {mention.id: place for place, row in enumerate(rows) for mention in row.mentions}
        triples = [
            (places[triple.subject], places[triple.object], relations[triple.relation])
            for triple in cut(item.window).triples
            if triple.subject in places
            and triple.object in places
            and triple.relation in relations
            and places[triple.subject] != places[triple.object]
        ]
        return found, triples, item.window.document.annotated.triples != "none"


def _link(link: Link, entities: Mapping[str, int]) -> int:
    """The place of the gold entity among the candidates; NME when it is NIL or was not retrieved."""
    if link.status == "linked":
        ids = (link.id or "", *link.alternatives)
        return next((entities[id_] for id_ in ids if id_ in entities), 0)
    return 0 if link.status == "nil" else IGNORE


class Snap:
    """Code points → tokens of a window: the first and the last token that a range touches.

    Four mentions of NEREL begin or end inside a word; they snap outward.
    """

    def __init__(self, window: Window) -> None:
        self._starts = [token.start for token in window.tokens]
        self._stops = [token.stop for token in window.tokens]

    def __call__(self, start: int, stop: int) -> tuple[int, int]:
        """Places of tokens, both inclusive; a range of blanks counts as the token behind them."""
        first = min(bisect_right(self._stops, start), len(self._stops) - 1)
        return first, max(first, bisect_left(self._starts, stop) - 1)


def _mask(lengths: Sequence[int]) -> Tensor:
    return torch.arange(max(lengths, default=0)) < torch.tensor(lengths)[:, None]
