"""``relik-ml index``: extract dumps, build an index of sources, change it, search it, say what is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from relik_ml.cli import _index
from relik_ml.errors import ConfigError

EMBEDDED = Path(__file__).parent.parent / "pretrained" / "index"
KINDS = ("auto", "exact", "ivf-sq8", "ivf-pq")

_folder = click.Path(path_type=Path)
_where = click.option(
    "--index", "folder", type=_folder, default=EMBEDDED, help="An index folder; default: the embedded one."
)
_own = click.option("--index", "folder", type=_folder, required=True, help="The index folder.")
_instead = click.option("--out", type=_folder, help="Write the new index to this folder and leave the old one alone.")
_encoder = click.option(
    "--encoder", type=_folder,
    help="Folder of an encoder or of a model, or multilingual-e5-small; without it names only.",
)
_device = click.option("--device", default="cpu", show_default=True, help="Where the encoder runs: cpu, cuda, …")
_batch = click.option(
    "--batch-size", type=click.IntRange(1), default=64, show_default=True, help="Passages encoded at once."
)
_set = click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="A setting of the sources; may be given again."
)


@click.group(short_help="Build, change, search and describe an index of entities and relations.")
def command() -> None:
    """Build, change, search and describe an index: what mentions are linked to and relations are chosen from.

    \b
    Examples:
      relik-ml index build jsonl=kb/entities.jsonl.gz nerel_relations --out my-index
      relik-ml index search "Владимиром Путиным" --index my-index
      relik-ml index info --index my-index
    """


@command.command(short_help="Extract what indexes need out of a dump.")
@click.argument("source")
@click.argument("dump", type=_folder)
@click.option("--out", type=_folder, required=True, help="Folder of the extraction; one that was stopped goes on.")
@_set
@click.option("--skip-bad", is_flag=True, help="Leave out lines that cannot be read, and count them.")
def extract(source: str, dump: Path, out: Path, settings: tuple[str, ...], skip_bad: bool) -> None:
    """Extract DUMP, which SOURCE can read, into a folder that `index build` reads in minutes, not hours.

    The folder is written shard by shard: the same command again goes on where it was stopped. What was
    kept and left out is counted on standard error.

    \b
    Examples:
      relik-ml index extract wikidata latest-all.json.bz2 --out extracted --set langs=ru,en,mul
      relik-ml index extract wikidata latest-all.json.gz --out known --set min_sitelinks=3 --skip-bad
    """
    from relik_ml.data import Report, TolerantReport
    from relik_ml.plugins import DumpSource, load_index

    found = load_index(source)
    if not isinstance(found, DumpSource):
        raise ConfigError("the source reads no dumps", got=source, fix="name it in `relik-ml index build`")
    _index.check("the extraction heeds no such setting", settings, found.extracting)
    report = TolerantReport() if skip_bad else Report()
    count = _index.configured(found, settings).extract(dump, out, report)
    click.echo(f"{out}: {count:,} records\n{report.table()}", err=True)


@command.command(short_help="Build an index folder from knowledge sources.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", type=_folder, required=True, help="Write the index to this folder, all or nothing.")
@_set
@_encoder
@click.option("--kind", type=click.Choice(KINDS), default="auto", show_default=True, help="How vectors are searched.")
@click.option(
    "--storage", type=click.Choice(["float32", "float16", "int8"]), default="float16", show_default=True,
    help="How the vectors of an exact index are stored.",
)  # fmt: skip
@_batch
@_device
@click.option("--provenance", default="", help="Where the rows come from and under which licence; kept in the index.")
def build(
    sources: tuple[str, ...], out: Path, settings: tuple[str, ...], kind: str, storage: Any, provenance: str,
    **options: Any,
) -> None:  # fmt: skip
    """Build an index from sources, in their order. A build that was killed goes on where it was.

    SOURCE is a file of entries (JSON Lines: id, kind, name, text, lang, aliases), the name of a knowledge
    source that carries its own data, or NAME=PATH for one that reads a file or folder. Entries are found by
    name, in any inflection; with --encoder by vector too.

    \b
    Examples:
      relik-ml index build entries.jsonl --out my-index
      relik-ml index build jsonl=kb/entities.jsonl.gz nerel_relations --out my-index
      relik-ml index build wikidata=extracted --set classes=Q5,Q43229 --set rows=language --out my-index
      relik-ml index build entries.jsonl --encoder runs/retriever --kind ivf-sq8 --out my-index
    """
    from relik_ml.data import Report
    from relik_ml.index import IndexConfig, PassageIndex

    _index.refuse_idle(options["encoder"], "kind", "storage", "batch_size", "device")
    encoder, report = _index.watched(**options), Report()
    config = IndexConfig(storage, provenance or "; ".join(sources), kind)
    rows = _index.read_sources(sources, settings, report)
    _tell(PassageIndex.build(rows, encoder, out, config, _index.make_names()), encoder, report)


@command.command(short_help="Add rows to an index.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_own
@_instead
@_set
@_encoder
@_batch
@_device
def add(sources: tuple[str, ...], folder: Path, out: Path | None, settings: tuple[str, ...], **options: Any) -> None:
    """Add the entries of sources (as for `index build`) to an index; only they are encoded.

    The index is replaced when the new one is complete. What a model has learnt of names is kept.

    \b
    Examples:
      relik-ml index add people.jsonl --index my-index
      relik-ml index add people.jsonl --index my-index --encoder runs/retriever --out larger
    """
    from relik_ml.data import Report
    from relik_ml.index import PassageIndex, add_rows

    _index.refuse_idle(options["encoder"], "batch_size", "device")
    index, report = PassageIndex.open(folder), Report()
    _index.refuse_encoder(index, options["encoder"])
    encoder, rows = _index.watched(**options), _index.read_sources(sources, settings, report)
    _tell(add_rows(index, rows, encoder, out, _index.change_names()), encoder, report)


@command.command(short_help="Take rows out of an index.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_own
@_instead
def remove(ids: tuple[str, ...], folder: Path, out: Path | None) -> None:
    """Take every row of the IDs out of an index, which is replaced when the new one is complete.

    \b
    Examples:
      relik-ml index remove Q649 Q656 --index my-index
      relik-ml index remove Q649 --index my-index --out smaller
    """
    from relik_ml.data import Report
    from relik_ml.index import PassageIndex, remove_rows

    _tell(remove_rows(PassageIndex.open(folder), ids, out, _index.change_names()), None, Report())


@command.command(short_help="Find entities or relations by name or by meaning.")
@click.argument("text")
@_where
@click.option("--k", type=click.IntRange(1), default=10, show_default=True, help="At most so many.")
@click.option("--relations", is_flag=True, help="Find relations, not entities.")
@_encoder
@_device
def search(text: str, folder: Path, k: int, relations: bool, encoder: Path | None, device: str) -> None:
    """Find the entities that TEXT names, in any inflection, and with --encoder those near to it in meaning.

    A line is: score, id, how it was found (name or vector), name, description. The embedded index holds names alone.

    \b
    Examples:
      relik-ml index search "Владимиром Путиным"
      relik-ml index search "место рождения" --relations
      relik-ml index search "в Ленинграде" --index my-index --k 3
      relik-ml index search "столица России" --index my-index --encoder runs/retriever
    """
    from relik_ml.index import PassageIndex

    _index.refuse_idle(encoder, "device")
    index = PassageIndex.open(folder)
    if encoder is None and index.vectors is not None:
        click.echo("searched by name alone: give --encoder to search the vectors too", err=True)
    look_up = _index.relations if relations else _index.entities
    found = look_up(index, _index.text_encoder(encoder, device), text, k)
    for candidate, how in found:
        click.echo(_index.line(candidate, how))
    if not found:
        click.echo(f"nothing found: {_index.why_nothing(text, encoder)}", err=True)


@command.command(short_help="Say what an index holds.")
@_where
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(folder: Path, as_json: bool) -> None:
    """Say what an index holds and how it is searched.

    \b
    Examples:
      relik-ml index info
      relik-ml index info --index my-index --json
    """
    from relik_ml.index import PassageIndex

    found = PassageIndex.open(folder).info()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace"))
    else:
        click.echo(_index.described(folder, found))


@command.command(short_help="Compare every file of an index with its checksum.")
@_where
def verify(folder: Path) -> None:
    """Compare every file of an index with its checksum, which opening does for small indexes only.

    \b
    Examples:
      relik-ml index verify
      relik-ml index verify --index my-index
    """
    from relik_ml.index import PassageIndex

    click.echo(f"{folder}: {PassageIndex.verify(folder)} files, all as they were written")


def _tell(index: Any, encoder: Any, report: Any) -> None:
    """What the sources left out, what was written, what passages were too long, and how the index will be searched."""
    if report.counts:
        click.echo(report.table(), err=True)
    click.echo(f"{len(index)} rows{encoder.cut() if encoder else ''}: {index.folder}", err=True)
    if search := index.info()["search"]:
        click.echo(f"searched as {search['kind']}: {search['reason']}", err=True)
