"""The networks of reader and retriever on ONNX Runtime, without torch."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it would send usage data from a thread that fork does not copy

from relik_ml.runtime.onnx_network import OnnxNetwork
from relik_ml.runtime.onnx_text_encoder import OnnxTextEncoder

__all__ = ["OnnxNetwork", "OnnxTextEncoder"]
