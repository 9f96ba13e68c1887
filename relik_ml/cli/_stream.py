"""Documents on their way to a file: one after the other, or chunks of lines shared out to processes.

A chunk is converted, checked and encoded where it is read, so that the process that writes has only bytes to
write. Chunks come back in the order of the lines; memory holds two for each process.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from relik_ml.errors import DataError
from relik_ml.io import document_line
from relik_ml.lines import lines_of
from relik_ml.plugins import REPEATED, Converter, LineConverter, Report, figures
from relik_ml.relations import by_property
from relik_ml.types import Document

CHUNK = 1 << 20
"""Bytes of input, about, that are converted at once."""

Rename = Callable[[Document, Report], Document]
Lines = list[tuple[int, bytes]]
Encoded = tuple[str, bytes, Counter[str]]  # a document: its id, its line, its figures


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done with one split: ``path`` is where ``locate`` found it, ``rename`` names its relations."""

    converter: Converter
    source: Path
    split: str
    path: Path
    rename: Rename


def as_they_are(document: Document, report: Report) -> Document:
    """Every relation keeps its name."""
    return document


def properties(document: Document, report: Report) -> Document:
    """Every relation that has a Wikidata property is named by it, and counted."""
    renamed, counts = by_property(document)
    report.counts.update(counts)
    return renamed


def converted(job: Job, report: Report, workers: int, progress: Callable[[int], object]) -> Iterator[bytes]:
    """The lines to write for a split; ``progress`` hears how many bytes of a file of lines have been read."""
    if isinstance(job.converter, LineConverter) and job.path.is_file():
        return _distinct(_in_chunks(job, report, workers, progress), report)
    return (line for _, line, _ in _encoded(job, job.converter.read(job.source, job.split, report), report))


def _encoded(job: Job, documents: Iterable[Document], report: Report) -> Iterator[Encoded]:
    for document in documents:
        try:
            renamed = job.rename(document, report)
            line = document_line(renamed, f"{job.path}")
        except DataError as error:
            report.bad(error)
        else:
            yield document.id, line, figures(renamed)


def _distinct(lines: Iterable[Encoded], report: Report) -> Iterator[bytes]:
    seen: set[str] = set()
    for id, line, counts in lines:
        if id in seen:
            report.defect(REPEATED, "documents", id)
        else:
            seen.add(id)
            report.counts.update(counts)
            yield line


def _in_chunks(job: Job, report: Report, workers: int, progress: Callable[[int], object]) -> Iterator[Encoded]:
    chunks = _chunks(job.path, progress)
    empty = partial(type(report), keep=report.keep)
    alone = (_work(job, chunk, empty()) for chunk in chunks)
    for encoded, part in alone if workers == 1 else _pooled(job, chunks, empty(), workers):
        report.add(part)
        yield from encoded


def _pooled(job: Job, chunks: Iterator[Lines], empty: Report, workers: int) -> Iterator[tuple[list[Encoded], Report]]:
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        waiting: deque[Future[tuple[list[Encoded], Report]]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_work, job, chunk, empty))
                if len(waiting) == 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _work(job: Job, chunk: Lines, report: Report) -> tuple[list[Encoded], Report]:
    assert isinstance(job.converter, LineConverter)
    documents = job.converter.read_lines(chunk, job.path, job.split, report)
    return list(_encoded(job, documents, report)), report


def _chunks(path: Path, progress: Callable[[int], object]) -> Iterator[Lines]:
    with path.open("rb") as raw:
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
