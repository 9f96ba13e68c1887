"""Scores of models on corpora of any language, also of one that a model was not trained on (zero-shot).

::

    python benchmarks/languages.py data/nerel/dev.jsonl data/conll04/dev.jsonl --model accurate --model runs/cie_en

Every model reads every document in the document's own language. A corpus with coarser types is scored in its own
labels; see docs/concepts/scores.md.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.score import score

SCORES = (
    "ner.boundaries", "ner", "el.inkb", "re.document.boundaries", "re.document.strict", "re.entities", "cie.triples",
)  # fmt: skip


def main() -> None:
    """Annotate, score, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", type=Path, nargs="+", help="JSON Lines of gold documents.")
    parser.add_argument("--model", action="append", required=True, help="accurate, fast or a model folder.")
    args = parser.parse_args()
    print(f"| gold | model | {' | '.join(SCORES)} |\n|---|---|{'--:|' * len(SCORES)}")
    for path in args.gold:
        gold = list(read_documents(path))
        languages = tuple(sorted({document.lang for document in gold}))
        for name in args.model:
            relik = Relik.from_pretrained(name)
            everywhere = tuple(sorted({*relik.settings.languages, *languages}))
            relik = relik.configured(replace(relik.settings, languages=everywhere))
            found = score(gold, relik.annotate(gold)).scores
            cells = [f"{100 * found[each].f1:.1f}" if each in found else "" for each in SCORES]
            print(f"| {path} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
