"""What a reader learns from: windows with candidates and gold, and the loss of a step over them, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from torch import Tensor, nn

from relik_ml.models.batch import ReaderBatch
from relik_ml.reader.encode import BatchEncoder
from relik_ml.reader.reader import batches
from relik_ml.training.processes import Processes
from relik_ml.types import Retrieved

Repeated = Literal["negatives", "ignored"]


@dataclass(frozen=True)
class Teaching:
    """How a reader is taught."""

    tokens: int
    """Tokens of windows, padding included, in a step of all processes together."""
    chunk: int = 0
    """Tokens through the network at once; a step's gradients are summed. 0: all that a process has of a step."""
    repeated: Repeated = "negatives"
    """What pairs of mentions are that would say a fact of the document once more; see ``BatchEncoder.repeats``."""


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

    @cached_property
    def mentions(self) -> list[int]:
        """Gold mentions of each window."""
        return [len(self.encode.gold_rows(item)) for item in self.items]

    def losses(self, model: nn.Module, places: Sequence[int]) -> Iterator[Tensor]:
        """The losses of this process's chunks, with their graphs; over all chunks and processes they add up."""
        device = next(model.parameters()).device
        whole = self._count(places)
        for chunk in self._chunks(self.processes.share(places)):
            batch = self.batch([self.items[place] for place in chunk])
            weight = 0.0 if self.processes.idle(len(places)) else self._count(chunk) / whole
            yield model(batch.to(str(device))).loss * weight

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
