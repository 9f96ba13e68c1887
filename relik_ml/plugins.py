"""Corpus converters and knowledge sources: what they look like, and how they are found by name.

Ours are the modules of ``relik_ml.converters`` and ``relik_ml.indexes`` (a leading underscore marks a file
that several of them share); each holds one object, named ``converter`` or ``source``. Other people's are found
by the entry-point groups ``relik_ml.converters`` and ``relik_ml.indexes``, whose entries name such an object.

>>> load_converter("nerel").splits
('train', 'dev', 'test')
>>> next(entry for entry in load_index("nerel_relations").entries() if entry.id == "WORKPLACE").name
'место работы'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from relik_ml.data.report import Report
from relik_ml.errors import ConfigError
from relik_ml.types import Document, Entry, Property

if TYPE_CHECKING:
    from relik_ml.data import Archive

CONVERTERS = "relik_ml.converters"
INDEXES = "relik_ml.indexes"


@runtime_checkable
class Converter(Protocol):
    """Reads one corpus into Documents. ``switches`` names its boolean fields that users may set, with help texts."""

    @property
    def name(self) -> str:
        """The name users type."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """What the corpus is annotated for: ner, el, re."""

    @property
    def licence(self) -> str:
        """The corpus' own licence, in words."""

    @property
    def citation(self) -> str:
        """How to cite the corpus."""

    @property
    def splits(self) -> tuple[str, ...]:
        """All splits the corpus has, in order."""

    @property
    def archive(self) -> Archive | None:
        """Where it can be fetched, if anywhere."""

    @property
    def switches(self) -> Mapping[str, str]:
        """Boolean fields of the converter, each with one sentence of help."""

    def locate(self, source: Path) -> Mapping[str, Path]:
        """The splits that lie at ``source``, each with its folder or file; CorpusNotFound when there are none."""

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """The documents of one split; everything repaired, dropped or skipped is counted in ``report``."""


@runtime_checkable
class Settable(Protocol):
    """A converter with fields that users set to a value; each becomes an option typed as the field's default."""

    @property
    def settings(self) -> Mapping[str, str]:
        """Fields of text or number (``lang``, ``min_confidence``), each with one sentence of help."""


@runtime_checkable
class LineConverter(Converter, Protocol):
    """A converter of files that hold one document a line: their lines can be shared out to processes.

    ``locate`` names the file of each split (plain, or compressed as ``relik_ml.data.lines`` knows).
    """

    def read_lines(
        self, lines: Iterable[tuple[int, bytes]], path: Path, split: str, report: Report
    ) -> Iterator[Document]:
        """The documents of some consecutive numbered lines of ``path``; no line may need one before it.

        What comes out (``figures``) is counted behind it, where repeated documents are dropped: see ``distinct``.
        """


@runtime_checkable
class IndexSource(Protocol):
    """A knowledge source: rows of text to retrieve from."""

    @property
    def name(self) -> str:
        """The name users type."""

    def entries(self, path: Path | None = None) -> Iterator[Entry]:
        """The rows, read from ``path``; None means the data the source carries itself, if it does."""


@runtime_checkable
class DumpSource(IndexSource, Protocol):
    """A knowledge source whose dump is first extracted into a folder, from which ``entries`` makes rows."""

    @property
    def extracting(self) -> tuple[str, ...]:
        """Those of its ``settings`` that ``extract`` heeds; all others are chosen when the folder is read."""

    def extract(self, dump: Path, folder: Path, report: Report) -> int:
        """Extract a dump, or go on where that was stopped, count everything, and return the number of records."""


@runtime_checkable
class RelationSource(IndexSource, Protocol):
    """A knowledge source of relations that knows what they are called in Wikidata."""

    def properties(self) -> Mapping[str, Property]:
        """The Wikidata property of each relation that has one."""

    def property_of(self, relation: str, subject: str, object: str) -> Property | None:
        """The Wikidata property of a relation between mentions of these types, which may tell two apart."""


def load_converter(name: str) -> Converter:
    """The converter of that name; ConfigError, which lists those there are, when there is none."""
    return cast(Converter, _load(CONVERTERS, name, "converter", Converter))


def load_index(name: str) -> IndexSource:
    """The knowledge source of that name; ConfigError, which lists those there are, when there is none."""
    return cast(IndexSource, _load(INDEXES, name, "source", IndexSource))


def load_relations(name: str) -> RelationSource:
    """The knowledge source of that name; ConfigError when it is not one of relations with Wikidata properties."""
    source = load_index(name)
    if not isinstance(source, RelationSource):
        raise ConfigError("the source has no relations", got=repr(name), fix="name one that has properties()")
    return source


def names(group: str) -> list[str]:
    """All names that can be loaded from ``CONVERTERS`` or ``INDEXES``, sorted."""
    return sorted({*_own(group), *_others(group)})


def _load(group: str, name: str, attribute: str, protocol: Any) -> object:
    if name in _own(group):
        return getattr(import_module(f"{group}.{name}"), attribute)
    if name not in (others := _others(group)):
        known = names(group)
        close = get_close_matches(name, known, n=1)
        fix = f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(known) or 'none is installed'}"
        raise ConfigError(f"no such {attribute}", where=group, got=repr(name), fix=fix)
    what, fix = f"{attribute} {name!r} does not load", "repair or uninstall the package that provides it"
    try:
        found = others[name].load()
    except Exception as error:  # other people's code may fail in any way while it is imported
        raise ConfigError(what, where=others[name].value, got=f"{type(error).__name__}: {error}", fix=fix) from error
    if not isinstance(found, protocol):
        got = f"{type(found).__name__} lacks a part of relik_ml.plugins.{protocol.__name__}"
        raise ConfigError(what, where=others[name].value, got=got, fix=fix)
    return found


def _own(group: str) -> list[str]:
    try:
        folder = import_module(group).__path__
    except ModuleNotFoundError as error:
        fix = "run `pip install -e .` in the repository"
        raise ConfigError(f"{group} is not installed", got=str(error), fix=fix) from None
    return [module.name for module in iter_modules(folder) if not module.name.startswith("_")]


def _others(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}
