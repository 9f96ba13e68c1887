"""``relik-ml graph``: a store of facts over many documents: load, ask, verify, export."""

from __future__ import annotations

from pathlib import Path

import click

_path = click.Path(path_type=Path)
_store = click.option("--store", type=_path, default="kg", show_default=True, help="Folder of the store.")


@click.group(short_help="Load annotated documents into a knowledge graph, and ask it.")
def command() -> None:
    """Keep the facts of many annotated documents in a store on disk, and ask it. Needs the extra relik-ml[graph].

    \b
    Examples:
      relik-ml graph load annotated.jsonl --store kg
      relik-ml graph info --store kg
      relik-ml graph verify --store kg
    """


@command.command(short_help="Load annotated documents; those loaded before replace themselves.")
@click.argument("inputs", nargs=-1, required=True, type=_path, metavar="OUT...")
@_store
@click.option("--model", default="", help="What annotated the documents; without it what the manifest of OUT says.")
def load(inputs: tuple[Path, ...], store: Path, model: str) -> None:
    """Load documents into a store, which is made if there is none.

    OUT is a file of annotated documents (JSON Lines, also .gz, .bz2, .xz or .zst), or a folder of them, as
    `annotate --out FOLDER/` writes. A document with the id of one in the store replaces it; one that has not
    changed is skipped. When a load was interrupted, run it again: it goes on where it was.

    \b
    Examples:
      relik-ml graph load annotated.jsonl --store kg
      relik-ml graph load news/ more.jsonl.gz --store kg --model accurate
    """
    from relik_ml.graph import Loader, find_sources, open_store

    sources = find_sources(inputs, model)
    with open_store(store, create=True, write=True) as opened:
        for counts in Loader(opened).load(sources):
            found = counts
        click.echo(
            f"{store}: {_listed(found, 'new', 'replaced', 'unchanged')} documents; {found['facts']:,} facts read"
        )


@command.command(short_help="Remove documents from a store.")
@click.argument("documents", nargs=-1, required=True, metavar="DOC...")
@_store
def remove(documents: tuple[str, ...], store: Path) -> None:
    """Remove documents by their ids, with all that is known only from them.

    \b
    Example:
      relik-ml graph remove news/17 news/18 --store kg
    """
    from relik_ml.graph import open_store, remove_documents

    with open_store(store, write=True) as opened:
        remove_documents(opened, documents)
    click.echo(f"{store}: {len(set(documents)):,} removed")


@command.command(short_help="Say what a store holds.")
@_store
def info(store: Path) -> None:
    """Count the documents, entities and facts of a store.

    \b
    Example:
      relik-ml graph info --store kg
    """
    from relik_ml.graph import describe, open_store

    with open_store(store) as opened:
        found = describe(opened)
    click.echo(f"documents  {found.documents:,}")
    click.echo(f"facts      {found.facts:,} ({_listed(found.kinds, *sorted(found.kinds))})")
    click.echo(f"triples    {found.triples:,} different ones that are stated or quoted")
    click.echo(f"things     {found.things.total():,} ({_listed(found.things, *sorted(found.things))})")
    click.echo(f"size       {found.bytes / 1e6:,.1f} MB, {found.quads:,} quads")


@command.command(short_help="Check that every fact leads back to its sentence.")
@_store
@click.pass_context
def verify(ctx: click.Context, store: Path) -> None:
    """Check that the text of every document is whole, and that every fact has its sentence at its place in it.

    Print every fault. Exit code 1 if there are any.

    \b
    Example:
      relik-ml graph verify --store kg
    """
    from relik_ml.graph import open_store
    from relik_ml.graph import verify as faults

    count = 0
    with open_store(store) as opened:
        for fault in faults(opened):
            click.echo(f"{fault.where}: {fault.what}")
            count += 1
        documents = sum(1 for _ in opened.graphs())
    click.echo(f"{store}: {documents:,} documents, {count:,} faults", err=True)
    ctx.exit(1 if count else 0)


def _listed(counts: dict[str, int], *names: str) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in names)
