"""``relik-ml view``: write documents as an HTML page."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=PATH)
@click.option("--out", type=PATH, required=True, help="Write the page to this file, all or nothing.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Maximum documents on the page.")
def command(file: Path, out: Path, limit: int) -> None:
    """Write the documents of FILE (JSON Lines) as a page for any browser.

    The page shows each text with its mentions, its facts as a graph and a list, and a mind map. It is one file that
    needs no server and makes no requests.

    \b
    Example:
      relik-ml annotate --lang ru examples/ru --out out.jsonl
      relik-ml view out.jsonl --out report.html
    """
    from itertools import islice

    from relik_ml.data import atomic_path, read_documents
    from relik_ml.errors import ConfigError
    from relik_ml.view import report

    if out.resolve() == file.resolve():
        raise ConfigError("the output is also the input", where=str(out), fix="write to another file")
    documents = read_documents(file)
    shown = list(islice(documents, limit))
    left_out = sum(1 for _ in documents)
    with atomic_path(out) as partial:
        partial.write_text(report(shown, title=file.name, left_out=left_out), encoding="utf-8", newline="\n")
    click.echo(f"{out}: {len(shown):,} documents, {left_out:,} left out (--limit)", err=True)
