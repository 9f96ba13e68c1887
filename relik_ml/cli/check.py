"""``relik-ml check``: list violations of the schema in a file of documents."""

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, file: Path) -> None:
    """Check the documents of FILE (JSON Lines, also .gz, .bz2, .xz or .zst).

    Print every violation of the schema with its line and the id of the document. Exit code 1 if there are any.

    \b
    Example:
      relik-ml check data/nerel/train.jsonl
    """
    from relik_ml.data import violations

    count = 0
    for line, document, what in violations(file):
        click.echo(f"{file}:{line}: {f'document {document!r}: ' if document else ''}{what}")
        count += 1
    click.echo(f"{file}: {f'{count:,} violations' if count != 1 else '1 violation'}", err=True)
    ctx.exit(1 if count else 0)
