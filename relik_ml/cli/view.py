"""``relik-ml view``: write documents as an HTML page."""

from pathlib import Path

import click

from relik_ml.types import Document

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=PATH)
@click.option("--out", type=PATH, required=True, help="Write the page to this file, all or nothing.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Maximum documents on the page.")
@click.option("--index", type=PATH, help="Describe entities on their cards from this index; default: the embedded one.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
def command(file: Path, out: Path, limit: int, index: Path | None, opens: bool) -> None:
    """Write the documents of FILE (JSON Lines) as a page for any browser.

    The page shows each text with its mentions, one graph over all documents, the facts as a list, a timeline and a
    mind map. It is one file that needs no server and makes no requests.

    \b
    Example:
      relik-ml annotate --lang ru examples/ru --out out.jsonl
      relik-ml view out.jsonl --out report.html --open
    """
    import webbrowser
    from itertools import islice

    from relik_ml.data import read_documents
    from relik_ml.errors import ConfigError

    if out.resolve() == file.resolve():
        raise ConfigError("the output is also the input", where=str(out), fix="write to another file")
    documents = read_documents(file)
    shown = list(islice(documents, limit))
    left_out = sum(1 for _ in documents)
    write_page(shown, out, title=file.name, left_out=left_out, index=index)
    click.echo(f"{out}: {len(shown):,} documents, {left_out:,} left out (--limit)", err=True)
    if opens and not webbrowser.open(out.resolve().as_uri()):
        click.echo(f"warning: no browser was found; open {out} yourself", err=True)


def write_page(documents: list[Document], out: Path, title: str, left_out: int = 0, index: Path | None = None) -> None:
    """Write the page of documents, with the descriptions that an index has; by default the embedded one."""
    from relik_ml.data import atomic_path
    from relik_ml.view import descriptions, report

    with atomic_path(out) as partial:
        page = report(documents, title=title, left_out=left_out, descriptions=descriptions(documents, index))
        partial.write_text(page, encoding="utf-8", newline="\n")
