"""A knowledge graph over any number of annotated documents, that one can ask. It needs the extra ``graph``."""

from relik_ml.graph.database import GraphStore, open_store
from relik_ml.graph.loading import Loader, SourceFile, find_sources, remove_documents
from relik_ml.graph.verification import Content, Fault, describe, verify

__all__ = [
    "Content", "Fault", "GraphStore", "Loader", "SourceFile", "describe", "find_sources", "open_store",
    "remove_documents", "verify",
]  # fmt: skip
