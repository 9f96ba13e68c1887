"""The reader's two thin layers between documents and arrays, ``encode`` and ``decode``, and the reader itself."""

from relik_ml.reader.decode import Decoder, Inventory, predicted_spans
from relik_ml.reader.encode import BatchEncoder, Snap
from relik_ml.reader.encoder_inputs import ApartInputs, Inputs, JointInputs
from relik_ml.reader.reader import Reader, batches

__all__ = [
    "ApartInputs", "BatchEncoder", "Decoder", "Inputs", "Inventory", "JointInputs", "Reader", "Snap", "batches",
    "predicted_spans",
]  # fmt: skip
