"""Calibration of a reader's scores on documents of train that it has not learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from relik_ml.pipeline import Relik
from relik_ml.reader.reader import Reader
from relik_ml.score.calibration import Calibration, judge
from relik_ml.text.windows import merge
from relik_ml.training.candidates import held_out_candidates
from relik_ml.types import Document


def calibrated(relik: Relik, documents: Sequence[Document]) -> Calibration:
    """The scalings that make scores on the documents probabilities; of no documents, none."""
    reader = relik.reader
    plain = Reader(reader.model, reader.encode, reader.decode.inventory, reader.decode.thresholds)
    return Calibration.fit(judge(documents, _annotated(relik, plain, documents)))


def _annotated(relik: Relik, reader: Reader, documents: Iterable[Document]) -> Iterator[Document]:
    """The documents as the reader annotates them when nothing in them has taught the index its names."""
    for document in documents:
        items, _ = held_out_candidates(relik.retriever, [document], relik.settings.window, relik.settings.stride)
        yield merge(document, reader(reader.encode.fit(items)))
