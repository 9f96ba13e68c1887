"""``relik-ml export FORMAT``: documents in the formats of other tools."""

from __future__ import annotations

from pathlib import Path

import click

from relik_ml.errors import OutputError

PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Write documents (JSON Lines) in the format of another tool.

    \b
    Example:
      relik-ml export brat data/nerel/dev.jsonl --out brat
    """


@command.command()
@click.argument("file", type=PATH)
@click.option("--out", type=PATH, required=True, help="New or empty folder.")
def brat(file: Path, out: Path) -> None:
    """Write the documents of FILE as brat standoff: a .txt and an .ann file each, named after its id.

    Mentions, relations, Wikidata links with their alternatives and NIL, and entities that no link implies are
    written; brat has no place for scores, evidence, values, properties and meta. What was left out or written
    otherwise is counted on standard error. The folder is there whole or not at all.

    \b
    Examples:
      relik-ml convert nerel --split dev --out data/nerel
      relik-ml export brat data/nerel/dev.jsonl --out brat
      relik-ml convert brat --source brat --out data/again
    """
    from relik_ml.export.brat import write_pages
    from relik_ml.files import atomic_folder
    from relik_ml.io import read_documents

    _refuse_used(out)
    with atomic_folder(out) as folder:
        counts = write_pages(read_documents(file), folder)
    click.echo(f"{out}: {counts.pop('documents'):,} documents; meta and annotated left out", err=True)
    for what, number in counts.items():
        click.echo(f"  {what:60}{number:>10,}", err=True)


def _refuse_used(out: Path) -> None:
    """People annotate in such folders by hand: one that holds anything is never replaced."""
    if out.is_dir() and any(out.iterdir()):
        fix = "name a new or empty folder"
        raise OutputError("the folder is not empty", where=str(out), got=next(out.iterdir()).name, fix=fix)
