"""Corpus converters and knowledge sources: their base classes, and how they are found by name.

Ours are the modules of ``relik_ml.converters`` and ``relik_ml.indexes`` (a leading underscore marks a file
that several of them share); each holds one object, named ``converter`` or ``source``. Other people's are found
by the entry-point groups ``relik_ml.converters`` and ``relik_ml.indexes``, whose entries name such an object.

>>> load_converter("nerel").splits
('train', 'dev', 'test')
>>> load_converter("rebel").options
{'lang': 'Language of the texts, ISO 639-1: how numbers are written depends on it.'}
>>> next(entry for entry in load_index("nerel_relations").entries() if entry.id == "WORKPLACE").name
'место работы'
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, TypeVar

from relik_ml.data import Archive, Report
from relik_ml.errors import ConfigError
from relik_ml.types import Document, Entry, Property

CONVERTERS = "relik_ml.converters"
INDEXES = "relik_ml.indexes"

T = TypeVar("T", bound="Plugin")


def option(default: Any, help: str) -> Any:
    """A field that is an option of the command, of the type of its default, with one sentence of help."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Plugin:
    """Base class of converters and knowledge sources, with a name and options."""

    name: str

    @property
    def options(self) -> dict[str, str]:
        """The fields made by ``option``, each with its help."""
        return {field.name: field.metadata["help"] for field in fields(self) if "help" in field.metadata}


@dataclass(frozen=True)
class Converter(Plugin):
    """Reads one corpus into Documents."""

    languages: tuple[str, ...]
    """ISO 639-1 codes."""
    tasks: tuple[str, ...]
    """What the corpus is annotated for: ner, el, re."""
    licence: str
    citation: str
    splits: tuple[str, ...]
    """All splits the corpus has, in order."""
    archive: Archive | None = None
    """Where the corpus can be downloaded; None if it cannot."""

    def locate(self, source: Path) -> Mapping[str, Path]:
        """The splits that lie at ``source``, each with its folder or file; CorpusNotFound when there are none."""
        raise NotImplementedError

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """The documents of one split; everything repaired, dropped or skipped is counted in ``report``."""
        raise NotImplementedError


@dataclass(frozen=True)
class LineConverter(Converter):
    """A converter of files that hold one document a line: their lines can be shared out to processes.

    ``locate`` names the file of each split, plain or compressed.
    """

    def read_lines(
        self, lines: Iterable[tuple[int, bytes]], path: Path, split: str, report: Report
    ) -> Iterator[Document]:
        """The documents of some consecutive numbered lines of ``path``; no line may need one before it.

        What comes out (``figures``) is counted by the caller, after repeated documents are dropped: see ``distinct``.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class IndexSource(Plugin):
    """A knowledge source: rows of text to retrieve from."""

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The rows, read from ``path``; None means the data the source carries itself, if it does."""
        raise NotImplementedError

    def properties(self) -> Mapping[str, Property]:
        """The Wikidata property of each relation that has one; none for a source of anything else."""
        return {}

    def property_of(self, relation: str, subject: str, object: str) -> Property | None:
        """The Wikidata property of a relation between mentions of these types, which may decide between several."""
        return self.properties().get(relation)


@dataclass(frozen=True)
class DumpSource(IndexSource):
    """A knowledge source whose dump is first extracted into a folder, from which ``entries`` makes rows."""

    extracting: tuple[str, ...] = ()
    """The options that ``extract`` uses; all others are chosen when the folder is read."""

    def extract(self, dump: Path, folder: Path, report: Report) -> int:
        """Extract a dump, or resume its extraction, count losses in ``report``, and return the number of records."""
        raise NotImplementedError


def load_converter(name: str) -> Converter:
    """The converter of that name; ConfigError with the nearest known name when there is none."""
    return _load(CONVERTERS, name, "converter", Converter)


def load_index(name: str) -> IndexSource:
    """The knowledge source of that name; ConfigError with the nearest known name when there is none."""
    return _load(INDEXES, name, "source", IndexSource)


def names(group: str) -> list[str]:
    """All names that can be loaded from ``CONVERTERS`` or ``INDEXES``, sorted."""
    return sorted({*_own(group), *_others(group)})


def _load(group: str, name: str, attribute: str, kind: type[T]) -> T:
    what, fix = f"{attribute} {name!r} does not load", "repair or uninstall the package that provides it"
    if name in _own(group):
        origin = EntryPoint(name, f"{group}.{name}:{attribute}", group)
    elif (other := _others(group).get(name)) is not None:
        origin = other
    else:
        known = names(group)
        close = get_close_matches(name, known, n=1)
        fix = f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(known) or 'none is installed'}"
        raise ConfigError(f"no such {attribute}", where=group, got=repr(name), fix=fix)
    try:
        found = origin.load()
    except Exception as error:  # a plugin may raise anything while it is imported
        raise ConfigError(what, where=origin.value, got=f"{type(error).__name__}: {error}", fix=fix) from error
    if not isinstance(found, kind):
        got = f"{type(found).__name__} is no relik_ml.plugins.{kind.__name__}"
        raise ConfigError(what, where=origin.value, got=got, fix=fix)
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
