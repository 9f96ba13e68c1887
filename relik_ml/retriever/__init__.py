"""Candidates for windows, by name and by vector."""

from __future__ import annotations

from relik_ml.retriever.retriever import Retriever, RetrieverConfig, find_relations, learn

__all__ = ["Retriever", "RetrieverConfig", "find_relations", "learn"]
