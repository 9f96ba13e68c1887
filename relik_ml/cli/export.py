"""``relik-ml export FORMAT``: documents in the formats of other tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click

from relik_ml.errors import ConfigError, OutputError
from relik_ml.types import Document

PATH = click.Path(path_type=Path)
Write = Callable[[Iterable[Document], Path], Counter[str]]
"""Writes documents to a new file or folder; their number as ``documents``, and what was left out."""

_file = click.argument("file", type=PATH)
_out = click.option("--out", type=PATH, required=True, help="The file to write, all or nothing.")
_folder = click.option("--out", type=PATH, required=True, help="New or empty folder.")
_base = click.option(
    "--base", metavar="IRI", default="urn:relik-ml:document:", show_default=True,
    help="What the names of documents begin with.",
)  # fmt: skip


@click.group()
def command() -> None:
    """Write documents (JSON Lines) in the format of another tool.

    What a format has no place for is left out and counted on standard error; meta and annotated are left out by all
    but jsonld and utf16. The output is there whole or not at all.

    \b
    Examples:
      relik-ml export brat data/nerel/dev.jsonl --out brat
      relik-ml export csv out.jsonl --out facts.csv
    """


@command.command()
@_file
@_folder
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

    _to_folder(write_pages, file, out)


@command.command()
@_file
@_out
def conll(file: Path, out: Path) -> None:
    """Write the documents of FILE as CoNLL-U Plus: a token a line, with BIO tags.

    Of mentions that overlap the longest stays, of equally long ones the earliest; discontinuous ones are left out.

    \b
    Example:
      relik-ml export conll out.jsonl --out out.conllup
    """
    from relik_ml.export.conll import write

    _to_file(write, file, out)


@command.command()
@_file
@_out
def spacy(file: Path, out: Path) -> None:
    """Write the documents of FILE as a spaCy DocBin: all mentions as doc.spans["relik"], facts as doc._.triples.

    \b
    Example:
      relik-ml export spacy out.jsonl --out out.spacy
    """
    from relik_ml.export.docbin import write

    _to_file(write, file, out)


@command.command()
@_file
@_out
@_base
def turtle(file: Path, out: Path, base: str) -> None:
    """Write the texts, mentions and links of FILE in NIF 2.0 (RDF, Turtle), for linking tools such as GERBIL.

    \b
    Example:
      relik-ml export turtle out.jsonl --out out.ttl --base https://texts.example/
    """
    from relik_ml.export.iris import Iris
    from relik_ml.export.nif import write

    _to_file(partial(write, iris=Iris(base)), file, out)


@command.command()
@_file
@_out
@_base
def ntriples(file: Path, out: Path, base: str) -> None:
    """Write the facts of FILE in RDF (N-Triples), each with a statement of its sentence, offsets and score.

    \b
    Example:
      relik-ml export ntriples out.jsonl --out facts.nt
    """
    from relik_ml.export.facts import write
    from relik_ml.export.iris import Iris

    _to_file(partial(write, iris=Iris(base)), file, out)


@command.command()
@_file
@_out
@_base
def jsonld(file: Path, out: Path, base: str) -> None:
    """Write the documents of FILE as JSON-LD, with nothing left out; relik_ml.export.jsonld.read reads it again.

    \b
    Example:
      relik-ml export jsonld out.jsonl --out out.jsonld
    """
    from relik_ml.export.iris import Iris
    from relik_ml.export.jsonld import write

    _to_file(partial(write, iris=Iris(base)), file, out)


@command.command()
@_file
@_out
def graphml(file: Path, out: Path) -> None:
    """Write the knowledge graph of FILE as GraphML: things are nodes, merged by their links, facts are edges.

    \b
    Example:
      relik-ml export graphml out.jsonl --out graph.graphml
    """
    from relik_ml.export.networks import write_graphml

    _to_file(write_graphml, file, out)


@command.command()
@_file
@_out
def gexf(file: Path, out: Path) -> None:
    """Write the knowledge graph of FILE as GEXF, for Gephi: things are nodes, facts are edges.

    \b
    Example:
      relik-ml export gexf out.jsonl --out graph.gexf
    """
    from relik_ml.export.networks import write_gexf

    _to_file(write_gexf, file, out)


@command.command()
@_file
@_folder
def neo4j(file: Path, out: Path) -> None:
    """Write the knowledge graph of FILE as nodes.csv and relationships.csv, for neo4j-admin database import.

    \b
    Example:
      relik-ml export neo4j out.jsonl --out graph
    """
    from relik_ml.export.neo4j import write

    _to_folder(write, file, out)


@command.command()
@_file
@_out
def mermaid(file: Path, out: Path) -> None:
    """Write the facts of FILE as a Mermaid mind map.

    \b
    Example:
      relik-ml export mermaid article.jsonl --out article.mmd
    """
    from relik_ml.export.mermaid import write

    _to_file(write, file, out)


@command.command()
@_file
@_out
def csv(file: Path, out: Path) -> None:
    """Write the facts of FILE as a table (CSV) for spreadsheets, each with its sentence, offsets and score.

    A cell that a spreadsheet could run as a formula begins with an apostrophe.

    \b
    Example:
      relik-ml export csv out.jsonl --out facts.csv
    """
    from relik_ml.export.table import write

    _to_file(write, file, out)


@command.command()
@_file
@_out
def utf16(file: Path, out: Path) -> None:
    """Write the documents of FILE as JSON Lines whose offsets count UTF-16 units, as JavaScript and Java do.

    \b
    Example:
      relik-ml export utf16 out.jsonl --out for-java.jsonl
    """
    from relik_ml.export.utf16 import write

    _to_file(write, file, out)


def _to_file(write: Write, file: Path, out: Path) -> None:
    from relik_ml.data import atomic_path, read_documents

    if out.resolve() == file.resolve():
        raise ConfigError("the output is also the input", where=str(out), fix="write to another file")
    with atomic_path(out) as partial_file:
        counts = write(read_documents(file), partial_file)
    _report(out, counts)


def _to_folder(write: Write, file: Path, out: Path) -> None:
    from relik_ml.data import atomic_folder, read_documents

    _refuse_used(out)
    with atomic_folder(out) as folder:
        counts = write(read_documents(file), folder)
    _report(out, counts)


def _report(out: Path, counts: Counter[str]) -> None:
    command = click.get_current_context().info_name
    always = "" if command in ("jsonld", "utf16") else "; meta and annotated left out"
    click.echo(f"{out}: {counts.pop('documents'):,} documents{always}", err=True)
    for what, number in (+counts).items():
        click.echo(f"  {what:60}{number:>10,}", err=True)


def _refuse_used(out: Path) -> None:
    """People annotate in such folders by hand: one that holds anything is never replaced."""
    if out.is_dir() and any(out.iterdir()):
        fix = "name a new or empty folder"
        raise OutputError("the folder is not empty", where=str(out), got=next(out.iterdir()).name, fix=fix)
