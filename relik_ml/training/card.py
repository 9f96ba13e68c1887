"""What a recipe leaves: the model with its card of data, command, scores and limits."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from relik_ml.files import atomic_path
from relik_ml.pipeline import Relik
from relik_ml.retriever.index import PassageIndex
from relik_ml.score import Recall, Report
from relik_ml.score.report import HEADLINES, TITLES
from relik_ml.score.retrieval import KS


@dataclass(frozen=True)
class Task:
    """What a recipe's models do: a title, and what they find."""

    title: str
    finds: str


def save_scored(relik: Relik, folder: Path, report: Report, card: str) -> None:
    """The model folder with its card; the scores lie beside it, for programs."""
    Relik(relik.retriever, relik.reader, replace(relik.settings, card=card)).save_pretrained(folder)
    with atomic_path(folder.with_name(folder.name + ".scores.json")) as partial:
        partial.write_text(json.dumps(report.json(), indent=1), encoding="utf-8")


def model_card(task: Task, command: str, report: Report, retrieval: Recall | None, index: PassageIndex) -> str:
    """Markdown."""
    kinds = ", ".join(f"{count:,} of kind {kind}" for kind, count in index.info()["kinds"].items())
    return f"""{_front_matter(task, report)}
# {task.title}

{task.finds}, trained by relik-ml on the train split of NEREL v1.1:

    {command}

Index: {kinds}.

## Scores on NEREL dev

Of all epochs the best was kept, by the mean over dev of the headline scores (marked *), so these figures are a
little kinder than a held-back test would be.

```
{report.table()}
```

{_retrieved(retrieval) if retrieval else "The index holds relations only: every window is read with all of them."}

## Data and licences

- NEREL v1.1, train split (Loukachevitch et al. 2021). 828 of the corpus' 933 documents are Wikinews pages, CC BY 2.5;
  105 are agency news with no stated right. No text of it is in this folder.
- Names and facts of entities: Wikidata (CC0), as gathered in the entity table that was given to --entities.
- Word vectors of a compact model: navec (MIT), as the package natasha carries them, reduced and rounded.

## Limits

- Russian news is what it has seen; expect less of other texts.
- An entity that is not in the index becomes NIL, or a namesake. Discontinuous mentions are not predicted.
- Scores of mentions, links and triples are the network's own probabilities and not calibrated.
"""


def _front_matter(task: Task, report: Report) -> str:
    """What the Hugging Face Hub reads: YAML, each value as JSON, with the headline scores as its ``model-index``."""
    scored = [(name, report.scores[name]) for name in HEADLINES if name in report.scores]
    results = {
        "task": {"type": "token-classification", "name": task.title},
        "dataset": {"type": "nerel", "name": "NEREL v1.1", "split": "dev"},
        "metrics": [{"type": "f1", "name": TITLES[name], "value": round(counts.f1, 4)} for name, counts in scored],
    }
    fields = {
        "language": ["ru"],
        "library_name": "relik-ml",
        "pipeline_tag": "token-classification",
        "tags": ["entity-linking", "relation-extraction", "closed-information-extraction"],
        "model-index": [{"name": task.title, "results": [results]}],
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join(["---", *lines, "---", ""])


def _retrieved(retrieval: Recall) -> str:
    found = ", ".join(f"{retrieval.at(k):.1%}" for k in KS)
    return f"""The index holds the entity of {retrieval.coverage:.1%} of the linked mentions, which bounds linking.
Their share that has it among the first {", ".join(map(str, KS))} candidates of the window: {found}."""
