"""What the commands about indexes share: sources with their settings, encoders, names, and how a hit is printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relik_ml.errors import ConfigError
from relik_ml.types import Candidate, Entry

if TYPE_CHECKING:
    from relik_ml.plugins import IndexSource
    from relik_ml.retriever.encode import Floats, PassageEncoder
    from relik_ml.retriever.index import PassageIndex
    from relik_ml.retriever.retriever import Retriever

NAMES = "names"
_WIDTH = 60

Settings = Sequence[str]
"""What was given as ``--set``: ``FIELD=VALUE`` each."""


def read_sources(sources: Sequence[str], settings: Settings) -> Iterator[Entry]:
    """The entries of files, of named sources and of NAME=PATH, in their order.

    ConfigError when a setting is one of no source, or has no value.
    """
    from relik_ml.io import read_entries

    named = [_named(source) for source in sources]
    check("no source has such a setting", settings, {field for each in named if each for field in _fields(each[0])})
    for source, found in zip(sources, named, strict=True):
        if found is None:
            yield from read_entries(Path(source))
        else:
            yield from configured(found[0], settings).entries(found[1])


def check(what: str, settings: Settings, known: Collection[str]) -> None:
    """ConfigError, which says ``what``, for a setting that is not known, and for one without a value."""
    for setting in settings:
        field, given, _ = setting.partition("=")
        if field not in known:
            raise ConfigError(what, got=setting, fix=f"one of: {', '.join(sorted(known)) or 'none'}")
        if not given:
            raise ConfigError("a setting has no value", got=setting, fix=f"write --set {field}=VALUE")


def configured(source: IndexSource, settings: Settings) -> Any:
    """The source with those settings that are its own, each read as the type of the field's default."""
    fields: dict[str, Any] = {}
    for field, _, value in (setting.partition("=") for setting in settings):
        if field in _fields(source):
            kind = type(getattr(source, field))
            try:
                fields[field] = kind(value)
            except ValueError:
                fix = f"{field} wants a value like {getattr(source, field)!r}"
                raise ConfigError("a setting has the wrong type", got=f"{field}={value}", fix=fix) from None
    return replace(_any(source), **fields) if fields else source


def _any(source: IndexSource) -> Any:
    """A source as the dataclass that one with settings is: protocols cannot say so."""
    return source


def _named(source: str) -> tuple[IndexSource, Path | None] | None:
    """The source that is named, and its path; None for a file of entries."""
    from relik_ml.plugins import load_index

    name, given, path = source.partition("=")
    if given and name.isidentifier():
        return load_index(name), Path(path)
    if Path(source).suffix or len(Path(source).parts) > 1 or Path(source).is_file():
        return None
    return load_index(source), None


def _fields(source: IndexSource) -> Mapping[str, str]:
    from relik_ml.plugins import Settable

    return source.settings if isinstance(source, Settable) else {}


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


def watched(encoder: Path | None, device: str, batch_size: int) -> Watched | None:
    """What `text_encoder` gives, watched."""
    found = text_encoder(encoder, device, batch_size)
    return None if found is None else Watched(found)


def text_encoder(encoder: Path | None, device: str, batch_size: int = 32) -> PassageEncoder | None:
    """The encoder of a Hugging Face folder, of a compact retriever, of a model folder, or of the embedded model."""
    if encoder is None:
        return None
    from relik_ml.bundle import EMBEDDED, is_model
    from relik_ml.pipeline import Relik
    from relik_ml.retriever.compact import WORDS, CompactTextEncoder
    from relik_ml.retriever.encode import TextEncoder

    folder = EMBEDDED if str(encoder) == "embedded" else encoder
    if is_model(folder):
        return Relik.from_pretrained(folder, device=device).retriever.encoder
    if (folder / WORDS).is_file():
        return CompactTextEncoder.from_pretrained(folder)
    return TextEncoder.from_pretrained(folder, device=device, batch_size=batch_size)


def make_names() -> Callable[[Sequence[Entry]], Mapping[str, Any]]:
    """What makes the arrays of an index of names that nobody has annotated anything with yet."""
    from relik_ml.retriever.names import Learnt, NameIndex
    from relik_ml.text.morph import Morphology

    lemma = Morphology().lemma
    return lambda rows: {NAMES: NameIndex.build(rows, Learnt(), lemma).arrays()}


def change_names() -> Callable[[Mapping[str, Any], Any, Sequence[Entry]], Mapping[str, Any]]:
    """What changes the names of an index along with its rows and keeps what was learnt; see ``changes.ChangeExtra``."""
    from relik_ml.retriever.names import NameIndex
    from relik_ml.text.morph import Morphology

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
    from relik_ml.retriever.names import NameIndex
    from relik_ml.retriever.retriever import Retriever, RetrieverConfig
    from relik_ml.text.morph import Morphology

    arrays = index.extra.get(NAMES)
    if arrays is None and encoder is None:
        raise ConfigError("the index holds no names", fix="give --encoder to search it by vector")
    refuse_encoder(index, encoder)
    names = None if arrays is None else NameIndex(arrays, Morphology().lemma)
    config = RetrieverConfig(entities=2 * k, dense=k, per_span=max(k, RetrieverConfig.per_span))
    return Retriever(index, names, encoder, config)


def refuse_encoder(index: PassageIndex, encoder: object | None) -> None:
    """ConfigError for an encoder where an index has no vectors for it."""
    if encoder is not None and index.vectors is None:
        fix = "leave out --encoder, or build the index with it"
        raise ConfigError("the index has no vectors", where=str(index.folder), got="--encoder", fix=fix)


def line(candidate: Candidate, how: str) -> str:
    """A found entry in one line.

    >>> print(line(Candidate(Entry("Q649", "entity", "Москва", "столица России"), 3.25), "name"))
       3.250  Q649          name    Москва — столица России
    """
    entry = candidate.entry
    text = " ".join(entry.text.split())
    text = text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
    return printable(f"{candidate.score:8.3f}  {entry.id:12}  {how:6}  {entry.name}" + (f" — {text}" if text else ""))


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
