"""Networks: tensors in, tensors out. Nothing here knows what a document is."""

from __future__ import annotations

from relik_ml.models.apart import ApartConfig, ApartEncoder, CoverEncoder
from relik_ml.models.batch import IGNORE, Encoder, Given, Gold, NameHits, ReaderBatch, ReaderOutput, States
from relik_ml.models.bi_encoder import BiEncoder
from relik_ml.models.finetuning import adapted, add_adapters, merge_adapters, merged, recompute_layers, save_adapters
from relik_ml.models.heads import HeadConfig, HitHead, RelationHead, SpanHead, SymbolHead, endpoints
from relik_ml.models.joint import MDEBERTA, JointConfig, JointEncoder
from relik_ml.models.losses import LossWeights, Reduction, multi_label_nce, reader_losses
from relik_ml.models.network import ReaderModel, Thresholds, predicted_spans
from relik_ml.models.transformer import QuantizedEmbedding, Transformer, TransformerConfig, from_bert
from relik_ml.models.weights import load_packed, on_device, save_packed

__all__ = [
    "IGNORE", "MDEBERTA", "ApartConfig", "ApartEncoder", "BiEncoder", "CoverEncoder", "Encoder", "Given", "Gold",
    "HeadConfig", "HitHead", "JointConfig", "JointEncoder", "LossWeights", "NameHits", "QuantizedEmbedding",
    "ReaderBatch", "ReaderModel", "ReaderOutput", "Reduction", "RelationHead", "SpanHead", "States", "SymbolHead",
    "Thresholds", "Transformer", "TransformerConfig", "adapted", "add_adapters", "endpoints", "from_bert",
    "load_packed", "merge_adapters", "merged", "multi_label_nce", "on_device", "predicted_spans", "reader_losses",
    "recompute_layers", "save_adapters", "save_packed",
]  # fmt: skip
