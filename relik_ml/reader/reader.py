"""The reader: predicts mentions, links and triples of retrieved windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from relik_ml.models import ReaderBatch, ReaderModel, ReaderOutput, Thresholds
from relik_ml.reader.decode import Decoder, Inventory
from relik_ml.reader.encode import BatchEncoder
from relik_ml.score import Calibration
from relik_ml.text import Part
from relik_ml.types import Retrieved


class Reader:
    """A model with the two layers around it, on one device. Items are those that ``encode.fit`` returned."""

    def __init__(
        self, model: ReaderModel, encode: BatchEncoder, inventory: Inventory, thresholds: Thresholds = Thresholds(),
        calibration: Calibration = Calibration(),
    ) -> None:  # fmt: skip
        self.model, self.encode = model, encode
        self.decode = Decoder(inventory, thresholds, calibration)

    def __call__(self, items: Sequence[Retrieved], tokens: int = 2048) -> list[Part]:
        """Parts in the order of ``items``; at most ``tokens`` tokens, padding included, go through at once."""
        return self._in_batches(lambda batch: self.decode(self._output(self.encode(batch)), batch), items, tokens)

    def describe(self, items: Sequence[Retrieved], tokens: int = 2048) -> list[Part]:
        """Predict links of the given mentions of the windows' documents, and triples between them.

        The spans and types of mentions are kept; the type decides whether a mention is linked. Mentions that are
        ``out_of_reach`` of the network are in no part.
        """
        return self._in_batches(self._described, items, tokens)

    def over(self, model: ReaderModel) -> Reader:
        """The same layers around another model."""
        return Reader(model, self.encode, self.decode.inventory, self.decode.thresholds, self.decode.calibration)

    def _described(self, batch: Sequence[Retrieved]) -> list[Part]:
        rows = [self.encode.rows(item) for item in batch]
        return self.decode.describe(self._output(self.encode.with_mentions(batch, rows)), batch, rows)

    def _output(self, batch: ReaderBatch) -> ReaderOutput:
        device = next(self.model.parameters()).device
        output: ReaderOutput = self.model(batch.to(str(device)), self.decode.thresholds)
        return output

    def _in_batches(
        self, read: Callable[[Sequence[Retrieved]], list[Part]], items: Sequence[Retrieved], tokens: int
    ) -> list[Part]:
        training = self.model.training
        parts: dict[int, Part] = {}
        self.model.eval()
        with torch.inference_mode():
            for indices in batches([len(item.window.tokens) for item in items], tokens):
                parts.update(zip(indices, read([items[index] for index in indices]), strict=True))
        self.model.train(training)
        return [parts[index] for index in range(len(items))]


def batches(lengths: Sequence[int], tokens: int, order: Iterable[int] | None = None) -> Iterator[list[int]]:
    """Indices of windows, batched so that windows × longest stays within ``tokens`` (a longer window goes alone).

    ``order`` is the order of filling, by default from short to long.

    >>> list(batches([3, 9, 4, 4], tokens=9))
    [[0, 2], [3], [1]]
    """
    batch: list[int] = []
    longest = 0
    for index in order if order is not None else sorted(range(len(lengths)), key=lengths.__getitem__):
        longest = max(longest, lengths[index])
        if batch and longest * (len(batch) + 1) > tokens:
            yield batch
            batch, longest = [], lengths[index]
        batch.append(index)
    if batch:
        yield batch
