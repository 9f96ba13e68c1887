"""``relik-ml graph``: a store of facts over many documents: load, ask, verify, export."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from relik_ml.graph import GraphStore

_path = click.Path(path_type=Path)
_store = click.option("--store", type=_path, default="kg", show_default=True, help="Folder of the store.")

_format = click.option(
    "--format", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True, help="Of the answer."
)
_min_score = click.option(
    "--min-score", type=click.FloatRange(0, 1), default=0.0, help="Leave out facts that no source has with this score."
)
_sources = click.option("--sources", is_flag=True, help="Below each row the sentences that it rests on.")


@click.group(short_help="Load annotated documents into a knowledge graph, and ask it.")
def command() -> None:
    """Keep the facts of many annotated documents in a store on disk, and ask it. Needs the extra relik-ml[graph].

    \b
    Examples:
      relik-ml graph load annotated.jsonl --store kg
      relik-ml graph facts "Юрий Гагарин" --store kg --sources
      relik-ml graph query "SELECT * { ?who wdt:P19 ?where }" --store kg
    """


@command.command(short_help="Load annotated documents; those loaded before replace themselves.")
@click.argument("inputs", nargs=-1, required=True, type=_path, metavar="OUT...")
@_store
@click.option("--model", default="", help="What annotated the documents; without it what the manifest of OUT says.")
def load(inputs: tuple[Path, ...], store: Path, model: str) -> None:
    """Load documents into a store, which is made if there is none.

    OUT is a file of annotated documents (Parquet or JSON Lines, also .gz, .bz2, .xz or .zst), or a folder of them, as
    `annotate --out FOLDER/` writes. A document with the id of one in the store replaces it; one that has not
    changed is skipped. When a load was interrupted, run it again: it goes on where it was.

    \b
    Examples:
      relik-ml graph load annotated.jsonl --store kg
      relik-ml graph load news/ more.jsonl.gz --store kg --model accurate
    """
    from relik_ml.graph import Loader, find_sources, open_store, restore

    sources = find_sources(inputs, model)
    with open_store(store, create=True, write=True) as opened:
        for counts in _progress(Loader(opened).load(sources)):
            found = counts
        restore(opened)
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


@command.command(short_help="Find what documents name that no index knows, and make it one thing.")
@_store
def resolve(store: Path) -> None:
    """Decide which things of different documents are one entity, where Wikidata or the index has none.

    It goes by names and types, and keeps what `merge` and `split` decided. Each entity gets an id, which stays the
    same when more is loaded. Run it again after you loaded documents.

    \b
    Example:
      relik-ml graph resolve --store kg
    """
    from relik_ml import graph
    from relik_ml.text import Morphology

    with graph.open_store(store, write=True) as opened:
        found = graph.resolve(opened, Morphology().lemma)
    click.echo(
        f"{store}: {found.things:,} things without an item are {found.entities:,} entities, {found.shared:,} of them "
        "in several documents"
    )


@command.command(short_help="Decide that two entities are one.")
@click.argument("entity")
@click.argument("other")
@_store
def merge(entity: str, other: str, store: Path) -> None:
    """Decide that OTHER is the same as ENTITY, and give it the same id: now, and when its documents are loaded again.

    Entities are named by id, IRI or name. Only those that are no Wikidata item can be merged.

    \b
    Example:
      relik-ml graph merge "Пётр Лунин" "инженер Лунин" --store kg
    """
    from relik_ml import graph

    with graph.open_store(store, write=True) as opened:
        id = graph.merge(opened, *(_entity(opened, name) for name in (entity, other)))
    click.echo(f"{store}: {entity} and {other} are {id}")


@command.command(short_help="Decide that some documents mean another entity.")
@click.argument("entity")
@click.argument("documents", nargs=-1, required=True, metavar="DOC...")
@_store
def split(entity: str, documents: tuple[str, ...], store: Path) -> None:
    """Decide that the documents DOC mean another entity than the others do, which gets an id of its own.

    DOC is the id of a document. A document that has several names for the entity can be divided by the IRIs of its
    members: `SELECT ?member { ?entity relik:member ?member }`.

    \b
    Example:
      relik-ml graph split "Дмитрий Песков" news/17 news/18 --store kg
    """
    from relik_ml import graph

    with graph.open_store(store, write=True) as opened:
        id = graph.split(opened, _entity(opened, entity), documents)
    click.echo(f"{store}: {entity} of {', '.join(documents)} is {id}")


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
        documents = sum(1 for _ in opened.documents())
    click.echo(f"{store}: {documents:,} documents, {count:,} faults", err=True)
    ctx.exit(1 if count else 0)


@command.command(short_help="Answer a SPARQL query.")
@click.argument("sparql")
@_store
@click.option(
    "--format", type=click.Choice(["table", "json", "csv", "turtle"]), default="table", show_default=True,
    help="json and csv as SPARQL 1.1 defines them; turtle for CONSTRUCT and DESCRIBE.",
)  # fmt: skip
@_sources
def query(sparql: str, store: Path, format: str, sources: bool) -> None:
    """Answer a query in SPARQL 1.1, or - for standard input. It cannot change the store.

    The prefixes wd, wdt, relik, rdf, rdfs, xsd, nif, prov and itsrdf are known. Without GRAPH a query is over
    everything, and a fact of three documents makes three rows: use DISTINCT, or GRAPH ?fact with the fact's source.

    \b
    Examples:
      relik-ml graph query "SELECT DISTINCT ?who ?where { ?who wdt:P19 ?where }" --store kg --sources
      relik-ml graph query "CONSTRUCT WHERE { ?who wdt:P106 ?what }" --store kg --format turtle
    """
    from relik_ml.graph import open_store, written_answer

    text = sys.stdin.read() if sparql == "-" else sparql
    with open_store(store) as opened:
        click.echo(written_answer(opened, text, format, sources))


@command.command(short_help="List the facts about a thing.")
@click.argument("thing")
@_store
@_format
@_sources
@_min_score
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="The most facts, each with its 20 best sources; 0 for all.",
)
@click.option("--all", "hidden", is_flag=True, help="Also what texts deny, repeat, or say in the words of a mention.")
def facts(thing: str, store: Path, format: str, sources: bool, min_score: float, hidden: bool, limit: int) -> None:
    """List the facts about THING: a Wikidata item, a name as a text or the index has it, or an IRI.

    Facts that several documents state are one row. If a name is that of several things, all of them are shown.

    \b
    Examples:
      relik-ml graph facts Q7327 --store kg
      relik-ml graph facts "Юрий Гагарин" --store kg --sources
    """
    from relik_ml import graph

    with graph.open_store(store) as opened:
        most = limit or None
        all_of_it = graph.facts(opened, _things(opened, thing), hidden, None if min_score else most)
        found = graph.likely(all_of_it, min_score)[:most]
        click.echo(graph.written_facts(opened, found, format, sources))
        if len(found) == most:
            click.echo(f"the first {most:,} facts; --limit 0 shows all", err=True)


@command.command(short_help="Show how two things are related.")
@click.argument("thing")
@click.argument("other")
@_store
@_format
@_sources
@click.option("--longest", type=click.IntRange(1), default=6, show_default=True, help="The most facts of the path.")
@click.pass_context
def path(ctx: click.Context, thing: str, other: str, store: Path, format: str, sources: bool, longest: int) -> None:
    """Show the shortest path of facts from THING to OTHER.

    It does not lead through professions, nationalities, religions, ideologies and languages. Exit code 1 if
    there is none.

    \b
    Example:
      relik-ml graph path "Лев Гумилёв" Одесса --store kg --sources
    """
    from relik_ml import graph

    with graph.open_store(store) as opened:
        found = graph.path(opened, _things(opened, thing), _things(opened, other), longest)
        if not found:
            click.echo(f"no path of at most {longest} facts from {thing!r} to {other!r}", err=True)
            ctx.exit(1)
        click.echo(graph.written_facts(opened, found, format, sources))


@command.command(short_help="List the dated facts about a thing.")
@click.argument("thing")
@_store
@_format
@_sources
@_min_score
def timeline(thing: str, store: Path, format: str, sources: bool, min_score: float) -> None:
    """List the dated facts about THING, and about the events that it takes part in, by date.

    \b
    Example:
      relik-ml graph timeline "Юрий Гагарин" --store kg
    """
    from relik_ml import graph

    with graph.open_store(store) as opened:
        found = graph.likely(graph.timeline(opened, _things(opened, thing)), min_score)
        click.echo(graph.written_facts(opened, found, format, sources, dated=True))


@command.command(short_help="List what documents contradict each other in.")
@_store
@_format
@_min_score
def conflicts(store: Path, format: str, min_score: float) -> None:
    """List the things that have two places or dates of birth, of death, of foundation or of dissolution.

    Each value has its sources. Dates of different precision that fit each other, and a place that the store knows to
    be inside the other, are no conflict.

    \b
    Example:
      relik-ml graph conflicts --store kg
    """
    from relik_ml import graph

    with graph.open_store(store) as opened:
        found = [fact for conflict in graph.conflicts(opened, min_score) for fact in conflict.values]
        click.echo(graph.written_facts(opened, found, format, sources=True))


@command.command(short_help="Write a store as N-Quads, or as CSV for Neo4j.")
@_store
@click.option("--out", type=_path, required=True, help="New folder, or that of an earlier export.")
@click.option("--format", type=click.Choice(["nquads", "neo4j"]), default="nquads", show_default=True)
def export(store: Path, out: Path, format: str) -> None:
    """Write a store for other servers: compressed shards of N-Quads (.nq.gz), which every SPARQL server loads, or
    nodes.csv and relationships.csv for `neo4j-admin database import`. Writing is atomic.

    \b
    Examples:
      relik-ml graph export --store kg --out quads
      relik-ml graph export --store kg --out csv --format neo4j
    """
    from relik_ml.graph import export_neo4j, export_nquads, open_store

    with open_store(store) as opened:
        if format == "neo4j":
            nodes, edges = export_neo4j(opened, out)
            click.echo(f"{out}: {nodes:,} nodes, {edges:,} relationships")
        else:
            quads, shards = export_nquads(opened, out)
            click.echo(f"{out}: {quads:,} quads in {shards:,} shard{'s' * (shards != 1)}")


def _progress(loaded: Iterator[Counter[str]]) -> Iterator[Counter[str]]:
    """The same counts, with a progress bar if stderr is a terminal."""
    from tqdm import tqdm

    with tqdm(unit="doc", file=sys.stderr, disable=None) as bar:
        for counts in loaded:
            bar.update(counts["new"] + counts["replaced"] + counts["unchanged"] - bar.n)
            bar.set_postfix_str(f"{counts['facts'] / (bar.format_dict['elapsed'] or 1):,.0f} facts/s", refresh=False)
            yield counts


def _things(store: GraphStore, name: str) -> list[Any]:
    """The things of a name; when there are several, a note on standard error."""
    from relik_ml.graph import find_things, named

    found = find_things(store, name)
    if len(found) > 1:
        things = ", ".join(named(store, thing) for thing in found[:5]) + ", …" * (len(found) > 5)
        click.echo(f"{name!r} names {len(found)} things: {things}", err=True)
    return found


def _entity(store: GraphStore, name: str) -> Any:
    """The one thing of a name; DataError when there are several."""
    from relik_ml.errors import DataError
    from relik_ml.graph import find_things, named

    found = find_things(store, name)
    if len(found) > 1:
        got = ", ".join(named(store, thing) for thing in found[:5]) + ", …" * (len(found) > 5)
        fix = "give the id or IRI of one: relik-ml graph query 'SELECT ?e ?name { ?e relik:name ?name }' --format csv"
        raise DataError(f"{name!r} names {len(found)} things", got=got, fix=fix)
    return found[0]


def _listed(counts: dict[str, int], *names: str) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in names)
