"""Encodes windows with candidates as arrays. An ``Inputs`` adds the inputs of a kind of encoder."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np

from relik_ml.network import IGNORE, Array, Gold, NameHits, ReaderBatch, Spans
from relik_ml.reader.encoder_inputs import Inputs
from relik_ml.text import cut
from relik_ml.types import Document, Entry, Link, Mention, Retrieved, Window


class MentionRow(NamedTuple):
    """A mention as the network sees it: its first and last token, and the document's mentions on these tokens."""

    first: int
    last: int
    mentions: tuple[Mention, ...]


class Targets(NamedTuple):
    """Gold of a window as indices of the network."""

    mentions: list[tuple[int, int, int]]
    """First and last token, link."""
    types: list[Array]
    """The types that each mention may have: (Y,) bool."""
    triples: list[tuple[int, int, int]]
    """Subject and object, as indices of ``mentions``, and relation."""
    unknown: list[tuple[int, int]]
    """Subject and object of relations that are none of the candidates."""


class BatchEncoder:
    """Retrieved windows → ``ReaderBatch``. ``types`` are the mention types in the order of the network.

    ``coarse`` has, by corpus, the types that make up each of its coarser ones: gold mentions of these may have several.

    ``fit`` a batch first: targets, hits and what is decoded number the candidates that are left::

        batch = encoder.fit(batch)
        parts = decoder(model(encoder(batch)), batch)
    """

    def __init__(
        self, inputs: Inputs, types: Sequence[Entry], max_mention: int, hit_features: int,
        coarse: Mapping[str, Mapping[str, Set[str]]] = {},
    ) -> None:  # fmt: skip
        self.inputs, self.types = inputs, tuple(types)
        self.max_mention, self.hit_features = max_mention, hit_features
        names = [entry.id for entry in self.types]
        self._own = _allowed(names, {name: {name} for name in names})
        self._coarse = {corpus: _allowed(names, types) for corpus, types in coarse.items()}

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        """Drop the candidates for which the encoder has no room: see ``Inputs.fit``."""
        return self.inputs.fit(batch)

    def __call__(self, batch: Sequence[Retrieved]) -> ReaderBatch[Array]:
        """A batch without targets."""
        return ReaderBatch(
            self.inputs(batch),
            _mask([len(item.window.tokens) for item in batch]),
            _mask([1 + len(item.entities) for item in batch]),
            _mask([len(item.relations) for item in batch]),
            self._hits(batch),
        )

    def with_gold(self, batch: Sequence[Retrieved]) -> ReaderBatch[Array]:
        """A batch with the targets of the documents it was cut from, as far as they are ``annotated``."""
        return self(batch)._replace(gold=self._gold(batch))

    def with_mentions(self, batch: Sequence[Retrieved], rows: Sequence[Sequence[MentionRow]]) -> ReaderBatch[Array]:
        """A batch with given mentions: the ``rows`` of each window."""
        return self(batch)._replace(given=Spans(*_padded([[row[:2] for row in found] for found in rows], (0, 0))))

    def rows(self, item: Retrieved) -> list[MentionRow]:
        """The mentions of the window's document that lie whole in it, in its order, less those ``out_of_reach``.

        Mentions that touch the same tokens are one row.
        """
        return self._rows(item, cut(item.window).mentions)

    def gold_rows(self, item: Retrieved) -> list[MentionRow]:
        """The same for training: where types are not annotated, mentions of unknown types are included."""
        part = cut(item.window)
        if item.window.document.annotated.types != "none":
            return self._rows(item, part.mentions)
        return self._rows(item, [replace(mention, type=next(iter(self._allowed(item)))) for mention in part.mentions])

    def _rows(self, item: Retrieved, mentions: Iterable[Mention]) -> list[MentionRow]:
        snap, known = Snap(item.window), self._allowed(item)
        found: dict[tuple[int, int], list[Mention]] = {}
        for mention in mentions:
            span = snap(mention.start, mention.stop)
            if not self._out_of_reach(mention, span, known):
                found.setdefault(span, []).append(mention)
        return [MentionRow(*span, tuple(same)) for span, same in found.items()]

    def _hits(self, batch: Sequence[Retrieved]) -> NameHits[Array]:
        rows, features = [], []
        for number, item in enumerate(batch):
            snap = Snap(item.window)
            for hit in item.hits if self.hit_features else ():
                rows.append((number, *snap(hit.start, hit.stop), 1 + hit.candidate))
                features.append(hit.features)
        window, first, last, candidate = np.array(rows, np.int64).reshape(-1, 4).T.copy()
        values = np.array(features, np.float32).reshape(len(rows), self.hit_features)
        return NameHits(window, first, last, candidate, values)

    def _gold(self, batch: Sequence[Retrieved]) -> Gold[Array]:
        targets = [self._targets(item) for item in batch]
        mentions, mask = _padded([found.mentions for found in targets], (0, 0, IGNORE))
        types = np.zeros((*mask.shape, len(self.types)), bool)
        types[mask] = np.array([each for found in targets for each in found.types], bool).reshape(-1, len(self.types))
        pairs = mask[:, :, None] & mask[:, None] & ~np.eye(mask.shape[1], dtype=bool)
        starts = _mask([len(item.window.tokens) for item in batch])
        for number, (item, found) in enumerate(zip(batch, targets, strict=True)):
            annotated = item.window.document.annotated
            pairs[number] &= annotated.triples != "none"
            for subject, object_ in found.unknown:
                pairs[number, subject, object_] = False
            starts[number] &= annotated.mentions in ("complete", "silver")
            starts[number, self._foreign_starts(item)] = False
        triples = [(number, *triple) for number, found in enumerate(targets) for triple in found.triples]
        return Gold(mentions[..., :2], mask, types, mentions[..., 2], _quads(triples), pairs, starts, _quads([]))

    def repeats(self, batch: Sequence[Retrieved]) -> Array:
        """Unannotated relations between mentions that repeat an annotated fact: (U, 4), like ``Gold.triples``.

        Annotators of NEREL mark a fact between the nearest mentions of its entities and leave other pairs unmarked.
        """
        found = []
        for number, item in enumerate(batch):
            of = _entities(item.window.document)
            facts = {(of[t.subject], t.relation, of[t.object]) for t in item.window.document.triples}
            stated = set(self._targets(item).triples)
            rows = [{of[mention.id] for mention in row.mentions} for row in self.gold_rows(item)]
            relations = {candidate.entry.id: index for index, candidate in enumerate(item.relations)}
            for subject, relation, object_ in sorted(fact for fact in facts if fact[1] in relations):
                pairs = product(*([n for n, row in enumerate(rows) if id in row] for id in (subject, object_)))
                triples = ((s, o, relations[relation]) for s, o in pairs if s != o)
                found += [(number, *triple) for triple in triples if triple not in stated]
        return _quads(found)

    def _foreign_starts(self, item: Retrieved) -> list[int]:
        """First tokens of gold mentions of types that the network does not have; the start loss ignores them."""
        snap, typed, known = Snap(item.window), item.window.document.annotated.types != "none", self._allowed(item)
        return [snap(m.start, m.stop)[0] for m in cut(item.window).mentions if typed and m.type not in known]

    def out_of_reach(self, items: Sequence[Retrieved]) -> Counter[str]:
        """Count the gold mentions and triples of windows, and those of them that no target can express.

        These are mentions that are discontinuous, longer than ``max_mention`` or of an unknown type, and their triples.
        """
        counts = Counter[str]()
        for item in items:
            part = cut(item.window)
            lost = {m.id for m in part.mentions} - {m.id for row in self.gold_rows(item) for m in row.mentions}
            counts["mentions"] += len(part.mentions)
            counts["mentions out of reach"] += len(lost)
            counts["triples"] += len(part.triples)
            counts["triples out of reach"] += sum(bool({t.subject, t.object} & lost) for t in part.triples)
        return counts

    def _out_of_reach(self, mention: Mention, span: tuple[int, int], types: Collection[str]) -> bool:
        return bool(mention.fragments) or mention.type not in types or span[1] - span[0] >= self.max_mention

    def _allowed(self, item: Retrieved) -> Mapping[str, Array]:
        """What each gold type of the window's corpus allows, (Y,) bool."""
        return self._coarse.get(item.window.document.corpus, self._own)

    def _targets(self, item: Retrieved) -> Targets:
        annotated, rows = item.window.document.annotated, self.gold_rows(item)
        entities = {candidate.entry.id: number for number, candidate in enumerate(item.entities, 1)}
        relations = {candidate.entry.id: number for number, candidate in enumerate(item.relations)}
        mentions = [
            (
                row.first,
                row.last,
                IGNORE if annotated.links == "none" else _link(row.mentions[0].link, entities),
            )
            for row in rows
        ]
        at = {mention.id: number for number, row in enumerate(rows) for mention in row.mentions}
        stated = [
            (at[triple.subject], at[triple.object], triple.relation)
            for triple in cut(item.window).triples
            if {triple.subject, triple.object} <= at.keys() and at[triple.subject] != at[triple.object]
        ]
        triples = [(s, o, relations[relation]) for s, o, relation in stated if relation in relations]
        typed = annotated.types != "none"
        types = [self._allowed(item)[row.mentions[0].type] & typed for row in rows]
        return Targets(mentions, types, triples, [(s, o) for s, o, relation in stated if relation not in relations])


def _allowed(types: Sequence[str], coarse: Mapping[str, Set[str]]) -> dict[str, Array]:
    return {name: np.isin(types, [*members]) for name, members in coarse.items() if not members.isdisjoint(types)}


def _link(link: Link, entities: Mapping[str, int]) -> int:
    """The number of the gold entity among the candidates; 0, NME, when it is NIL or was not retrieved."""
    if link.status == "linked":
        ids = (link.id or "", *link.alternatives)
        return next((entities[id_] for id_ in ids if id_ in entities), 0)
    return 0 if link.status == "nil" else IGNORE


def _entities(document: Document) -> dict[str, str]:
    """The entity of each mention: the id of its link, else of its entity, else its own."""
    entities = {mention: entity.id for entity in document.entities for mention in entity.mentions}
    return {mention.id: mention.link.id or entities.get(mention.id, mention.id) for mention in document.mentions}


class Snap:
    """Maps spans of code points to tokens of a window.

    A span that begins or ends inside a token, as four mentions of NEREL do, is extended to the whole token.
    """

    def __init__(self, window: Window) -> None:
        self._starts = [token.start for token in window.tokens]
        self._stops = [token.stop for token in window.tokens]

    def __call__(self, start: int, stop: int) -> tuple[int, int]:
        """Indices of the first and last token, both inclusive; white space maps to the token after it."""
        first = min(bisect_right(self._stops, start), len(self._stops) - 1)
        return first, max(first, bisect_left(self._starts, stop) - 1)


def _mask(lengths: Sequence[int]) -> Array:
    return np.arange(max(lengths, default=0)) < np.array(lengths)[:, None]


def _padded(rows: Sequence[Sequence[Sequence[int]]], fill: Sequence[int]) -> tuple[Array, Array]:
    """Rows of unequal length, (N, ·, F), as one array with a ``fill`` of F where there is nothing, and its mask."""
    mask = _mask([len(row) for row in rows])
    values = np.tile(np.array(fill, np.int64), (*mask.shape, 1))
    values[mask] = np.array([value for row in rows for value in row], np.int64).reshape(-1, len(fill))
    return values, mask


def _quads(rows: Sequence[Sequence[int]]) -> Array:
    return np.array(rows, np.int64).reshape(-1, 4)
