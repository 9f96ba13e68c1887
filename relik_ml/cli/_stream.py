"""Conversion of a split as a stream, in one process or in chunks of lines shared among several.

A worker converts, checks and encodes a chunk, so the main process only writes bytes. The order of the lines is kept.
Memory holds two chunks for each process.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from relik_ml.data import Report, document_line, figures, first_of_id, lines_of, opened
from relik_ml.errors import DataError, RelikError
from relik_ml.plugins import Converter, LineConverter
from relik_ml.types import Document, Property, Triple
from relik_ml.workers import end_with_parent

CHUNK = 1 << 20
"""Approximate size of a chunk in bytes."""

RENAMED = "relations renamed to their property"
INVERTED = "relations inverted: their property runs the other way"
WITHOUT = "relations without a property: name kept"
JOINED = "relations that became one under their property"

Lines = list[tuple[int, bytes]]
Encoded = tuple[str, Counter[str], bytes]  # a document: its id, its figures, its line


@dataclass(frozen=True, slots=True)
class Job:
    """The conversion of one split; ``path`` is where ``locate`` found it."""

    converter: Converter
    source: Path
    split: str
    path: Path
    names: Mapping[str, str] | None = None
    """Other names of Wikidata properties; relations are renamed to their property's. None: they keep their names."""


def converted(job: Job, report: Report, workers: int, progress: Callable[[int], object]) -> Iterator[bytes]:
    """The lines of a split; ``progress`` is called with the number of bytes read from a file of lines.

    DataError when all documents are bad, because then it is probably another corpus.
    """
    if isinstance(job.converter, LineConverter) and job.path.is_file():
        lines = first_of_id(_in_chunks(job, report, workers, progress), report)
    else:
        documents = job.converter.read(job.source, job.split, report)
        lines = (line for _, _, line in _encoded(job, documents, report))
    return _some(lines, job, report)


def _some(lines: Iterator[bytes], job: Job, report: Report) -> Iterator[bytes]:
    first = next(lines, None)
    if first is not None:
        yield first
        yield from lines
    elif bad := report.bad_ones():
        got = " ".join(next((what, defect.examples[0]) for what, defect in bad.items()))
        fix = f"give the corpus that {job.converter.name} reads; its card is in docs/converters"
        raise DataError("not one document can be read", where=str(job.path), got=got, fix=fix)


def _encoded(job: Job, documents: Iterable[Document], report: Report) -> Iterator[Encoded]:
    for document in documents:
        if job.names is not None:
            document, counts = by_property(document, job.names)
            report.counts.update(counts)
        try:
            yield document.id, figures(document), document_line(document, str(job.path))
        except DataError as error:
            report.bad(error)


def _in_chunks(job: Job, report: Report, workers: int, progress: Callable[[int], object]) -> Iterator[Encoded]:
    chunks = _chunks(job.path, progress)
    empty = partial(type(report), keep=report.keep)
    alone = (_work(job, chunk, empty()) for chunk in chunks)
    for encoded, part in alone if workers == 1 else _pooled(job, chunks, empty(), workers):
        report.add(part)
        yield from encoded


def _pooled(job: Job, chunks: Iterator[Lines], empty: Report, workers: int) -> Iterator[tuple[list[Encoded], Report]]:
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=end_with_parent) as pool:
        waiting: deque[Future[tuple[list[Encoded], Report]]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_work, job, chunk, empty))
                if len(waiting) == 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            fix = "memory may have run out; use fewer --workers"
            raise RelikError("a worker process was killed", where=str(job.path), fix=fix) from None
        finally:
            for future in waiting:
                future.cancel()


def _work(job: Job, chunk: Lines, report: Report) -> tuple[list[Encoded], Report]:
    assert isinstance(job.converter, LineConverter)
    documents = job.converter.read_lines(chunk, job.path, job.split, report)
    return list(_encoded(job, documents, report)), report


def _chunks(path: Path, progress: Callable[[int], object]) -> Iterator[Lines]:
    with opened(path) as raw:
        chunk: Lines = []
        size = 0
        for number, line in lines_of(raw, path):
            chunk.append((number, line))
            size += len(line)
            if size >= CHUNK:
                yield chunk
                progress(raw.tell())
                chunk, size = [], 0
        yield chunk
        progress(raw.tell())


# Relations


def by_property(document: Document, names: Mapping[str, str]) -> tuple[Document, Counter[str]]:
    """Rename relations to their Wikidata properties, or ``names`` of these; returns also counts of the changes.

    An inverse property swaps subject and object. A relation without a property is kept. Triples that become equal,
    because two relations of the corpus have the same property, are joined: the first is kept, with all evidence.

    >>> from relik_ml.types import Mention
    >>> text = "Концерт провёл Мариинский театр."
    >>> concert, theatre = Mention("T1", 0, 7, "EVENT"), Mention("T2", 15, 31, "ORGANIZATION")
    >>> held = Triple("T2", "ORGANIZES", "T1", Property("P664", inverse=True))
    >>> renamed, counts = by_property(Document("d", text, mentions=(concert, theatre), triples=(held,)), {})
    >>> [(triple.subject, triple.relation, triple.object) for triple in renamed.triples]
    [('T1', 'P664', 'T2')]
    >>> sorted(counts)
    ['relations inverted: their property runs the other way', 'relations renamed to their property']
    """
    kept: dict[tuple[str, str, str], Triple] = {}
    counts: Counter[str] = Counter()
    for old in document.triples:
        counts[RENAMED if old.property else WITHOUT] += 1
        counts[INVERTED] += old.property is not None and old.property.inverse
        new = _renamed(old, names)
        key = (new.subject, new.relation, new.object)
        counts[JOINED] += key in kept
        kept[key] = _joined(kept[key], new) if key in kept else new
    return replace(document, triples=tuple(kept.values())), +counts


def _renamed(triple: Triple, names: Mapping[str, str]) -> Triple:
    if (known := triple.property) is None:
        return triple
    subject, object = (triple.object, triple.subject) if known.inverse else (triple.subject, triple.object)
    name = names.get(known.id, known.id)
    return replace(triple, subject=subject, relation=name, object=object, property=Property(known.id))


def _joined(first: Triple, other: Triple) -> Triple:
    return replace(first, evidence=tuple(sorted({*first.evidence, *other.evidence})))
