"""Candidates for windows, by name and by vector; the text encoder with its tokenizer."""

from __future__ import annotations

from relik_ml.retriever.retriever import Retriever, RetrieverConfig, find_relations, learn
from relik_ml.retriever.text_encoder import TextEncoder
from relik_ml.retriever.tokenizer import load_tokenizer, save_tokenizer
from relik_ml.retriever.trimming import trim

__all__ = [
    "Retriever", "RetrieverConfig", "TextEncoder", "find_relations", "learn", "load_tokenizer", "save_tokenizer",
    "trim",
]  # fmt: skip
