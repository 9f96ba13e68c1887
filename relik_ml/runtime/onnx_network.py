"""A reader's network as graphs that ONNX Runtime executes on the processor; ``relik-ml bundle onnx`` writes them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from safetensors.numpy import load_file

from relik_ml.errors import ModelError
from relik_ml.network import (
    DESCRIBE,
    ENCODE,
    ENCODE_INT8,
    WEIGHTS,
    WORDS,
    Array,
    Described,
    Encoded,
    ReaderBatch,
    Spans,
    States,
    named,
)
from relik_ml.runtime.session import open_session


@dataclass(frozen=True)
class OnnxNetwork:
    """The ``Network`` of a reader."""

    encoder: onnxruntime.InferenceSession
    heads: onnxruntime.InferenceSession
    words: dict[str, Array]
    """Weights that are never trained: inputs of the encoder's graph."""
    folder: Path
    common: Path

    @classmethod
    def open(cls, folder: Path, common: Path, precision: str = "float32") -> OnnxNetwork:
        """Load the graphs and weights of a model folder; what is never trained lies in the folder ``common``.

        Raises:
            ModelError: the folder has no graphs of this precision.
        """
        encode = ENCODE_INT8 if precision == "int8" else ENCODE
        if not (folder / encode).exists():
            fix = f"relik-ml bundle onnx {folder}"
            raise ModelError("the model has no graphs for ONNX Runtime", where=str(folder), got=f"no {encode}", fix=fix)
        words = load_file(common / WORDS) if (common / WORDS).exists() else {}
        return cls(open_session(folder / encode), open_session(folder / DESCRIBE), words, folder, common)

    def encode(self, batch: ReaderBatch[Array]) -> Encoded[Array]:
        """See ``Network``."""
        *states, start, end = _run(self.encoder, {**named({"batch": batch}), **self.words})
        return Encoded(States(*states), start, end)

    def describe(self, states: States[Array], batch: ReaderBatch[Array], spans: Spans[Array]) -> Described[Array]:
        """See ``Network``. The graph needs mentions; where there are none, it gets one that is masked."""
        windows, number = spans.mention_mask.shape
        if not number:
            spans = Spans(np.zeros((windows, 1, 2), np.int64), np.zeros((windows, 1), np.bool_))
        types, links, relations = _run(self.heads, named({"states": states, "batch": batch, "spans": spans}))
        return Described(types[:, :number], links[:, :number], relations[:, :number, :number])

    def save(self, folder: Path) -> None:
        """Copy weights and graphs."""
        for name in (WEIGHTS, ENCODE, ENCODE_INT8, DESCRIBE):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, folder / name)
        if self.words:
            shutil.copyfile(self.common / WORDS, folder / WORDS)


def _run(session: onnxruntime.InferenceSession, arrays: dict[str, Array]) -> list[Any]:
    """Execute a graph. Arrays that it does not read are left out."""
    found: list[Any] = session.run(None, {each.name: arrays[each.name] for each in session.get_inputs()})
    return found
