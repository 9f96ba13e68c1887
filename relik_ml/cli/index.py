"""``relik-ml index``: build an index of a knowledge source, search it, say what is in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relik_ml.errors import ConfigError
from relik_ml.types import Candidate, Entry

if TYPE_CHECKING:
    from relik_ml.retriever.encode import Floats, PassageEncoder
    from relik_ml.retriever.index import PassageIndex
    from relik_ml.retriever.retriever import Retriever

EMBEDDED = Path(__file__).parent.parent / "pretrained" / "index"
NAMES = "names"
_WIDTH = 60

_folder = click.Path(path_type=Path)
_where = click.option(
    "--index", "folder", type=_folder, default=EMBEDDED, help="An index folder; default: the embedded one."
)
_encoder = click.option(
    "--encoder", type=_folder, help="Folder of an encoder or of a model, or `embedded`; without it names only."
)
_device = click.option("--device", default="cpu", show_default=True, help="Where the encoder runs: cpu, cuda, …")


@click.group(short_help="Build, search and describe an index of entities and relations.")
def command() -> None:
    """Build, search and describe an index: what mentions are linked to and relations are chosen from.

    \b
    Examples:
      relik-ml index build jsonl=kb/entities.jsonl.gz nerel_relations --out my-index
      relik-ml index search "Владимиром Путиным" --index my-index
      relik-ml index info --index my-index
    """


@command.command(short_help="Build an index folder from knowledge sources.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", type=_folder, required=True, help="Write the index to this folder, all or nothing.")
@_encoder
@click.option(
    "--storage", type=click.Choice(["float32", "float16", "int8"]), default="float16", show_default=True,
    help="How vectors are stored.",
)  # fmt: skip
@click.option("--batch-size", type=click.IntRange(1), default=64, show_default=True, help="Passages encoded at once.")
@_device
@click.option("--provenance", default="", help="Where the rows come from and under which licence; kept in the index.")
def build(sources: tuple[str, ...], out: Path, storage: Any, provenance: str, **options: Any) -> None:
    """Build an index from sources, in their order.

    SOURCE is a file of entries (JSON Lines: id, kind, name, text, lang, aliases), the name of a knowledge
    source that carries its own data, or NAME=PATH for one that reads a file. Entries are found by name, in
    any inflection; with --encoder by vector too.

    \b
    Examples:
      relik-ml index build entries.jsonl --out my-index
      relik-ml index build jsonl=kb/entities.jsonl.gz nerel_relations --out my-index
      relik-ml index build entries.jsonl --encoder runs/retriever --storage int8 --out my-index
    """
    from relik_ml.retriever.index import IndexConfig, PassageIndex

    rows = [entry for source in sources for entry in read_source(source)]
    encoder = _text_encoder(**options)
    config = IndexConfig(storage, provenance or "; ".join(sources))
    PassageIndex.build(rows, encoder and Watched(encoder, len(rows)), out, config, {NAMES: _names(rows)})
    truncated = getattr(encoder, "truncated", 0)
    cut = f", {truncated} passages cut ({truncated / len(rows):.2%})" if truncated else ""
    click.echo(f"{len(rows)} rows{cut}: {out}", err=True)


@command.command(short_help="Find entities by name or by meaning.")
@click.argument("text")
@_where
@click.option("--k", type=click.IntRange(1), default=10, show_default=True, help="At most so many.")
@_encoder
@_device
def search(text: str, folder: Path, k: int, encoder: Path | None, device: str) -> None:
    """Find the entities that TEXT names, in any inflection, and with --encoder those near to it in meaning.

    A line is: score, id, how it was found, name, description.

    \b
    Examples:
      relik-ml index search "Владимиром Путиным"
      relik-ml index search "в Ленинграде" --index my-index --k 3
      relik-ml index search "столица России" --index my-index --encoder runs/retriever
    """
    from relik_ml.retriever.index import PassageIndex

    if folder == EMBEDDED and encoder is None:
        encoder = Path("embedded")
    found = _retriever(PassageIndex.open(folder), _text_encoder(encoder, device)).lookup(text, k)
    for candidate, how in found:
        click.echo(line(candidate, how))
    if not found:
        click.echo("nothing found", err=True)


@command.command(short_help="Say what an index holds.")
@_where
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(folder: Path, as_json: bool) -> None:
    """Check every file of an index and say what it holds.

    \b
    Examples:
      relik-ml index info
      relik-ml index info --index my-index --json
    """
    from relik_ml.retriever.index import PassageIndex

    found = PassageIndex.open(folder).info()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace"))
        return
    counts = ", ".join(f"{count:,} {kind}" for kind, count in found["kinds"].items())
    about = found["encoder"]
    vectors = f"{about['dimension']} × {about['storage']}, encoder {about['fingerprint'][:12]}" if about else "none"
    size = sum((folder / name).stat().st_size for name in found["files"])
    arrays = ", ".join(found["tensors"]) or "none"
    rows = {"format": found["format"], "rows": counts, "vectors": vectors, "arrays": arrays}
    rows["size"] = f"{size / 1e6:.1f} MB"
    for name, value in {**rows, "from": found["provenance"], "checked": f"{len(found['files'])} files"}.items():
        click.echo(_printable(f"{name:10}{value}"))


def read_source(source: str) -> Iterator[Entry]:
    """The entries of a file, of a named source, or of NAME=PATH."""
    from relik_ml.io import read_entries
    from relik_ml.plugins import load_index

    name, given, path = source.partition("=")
    if given and name.isidentifier():
        yield from load_index(name).entries(Path(path))
    elif Path(source).suffix == ".jsonl" or Path(source).is_file():
        yield from read_entries(Path(source))
    else:
        yield from load_index(source).entries()


def line(candidate: Candidate, how: str) -> str:
    """A found entry in one line.

    >>> print(line(Candidate(Entry("Q649", "entity", "Москва", "столица России"), 3.25), "name"))
       3.250  Q649          name    Москва — столица России
    """
    entry = candidate.entry
    text = " ".join(entry.text.split())
    text = text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
    return _printable(f"{candidate.score:8.3f}  {entry.id:12}  {how:6}  {entry.name}" + (f" — {text}" if text else ""))


class Watched:
    """An encoder that shows on a terminal how many of ``total`` passages it has encoded."""

    def __init__(self, encoder: PassageEncoder, total: int) -> None:
        from tqdm import tqdm

        self.encoder, self.queries = encoder, encoder.queries
        self.dimension, self.fingerprint = encoder.dimension, encoder.fingerprint
        self.bar = tqdm(total=total, unit="passage", file=sys.stderr, disable=not sys.stderr.isatty())

    def passages(self, texts: Sequence[str]) -> Floats:
        """What the encoder gives."""
        vectors = self.encoder.passages(texts)
        self.bar.update(len(texts))
        return vectors


def _text_encoder(encoder: Path | None, device: str, batch_size: int = 32) -> PassageEncoder | None:
    """The encoder of a Hugging Face folder, of a model folder, or of the embedded model."""
    if encoder is None:
        return None
    from relik_ml.bundle import EMBEDDED, is_model
    from relik_ml.pipeline import Relik
    from relik_ml.retriever.encode import TextEncoder

    folder = EMBEDDED if str(encoder) == "embedded" else encoder
    if is_model(folder):
        return Relik.from_pretrained(folder, device=device).retriever.encoder
    return TextEncoder.from_pretrained(folder, device=device, batch_size=batch_size)


def _names(rows: Sequence[Entry]) -> Any:
    """The arrays of an index of names that nobody has annotated anything with yet."""
    from relik_ml.retriever.names import Learnt, NameIndex
    from relik_ml.text.morph import Morphology

    return NameIndex.build(rows, Learnt(), Morphology().lemma).arrays()


def _retriever(index: PassageIndex, encoder: PassageEncoder | None) -> Retriever:
    from relik_ml.retriever.names import NameIndex
    from relik_ml.retriever.retriever import Retriever
    from relik_ml.text.morph import Morphology

    arrays = index.extra.get(NAMES)
    if arrays is None and encoder is None:
        raise ConfigError("the index holds no names", fix="give --encoder to search it by vector")
    names = None if arrays is None else NameIndex(arrays, Morphology().lemma)
    return Retriever(index, names, encoder)


def _printable(text: str) -> str:
    """A lone surrogate, which no terminal can show, as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
