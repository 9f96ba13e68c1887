"""The reader: retrieved windows → what is known about each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch

from relik_ml.models.config import Thresholds
from relik_ml.models.reader import ReaderModel
from relik_ml.reader.decode import Decoder, Inventory
from relik_ml.reader.encode import BatchEncoder
from relik_ml.text.windows import Part
from relik_ml.types import Retrieved


class Reader:
    """A model with the two layers around it, on one device."""

    def __init__(
        self, model: ReaderModel, encode: BatchEncoder, inventory: Inventory, thresholds: Thresholds = Thresholds()
    ) -> None:
        self.model, self.encode = model, encode
        self.decode = Decoder(inventory, thresholds)

    def __call__(self, items: Sequence[Retrieved], tokens: int = 2048) -> list[Part]:
        """Parts in the order of ``items``; at most ``tokens`` tokens, padding included, go through at once."""
        device = next(self.model.parameters()).device
        training = self.model.training
        parts: dict[int, Part] = {}
        self.model.eval()
        with torch.inference_mode():
            for places in batches([len(item.window.tokens) for item in items], tokens):
                chosen = self.encode.fit([items[place] for place in places])
                output = self.model(self.encode(chosen).to(str(device)), self.decode.thresholds)
                parts.update(zip(places, self.decode(output, chosen), strict=True))
        self.model.train(training)
        return [parts[place] for place in range(len(items))]


def batches(lengths: Sequence[int], tokens: int, order: Iterable[int] | None = None) -> Iterator[list[int]]:
    """Places of windows, batched so that windows × longest stays within ``tokens`` (a longer window goes alone).

    ``order`` is the order of filling, by default from short to long.

    >>> list(batches([3, 9, 4, 4], tokens=9))
    [[0, 2], [3], [1]]
    """
    batch: list[int] = []
    longest = 0
    for place in order if order is not None else sorted(range(len(lengths)), key=lengths.__getitem__):
        longest = max(longest, lengths[place])
        if batch and longest * (len(batch) + 1) > tokens:
            yield batch
            batch, longest = [], lengths[place]
        batch.append(place)
    if batch:
        yield batch
