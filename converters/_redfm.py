"""The converter of RED-FM and SRED-FM (Huguet Cabot et al. 2023): Wikipedia paragraphs with mentions and facts.

The human-filtered and the machine-filtered corpus have the same format, one file for each split and language.
``_redfm_files`` and ``_redfm_records`` read them; this module makes Documents of the records.
docs/converters/sredfm.md lists what is repaired and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from relik_ml.data import Report, distinct, open_lines
from relik_ml.errors import ConfigError, CorpusNotFound, DataError
from relik_ml.plugins import LineConverter, option
from relik_ml.text import same_link
from relik_ml.types import Annotated, Document

from ._redfm_annotation import annotation
from ._redfm_files import PARQUET, relation_names, rows, split_files
from ._redfm_records import Record, read_line, read_record

T = TypeVar("T")
CITATION = "Huguet Cabot et al., RED-FM: a Filtered and Multilingual Relation Extraction Dataset, ACL 2023"
LICENCE = "CC BY-SA 4.0"


@dataclass(frozen=True, kw_only=True)
class Redfm(LineConverter):
    """The converter of one of the two. ``relations`` is a relations.tsv in another folder than the corpus."""

    annotated: Annotated
    tasks: tuple[str, ...] = ("ner", "el", "re")
    licence: str = LICENCE
    citation: str = CITATION
    splits: tuple[str, ...] = ("train", "dev", "test")
    lang: str = option("ru", "Language of the files to read.")
    min_confidence: float = option(
        0.75, "Leave out relations whose confidence is not above this, as the published loader does."
    )
    relations: Path | None = None
    elsewhere: str = ""

    def __post_init__(self) -> None:
        if self.lang not in self.languages:
            fix = f"use one of: {', '.join(self.languages)}{self.elsewhere}"
            raise ConfigError(f"{self.name} has not that language", got=repr(self.lang), fix=fix)
        if not 0 <= self.min_confidence <= 1:
            got = str(self.min_confidence)
            raise ConfigError("a confidence lies between 0 and 1", where="min_confidence", got=got, fix="give 0.75")

    def locate(self, source: Path) -> dict[str, Path]:
        """The splits in the chosen language at ``source``, each with its file, or its folder if it is parquet."""
        found = {split: files[0] for split in self.splits if (files := split_files(source, split, self.lang))}
        if found:
            return {split: file.parent if file.suffix == PARQUET else file for split, file in found.items()}
        got = f"no split in {self.lang!r}" if source.exists() else "no such file or folder"
        fix = f"give the folder of train.{self.lang}.jsonl or {self.lang}/train/0000.parquet, or such a file itself"
        raise CorpusNotFound(f"no {self.name} here", where=str(source), got=got, fix=fix)

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """A stream of the documents of a split, in the order of its files."""
        if not (files := split_files(source, split, self.lang)):
            raise CorpusNotFound("the split is not there", where=str(source), got=repr(split), fix="leave it out")
        return distinct(chain.from_iterable(self._file(path, split, report) for path in files), report)

    def _file(self, path: Path, split: str, report: Report) -> Iterator[Document]:
        if path.suffix == PARQUET:
            return self._documents(rows(path), read_record, path, split, report)
        return self.read_lines(open_lines(path), path, split, report)

    def read_lines(
        self, lines: Iterable[tuple[int, bytes]], path: Path, split: str, report: Report
    ) -> Iterator[Document]:
        """The documents of numbered lines of ``path``. Invalid lines go to ``report.bad``."""
        placed = ((line, f"{path.name}:{number}") for number, line in lines)
        return self._documents(placed, read_line, path, split, report)

    def _documents(
        self, placed: Iterable[tuple[T, str]], read: Callable[[T, str], Record], path: Path, split: str, report: Report
    ) -> Iterator[Document]:
        """The documents of values and their positions in ``path``; ``read`` makes records of the values."""
        properties = relation_names(path, self.relations)
        for value, where in placed:
            report.count("records")
            try:
                record = read(value, where)
                document = self._document(record, properties, path, split, report)
            except DataError as error:
                report.bad(error)
            else:
                if document:
                    yield document

    def _document(
        self, record: Record, properties: Mapping[str, str], path: Path, split: str, report: Report
    ) -> Document | None:
        """The document of a record. None, which is counted, for another language or without relations."""
        if record.lang not in ("", self.lang):
            report.count("documents in another language: left out")
            return None
        report.count(f"records in the {record.layout} layout", bool(record.entities))
        before = report.tally()
        mentions, triples = annotation(record, self.lang, self.min_confidence, properties, report)
        if not triples:
            report.count("documents without a relation: left out")
            return None
        meta: dict[str, Any] = {"dataset": self.name, "split": split, "source": path.name}
        meta |= {"layout": record.layout, "title": record.title, "page": record.page, "licence": self.licence}
        meta |= {"repairs": dict(report.tally() - before)}
        id, entities = f"{self.name}/{self.lang}/{split}/{record.docid}", same_link(mentions)
        return Document(id, record.text, self.lang, mentions, entities, triples, self.annotated, meta)
