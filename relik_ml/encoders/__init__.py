"""Pretrained text encoders with their tokenizers, and their trimming to the subwords of some texts. Needs torch."""

from relik_ml.encoders.text_encoder import TextEncoder
from relik_ml.encoders.tokenizer import load_tokenizer, save_tokenizer
from relik_ml.encoders.trimming import trim

__all__ = ["TextEncoder", "load_tokenizer", "save_tokenizer", "trim"]
