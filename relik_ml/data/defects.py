"""Reports about data that was read: counts of things and of defects, each defect with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.types import Document

T = TypeVar("T")

REPEATED = "repeated document: dropped"
BAD = "bad: "
"""Prefix of the defects for which a whole line or document was left out."""


@dataclass(slots=True)
class Defect:
    """One kind of defect: the count that it is a share of, its own count, and the first examples."""

    of: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """Counts of things, and of every defect that a converter repaired, dropped or skipped.

    Reports add up: the report of a corpus is the sum of those of its splits. They can always be printed, because
    lone surrogates and control characters in names and examples are stored as their escapes.

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
        """Add ``number`` to the count of a thing without a defect."""
        what = _printable(what)
        self.counts[what] = self.counts.get(what, 0) + number

    def defect(self, what: str, of: str, where: str, got: str = "") -> None:
        """Count a defect as a share of the things counted as ``of``, and keep ``where`` and ``got`` as an example."""
        what = _printable(what)
        if (found := self.defects.get(what)) is None:
            found = self.defects[what] = Defect(_printable(of))
        found.count += 1
        if len(found.examples) < self.keep:
            found.examples.append(_printable(f"{where}  {got}".rstrip()))

    def bad(self, error: DataError) -> None:
        """Raise the error of a line or document that cannot be read. A TolerantReport counts it instead."""
        raise error

    def bad_ones(self) -> Mapping[str, Defect]:
        """The defects for which whole lines or documents were left out."""
        return {what: defect for what, defect in self.defects.items() if what.startswith(BAD)}

    def tally(self) -> Counter[str]:
        """The count of each kind of defect so far."""
        return Counter({what: defect.count for what, defect in self.defects.items()})

    def percent(self, what: str) -> float:
        """A defect's count as a percentage of the count that it is a share of."""
        defect = self.defects[what]
        return 100 * defect.count / max(1, self.counts[defect.of])

    def add(self, other: Report) -> None:
        """Add the counts of another report."""
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
    """A report that raises the first defect as an error."""

    def defect(self, what: str, of: str, where: str, got: str = "") -> None:
        """Raise the defect as a DataError."""
        fix = "correct that line, or convert without --strict to have it repaired and counted"
        raise DataError(what, where=where, got=got, fix=fix)


class TolerantReport(Report):
    """A report that counts lines and documents that cannot be read, instead of raising their errors.

    >>> report = TolerantReport()
    >>> report.bad(DataError("the line is not JSON", where="ru.jsonl, line 7", got="'{'"))
    >>> report.defects["bad: the line is not JSON: skipped"].examples
    ["ru.jsonl, line 7  '{'"]
    """

    def bad(self, error: DataError) -> None:
        """Count an error. An error of the corpus, not of one document, is raised."""
        if isinstance(error, CorpusNotFound):
            raise error
        self.count("documents read")
        self.defect(f"{BAD}{error.what}: skipped", "documents read", error.where, error.got)


def figures(document: Document) -> Counter[str]:
    """What a report counts of each document.

    >>> dict(figures(Document("d", "Омск")))
    {'documents read': 1, 'documents': 1, 'characters': 4, 'mentions': 0, 'triples': 0}
    """
    found = {"documents read": 1, "documents": 1, "characters": len(document.text)}
    found |= {"mentions": len(document.mentions), "triples": len(document.triples)}
    statuses = [mention.link.status for mention in document.mentions]
    return Counter(found | {f"mentions {status}": statuses.count(status) for status in dict.fromkeys(statuses)})


def distinct(documents: Iterable[Document], report: Report) -> Iterator[Document]:
    """The documents with new ids; counts their ``figures``, and repeated ids as defects."""
    return first_of_id(((document.id, figures(document), document) for document in documents), report)


def first_of_id(documents: Iterable[tuple[str, Counter[str], T]], report: Report) -> Iterator[T]:
    """Documents in any form with new ids. Each comes with its id and the counts that it adds to the report."""
    seen: set[str] = set()
    for id, counts, document in documents:
        if id in seen:
            report.count("documents read")
            report.defect(REPEATED, "documents read", id)
        else:
            seen.add(id)
            report.counts.update(counts)
            yield document
