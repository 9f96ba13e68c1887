"""Candidates for windows, by name and by vector."""

from relik_ml.retriever.retriever import Retriever, RetrieverConfig, find_relations, learn

__all__ = ["Retriever", "RetrieverConfig", "find_relations", "learn"]
