"""Words per second on one thread: the models on each backend, natasha, and transformers without our optimisations.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/compare.py --source data/nerel/dev.jsonl

All rows are measured in one run, after a warm-up, in seconds of processor time without loading the model. natasha
finds only people, places and organisations; its row is left out where it is not installed (``pip install natasha``).
"transformers" has the weights of our model in its own eager ``BertEncoder``, reads windows in the order of the text, 16
at a time, padded to the longest, and scores relations with one product for each pair of mentions and each relation.
"Matrix products" are those of the encoder's float32 layers alone, by ONNX Runtime: the least time that it could take.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.models import ReaderModel, Transformer
from relik_ml.network import Array, Described, Encoded, ReaderBatch, Spans, States
from relik_ml.reader import Reader
from relik_ml.text import Part
from relik_ml.training import model_of
from relik_ml.types import Document, Retrieved

NAIVE_BATCH = 16


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="a .jsonl file of documents")
    parser.add_argument("--model", action="append", help="default: accurate and fast")
    options = parser.parse_args()
    documents = list(read_documents(options.source))
    words = sum(len(document.text.split()) for document in documents)
    print("| | words/s | ratio to torch |\n|---|--:|--:|")
    for model in options.model or ("accurate", "fast"):
        rows = dict(measured(model, documents))
        for name, seconds in rows.items():
            print(f"| {model}, {name} | {words / seconds:,.0f} | {rows['torch'] / seconds:.2f} |", flush=True)
    if find := natasha():
        print(f"| natasha, PER, LOC and ORG alone | {words / timed(lambda: [*map(find, documents)]):,.0f} | |")


def measured(model: str, documents: Sequence[Document]) -> Iterator[tuple[str, float]]:
    """Seconds of processor time of each backend, of transformers and of the matrix products."""
    relik = Relik.from_pretrained(model, backend="torch")
    naive = Relik(relik.retriever, NaiveReader(relik.reader, model_of(relik)), relik.settings)  # type: ignore[arg-type]
    with patch("relik_ml.models.heads.trilinear", naive_trilinear):
        yield "transformers", annotating(naive, documents)
    for backend in ("torch", "onnx", "int8"):
        yield backend, annotating(Relik.from_pretrained(model, backend=backend), documents)
    counted = Counted(Relik.from_pretrained(model, backend="onnx"))
    list(counted.relik.annotate(documents))
    yield "onnx, the encoder alone", counted.seconds
    yield "matrix products", products(relik, counted.shapes)


def annotating(relik: Relik, documents: Sequence[Document]) -> float:
    """Seconds for all documents, after two for warming up."""
    list(relik.annotate(documents[:2]))
    return timed(lambda: [*relik.annotate(documents)])


def timed(run: Callable[[], object]) -> float:
    """Seconds of processor time."""
    started = process_time()
    run()
    return process_time() - started


class Counted:
    """A model whose encoder is timed, with the sizes of its batches."""

    def __init__(self, relik: Relik) -> None:
        self.network, self.seconds, self.shapes = relik.reader.network, 0.0, list[tuple[int, int]]()
        self.relik = Relik(relik.retriever, relik.reader.over(self), relik.settings)

    def encode(self, batch: ReaderBatch[Array]) -> Encoded[Any]:
        """The encoder and the span head, timed."""
        windows, length = batch.inputs["ids"].shape
        self.shapes.append((windows, length))
        started = process_time()
        encoded = self.network.encode(batch)
        self.seconds += process_time() - started
        return encoded

    def describe(self, states: States[Any], batch: ReaderBatch[Array], spans: Spans[Array]) -> Described[Array]:
        """The other heads."""
        return self.network.describe(states, batch, spans)

    def save(self, folder: Path) -> None:
        """Nothing."""


def products(relik: Relik, shapes: Iterable[tuple[int, int]]) -> float:
    """Seconds of the matrix products in the layers of the encoder, for batches of these sizes."""
    config = relik.settings.apart
    assert config is not None
    width, inner, heads, layers = config.body.width, config.body.inner, config.body.heads, config.body.layers
    multiply = multiplier()
    seconds = 0.0
    for windows, length in shapes:
        rows, head = windows * length, width // heads
        for one, other in (
            ((rows, width), (width, 3 * width)), ((rows, width), (width, width)),
            ((rows, width), (width, inner)), ((rows, inner), (inner, width)),
            ((windows * heads, length, head), (windows * heads, head, length)),
            ((windows * heads, length, length), (windows * heads, length, head)),
        ):  # fmt: skip
            arrays = {"x": np.ones(one, np.float32), "y": np.ones(other, np.float32)}
            seconds += layers * timed(partial(multiply.run, None, arrays))
    return seconds


def multiplier() -> Any:
    """A session of ONNX Runtime that multiplies two matrices, faster than numpy or torch do here."""
    import onnxruntime
    from onnx import TensorProto, helper

    product = helper.make_node("MatMul", ["x", "y"], ["z"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xyz"]
    graph = helper.make_graph([product], "product", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@dataclass
class NaiveReader:
    """The same model with transformers' eager encoder, naive batches and relations scored one by one."""

    reader: Reader
    model: ReaderModel

    def __post_init__(self) -> None:
        body: Any = self.model.encoder.body
        body.contextualise = eager(body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    def __call__(self, items: Sequence[Retrieved], candidates: int = 0) -> list[Part]:
        """Windows in the order of the text."""
        parts: list[Part] = []
        for start in range(0, len(items), NAIVE_BATCH):
            parts += self.reader(items[start : start + NAIVE_BATCH], subwords=10**9)
        return parts


def naive_trilinear(subject: Tensor, object_: Tensor, relation: Tensor) -> Tensor:
    """The sum over D of a (B, M, N, R, D) tensor, one relation at a time, because the whole does not fit."""
    pairs = subject[:, :, None] * object_[:, None]
    scores = [(pairs * relation[:, None, None, number]).sum(-1) for number in range(relation.shape[1])]
    return torch.stack(scores, -1)


def eager(body: Transformer) -> Callable[[Tensor, Tensor], Tensor]:
    """The layers of our transformer in transformers' BertEncoder."""
    from transformers import AutoConfig
    from transformers.models.bert.modeling_bert import BertEncoder

    ours = body.config
    config: Any = AutoConfig.for_model(
        "bert", hidden_size=ours.width, num_hidden_layers=ours.layers, num_attention_heads=ours.heads,
        intermediate_size=ours.inner, layer_norm_eps=ours.epsilon, attn_implementation="eager",
    )  # fmt: skip
    made: Any = BertEncoder(config).eval()
    for theirs, layer in zip(made.layer, body.layers, strict=True):
        own: Any = layer
        attention = theirs.attention.self
        weights = zip(own.attention.weight.chunk(3), own.attention.bias.chunk(3), strict=True)
        for part, state in zip((attention.query, attention.key, attention.value), weights, strict=True):
            part.load_state_dict(dict(zip(("weight", "bias"), state, strict=True)))
        for new, old in (
            (theirs.attention.output.dense, own.output), (theirs.attention.output.LayerNorm, own.attention_norm),
            (theirs.intermediate.dense, own.up), (theirs.output.dense, own.down), (theirs.output.LayerNorm, own.norm),
        ):  # fmt: skip
            new.load_state_dict(old.state_dict())

    def contextualise(states: Tensor, mask: Tensor) -> Tensor:
        hidden = (1 - mask.to(states.dtype))[:, None, None] * torch.finfo(states.dtype).min
        found: Tensor = made(states, attention_mask=hidden).last_hidden_state
        return found

    return contextualise


def natasha() -> Callable[[Document], object] | None:
    """natasha's recogniser of names; None where it is not installed."""
    try:
        import natasha as package
    except ImportError:
        return None
    library: Any = package  # has no annotations
    segmenter, tagger = library.Segmenter(), library.NewsNERTagger(library.NewsEmbedding())

    def find(document: Document) -> object:
        doc = library.Doc(document.text)
        doc.segment(segmenter)
        return doc.tag_ner(tagger)

    return find


if __name__ == "__main__":
    main()
