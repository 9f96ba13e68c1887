"""Writes the networks of reader and retriever as graphs for ONNX Runtime.

The graphs hold no weights. They refer to the file of the weights by position, and take those that are never trained
(the table of subwords) as inputs. A packed matrix stays int8 in the file and is unpacked when the graph is loaded.

In the graph ``ENCODE_INT8`` the packed matrices of the encoder are multiplied as int8. Each row of the other factor is
rounded to 8 bits with a scale of its own, so that the result for a window does not depend on the rest of its batch.
"""

import io
import json
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from relik_ml.errors import ConfigError, install
from relik_ml.models.bi_encoder import BiEncoder
from relik_ml.models.reader_model import ReaderModel, tensors
from relik_ml.models.weights import SCALE
from relik_ml.network import DESCRIBE, ENCODE, ENCODE_INT8, WEIGHTS, Array, ReaderBatch, Spans, mapped, named

OPSET = 18
CONTRIB = "com.microsoft"  # operators of ONNX Runtime
TYPES = {"F32": "FLOAT", "F16": "FLOAT16", "I8": "INT8", "U8": "UINT8", "I64": "INT64"}


class Stored(NamedTuple):
    """Where a tensor is in the file of the weights."""

    type: str
    shape: list[int]
    start: int
    size: int


class Step(nn.Module):
    """A step of the reader's model over its tensors in the order of ``named``."""

    def __init__(self, model: ReaderModel, given: Mapping[str, Any]) -> None:
        super().__init__()
        self.model, self.given = model, given

    def forward(self, *flat: Tensor) -> tuple[Tensor, ...]:
        """All arrays that the step returns."""
        leaves = iter(flat)
        given = mapped(self.given, lambda _: next(leaves))
        run = self.model.describe if "states" in given else self.model.encode
        return tuple(named(run(**given)).values())


def write_graphs(model: ReaderModel, batch: ReaderBatch[Array], spans: Spans[Array], folder: Path) -> None:
    """Trace the reader's model with a batch and spans of it, and write the graphs beside its weights.

    Raises:
        ConfigError: the package onnx is not installed.
    """
    given = tensors({"batch": batch._replace(gold=None, given=None)})
    with torch.inference_mode():
        encoded = model.eval().encode(**given)
        encode = _traced(Step(model, given), named(given), [*named(encoded)])
        given = {"states": encoded.states, **given, "spans": tensors(spans)}
        describe = _traced(Step(model, given), named(given), [*named(model.describe(**given))])
    frozen = f"model.encoder.{model.encoder.frozen}" if model.encoder.frozen else ""
    for name, traced, int8 in ((ENCODE, encode, False), (ENCODE_INT8, encode, True), (DESCRIBE, describe, False)):
        if not int8 or model.encoder.packed:
            _write(traced, folder / name, WEIGHTS, "model.", frozen, int8)


def write_text_graph(model: BiEncoder, folder: Path) -> None:
    """Write the graph of a bi-encoder beside its weights. ConfigError when the package onnx is not installed."""
    ids = torch.tensor([[2, 3, 4], [2, 3, 0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])  # transformers leaves out a mask without zeros
    with torch.inference_mode():
        traced = _traced(model.eval(), {"input_ids": ids, "attention_mask": mask}, ["vectors"])
    _write(traced, folder / ENCODE, "model.safetensors", "encoder.")


def _traced(model: nn.Module, inputs: Mapping[str, Tensor], outputs: list[str]) -> bytes:
    """The ONNX graph of a module, the sizes of its inputs variable."""
    file: Any = io.BytesIO()  # the exporter without dynamo accepts it, its annotation does not
    sizes = {name: {axis: f"{name}.{axis}" for axis in range(tensor.dim())} for name, tensor in inputs.items()}
    _onnx()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that are taken for constant: tests read other sizes
        torch.onnx.export(
            model.eval(), tuple(inputs.values()), file, input_names=[*inputs], output_names=outputs,
            dynamic_axes=sizes, opset_version=OPSET, do_constant_folding=False, dynamo=False,
        )  # fmt: skip
    traced: bytes = file.getvalue()
    return traced


def _write(traced: bytes, path: Path, weights: str, prefix: str, frozen: str = "", int8: bool = False) -> None:
    """Write a graph that refers to the file of the weights beside it; see ``GraphWriter``."""
    graph = _onnx().load_model_from_string(traced)
    GraphWriter(graph, path.with_name(weights), prefix).rewrite(frozen, int8)
    path.write_bytes(graph.SerializeToString())


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ConfigError("onnx is not installed", got=str(error), fix=install("train")) from error
    return onnx


def _stored(path: Path) -> dict[str, Stored]:
    """The tensors of a safetensors file."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header: dict[str, Any] = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return {
        name: Stored(each["dtype"], each["shape"], 8 + size + start, stop - start)
        for name, each in header.items()
        for start, stop in [each["data_offsets"]]
    }


class GraphWriter:
    """Rewrites a traced graph so that it refers to stored weights."""

    def __init__(self, model: Any, weights: Path, prefix: str) -> None:
        """``prefix`` is what the graph puts before the names that ``weights`` has."""
        self.onnx, self.graph, self.weights, self.prefix = _onnx(), model.graph, weights, prefix
        self.stored = _stored(weights)
        self.nodes: list[Any] = []
        self.tensors: dict[str, Any] = {}
        model.opset_import.append(self.onnx.helper.make_opsetid(CONTRIB, 1))

    def rewrite(self, frozen: str, int8: bool) -> None:
        """Replace weights by references, and those whose names begin with ``frozen`` by inputs."""
        for weight in self.graph.initializer:
            self._refer(weight, frozen)
        turned = {node.output[0]: node.input[0] for node in self.graph.node if node.op_type == "Transpose"}
        for node in self.graph.node:
            name = turned.get(node.input[1], "").removeprefix(self.prefix) if node.op_type == "MatMul" else ""
            if int8 and name + SCALE in self.stored:
                self._product(node.input[0], name, node.output[0])
            else:
                self.nodes.append(node)
        for old, new in ((self.graph.node, self.nodes), (self.graph.initializer, self.tensors.values())):
            del old[:]
            old.extend(new)

    def _refer(self, weight: Any, frozen: str) -> None:
        name = weight.name.removeprefix(self.prefix)
        if frozen and weight.name.startswith(frozen):
            word = weight.name.removeprefix(frozen)
            self.graph.input.append(self.onnx.helper.make_tensor_value_info(word, weight.data_type, weight.dims))
            self._add("Identity", word, output=weight.name)
        elif name + SCALE in self.stored:
            levels = self._add("Cast", self._reference(name), to=self.onnx.TensorProto.FLOAT)
            self._add("Mul", levels, self._reference(name + SCALE, -1, 1), output=weight.name)
        elif name in self.stored:
            self._add("Identity", self._reference(name), output=weight.name)
        else:
            self.tensors[weight.name] = weight

    def _product(self, given: str, name: str, output: str) -> None:
        """Compute x W^T. Each row of x is rounded, x ≈ step (code - 128); 127 steps are its largest magnitude."""
        outer, inner = self.stored[name].shape
        one, zero = self._constant([1]), self._constant([128], np.uint8)
        rows = self._add("Reshape", given, self._constant([-1, inner]))
        high, low = (self._add(name, rows, one, keepdims=0) for name in ("ReduceMax", "ReduceMin"))
        largest = self._add("Max", high, self._add("Neg", low), self._constant(1e-12, np.float32))
        step = self._add("Mul", largest, self._constant(1 / 127, np.float32))
        zeros = self._add("Expand", zero, self._add("Shape", step))
        codes = self._add("QuantizeLinear", rows, step, zeros, axis=0)
        levels = self._add("Transpose", self._reference(name), perm=[1, 0])
        scales = [self._constant(1, np.float32), self._reference(name + SCALE), self._constant(128, np.uint8)]
        product = self._add("MatMulIntegerToFloat", codes, levels, *scales, domain=CONTRIB)
        scaled = self._add("Mul", product, self._add("Unsqueeze", step, one))
        leading = self._add("Slice", self._add("Shape", given), self._constant([0]), self._constant([-1]))
        shape = self._add("Concat", leading, self._constant([outer]), axis=0)
        self._add("Reshape", scaled, shape, output=output)

    def _add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Append a node; the name of its output."""
        output = output or f"{operator}.{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _constant(self, value: Any, type: Any = np.int64) -> str:
        array = np.array(value, type)
        name = f"constant.{array.dtype}.{value}"
        self.tensors.setdefault(name, self.onnx.numpy_helper.from_array(array, name))
        return name

    def _reference(self, name: str, *shape: int) -> str:
        """A tensor of the graph that is read from the file of the weights, in another shape if one is given."""
        kind, sizes, start, length = self.stored[name]
        if shape:
            return self._add("Reshape", self._reference(name), self._constant(list(shape)))
        data_type = getattr(self.onnx.TensorProto, TYPES[kind])
        tensor = self.onnx.TensorProto(name=name, dims=sizes, data_type=data_type)
        tensor.data_location = self.onnx.TensorProto.EXTERNAL
        for key, value in (("location", self.weights.name), ("offset", start), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.tensors[name] = tensor
        return name
