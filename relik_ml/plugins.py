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

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from relik_ml.errors import ConfigError, CorpusNotFound, DataError
from relik_ml.types import Document, Entry, Property

if TYPE_CHECKING:
    from relik_ml.download import Archive

CONVERTERS = "relik_ml.converters"
INDEXES = "relik_ml.indexes"
REPEATED = "repeated document: dropped"
BAD = "bad: "
"""How the names of defects begin for which a line or document was left out."""


@dataclass(slots=True)
class Defect:
    """One kind of defect: what it is a share of, how often it was met, and the first places."""

    of: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What a converter met: how many of each thing, and every defect it repaired, dropped or skipped.

    Reports add up, so a corpus is the sum of its splits. They can always be printed: whatever a name or an example
    quotes from a corpus, half a character or a control character stands in it as its escape.

    >>> report = Report()
    >>> report.count("relation lines", 4)
    >>> report.defect("duplicate triple: dropped", "relation lines", "dev/1.ann:7", "R2 WORKPLACE T1 T2")
    >>> print(report.table())
    relation lines                                                       4
    duplicate triple: dropped                                            1   25.00 % of relation lines
    """

    counts: Counter[str] = field(default_factory=Counter)
    defects: dict[str, Defect] = field(default_factory=dict)
    keep: int = 10

    def count(self, what: str, number: int = 1) -> None:
        """Count ``number`` more of a thing that is as it should be."""
        what = _printable(what)
        self.counts[what] = self.counts.get(what, 0) + number

    def defect(self, what: str, of: str, where: str, got: str = "") -> None:
        """Count a defect, as a share of the things counted as ``of``, and keep its place as an example."""
        what = _printable(what)
        if (found := self.defects.get(what)) is None:
            found = self.defects[what] = Defect(_printable(of))
        found.count += 1
        if len(found.examples) < self.keep:
            found.examples.append(_printable(f"{where}  {got}".rstrip()))

    def bad(self, error: DataError) -> None:
        """A line or document that cannot be read at all: raises ``error``. A TolerantReport counts it and goes on."""
        raise error

    def repeated(self, id: str) -> None:
        """A document whose id was there before, and which is dropped."""
        self.count("documents read")
        self.defect(REPEATED, "documents read", id)

    def bad_ones(self) -> Mapping[str, Defect]:
        """The defects for which whole lines or documents were left out."""
        return {what: defect for what, defect in self.defects.items() if what.startswith(BAD)}

    def tally(self) -> Counter[str]:
        """How often each kind of defect has been met so far."""
        return Counter({what: defect.count for what, defect in self.defects.items()})

    def percent(self, what: str) -> float:
        """A defect's share in hundredths of what it is a share of; 0 where nothing of that was counted."""
        defect = self.defects[what]
        return 100 * defect.count / max(1, self.counts[defect.of])

    def add(self, other: Report) -> None:
        """Add what another report has counted."""
        self.counts.update(other.counts)
        for what, defect in other.defects.items():
            found = self.defects.setdefault(what, Defect(defect.of))
            found.count += defect.count
            found.examples = [*found.examples, *defect.examples][: self.keep]

    def __add__(self, other: Report) -> Report:
        total = Report(keep=self.keep)
        total.add(self)
        total.add(other)
        return total

    def table(self) -> str:
        """The report for people: a line for each thing and each defect."""
        lines = [f"{what:60}{number:>10,}" for what, number in self.counts.items()]
        for what, defect in self.defects.items():
            lines.append(f"{what:60}{defect.count:>10,}{self.percent(what):>8.2f} % of {defect.of}")
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        """The report for programs."""
        defects = {
            what: {"count": d.count, "percent": round(self.percent(what), 3), "of": d.of, "examples": d.examples}
            for what, d in sorted(self.defects.items())
        }
        return {"counts": dict(self.counts), "defects": defects}


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class StrictReport(Report):
    """A report for those who want no repairs: the first defect is an error."""

    def defect(self, what: str, of: str, where: str, got: str = "") -> None:
        """Raise DataError at the place of the defect."""
        fix = "correct that line, or convert without --strict to have it repaired and counted"
        raise DataError(what, where=where, got=got, fix=fix)


class TolerantReport(Report):
    """A report for those who want every good document: what cannot be read is counted with its place, and skipped.

    >>> report = TolerantReport()
    >>> report.bad(DataError("the line is not JSON", where="ru.jsonl, line 7", got="'{'"))
    >>> report.defects["bad: the line is not JSON: skipped"].examples
    ["ru.jsonl, line 7  '{'"]
    """

    def bad(self, error: DataError) -> None:
        """Count the error with its place. One that is no document's own, such as a missing corpus, is raised."""
        if isinstance(error, CorpusNotFound):
            raise error
        self.count("documents read")
        self.defect(f"{BAD}{error.what}: skipped", "documents read", error.where, error.got)


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

    ``locate`` names the file of each split (plain, or compressed as ``relik_ml.lines`` knows).
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


def figures(document: Document) -> Counter[str]:
    """What a report counts of each document that comes out.

    >>> dict(figures(Document("d", "Омск")))
    {'documents read': 1, 'documents': 1, 'characters': 4, 'mentions': 0, 'triples': 0}
    """
    found = {"documents read": 1, "documents": 1, "characters": len(document.text)}
    found |= {"mentions": len(document.mentions), "triples": len(document.triples)}
    statuses = [mention.link.status for mention in document.mentions]
    return Counter(found | {f"mentions {status}": statuses.count(status) for status in dict.fromkeys(statuses)})


def distinct(documents: Iterable[Document], report: Report) -> Iterator[Document]:
    """The documents, each with its ``figures`` counted, less those whose id was there before: a defect each."""
    seen: set[str] = set()
    for document in documents:
        if document.id in seen:
            report.repeated(document.id)
        else:
            seen.add(document.id)
            report.counts.update(figures(document))
            yield document


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
