"""The reader: predicts mentions, links and triples of retrieved windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from relik_ml.config import Thresholds
from relik_ml.network import Array, Network, ReaderBatch, ReaderOutput
from relik_ml.reader.decode import Decoder, Inventory, predicted_spans
from relik_ml.reader.encode import BatchEncoder
from relik_ml.score import Calibration
from relik_ml.text import Part
from relik_ml.types import Retrieved


class Reader:
    """A network with the two layers around it. Items are those that ``encode.fit`` returned."""

    def __init__(
        self, network: Network, encode: BatchEncoder, inventory: Inventory, thresholds: Thresholds = Thresholds(),
        calibration: Calibration = Calibration(),
    ) -> None:  # fmt: skip
        self.network, self.encode = network, encode
        self.decode = Decoder(inventory, thresholds, calibration)

    def __call__(self, items: Sequence[Retrieved], subwords: int = 2048, candidates: int = 0) -> list[Part]:
        """Parts in the order of ``items``; at most ``subwords``, padding included, go through at once.

        Links get at most so many ``candidates``.
        """

        def read(batch: Sequence[Retrieved]) -> list[Part]:
            return self.decode(self._output(self.encode(batch)), batch, candidates)

        return self._in_batches(read, items, subwords)

    def describe(self, items: Sequence[Retrieved], subwords: int = 2048, candidates: int = 0) -> list[Part]:
        """Predict links of the given mentions of the windows' documents, and triples between them.

        The spans and types of mentions are kept; the type decides whether a mention is linked. Mentions that are
        ``out_of_reach`` of the network are in no part.
        """

        def read(batch: Sequence[Retrieved]) -> list[Part]:
            rows = [self.encode.rows(item) for item in batch]
            output = self._output(self.encode.with_mentions(batch, rows))
            return self.decode.describe(output, batch, rows, candidates)

        return self._in_batches(read, items, subwords)

    def over(self, network: Network) -> Reader:
        """The same layers around another network."""
        return Reader(network, self.encode, self.decode.inventory, self.decode.thresholds, self.decode.calibration)

    def _output(self, batch: ReaderBatch[Array]) -> ReaderOutput[Array]:
        states, start, end = self.network.encode(batch)
        spans = batch.given or predicted_spans(start, end, batch.token_mask, self.decode.thresholds)
        return ReaderOutput(start, end, *spans, *self.network.describe(states, batch, spans))

    def _in_batches(
        self, read: Callable[[Sequence[Retrieved]], list[Part]], items: Sequence[Retrieved], subwords: int
    ) -> list[Part]:
        parts: dict[int, Part] = {}
        for indices in batches([self.encode.inputs.length(item) for item in items], subwords):
            parts.update(zip(indices, read([items[index] for index in indices]), strict=True))
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
