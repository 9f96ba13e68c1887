"""What the commands about indexes share: sources with their settings, encoders, names, and how a hit is printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from relik_ml.errors import ConfigError, DataError
from relik_ml.types import Candidate, Entry

if TYPE_CHECKING:
    from relik_ml.data import Report
    from relik_ml.index import Floats, PassageEncoder, PassageIndex
    from relik_ml.plugins import IndexSource
    from relik_ml.retriever import Retriever

Source = TypeVar("Source", bound="IndexSource")
NAMES = "names"
_WIDTH = 60

Settings = Sequence[str]
"""What was given as ``--set``: ``FIELD=VALUE`` each."""

Hits = list[tuple[Candidate, str]]
"""What was found, each with the way: name or vector."""


def read_sources(sources: Sequence[str], settings: Settings, report: Report) -> Iterator[Entry]:
    """The entries of files, of named sources and of NAME=PATH, in their order; ``report`` is told what is left out.

    Raises:
        ConfigError: a setting is one of no source, has no value or comes twice.
        DataError: there are no entries.
    """
    entries = _read(sources, settings, report)
    if (first := next(entries, None)) is None:
        got = "; ".join(f"{number:,} {what}" for what, number in report.counts.items()) or "nothing in them"
        fix = "check the settings, or give sources that are not empty"
        raise DataError("there are no entries to index", where=", ".join(sources), got=got, fix=fix)
    yield first
    yield from entries


def _read(sources: Sequence[str], settings: Settings, report: Report) -> Iterator[Entry]:
    from relik_ml.data import read_entries

    named = [_named(source) for source in sources]
    check("no source has such a setting", settings, {field for each in named if each for field in each[0].options})
    for source, found in zip(sources, named, strict=True):
        if found is None:
            yield from read_entries(Path(source))
        else:
            yield from configured(found[0], settings).entries(found[1], report)


def check(what: str, settings: Settings, known: Collection[str]) -> None:
    """ConfigError, which says ``what``, for a setting that is not known, for one without a value or given twice."""
    seen: dict[str, str] = {}
    for setting in settings:
        field, given, _ = setting.partition("=")
        if seen.setdefault(field, setting) is not setting:
            got, fix = f"{seen[field]} and {setting}", "give it once, the values of a list with commas: langs=ru,en"
            raise ConfigError("a setting is given twice", got=got, fix=fix)
        if field not in known:
            raise ConfigError(what, got=setting, fix=f"one of: {', '.join(sorted(known)) or 'none'}")
        if not given:
            raise ConfigError("a setting has no value", got=setting, fix=f"write --set {field}=VALUE")


def configured(source: Source, settings: Settings) -> Source:
    """The source with those settings that are its own, each read as the type of the field's default."""
    fields: dict[str, Any] = {}
    for field, _, value in (setting.partition("=") for setting in settings):
        if field in source.options:
            default = getattr(source, field)
            if not (value or default):  # an empty value is one only where it takes a default away
                fix = f"write --set {field}=VALUE, or leave it out for the default"
                raise ConfigError("a setting has no value", got=f"{field}=", fix=fix)
            try:
                fields[field] = type(default)(value)
            except ValueError:
                fix = f"{field} wants a value like {default!r}"
                raise ConfigError("a setting has the wrong type", got=f"{field}={value}", fix=fix) from None
    return replace(source, **fields)


def _named(source: str) -> tuple[IndexSource, Path | None] | None:
    """The source that is named, and its path; None for a file of entries."""
    from relik_ml.plugins import INDEXES, load_index, names

    name, given, path = source.partition("=")
    if given and name.isidentifier() and not Path(source).is_file():
        return load_index(name), Path(path)
    if Path(source).is_dir() and source not in names(INDEXES):
        raise ConfigError("a folder needs the source that reads it", got=source, fix=f"write wikidata={source}")
    if Path(source).suffix or len(Path(source).parts) > 1 or Path(source).is_file():
        return None
    return load_index(source), None


class Watched:
    """An encoder that counts the passages it has encoded, and shows how many on a terminal."""

    def __init__(self, encoder: PassageEncoder) -> None:
        from tqdm import tqdm

        self.encoder, self.queries, self.encoded = encoder, encoder.queries, 0
        self.dimension, self.fingerprint = encoder.dimension, encoder.fingerprint
        self.bar = tqdm(unit="passage", file=sys.stderr, disable=not sys.stderr.isatty())

    def passages(self, texts: Sequence[str]) -> Floats:
        """What the encoder gives."""
        vectors = self.encoder.passages(texts)
        self.bar.update(len(texts))
        self.encoded += len(texts)
        return vectors

    def cut(self) -> str:
        """How many of the encoded passages were too long; empty when none was."""
        truncated = getattr(self.encoder, "truncated", 0)
        return f", {truncated} passages cut ({truncated / self.encoded:.2%} of those encoded)" if truncated else ""


def refuse_idle(encoder: Path | None, *options: str) -> None:
    """UsageError for options of the running command that were given although there is no encoder to heed them."""
    context = click.get_current_context()
    asked = [name for name in options if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    if encoder is None and asked:
        given = " and ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise click.UsageError(f"vectors need --encoder: give it too, or leave out {given}")


def watched(encoder: Path | None, device: str, batch_size: int) -> Watched | None:
    """What `text_encoder` gives, watched."""
    found = text_encoder(encoder, device, batch_size)
    return None if found is None else Watched(found)


def text_encoder(encoder: Path | None, device: str, batch_size: int = 32) -> PassageEncoder | None:
    """The encoder of a Hugging Face folder, of E5-small by its name, or of the retriever in a model folder.

    ConfigError when the model's retriever finds by name alone.
    """
    if encoder is None:
        return None
    from relik_ml.bundle import is_model
    from relik_ml.pipeline import Relik
    from relik_ml.retriever import TextEncoder

    if not is_model(encoder):
        return TextEncoder.from_pretrained(encoder, device=device, batch_size=batch_size)
    found = Relik.from_pretrained(encoder, device=device).retriever.encoder
    if not isinstance(found, TextEncoder):
        fix = "leave out --encoder: an index of names serves it"
        raise ConfigError("the model's retriever has no encoder", where=str(encoder), got="names alone", fix=fix)
    found.batch_size = batch_size
    return found


def make_names() -> Callable[[Sequence[Entry]], Mapping[str, Any]]:
    """What makes the arrays of an index of names that nobody has annotated anything with yet."""
    from relik_ml.names import Learnt, NameIndex
    from relik_ml.text import Morphology

    lemma = Morphology().lemma
    return lambda rows: {NAMES: NameIndex.build(rows, Learnt(), lemma).arrays()}


def change_names() -> Callable[[Mapping[str, Any], Any, Sequence[Entry]], Mapping[str, Any]]:
    """What changes the names of an index along with its rows and keeps what was learnt; see ``changes.ChangeExtra``."""
    from relik_ml.names import NameIndex
    from relik_ml.text import Morphology

    lemma = Morphology().lemma

    def changed(old: Mapping[str, Any], kept: Any, rows: Sequence[Entry]) -> Mapping[str, Any]:
        if NAMES not in old:
            return {}
        return {NAMES: NameIndex(old[NAMES], lemma).kept(kept).extended(rows[len(kept) :]).arrays()}

    return changed


def retriever(index: PassageIndex, encoder: PassageEncoder | None, k: int) -> Retriever:
    """What finds k entities by name and k by vector, as far as an index has these.

    ConfigError when it can be searched by neither, or there is an encoder and it has no vectors.
    """
    from relik_ml.names import NameIndex
    from relik_ml.retriever import Retriever, RetrieverConfig
    from relik_ml.text import Morphology

    arrays = index.extra.get(NAMES)
    if arrays is None and encoder is None:
        raise ConfigError("the index holds no names", fix="give --encoder to search it by vector")
    refuse_encoder(index, encoder)
    names = None if arrays is None else NameIndex(arrays, Morphology().lemma)
    config = RetrieverConfig(entities=2 * k, dense=k, per_span=max(k, RetrieverConfig.per_span))
    return Retriever(index, names, encoder, config)


def entities(index: PassageIndex, encoder: PassageEncoder | None, text: str, k: int) -> Hits:
    """The k best entities for a text; ConfigError when the index has nothing to find them by."""
    return retriever(index, encoder, k).lookup(text, k)


def relations(index: PassageIndex, encoder: PassageEncoder | None, text: str, k: int) -> Hits:
    """The k best relations for a text; ConfigError when the index has none, or no vectors for the encoder."""
    from relik_ml.retriever import find_relations
    from relik_ml.text import Morphology

    refuse_encoder(index, encoder)
    return find_relations(index, encoder, text, k, Morphology().lemma)


def refuse_encoder(index: PassageIndex, encoder: object | None) -> None:
    """ConfigError for an encoder where an index has no vectors for it."""
    if encoder is not None and index.vectors is None:
        fix = "leave out --encoder, or build the index with it"
        raise ConfigError("the index has no vectors", where=str(index.folder), got="--encoder", fix=fix)


def why_nothing(text: str, encoder: object | None) -> str:
    """Why a search found nothing, and what to try."""
    if not text.strip():
        return "the text is empty"
    return "the index holds none" if encoder else "no name of the index stands in the text; see `relik-ml index info`"


def line(candidate: Candidate, how: str) -> str:
    """A found entry in one line.

    >>> print(line(Candidate(Entry("Q649", "entity", "Москва\\n", "столица России"), 3.25), "name"))
       3.250  Q649          name    Москва — столица России
    """
    entry = candidate.entry
    name, text = " ".join(entry.name.split()), " ".join(entry.text.split())
    text = text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
    return printable(f"{candidate.score:8.3f}  {entry.id:12}  {how:6}  {name}" + (f" — {text}" if text else ""))


def described(folder: Path, found: Mapping[str, Any]) -> str:
    """What an index holds, in lines for people."""
    counts = ", ".join(f"{count:,} {kind}" for kind, count in found["kinds"].items())
    about, search = found["encoder"], found["search"]
    vectors = f"{about['dimension']} numbers each, encoder {about['fingerprint'][:12]}" if about else "none"
    size = sum((folder / name).stat().st_size for name in found["files"])
    lines = {
        "format": found["format"],
        "rows": counts,
        "vectors": vectors,
        "search": f"{search['kind']} ({search['reason']})" if search else "by name alone",
        "arrays": ", ".join(found["tensors"]) or "none",
        "size": f"{size / 1e6:.1f} MB in {len(found['files'])} files",
        "from": found["provenance"],
    }
    return "\n".join(printable(f"{name:10}{value}") for name, value in lines.items())


def printable(text: str) -> str:
    """A lone surrogate, which no terminal can show, as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
