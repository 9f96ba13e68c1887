"""The reader's two thin layers between documents and tensors, ``encode`` and ``decode``, and the reader itself."""

from __future__ import annotations

from relik_ml.reader.decode import Decoder, Inventory
from relik_ml.reader.encode import BatchEncoder, Snap
from relik_ml.reader.encoder_inputs import ApartInputs, Inputs, JointInputs
from relik_ml.reader.reader import Reader, batches

__all__ = ["ApartInputs", "BatchEncoder", "Decoder", "Inputs", "Inventory", "JointInputs", "Reader", "Snap", "batches"]
