"""From windows to candidates: by vector, by name, and the index that both search."""

from __future__ import annotations

from relik_ml.retriever.relations import find_relations
from relik_ml.retriever.retriever import Retriever, RetrieverConfig, learn
from relik_ml.retriever.text_encoder import Embed, TextEncoder
from relik_ml.retriever.tokenizer import load_tokenizer, save_tokenizer
from relik_ml.retriever.trimming import trim

__all__ = [
    "Embed",
    "Retriever",
    "RetrieverConfig",
    "TextEncoder",
    "find_relations",
    "learn",
    "load_tokenizer",
    "save_tokenizer",
    "trim",
]
