"""``relik-ml stats``: statistics of a file of documents."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON instead of a table.")
def command(file: Path, as_json: bool) -> None:
    """Print statistics of the documents of FILE (JSON Lines, also .gz, .bz2, .xz or .zst).

    These are documents, mentions by type, nesting, links and NIL, triples by relation, and the share of triples that
    lie within one sentence, or within one window of 32 to 256 tokens when windows overlap by half.

    \b
    Examples:
      relik-ml stats data/nerel/train.jsonl
      relik-ml stats --json data/nerel/train.jsonl > stats.json
    """
    from relik_ml.data import measure, read_documents

    stats = measure(read_documents(file))
    click.echo(json.dumps(stats.json(), ensure_ascii=False, indent=2) if as_json else stats.table())
