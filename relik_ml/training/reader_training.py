"""Training data of a reader: windows with candidates and gold, and the loss of a step in chunks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Literal

import numpy as np
from torch import Tensor, nn

from relik_ml.models import tensors
from relik_ml.network import Array, ReaderBatch
from relik_ml.reader import BatchEncoder, batches
from relik_ml.text import cut
from relik_ml.training.distributed import SINGLE, Processes
from relik_ml.types import Candidate, Entry, Retrieved

Repeated = Literal["negatives", "ignored"]
CandidateOrder = Literal["ranked", "shuffled"]


@dataclass(frozen=True)
class ReaderTraining:
    """The windows that a reader is trained on.

    The loss of a step is a sum divided by the number of its gold mentions. So the gradient does not depend on the
    number of chunks or of ``processes``.
    """

    encode: BatchEncoder
    items: Sequence[Retrieved]
    chunk_tokens: int = 0
    """Tokens that go through the network at once; the gradients are summed. 0: all that a process has of a step."""
    repeated: Repeated = "negatives"
    """How pairs of mentions that repeat a fact of the document are taken; see ``BatchEncoder.repeats``.

    Where gold relates entities, they are always ignored.
    """
    added_gold: float = 0.0
    """Share of the gold entities missing among a window's candidates that replace its last ones; others are NME.

    Drawn anew in every step.
    """
    candidate_order: CandidateOrder = "ranked"
    """Order of candidates in training: best first, as in prediction, or random in every step."""
    processes: Processes = SINGLE
    teacher: nn.Module | None = None
    """A ``Teacher`` whose probabilities are learnt beside the gold; it takes the same batches as the model."""
    entities: Mapping[str, Entry] = field(default_factory=dict)
    """Entities that can be added to the candidates, by id."""

    @cached_property
    def gold_mentions(self) -> list[int]:
        """The number of gold mentions of each window."""
        return [len(self.encode.gold_rows(item)) for item in self.items]

    def losses(self, model: nn.Module, indices: Sequence[int], random: Random) -> Iterator[Tensor]:
        """The losses of this process's chunks, with their graphs; over all chunks and processes they add up."""
        device, draw = next(model.parameters()).device, random.getrandbits(64)
        whole = self._count(indices)
        for chunk in self._chunks(self.processes.share(indices)):
            batch = self.batch([self.varied(self.items[index], Random(f"{draw} {index}")) for index in chunk])
            weight = 0.0 if self.processes.idle(len(indices)) else self._count(chunk) / whole
            inputs = tensors(batch, device)
            yield model(inputs, self.teacher and self.teacher(inputs)).loss * weight

    def varied(self, item: Retrieved, random: Random) -> Retrieved:
        """The window with some of the missing gold added, and its entities in the ``candidate_order``."""
        if self.added_gold:
            chosen = [entry for entry in self._missing(item) if random.random() < self.added_gold]
            (item,) = self.encode.fit([_with_entities(item, chosen)])
        if self.candidate_order == "ranked":
            return item
        return _reordered(item, random.sample(range(len(item.entities)), len(item.entities)))

    def batch(self, items: Sequence[Retrieved]) -> ReaderBatch[Array]:
        """The input of the network for some windows, with the gold."""
        batch = self.encode.with_gold(items)
        assert batch.gold is not None
        ignored = [self.repeated == "ignored" or item.window.document.annotated.entity_triples for item in items]
        if not any(ignored):
            return batch
        repeats = self.encode.repeats(items)
        return batch._replace(gold=batch.gold._replace(unsure=repeats[np.array(ignored)[repeats[:, 0]]]))

    def _missing(self, item: Retrieved) -> list[Entry]:
        """Gold entities that are none of the candidates, each once."""
        present = {candidate.entry.id for candidate in item.entities}
        links = [mention.link for mention in cut(item.window).mentions if mention.link.id in self.entities]
        missing = (link.id or "" for link in links if present.isdisjoint({link.id, *link.alternatives}))
        return [self.entities[id_] for id_ in dict.fromkeys(missing)]

    def _chunks(self, indices: Sequence[int]) -> Iterator[Sequence[int]]:
        if not self.chunk_tokens:
            yield indices
            return
        lengths = [len(self.items[index].window.tokens) for index in indices]
        for chosen in batches(lengths, self.chunk_tokens):
            yield [indices[each] for each in chosen]

    def _count(self, indices: Sequence[int]) -> int:
        return max(1, sum(self.gold_mentions[index] for index in indices))


def _with_entities(item: Retrieved, entries: Sequence[Entry]) -> Retrieved:
    """The window with these entities instead of as many of its last candidates."""
    left = max(0, len(item.entities) - len(entries))
    added = tuple(Candidate(entry, 0.0) for entry in entries[: len(item.entities)])
    hits = tuple(hit for hit in item.hits if hit.candidate < left)
    return replace(item, entities=(*item.entities[:left], *added), hits=hits)


def _reordered(item: Retrieved, order: Sequence[int]) -> Retrieved:
    """The window with its entities, and the hits that point at them, in this order."""
    new = {old: index for index, old in enumerate(order)}
    hits = tuple(hit._replace(candidate=new[hit.candidate]) for hit in item.hits)
    return replace(item, entities=tuple(item.entities[old] for old in order), hits=hits)
