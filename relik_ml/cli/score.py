"""``relik-ml score``: how good predicted documents are."""

from __future__ import annotations

import json
from pathlib import Path

import click

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("gold", type=FILE)
@click.argument("predicted", type=FILE, metavar="PRED")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON in place of a table.")
def command(gold: Path, predicted: Path, as_json: bool) -> None:
    """Score the documents of PRED against those of GOLD (both JSON Lines).

    Documents are joined by id and must have the same text. Entities, links, relations and facts are
    scored; what each score means stands in docs/scores.md.

    \b
    Examples:
      relik-ml convert nerel --split dev --out data/nerel
      relik-ml annotate data/nerel/dev.jsonl --out predicted.jsonl
      relik-ml score data/nerel/dev.jsonl predicted.jsonl
      relik-ml score --json data/nerel/dev.jsonl predicted.jsonl > scores.json
    """
    from relik_ml.io import read_documents
    from relik_ml.score import score

    report = score(read_documents(gold), read_documents(predicted))
    click.echo(json.dumps(report.json(), ensure_ascii=False, indent=2) if as_json else report.table())
