"""What each part of closed information extraction is worth on NEREL dev, as Markdown tables.

    python benchmarks/ablations.py inference --data data/nerel/dev.jsonl      # a trained model, used in other ways
    python benchmarks/ablations.py reader --data data/nerel --share 4         # trained in other ways, three seeds
    python benchmarks/ablations.py retriever --data data/nerel

The last two run the recipes themselves, ``small``, on a share of the training documents, one after the other, and
give mean and standard deviation over the seeds. A run that is done under ``--out`` is not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import mean, stdev

from relik_ml import Relik
from relik_ml.data import read_documents, write_documents
from relik_ml.score import score
from relik_ml.types import Document

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = "ner", "el.inkb", "re.document.boundaries", "cie.triples"
K = 4, 8, 16, 32, 64, 100
WINDOWS = (64, 48), (128, 96), (256, 192), (384, 288)
SEEDS = 1, 2, 3
READERS = {
    "all of it": ("cie_ru",),
    "links neither learnt nor given": ("cie_ru", "--task", "re"),
    "repeated facts not taken for wrong": ("cie_ru", "--repeated", "ignored"),
}
RETRIEVERS = {
    "mined and random negatives": ("retriever_ru",),
    "random negatives": ("retriever_ru", "--hard-negatives", "0"),
}
"""A recipe and its flags, besides those that all variants share."""


def main() -> None:
    """Measure and print a table."""
    options = _options()
    if options.what == "inference":
        print(table(inference(options)))
    else:
        print(table(training(options, READERS if options.what == "reader" else RETRIEVERS)))


def inference(options: argparse.Namespace) -> Rows:
    """One model, with other numbers of candidates, then with other windows."""
    documents, relik = list(read_documents(options.data)), Relik.from_pretrained(options.model)
    config, settings = relik.retriever.config, relik.settings
    rows: dict[str, Sequence[Scores]] = {}
    for k in K:
        relik.retriever.config = replace(config, entities=k, dense=k // 10)
        rows[f"K = {k}"] = [measure(relik, documents)]
    relik.retriever.config = config
    for window, stride in WINDOWS:
        relik.settings = replace(settings, window=window, stride=stride)
        rows[f"windows of {window}, every {stride} tokens"] = [measure(relik, documents)]
    return rows


def training(options: argparse.Namespace, variants: Mapping[str, Sequence[str]]) -> Rows:
    """The recipes with other flags, each with every seed."""
    data = options.out / "data"
    share(options.data, data, options.share)
    runs: dict[str, list[Scores]] = {}
    for name, (recipe, *flags) in variants.items():
        linked = ["--entities", str(options.entities)] if options.entities and "re" not in flags else []
        epochs = [] if recipe == "retriever_ru" else ["--num-epochs", str(options.epochs)]
        common = ["--data", str(data), "--checkpoint-steps", "0", *epochs, *linked]
        outs = {seed: options.out / f"{name.replace(' ', '-')}-{seed}" for seed in SEEDS}
        runs[name] = [run(recipe, [*common, *flags, "--seed", str(seed)], out) for seed, out in outs.items()]
    return runs


Scores = Mapping[str, float]
"""F1 or recall by name."""
Rows = Mapping[str, Sequence[Scores]]
"""What was measured of each variant, once or with every seed."""


def measure(relik: Relik, documents: Sequence[Document]) -> Scores:
    """The model's scores on documents."""
    report = score(documents, relik.annotate(documents))
    return {name: report.scores[name].f1 for name in COLUMNS}


def run(recipe: str, flags: Sequence[str], out: Path) -> Scores:
    """A recipe's best scores on dev, from its last run or from a new one."""
    scores = out / "scores.json" if recipe == "retriever_ru" else out.with_name(out.name + ".scores.json")
    done = out.with_name(out.name + ".done")  # for scores lie there from a run's first epoch on
    if not done.exists():
        command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", str(ROOT / "recipes" / f"{recipe}.py")]
        subprocess.run([*command, "--preset", "small", *flags, "--out", str(out)], check=True)
        done.touch()
    found = json.loads(scores.read_text(encoding="utf-8"))
    if recipe == "retriever_ru":
        best = max(found["dev"], key=lambda each: each["recall@50"])
        return {name: score for name, score in best.items() if name.startswith("recall")}
    return {name: found["scores"][name]["f1"] for name in COLUMNS if name in found["scores"]}


def share(source: Path, target: Path, step: int) -> None:
    """Every so-manieth training document, and all of dev."""
    target.mkdir(parents=True, exist_ok=True)
    write_documents(islice(read_documents(source / "train.jsonl"), 0, None, step), target / "train.jsonl")
    write_documents(read_documents(source / "dev.jsonl"), target / "dev.jsonl")


def table(rows: Rows) -> str:
    """Hundredths: of one run, or mean and standard deviation of several."""
    names = [*next(iter(rows.values()))[0]]
    head = ["| | " + " | ".join(f"`{name}`" for name in names) + " |", "|---|" + "--:|" * len(names)]
    return "\n".join([*head, *(f"| {row} | {' | '.join(_cells(names, runs))} |" for row, runs in rows.items())])


def _cells(names: Iterable[str], runs: Sequence[Scores]) -> Iterator[str]:
    for name in names:
        values = [100 * each[name] for each in runs if name in each]
        spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
        yield f"{mean(values):.1f}{spread}" if values else ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["inference", "reader", "retriever"])
    parser.add_argument("--data", type=Path, required=True, help="dev.jsonl; for training the folder of both splits")
    parser.add_argument("--model", help="a model folder; default: the embedded model")
    parser.add_argument("--entities", type=Path, help="the entity table of the recipes")
    parser.add_argument("--share", type=int, default=1, help="train on every so-manieth document")
    parser.add_argument("--epochs", type=int, default=10, help="of a reader")
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
