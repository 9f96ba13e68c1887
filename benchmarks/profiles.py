"""Precision and recall of the profiles of ``annotate``, as a Markdown table.

    python benchmarks/profiles.py --train data/nerel/train.jsonl --dev data/nerel/dev.jsonl
    python benchmarks/profiles.py --train data/nerel/train.jsonl --model fast --fit

Held out are the documents of train that the recipe does not train on (its ``--held-out``); the names that they added to
the index are not used for them. ``--fit`` prints the lowest minimum scores, in steps of 0.05, that reach the targets of
``precision`` on them: 90 % of mentions, 90 % of links and 75 % of facts. A mention is right with its type, a link with
its mention's boundaries, a fact with the boundaries of both mentions.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from relik_ml import Relik
from relik_ml.config import PROFILES, MinScores
from relik_ml.data import read_documents
from relik_ml.pipeline import above
from relik_ml.score import score
from relik_ml.text import Morphology, merge, settle_links
from relik_ml.training import Data, held_out_candidates
from relik_ml.types import Document

SCORES = {"mention": "ner", "link": "el.inkb", "fact": "re.document.boundaries"}
TARGETS = {"mention": 0.9, "link": 0.9, "fact": 0.75}
LEMMA = Morphology().lemma
STEPS = [number / 20 for number in range(20)]


def main() -> None:
    """Measure and print."""
    options = _options()
    relik = Relik.from_pretrained(options.model)
    train = list(read_documents(options.train))
    held_out = Data(train, [], [], [], [], []).holding_out(options.held_out).held_out
    if options.fit:
        return print(fitted(relik, held_out))
    dev = list(read_documents(options.dev)) if options.dev else []
    print(f"| profile | {len(held_out)} documents of train: mentions | links | facts | dev: mentions | links | facts |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for profile in PROFILES:
        chosen = relik.with_profile(profile)
        cells = [*rates(held_out, read(chosen, held_out, PROFILES[profile].min_score))]
        cells += rates(dev, list(chosen.annotate(dev))) if dev else []
        print(f"| `{profile}` | {' | '.join(cells)} |", flush=True)


def read(relik: Relik, documents: Sequence[Document], least: MinScores) -> list[Document]:
    """The documents annotated without the names that they added to the index."""
    found = []
    for document in documents:
        items, _ = held_out_candidates(relik.retriever, [document], relik.settings.window, relik.settings.stride)
        predicted = merge(document, relik.reader(relik.reader.encode.fit(items)))
        predicted = replace(predicted, mentions=settle_links(predicted.text, predicted.mentions, LEMMA))
        found.append(above(predicted, least))
    return found


def rates(gold: Sequence[Document], predicted: Sequence[Document]) -> list[str]:
    """Precision and recall in percent of mentions, links and facts."""
    scores = score(gold, predicted).scores
    return [f"{100 * scores[name].precision:.1f} / {100 * scores[name].recall:.1f}" for name in SCORES.values()]


def fitted(relik: Relik, documents: Sequence[Document]) -> str:
    """The lowest minimum scores that reach the targets, chosen one after the other."""
    found, least = read(relik, documents, MinScores()), {"mention": 0.0, "link": 0.0, "fact": 0.0}
    for kind, target in TARGETS.items():
        for step in STEPS:
            least[kind] = step
            shown = [above(document, MinScores(**least)) for document in found]
            if score(documents, shown).scores[SCORES[kind]].precision >= target:
                break
    return str(MinScores(**least))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True, help="NEREL train, converted")
    parser.add_argument("--dev", type=Path, help="NEREL dev, converted")
    parser.add_argument("--model", help="a model folder, or fast; default: accurate")
    parser.add_argument("--held-out", type=float, default=0.05, help="share of train that the model was not trained on")
    parser.add_argument("--fit", action="store_true", help="print minimum scores for the profile precision")
    return parser.parse_args()


if __name__ == "__main__":
    main()
