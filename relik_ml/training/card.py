"""The model card: training data, command, scores, calibration, licences and limits."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from relik_ml.index import PassageIndex
from relik_ml.score import BINS, HEADLINES, KS, TITLES, Recall, ScoreReport, calibration_error
from relik_ml.training.data import Data
from relik_ml.types import Document


@dataclass(frozen=True)
class Task:
    """The task of a recipe: the title of its models, and a phrase for what they find."""

    title: str
    finds: str


@dataclass(frozen=True)
class Origin:
    """The training data of a model and the command that trained it."""

    data: Data
    command: str

    @property
    def dev(self) -> str:
        """The names of the dev data sets."""
        return ", ".join(_sets(self.data.dev))


def model_card(task: Task, origin: Origin, report: ScoreReport, retrieval: Recall | None, index: PassageIndex) -> str:
    """The model card in Markdown, with the metadata that the Hugging Face Hub reads."""
    kinds = ", ".join(f"{count:,} of kind {kind}" for kind, count in index.info()["kinds"].items())
    return f"""{_front_matter(task, origin.dev, report)}
# {task.title}

{task.finds}. Trained by relik-ml on the train split of {", ".join(_sets(origin.data.train))}:

    {origin.command}

Index: {kinds}. It covers: {index.info()["provenance"] or "not stated"}.

## Scores on {origin.dev} dev

The epoch with the highest mean of the headline scores (marked *) on dev was kept, so these scores are slightly
higher than those on a separate test set would be.

```
{report.table()}
```

{_retrieved(retrieval) if retrieval else "The index holds only relations; every window is read with all of them."}

## Calibration

The share of correct predictions on dev by their score, with the number of predictions. A calibrated model has a share
within the bounds of each row.

{_calibration(report)}

## Data and licences

{_licences(origin.data.train)}
- This folder does not contain the texts of these data sets.
- Names and facts of entities come from Wikidata (CC0), by way of the entity table that --entities names.
- The weights are derived from a pretrained encoder, so its licence applies to them (multilingual-E5: MIT).

## Limits

- The model was trained only on texts of these data sets. On other texts its scores are lower.
- An entity that is not in the index is linked to NIL or to a namesake. Discontinuous mentions are not predicted.
"""


def _calibration(report: ScoreReport) -> str:
    """A table of the bins of each kind of score, and their expected calibration error."""
    kinds = report.reliability
    if not kinds:
        return "The predictions have no scores."
    cells = {(row.low, kind): f"{row.right:.0%} of {row.size:,}" for kind, rows in kinds.items() for row in rows}
    lines = [f"| score | {' | '.join(kinds)} |", "|---|" + "--:|" * len(kinds)]
    for low in sorted({low for low, _ in cells}):
        row = " | ".join(cells.get((low, kind), "") for kind in kinds)
        lines.append(f"| {low:.1f} to {low + 1 / BINS:.1f} | {row} |")
    errors = (f"{100 * calibration_error(rows):.1f} %" for rows in kinds.values())
    return "\n".join([*lines, f"| expected calibration error | {' | '.join(errors)} |"])


def _front_matter(task: Task, dev: str, report: ScoreReport) -> str:
    """YAML metadata for the Hugging Face Hub, each value as JSON; ``model-index`` holds the headline scores."""
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
    """The names of the data sets, as converters write them, the largest first."""
    return [name for name, _ in Counter(str(each.meta.get("dataset", "unnamed")) for each in documents).most_common()]


def _licences(documents: Sequence[Document]) -> str:
    """A line for each data set: its number of documents, and their licences as the converter states them."""
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
    return f"""The index holds the entities of {retrieval.coverage:.1%} of the linked mentions; no others can be linked.
The entity is among the first {", ".join(map(str, KS))} candidates of the window for: {found} of the linked mentions."""
