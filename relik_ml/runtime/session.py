"""Sessions of ONNX Runtime."""

import os
from pathlib import Path

import onnxruntime

from relik_ml.errors import ModelError


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Load a graph; it uses OMP_NUM_THREADS threads, by default one for each core. ModelError when it is damaged."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", 0))
    options.log_severity_level = 3  # errors
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base
        got = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise ModelError(
            "cannot load the graph", where=str(path), got=got, fix="copy the model folder again"
        ) from error
