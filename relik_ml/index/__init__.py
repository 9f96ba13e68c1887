"""Passage indexes: rows, their vectors, search."""

from __future__ import annotations

from relik_ml.index.approximate import FaissVectors, sample_size
from relik_ml.index.changes import add_rows, remove_rows
from relik_ml.index.index import IndexConfig, PassageIndex
from relik_ml.index.kinds import load_faiss
from relik_ml.index.passages import PassageEncoder, passage
from relik_ml.index.vectors import STORAGES, Ints, Storage, VectorIndex, Vectors

__all__ = [
    "STORAGES",
    "FaissVectors",
    "IndexConfig",
    "Ints",
    "PassageEncoder",
    "PassageIndex",
    "Storage",
    "VectorIndex",
    "Vectors",
    "add_rows",
    "load_faiss",
    "passage",
    "remove_rows",
    "sample_size",
]
