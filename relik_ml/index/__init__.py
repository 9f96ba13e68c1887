"""Passage indexes: rows, their vectors, search."""

from relik_ml.index.clusters import KINDS, FaissVectors, choose_kind, load_faiss, sample_size
from relik_ml.index.passage_index import FORMAT, Extra, IndexConfig, PassageIndex, add_rows, remove_rows
from relik_ml.index.passages import PassageEncoder, passage
from relik_ml.index.search import STORAGES, Floats, Ints, Storage, VectorIndex, Vectors, hard_negatives

__all__ = [
    "FORMAT", "KINDS", "STORAGES", "Extra", "FaissVectors", "Floats", "IndexConfig", "Ints", "PassageEncoder",
    "PassageIndex", "Storage", "VectorIndex", "Vectors", "add_rows", "choose_kind", "hard_negatives", "load_faiss",
    "passage", "remove_rows", "sample_size",
]  # fmt: skip
