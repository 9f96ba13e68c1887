"""Networks: tensors in, tensors out. Nothing here knows what a document is."""

from relik_ml.models.apart import ApartEncoder, CoverEncoder
from relik_ml.models.bi_encoder import BiEncoder
from relik_ml.models.finetuning import adapted, add_adapters, merge_adapters, merged, recompute_layers, save_adapters
from relik_ml.models.graphs import write_graphs, write_text_graph
from relik_ml.models.heads import HitHead, RelationHead, SpanHead, SymbolHead, endpoints
from relik_ml.models.joint import MDEBERTA, JointEncoder
from relik_ml.models.losses import LossWeights, Reduction, Soft, multi_label_nce, reader_losses
from relik_ml.models.reader_model import Encoder, ReaderLoss, ReaderModel, Teacher, TorchNetwork, tensors
from relik_ml.models.transformer import QuantizedEmbedding, Transformer, from_bert
from relik_ml.models.weights import load_packed, on_device, save_packed

__all__ = [
    "MDEBERTA", "ApartEncoder", "BiEncoder", "CoverEncoder", "Encoder", "HitHead", "JointEncoder", "LossWeights",
    "QuantizedEmbedding", "ReaderLoss", "ReaderModel", "Reduction", "RelationHead", "Soft", "SpanHead",
    "SymbolHead", "Teacher", "TorchNetwork", "Transformer", "adapted", "add_adapters", "endpoints", "from_bert",
    "load_packed", "merge_adapters", "merged", "multi_label_nce", "on_device", "reader_losses", "recompute_layers",
    "save_adapters", "save_packed", "tensors", "write_graphs", "write_text_graph",
]  # fmt: skip
