"""The reader's two thin layers between documents and tensors, ``encode`` and ``decode``, and the reader itself."""

from __future__ import annotations

from relik_ml.reader.apart import ApartInputs
from relik_ml.reader.decode import Inventory
from relik_ml.reader.encode import BatchEncoder, Inputs, Snap
from relik_ml.reader.joint import JointInputs
from relik_ml.reader.reader import Reader, batches

__all__ = [
    "ApartInputs",
    "BatchEncoder",
    "Inputs",
    "Inventory",
    "JointInputs",
    "Reader",
    "Snap",
    "batches",
]
