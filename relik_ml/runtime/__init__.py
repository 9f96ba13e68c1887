"""The networks of reader and retriever on ONNX Runtime, without torch."""

from __future__ import annotations

from relik_ml.runtime.onnx_network import OnnxNetwork
from relik_ml.runtime.onnx_text_encoder import OnnxTextEncoder

__all__ = ["OnnxNetwork", "OnnxTextEncoder"]
