"""Training data of a reader: windows with candidates and gold, and the loss of a step in chunks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from torch import Tensor, nn

from relik_ml.models import tensors
from relik_ml.network import Array, ReaderBatch
from relik_ml.reader import BatchEncoder, batches
from relik_ml.training.distributed import SINGLE, Processes
from relik_ml.types import Retrieved

Repeated = Literal["negatives", "ignored"]


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
    processes: Processes = SINGLE
    teacher: nn.Module | None = None
    """A ``Teacher`` whose probabilities are learnt beside the gold; it takes the same batches as the model."""

    @cached_property
    def gold_mentions(self) -> list[int]:
        """The number of gold mentions of each window."""
        return [len(self.encode.gold_rows(item)) for item in self.items]

    def losses(self, model: nn.Module, indices: Sequence[int]) -> Iterator[Tensor]:
        """The losses of this process's chunks, with their graphs; over all chunks and processes they add up."""
        device, whole = next(model.parameters()).device, self._count(indices)
        for chunk in self._chunks(self.processes.share(indices)):
            batch = self.batch([self.items[index] for index in chunk])
            weight = 0.0 if self.processes.idle(len(indices)) else self._count(chunk) / whole
            inputs = tensors(batch, device)
            yield model(inputs, self.teacher and self.teacher(inputs)).loss * weight

    def batch(self, items: Sequence[Retrieved]) -> ReaderBatch[Array]:
        """The input of the network for some windows, with the gold."""
        batch = self.encode.with_gold(items)
        assert batch.gold is not None
        ignored = [self.repeated == "ignored" or item.window.document.annotated.entity_triples for item in items]
        if not any(ignored):
            return batch
        repeats = self.encode.repeats(items)
        return batch._replace(gold=batch.gold._replace(unsure=repeats[np.array(ignored)[repeats[:, 0]]]))

    def _chunks(self, indices: Sequence[int]) -> Iterator[Sequence[int]]:
        if not self.chunk_tokens:
            yield indices
            return
        lengths = [len(self.items[index].window.tokens) for index in indices]
        for chosen in batches(lengths, self.chunk_tokens):
            yield [indices[each] for each in chosen]

    def _count(self, indices: Sequence[int]) -> int:
        return max(1, sum(self.gold_mentions[index] for index in indices))
