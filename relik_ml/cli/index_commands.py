"""``relik-ml index``: extract dumps; build, change, search and describe indexes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from relik_ml.cli._sources import configured, given_settings, read_sources
from relik_ml.errors import ConfigError
from relik_ml.types import Candidate, Entry

if TYPE_CHECKING:
    from relik_ml.data import Report
    from relik_ml.index import PassageEncoder, PassageIndex

EMBEDDED = "embedded"
NAMES = "names"

_folder = click.Path(path_type=Path)
_where = click.option(
    "--index", "folder", type=_folder, default=EMBEDDED, show_default=True, help="An index folder, or `embedded`."
)
_instead = click.option("--out", type=_folder, help="Write the new index to this folder and leave the old one alone.")
_encoder = click.option(
    "--encoder", type=_folder,
    help="Folder of an encoder or of a model, or multilingual-e5-small; default: search by name only.",
)  # fmt: skip
_device = click.option("--device", default="cpu", show_default=True, help="Device of the encoder: cpu, cuda, …")
_batch = click.option(
    "--batch-size", type=click.IntRange(1), default=64, show_default=True, help="Passages encoded at once."
)
_set = click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="A setting of the sources; may be repeated."
)


@click.group(short_help="Build, change, search and describe an index of entities and relations.")
def command() -> None:
    """Build, change, search and describe an index: the entities to link and the relations to choose from.

    \b
    Examples:
      relik-ml index build jsonl=kb/entities.jsonl.gz nerel_relations --out my-index
      relik-ml index search "Владимиром Путиным" --index my-index
      relik-ml index info --index my-index
    """


@command.command(short_help="Extract the records that indexes need from a dump.")
@click.argument("source")
@click.argument("dump", type=_folder)
@click.option("--out", type=_folder, required=True, help="Folder of the extraction; an interrupted one resumes.")
@_set
@click.option("--skip-bad", is_flag=True, help="Skip and count lines that cannot be read.")
def extract(source: str, dump: Path, out: Path, settings: tuple[str, ...], skip_bad: bool) -> None:
    """Extract DUMP, which SOURCE can read, into a folder that `index build` reads in minutes, not hours.

    The folder is written shard by shard: run the same command again to resume it. Counts of records kept and
    left out go to standard error.

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
    given = given_settings(settings, found.extracting, "the extraction has no such setting")
    report = TolerantReport() if skip_bad else Report()
    count = configured(found, given).extract(dump, out, report)
    click.echo(f"{out}: {count:,} records\n{report.table()}", err=True)


@command.command(short_help="Build an index folder from knowledge sources.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", type=_folder, required=True, help="Write the index to this folder, all or nothing.")
@_set
@_encoder
@click.option(
    "--kind", type=click.Choice(["auto", "exact", "ivf-sq8", "ivf-pq"]), default="auto", show_default=True,
    help="How vectors are searched.",
)  # fmt: skip
@click.option(
    "--storage", type=click.Choice(["float32", "float16", "int8"]), default="float16", show_default=True,
    help="How the vectors of an exact index are stored.",
)  # fmt: skip
@_batch
@_device
@click.option("--provenance", default="", help="Source and licence of the rows; stored in the index.")
def build(
    sources: tuple[str, ...], out: Path, settings: tuple[str, ...], kind: str, storage: Any, provenance: str,
    **options: Any,
) -> None:  # fmt: skip
    """Build an index from sources, in their order. An interrupted build resumes when the command is repeated.

    SOURCE is a file of entries (JSON Lines: id, kind, name, text, lang, aliases), the name of a knowledge
    source with its own data, or NAME=PATH for a source that reads a file or folder. Entries are found by
    name, in any inflection, and with --encoder also by vector.

    \b
    Examples:
      relik-ml index build entries.jsonl --out my-index
      relik-ml index build jsonl=kb/entities.jsonl.gz nerel_relations --out my-index
      relik-ml index build wikidata=extracted --set classes=Q5,Q43229 --set rows=language --out my-index
      relik-ml index build entries.jsonl --encoder runs/retriever --kind ivf-sq8 --out my-index
    """
    from relik_ml.data import Report
    from relik_ml.index import IndexConfig, PassageIndex

    _require_encoder_for(options["encoder"], "kind", "storage", "batch_size", "device")
    encoder, report = _text_encoder(**options), Report()
    config = IndexConfig(storage, provenance or "; ".join(sources), kind)
    rows = read_sources(sources, settings, report)
    _summarise(PassageIndex.build(rows, encoder, out, config, make_names()), encoder, report)


@command.command(short_help="Add rows to an index.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_where
@_instead
@_set
@_encoder
@_batch
@_device
@click.option("--replace", is_flag=True, help="Replace entries of the index that have the same id and language.")
def add(
    sources: tuple[str, ...], folder: Path, out: Path | None, settings: tuple[str, ...], replace: bool, **options: Any
) -> None:
    """Add the entries of sources (as for `index build`) to an index. Only the new entries are encoded.

    A table (.csv, .tsv) needs a column `name`, and may have `alias` (several are separated by |), `id`, `type` and
    `description`. The embedded index itself stays as it is: a copy in your data folder is changed, which the embedded
    models use from then on, until `relik-ml index reset`. Any other index is replaced when the new one is complete.

    \b
    Examples:
      relik-ml index add staff.csv
      relik-ml index add people.jsonl --index my-index
      relik-ml index add people.jsonl --index my-index --encoder runs/retriever --out larger
    """
    from relik_ml.data import Report
    from relik_ml.index import add_rows

    _require_encoder_for(options["encoder"], "batch_size", "device")
    index, report = _opened(folder), Report()
    _require_vectors_for(index, options["encoder"])
    encoder, rows = _text_encoder(**options), read_sources(sources, settings, report)
    out = out or _changed_folder(folder)
    _summarise(add_rows(index, rows, encoder, out, _change_names(), replace), encoder, report)


@command.command(short_help="Remove rows from an index.")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@_where
@_instead
def remove(ids: tuple[str, ...], folder: Path, out: Path | None) -> None:
    """Remove every row of the IDs from an index. The new index replaces the old one when it is complete.

    Of the embedded index a copy is changed, as with `index add`.

    \b
    Examples:
      relik-ml index remove Q649 Q656 --index my-index
      relik-ml index remove Q649 --index my-index --out smaller
    """
    from relik_ml.index import remove_rows

    _summarise(remove_rows(_opened(folder), ids, out or _changed_folder(folder), _change_names()))


@command.command(short_help="Return to the embedded index as it was installed.")
def reset() -> None:
    """Delete your copies of the embedded index, so that the embedded models use the installed one again.

    \b
    Example:
      relik-ml index reset
    """
    import shutil

    from relik_ml.bundle import own_index

    copies = sorted(own_index().parent.glob("index-*"))
    for copy in copies:
        shutil.rmtree(copy)
        click.echo(f"deleted: {copy}", err=True)
    if not copies:
        click.echo(f"nothing to delete: the embedded index is as it was installed ({own_index().parent})", err=True)


@command.command(short_help="Find entities or relations by name or by meaning.")
@click.argument("text")
@_where
@click.option("--k", type=click.IntRange(1), default=10, show_default=True, help="Maximum number of results.")
@click.option("--relations", is_flag=True, help="Find relations, not entities.")
@_encoder
@_device
def search(text: str, folder: Path, k: int, relations: bool, encoder: Path | None, device: str) -> None:
    """Find the entities that TEXT names, in any inflection, and with --encoder those with a similar meaning.

    Each line holds score, id, search method (name or vector), name and description. The embedded index has no vectors.
    Whole names and aliases are compared: a surname alone finds the entries that list it as a name of theirs.

    \b
    Examples:
      relik-ml index search "Владимиром Путиным"
      relik-ml index search "место рождения" --relations
      relik-ml index search "в Ленинграде" --index my-index --k 3
      relik-ml index search "столица России" --index my-index --encoder runs/retriever
    """
    from relik_ml.retriever import find_relations
    from relik_ml.text import Morphology

    _require_encoder_for(encoder, "device")
    index = _opened(folder)
    if encoder is None and index.vectors is not None:
        click.echo("searched by name alone: give --encoder to search the vectors too", err=True)
    _require_vectors_for(index, encoder)
    loaded = _text_encoder(encoder, device)
    if relations:
        found = find_relations(index, loaded, text, k, Morphology().lemma)
    else:
        found = _find_entities(index, loaded, text, k)
    for candidate, how in found:
        click.echo(_line(candidate, how))
    if found:
        click.echo(_coverage(index), err=True)
    else:
        why = "the index holds none" if encoder else "the text names no entry"
        click.echo(f"nothing found: {why if text.strip() else 'the text is empty'}; {_coverage(index)}", err=True)


@command.command(short_help="Describe an index.")
@_where
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(folder: Path, as_json: bool) -> None:
    """Describe what an index covers, of what date, and how it is searched.

    \b
    Examples:
      relik-ml index info
      relik-ml index info --index my-index --json
    """
    from relik_ml.data import json_bytes

    index = _opened(folder)
    if as_json:
        click.echo(json_bytes(index.info(), indent=2))
    else:
        click.echo(_described(index.folder, index.info()))


@command.command(short_help="Compare every file of an index with its checksum.")
@_where
def verify(folder: Path) -> None:
    """Compare every file of an index with its checksum. Opening an index does this only for small ones.

    \b
    Examples:
      relik-ml index verify
      relik-ml index verify --index my-index
    """
    from relik_ml.bundle import index_folder
    from relik_ml.index import PassageIndex

    folder = index_folder(folder)
    click.echo(f"{folder}: {PassageIndex.verify(folder)} files, all checksums match")


def _opened(folder: Path) -> PassageIndex:
    """The index of a folder, or the embedded one."""
    from relik_ml.bundle import index_folder
    from relik_ml.index import PassageIndex

    return PassageIndex.open(index_folder(folder))


def _changed_folder(folder: Path) -> Path:
    """Where the changed index goes: into its own folder, or into the user's copy of the embedded one."""
    from relik_ml.bundle import own_index

    return folder if str(folder) != EMBEDDED or folder.exists() else own_index()


def _summarise(index: PassageIndex, encoder: PassageEncoder | None = None, report: Report | None = None) -> None:
    """Print what the sources left out, the size of the index, how many passages were cut, and how it is searched."""
    if report and report.counts:
        click.echo(report.table(), err=True)
    cut = getattr(encoder, "truncated", 0)
    click.echo(f"{len(index)} rows{f', {cut} passages cut' * bool(cut)}: {index.folder}", err=True)
    if search := index.info()["search"]:
        click.echo(f"searched as {search['kind']}: {search['reason']}", err=True)


def make_names() -> Callable[[Sequence[Entry]], Mapping[str, Any]]:
    """A function that makes the arrays of the name search from entries, without learnt name statistics."""
    from relik_ml.names import Learnt, NameTable

    return lambda rows: {NAMES: NameTable.build(rows, Learnt()).packed()}


def _change_names() -> Callable[[Mapping[str, Any], Any, Sequence[Entry]], Mapping[str, Any]]:
    """A function that updates the name search of an index to changed rows and keeps learnt statistics."""
    from relik_ml.names import NameTable

    def changed(old: Mapping[str, Any], kept: Any, rows: Sequence[Entry]) -> Mapping[str, Any]:
        if NAMES not in old:
            return {}
        table = NameTable.unpacked(old[NAMES])
        table = table if len(kept) == len(table.popularity) else table.kept(kept)
        return {NAMES: table.extended(rows[len(kept) :]).packed()}

    return changed


def _text_encoder(encoder: Path | None, device: str, batch_size: int = 32) -> PassageEncoder | None:
    """The encoder of a Hugging Face folder, E5-small by its name, or the encoder of a model folder's retriever.

    ConfigError when the model's retriever searches by name only.
    """
    if encoder is None:
        return None
    from relik_ml.bundle import FORMAT
    from relik_ml.encoders import TextEncoder
    from relik_ml.pipeline import Relik

    if not FORMAT.wrote(encoder):
        return TextEncoder.from_pretrained(encoder, device=device, batch_size=batch_size)
    found = Relik.from_pretrained(encoder, device=device).retriever.encoder
    if not isinstance(found, TextEncoder):
        fix = "leave out --encoder: this model needs only an index of names"
        raise ConfigError("the model's retriever has no encoder", where=str(encoder), got="names only", fix=fix)
    found.batch_size = batch_size
    return found


def _require_encoder_for(encoder: Path | None, *options: str) -> None:
    """UsageError when options of the running command need an encoder and there is none."""
    context = click.get_current_context()
    asked = [name for name in options if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    if encoder is None and asked:
        given = " and ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise click.UsageError(f"vectors need --encoder: give it too, or leave out {given}")


def _require_vectors_for(index: PassageIndex, encoder: object | None) -> None:
    """ConfigError when there is an encoder, but the index has no vectors."""
    if encoder is not None and index.vectors is None:
        fix = "leave out --encoder, or build the index with it"
        raise ConfigError("the index has no vectors", where=str(index.folder), got="--encoder", fix=fix)


def _find_entities(
    index: PassageIndex, encoder: PassageEncoder | None, text: str, k: int
) -> list[tuple[Candidate, str]]:
    """The k best entities for a text by name and by vector, and the method that found each."""
    from relik_ml.names import NameIndex
    from relik_ml.retriever import Retriever, RetrieverConfig
    from relik_ml.text import Morphology

    if NAMES not in index.extra and encoder is None:
        raise ConfigError("the index holds no names", fix="give --encoder to search it by vector")
    names = NameIndex(index.extra[NAMES], Morphology().lemma) if NAMES in index.extra else None
    config = RetrieverConfig(entities=2 * k, dense=k, per_span=max(k, RetrieverConfig.per_span))
    return Retriever(index, names, encoder, config).lookup(text, k)


def _line(candidate: Candidate, how: str) -> str:
    """One line for a result.

    >>> print(_line(Candidate(Entry("Q649", "entity", "Москва\\n", "столица России"), 3.25), "name"))
       3.250  Q649          name    Москва — столица России
    """
    from relik_ml.view import printable

    entry = candidate.entry
    name, text = " ".join(entry.name.split()), " ".join(entry.text.split())
    text = text if len(text) <= 60 else text[:59] + "…"
    return printable(f"{candidate.score:8.3f}  {entry.id:12}  {how:6}  {name}" + (f" — {text}" if text else ""))


def _described(folder: Path, found: Mapping[str, Any]) -> str:
    """A readable description of an index."""
    from relik_ml.view import printable

    about, search = found["encoder"], found["search"]
    size = sum((folder / name).stat().st_size for name in found["files"])
    lines = {
        "format": found["format"],
        "rows": ", ".join(f"{count:,} {kind}" for kind, count in found["kinds"].items()),
        "vectors": f"{about['dimension']} numbers each, encoder {about['fingerprint'][:12]}" if about else "none",
        "search": f"{search['kind']} ({search['reason']})" if search else "by name only",
        "arrays": ", ".join(found["tensors"]) or "none",
        "size": f"{size / 1e6:.1f} MB in {len(found['files'])} files",
        "covers": found["provenance"] or "not stated: see `index build --provenance`",
        "written": _date(folder),
        "folder": str(folder),
    }
    return "\n".join(printable(f"{name:10}{value}") for name, value in lines.items() if value)


def _coverage(index: PassageIndex) -> str:
    """What was searched, for somebody who misses an entity."""
    from relik_ml.view import printable

    found = index.info()
    rows = ", ".join(f"{count:,} {kind}" for kind, count in found["kinds"].items())
    parts = ["searched", rows, ", written ".join(filter(None, (found["provenance"], _date(index.folder))))]
    return printable(f"{': '.join(filter(None, parts))}; see `relik-ml index info`")


def _date(folder: Path) -> str:
    """The day on which an index was built or changed; empty for the installed one, whose coverage has a date."""
    from relik_ml.bundle import EMBEDDED as MODELS

    if folder.resolve() == (MODELS["accurate"] / "index").resolve():
        return ""
    return datetime.fromtimestamp((folder / "manifest.json").stat().st_mtime, UTC).date().isoformat()
