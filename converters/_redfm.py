"""What RED-FM and SRED-FM (Huguet Cabot et al. 2023) share: paragraphs of Wikipedia, their mentions and their facts.

The human-filtered corpus and the machine-filtered one are written alike, one file a split and language. Files and
layouts are read in the two modules beside this one; here records become Documents. What is repaired, dropped and
left out stands in docs/converters/sredfm.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from relik_ml.errors import ConfigError, CorpusNotFound
from relik_ml.plugins import REPEATED, Report
from relik_ml.text.coreference import same_link
from relik_ml.types import Annotated, Document, Mention, Status, Triple

from ._redfm_annotation import annotation
from ._redfm_files import relation_names, split_files
from ._redfm_records import Record, read_records

if TYPE_CHECKING:
    from relik_ml.download import Archive

CITATION = "Huguet Cabot et al., RED-FM: a Filtered and Multilingual Relation Extraction Dataset, ACL 2023"
LICENCE = "CC BY-SA 4.0"
SETTINGS = {
    "lang": "Language of the files to read.",
    "min_confidence": "Leave out relations whose confidence is not above this, as the published loader does.",
}


@dataclass(frozen=True, slots=True)
class Redfm:
    """The converter of one of the two. ``relations`` is a relations.tsv that does not lie with the corpus."""

    name: str
    languages: tuple[str, ...]
    lang: str
    annotated: Annotated
    tasks: tuple[str, ...] = ("ner", "el", "re")
    licence: str = LICENCE
    citation: str = CITATION
    splits: tuple[str, ...] = ("train", "dev", "test")
    archive: Archive | None = None
    switches: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)
    min_confidence: float = 0.75
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
        """The splits in the chosen language at ``source``: each with its file, or the folder of its several files."""
        found = {split: files for split in self.splits if (files := split_files(source, split, self.lang))}
        if found:
            return {split: files[0] if len(files) == 1 else files[0].parent for split, files in found.items()}
        got = f"no split in {self.lang!r}" if source.exists() else "no such file or folder"
        fix = f"give the folder of train.{self.lang}.jsonl or {self.lang}/train/0000.parquet, or such a file itself"
        raise CorpusNotFound(f"no {self.name} here", where=str(source), got=got, fix=fix)

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """The documents of a split, in the order of its files; one record is held at a time."""
        if not (files := split_files(source, split, self.lang)):
            raise CorpusNotFound("the split is not there", where=str(source), got=repr(split), fix="leave it out")
        properties = relation_names(source, self.relations)
        report.count("properties in relations.tsv", len(properties))
        seen: set[str] = set()
        for path in files:
            for record in read_records(path, report):
                if not self._wanted(record, seen, report):
                    continue
                before = report.tally()
                mentions, triples = annotation(record, self.lang, self.min_confidence, properties, report)
                if not triples:
                    report.count("documents without a relation: left out")
                    continue
                meta: dict[str, Any] = {"dataset": self.name, "split": split, "source": path.name}
                meta |= {"layout": record.layout, "title": record.title, "page": record.page, "licence": self.licence}
                meta |= {"repairs": dict(report.tally() - before)}
                id, entities = f"{self.name}/{self.lang}/{split}/{record.docid}", same_link(mentions)
                yield Document(id, record.text, self.lang, mentions, entities, triples, self.annotated, meta)
                _count(record.text, mentions, triples, report)

    def _wanted(self, record: Record, seen: set[str], report: Report) -> bool:
        if record.lang not in ("", self.lang):
            report.count("documents in another language: left out")
        elif record.docid in seen:
            report.defect(REPEATED, "records", record.where, repr(record.docid))
        else:
            seen.add(record.docid)
            return True
        return False


def _count(text: str, mentions: tuple[Mention, ...], triples: tuple[Triple, ...], report: Report) -> None:
    report.count("documents")
    report.count("characters", len(text))
    report.count("mentions", len(mentions))
    statuses = Counter(mention.link.status for mention in mentions)
    for status in get_args(Status):
        report.count(f"mentions {status}", statuses[status])
    report.count("triples", len(triples))
