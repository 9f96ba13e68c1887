"""The networks of reader and retriever on ONNX Runtime, without torch."""

from relik_ml.runtime.onnx_network import OnnxNetwork
from relik_ml.runtime.onnx_text_encoder import OnnxTextEncoder

__all__ = ["OnnxNetwork", "OnnxTextEncoder"]
