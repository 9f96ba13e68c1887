"""What a reader learns from: windows with candidates and gold, and the loss of a step over them, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Literal

from torch import Tensor, nn

from relik_ml.models import ReaderBatch
from relik_ml.reader import BatchEncoder, batches
from relik_ml.text import cut
from relik_ml.training.processes import Processes
from relik_ml.types import Candidate, Entry, Retrieved

Repeated = Literal["negatives", "ignored"]
CandidateOrder = Literal["ranked", "shuffled"]


@dataclass(frozen=True)
class Teaching:
    """How a reader is taught."""

    tokens: int
    """Tokens of windows, padding included, in a step of all processes together."""
    chunk: int = 0
    """Tokens through the network at once; a step's gradients are summed. 0: all that a process has of a step."""
    repeated: Repeated = "negatives"
    """What pairs of mentions are that would say a fact of the document once more; see ``BatchEncoder.repeats``."""
    added: float = 0.0
    """Share of the gold entities missing among a window's candidates that take the places of its last; others are NME.

    Drawn anew in every step.
    """
    order: CandidateOrder = "ranked"
    """Of a window's entities: best first, as they will be, or another one in every step."""


@dataclass(frozen=True)
class Lessons:
    """Windows, of which every step takes some.

    The loss of a batch is a sum divided by its gold mentions, and so is that of a step: into how many chunks it falls
    and how many ``processes`` share them changes no gradient.
    """

    encode: BatchEncoder
    items: Sequence[Retrieved]
    teaching: Teaching
    processes: Processes
    entities: Mapping[str, Entry] = field(default_factory=dict)
    """By their ids: what can be added to the candidates."""

    @cached_property
    def mentions(self) -> list[int]:
        """Gold mentions of each window."""
        return [len(self.encode.gold_rows(item)) for item in self.items]

    def losses(self, model: nn.Module, places: Sequence[int], random: Random) -> Iterator[Tensor]:
        """The losses of this process's chunks, with their graphs; over all chunks and processes they add up."""
        device, draw = next(model.parameters()).device, random.getrandbits(64)
        whole = self._count(places)
        for chunk in self._chunks(self.processes.share(places)):
            batch = self.batch([self.varied(self.items[place], Random(f"{draw} {place}")) for place in chunk])
            weight = 0.0 if self.processes.idle(len(places)) else self._count(chunk) / whole
            yield model(batch.to(str(device))).loss * weight

    def varied(self, item: Retrieved, random: Random) -> Retrieved:
        """The window with some of the gold ``added``, and its entities in the ``order`` of this time."""
        if self.teaching.added:
            chosen = [entry for entry in self._missing(item) if random.random() < self.teaching.added]
            (item,) = self.encode.fit([with_entities(item, chosen)])
        if self.teaching.order == "ranked":
            return item
        return reordered(item, random.sample(range(len(item.entities)), len(item.entities)))

    def _missing(self, item: Retrieved) -> list[Entry]:
        """Gold entities that are none of the candidates, each once."""
        there = {candidate.entry.id for candidate in item.entities}
        links = [mention.link for mention in cut(item.window).mentions if mention.link.id in self.entities]
        missing = (link.id or "" for link in links if there.isdisjoint({link.id, *link.alternatives}))
        return [self.entities[id_] for id_ in dict.fromkeys(missing)]

    def batch(self, items: Sequence[Retrieved]) -> ReaderBatch:
        """Windows as the network takes them, with what it is to say."""
        batch = self.encode.with_gold(items)
        if self.teaching.repeated == "negatives" or batch.gold is None:
            return batch
        return batch._replace(gold=batch.gold._replace(unsure=self.encode.repeats(items)))

    def _chunks(self, places: Sequence[int]) -> Iterator[Sequence[int]]:
        if not self.teaching.chunk:
            yield places
            return
        lengths = [len(self.items[place].window.tokens) for place in places]
        for chosen in batches(lengths, self.teaching.chunk):
            yield [places[each] for each in chosen]

    def _count(self, places: Sequence[int]) -> int:
        return max(1, sum(self.mentions[place] for place in places))


def with_entities(item: Retrieved, entries: Sequence[Entry]) -> Retrieved:
    """The window with these entities instead of as many of its last candidates."""
    left = max(0, len(item.entities) - len(entries))
    added = tuple(Candidate(entry, 0.0) for entry in entries[: len(item.entities)])
    hits = tuple(hit for hit in item.hits if hit.candidate < left)
    return replace(item, entities=(*item.entities[:left], *added), hits=hits)


def reordered(item: Retrieved, order: Sequence[int]) -> Retrieved:
    """The window with its entities, and what its hits say of them, in this order of their places."""
    place = {old: new for new, old in enumerate(order)}
    hits = tuple(hit._replace(candidate=place[hit.candidate]) for hit in item.hits)
    return replace(item, entities=tuple(item.entities[old] for old in order), hits=hits)
