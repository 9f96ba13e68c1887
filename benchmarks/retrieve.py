"""Recall of linked mentions among the candidates of their windows, and how many windows a second are looked up.

    python benchmarks/retrieve.py --data data/nerel/dev.jsonl --train data/nerel/train.jsonl
    python benchmarks/retrieve.py --data data/nerel/dev.jsonl --model runs/cie_ru --window 64 --stride 48
    python benchmarks/retrieve.py --data data/nerel/train.jsonl --fit    # the weights of names/name_index.py anew

Names alone, vectors alone and both together, as Markdown. The speed is that of both together, 16 windows at a time,
model load and the first call left out, on the cores that the process may use; as in `relik-ml annotate`, the garbage
collector leaves the loaded model alone. ``--fit`` takes the model's word that it
learnt its names from ``--data``: every document is looked up without its own teaching.
"""

import argparse
import gc
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter

import torch

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.names import FEATURES
from relik_ml.retriever import Retriever, RetrieverConfig
from relik_ml.score import Recall, retrieval, table
from relik_ml.text import windows
from relik_ml.training import held_out_candidates
from relik_ml.types import Document, Retrieved, Window

KS, TOGETHER = (1, 10, 50, 100), 16


def main() -> None:
    """Measure and print."""
    options = _options()
    relik, documents = Relik.from_pretrained(options.model), list(read_documents(options.data))
    gc.freeze()
    if options.fit:
        for name, weight in fitted(relik.retriever, documents, options.window, options.stride).items():
            print(f"{name}: {weight:.2f}")
        return
    views = [view for document in documents for view in windows(document, options.window, options.stride)]
    known, seen = frozenset(relik.retriever.index.entries.ids), _seen(options.train)
    ways = {name: measured(each, views, known, seen) for name, each in _ways(relik.retriever, options).items()}
    print(table({name: groups["all"] for name, groups in ways.items()}), "", table(ways["fused"]), "", sep="\n")
    speed = windows_per_second(_ways(relik.retriever, options)["fused"], views)
    words, cores = sum(len(view.tokens) for view in views) / len(views), len(os.sched_getaffinity(0))
    print(f"{speed:.0f} windows a second, {len(views)} windows of {words:.0f} tokens (at most {options.window}),")
    print(f"{options.k} candidates, {len(known):,} rows, {cores} cores of {platform.machine()}")


def fitted(retriever: Retriever, documents: Sequence[Document], size: int, stride: int) -> dict[str, float]:
    """The weight of each feature of a name hit and ``"bias"``, by logistic regression on held-out documents.

    A hit counts as meant when its row is gold somewhere in the window.
    """
    items, _ = held_out_candidates(retriever, documents, size, stride)
    pairs = [pair for item in items for pair in _judged(item)]
    features = torch.tensor([features for features, _ in pairs], dtype=torch.float64)
    meant = torch.tensor([meant for _, meant in pairs], dtype=torch.float64)
    rule = torch.nn.Linear(len(FEATURES), 1, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(rule.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(rule(features).squeeze(1), meant)
        loss = loss + 1e-5 * rule.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return dict(zip(FEATURES, rule.weight[0].tolist(), strict=True)) | {"bias": rule.bias.item()}


def _judged(item: Retrieved) -> Iterator[tuple[tuple[float, ...], bool]]:
    """The features of each hit, and whether its entity is meant in the window."""
    view = item.window
    inside = [m.link for m in view.document.mentions if view.start <= m.start and m.stop <= view.stop]
    gold = {id_ for link in inside if link.id for id_ in (link.id, *link.alternatives)}
    for hit in item.hits:
        yield hit.features, item.entities[hit.candidate].entry.id in gold


def measured(
    retriever: Retriever, views: Sequence[Window], known: frozenset[str], seen: frozenset[str]
) -> Mapping[str, Recall]:
    """Recall by group."""
    return retrieval(_retrieved(retriever, views), known, seen, KS)


def windows_per_second(retriever: Retriever, views: Sequence[Window], times: int = 3) -> float:
    """The best of a few passes over all windows."""
    spent = []
    for _ in range(times):
        started = perf_counter()
        for _ in _retrieved(retriever, views):
            pass
        spent.append(perf_counter() - started)
    return len(views) / min(spent)


def _ways(retriever: Retriever, options: argparse.Namespace) -> dict[str, Retriever]:
    """Retrievers that give k candidates by names, by vectors and by both; recall beyond k is that at k.

    An index without vectors has names alone, under ``"fused"`` too.
    """
    index, names, encoder = retriever.index, retriever.names, retriever.encoder
    fused, dense = RetrieverConfig(options.k, options.dense), RetrieverConfig(options.k, options.k)
    if encoder is None:
        return {"fused": Retriever(index, names, None, fused)}
    return {
        "names": Retriever(index, names, None, fused),
        "vectors": Retriever(index, None, encoder, dense),
        "fused": Retriever(index, names, encoder, fused),
    }


def _retrieved(retriever: Retriever, views: Sequence[Window]) -> Iterator[Retrieved]:
    for start in range(0, len(views), TOGETHER):
        yield from retriever(views[start : start + TOGETHER])


def _seen(path: Path | None) -> frozenset[str]:
    documents: Iterator[Document] = read_documents(path) if path else iter(())
    return frozenset(m.link.id for document in documents for m in document.mentions if m.link.id)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="documents with links")
    parser.add_argument("--train", type=Path, help="what the model was trained on: tells seen from unseen")
    parser.add_argument("--model", help="a model folder; default: the embedded model")
    parser.add_argument("--window", type=int, default=256, help="tokens (default: %(default)s)")
    parser.add_argument("--stride", type=int, default=192, help="tokens (default: %(default)s)")
    parser.add_argument("--k", type=int, default=50, help="candidates of a window (default: %(default)s)")
    parser.add_argument("--dense", type=int, default=2, help="those by vector alone (default: %(default)s)")
    parser.add_argument("--fit", action="store_true", help="learn the rule that ranks names, and print it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
