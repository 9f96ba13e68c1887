"""``relik-ml score``: score predicted documents against gold documents."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path)
Printers = tuple[Callable[[], object], Callable[[], str]]
"""Functions that return a report as JSON and as a table."""


@click.command()
@click.argument("gold", type=FILE)
@click.argument("predicted", type=FILE, metavar="PRED", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of a table.")
@click.option("--bootstrap", type=click.IntRange(0), default=0, metavar="N", help="Confidence intervals, N resamples.")
@click.option("--retrieval", is_flag=True, help="Score the candidates that a model retrieves for GOLD; without PRED.")
@click.option("--model", metavar="MODEL", help="With --retrieval: a model, as for annotate; default: `accurate`.")
@click.option("--index", type=FILE, help="With --retrieval: an index folder, or `embedded`; default: the model's own.")
@click.option(
    "--train", type=FILE, help="Training documents: adds Ign-F1; with --retrieval separates seen from unseen."
)
def command(
    gold: Path, predicted: Path | None, as_json: bool, bootstrap: int, retrieval: bool, train: Path | None, **given: Any
) -> None:
    """Score the documents of PRED against those of GOLD (both JSON Lines).

    Documents are joined by id and must have the same text. Entities, links, relations and facts are scored;
    docs/concepts/scores.md defines the scores. With --retrieval: the share of linked mentions whose entity is among
    the first 1, 10, 50 and 100 candidates of their window, by type and for seen and unseen entities, and the share
    whose entity is in the index. With --train, where gold relates entities as DocRED does: Ign-F1, which leaves out
    relations that the training documents state between entities of the same names.

    \b
    Examples:
      relik-ml convert nerel --split dev --out data/nerel
      relik-ml annotate data/nerel/dev.jsonl --out predicted.jsonl
      relik-ml score data/nerel/dev.jsonl predicted.jsonl
      relik-ml score data/nerel/dev.jsonl predicted.jsonl --bootstrap 1000
      relik-ml score --json data/nerel/dev.jsonl predicted.jsonl > scores.json
      relik-ml score data/redocred/dev.jsonl predicted.jsonl --train data/redocred/train.jsonl
      relik-ml score --retrieval data/nerel/dev.jsonl --train data/nerel/train.jsonl
    """
    if retrieval == (predicted is not None):
        raise click.UsageError("give GOLD and PRED, or GOLD and --retrieval")
    if not retrieval and any(given.values()):
        raise click.UsageError("--model and --index belong to --retrieval")
    record, table = _retrieval(gold, train, **given) if predicted is None else _score(gold, predicted, bootstrap, train)
    click.echo(json.dumps(record(), ensure_ascii=False, indent=2) if as_json else table())


def _score(gold: Path, predicted: Path, bootstrap: int, train: Path | None) -> Printers:
    from relik_ml.data import read_documents
    from relik_ml.score import score

    known = read_documents(train) if train else None
    report = score(read_documents(gold), read_documents(predicted), bootstrap=bootstrap, train=known)
    return report.json, report.table


def _retrieval(gold: Path, train: Path | None, model: str | None, index: Path | None) -> Printers:
    from relik_ml import Relik
    from relik_ml.data import read_documents
    from relik_ml.score import record, retrieval, table

    relik = Relik.from_pretrained(model, index=index)
    taught = read_documents(train) if train else ()
    seen = frozenset(m.link.id for document in taught for m in document.mentions if m.link.id)
    known = frozenset(relik.retriever.index.entries.ids)
    found = retrieval(relik.retrieve(read_documents(gold)), known, seen)
    return partial(record, found), partial(table, found)
