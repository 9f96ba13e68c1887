"""The card of a model: data, command, scores and limits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from relik_ml.index import PassageIndex
from relik_ml.score import HEADLINES, KS, TITLES, Recall, ScoreReport, calibration_error
from relik_ml.training.data import Data
from relik_ml.types import Document


@dataclass(frozen=True)
class Task:
    """The task of a recipe: a title for its models, and what they find."""

    title: str
    finds: str


@dataclass(frozen=True)
class Origin:
    """The data that a model was trained on, and the command."""

    data: Data
    command: str

    @property
    def dev(self) -> str:
        """The names of the data sets of dev."""
        return ", ".join(_sets(self.data.dev))


def model_card(task: Task, origin: Origin, report: ScoreReport, retrieval: Recall | None, index: PassageIndex) -> str:
    """Markdown."""
    kinds = ", ".join(f"{count:,} of kind {kind}" for kind, count in index.info()["kinds"].items())
    return f"""{_front_matter(task, origin.dev, report)}
# {task.title}

{task.finds}, trained by relik-ml on the train split of {", ".join(_sets(origin.data.train))}:

    {origin.command}

Index: {kinds}.

## Scores on {origin.dev} dev

Of all epochs the best was kept, by the mean over dev of the headline scores (marked *), so these figures are a
little kinder than a held-back test would be.

```
{report.table()}
```

{_retrieved(retrieval) if retrieval else "The index holds relations only: every window is read with all of them."}

## Calibration

How often predictions on dev are right, by their score ("score: right of so many").

{_calibration(report)}

## Data and licences

{_licences(origin.data.train)}
- No text of these is in this folder.
- Names and facts of entities: Wikidata (CC0), as gathered in the entity table that was given to --entities.
- The encoder began as a pretrained one, whose licence holds for the weights as well (multilingual-E5: MIT).

## Limits

- The texts of these data sets are what it has seen; expect less of others.
- An entity that is not in the index becomes NIL, or a namesake. Discontinuous mentions are not predicted.
"""


def _calibration(report: ScoreReport) -> str:
    """A line for each kind of score."""
    lines = []
    for kind, rows in report.reliability.items():
        bins = ", ".join(f"{row.score:.2f}: {row.right:.2f} of {row.size:,}" for row in rows)
        lines.append(f"- {kind}, expected calibration error {100 * calibration_error(rows):.1f} %: {bins}")
    return "\n".join(lines) or "The predictions have no scores."


def _front_matter(task: Task, dev: str, report: ScoreReport) -> str:
    """What the Hugging Face Hub reads: YAML, each value as JSON, with the headline scores as its ``model-index``."""
    scored = [(name, report.scores[name]) for name in HEADLINES if name in report.scores]
    results = {
        "task": {"type": "token-classification", "name": task.title},
        "dataset": {"type": dev, "name": dev, "split": "dev"},
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


def _sets(documents: Sequence[Document]) -> list[str]:
    """The names of data sets, as the converters write them; the largest first."""
    return [name for name, _ in Counter(str(each.meta.get("dataset", "unnamed")) for each in documents).most_common()]


def _licences(documents: Sequence[Document]) -> str:
    """A line for each data set: its documents, and their licences as far as the converter knew them."""
    lines = []
    for name in _sets(documents):
        own = [each.meta for each in documents if str(each.meta.get("dataset", "unnamed")) == name]
        said = Counter(str(meta.get("licence", "no licence stated")) for meta in own).most_common()
        lines.append(
            f"- {name}, {len(own):,} documents: {', '.join(f'{rights} ({count:,})' for rights, count in said)}."
        )
    return "\n".join(lines)


def _retrieved(retrieval: Recall) -> str:
    found = ", ".join(f"{retrieval.at(k):.1%}" for k in KS)
    return f"""The index holds the entity of {retrieval.coverage:.1%} of the linked mentions, which bounds linking.
Their share that has it among the first {", ".join(map(str, KS))} candidates of the window: {found}."""
