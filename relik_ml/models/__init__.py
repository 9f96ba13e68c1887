"""Networks: tensors in, tensors out. Nothing here knows what a document is."""

from __future__ import annotations

from relik_ml.models.apart import ApartConfig, ApartEncoder
from relik_ml.models.batch import IGNORE, Given, Gold, Hits, ReaderBatch, ReaderOutput
from relik_ml.models.checkpointing import recompute_layers
from relik_ml.models.config import HeadConfig, LossWeights, Thresholds
from relik_ml.models.contrastive import Reduction, multi_label_nce
from relik_ml.models.device import on_device
from relik_ml.models.encoder import MDEBERTA, JointConfig, JointEncoder
from relik_ml.models.heads import endpoints
from relik_ml.models.lora import adapted, add_adapters, merge_adapters, merged, save_adapters
from relik_ml.models.reader import ReaderModel
from relik_ml.models.retriever import BiEncoder
from relik_ml.models.transformer import TransformerConfig, from_bert
from relik_ml.models.weights import load_packed, save_packed

__all__ = [
    "IGNORE",
    "MDEBERTA",
    "ApartConfig",
    "ApartEncoder",
    "BiEncoder",
    "Given",
    "Gold",
    "HeadConfig",
    "Hits",
    "JointConfig",
    "JointEncoder",
    "LossWeights",
    "ReaderBatch",
    "ReaderModel",
    "ReaderOutput",
    "Reduction",
    "Thresholds",
    "TransformerConfig",
    "adapted",
    "add_adapters",
    "endpoints",
    "from_bert",
    "load_packed",
    "merge_adapters",
    "merged",
    "multi_label_nce",
    "on_device",
    "recompute_layers",
    "save_adapters",
    "save_packed",
]
