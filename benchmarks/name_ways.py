"""Recall of linked mentions by name, with each way of finding a name left out, as a Markdown table.

python benchmarks/name_ways.py --data data/nerel/dev.jsonl --train data/nerel/train.jsonl
python benchmarks/name_ways.py --data … --train … --annotate    # also F1 of links and facts, which takes minutes
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.names import NameIndex
from relik_ml.names.name_table import LEARNT, SURNAME
from relik_ml.names.runs import DERIVED, HEARD, INITIALS, RunFinder, Runs
from relik_ml.score import retrieval, score

Names = Callable[[NameIndex], NameIndex]
COLUMNS = "el.inkb", "cie.triples"


def main() -> None:
    """Measure and print."""
    options = _options()
    relik, documents = Relik.from_pretrained(options.model), list(read_documents(options.data))
    names, known = relik.retriever.names, frozenset(relik.retriever.index.entries.ids)
    assert names is not None, "the model finds no names"
    linked = (m.link.id for document in read_documents(options.train) for m in document.mentions)
    seen = frozenset(id for id in linked if id)
    head = ["all @10", "all @50", "unseen @10", "unseen @50", *(COLUMNS if options.annotate else ())]
    print("| left out | " + " | ".join(head) + " |\n|---|" + "--:|" * len(head))
    for way, changed in ways():
        relik.retriever.names = changed(names)
        found = retrieval(relik.retrieve(documents), known, seen)
        cells = [100 * found[group].at(k) for group in ("all", "unseen") for k in (10, 50)]
        if options.annotate:
            scores = score(documents, relik.annotate(documents)).scores
            cells += [100 * scores[name].f1 for name in COLUMNS]
        print(f"| {way} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)


def ways() -> Iterator[tuple[str, Names]]:
    """What is left out, and the names without it."""
    yield "nothing", lambda names: names
    yield "annotated surfaces", lambda names: without_kind(names, LEARNT)
    yield "surnames, with initials and without", lambda names: without_kind(names, SURNAME)
    yield "surnames with initials", lambda names: without_way(names, INITIALS)
    yield "sounds", lambda names: without_way(names, HEARD)
    yield "adjectives and inhabitants", lambda names: without_way(names, DERIVED)


def without_kind(names: NameIndex, kind: int) -> NameIndex:
    """The names without those of a kind."""
    table = names.table
    kinds = table.kinds & ~np.uint8(1 << kind)
    counts = np.zeros_like(table.counts) if kind == LEARNT else table.counts
    keep = np.flatnonzero(kinds)
    kept = table._replace(keys=table.keys[keep], rows=table.rows[keep], kinds=kinds[keep], counts=counts[keep])
    return NameIndex(kept.packed(), names.lemma)


def without_way(names: NameIndex, way: int) -> NameIndex:
    """The names, looked up in all ways but one."""

    class Fewer(RunFinder):
        def __call__(self, texts: Any) -> Runs:
            runs = super().__call__(texts)
            return runs.of(np.flatnonzero(runs.way != way))

    changed = NameIndex(names.arrays(), names.lemma)
    changed._runs = Fewer(names.lemma)
    return changed


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True, help="to tell seen from unseen entities")
    parser.add_argument("--annotate", action="store_true", help="score documents, not candidates alone")
    return parser.parse_args()


if __name__ == "__main__":
    main()
