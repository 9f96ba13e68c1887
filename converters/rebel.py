"""REBEL (Huguet Cabot and Navigli 2021): abstracts of Wikipedia with links and facts of Wikidata.

The links come from the authors of the pages, the facts from distant supervision. The files are JSON Lines, one abstract
a line, ``en_{train,val,test}.jsonl``. Files that REBEL's program made of other Wikipedias have the same layout.
docs/converters/rebel.md lists the repairs and says how reliable each layer is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relik_ml.data import COMPRESSED, Report, distinct, open_lines
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import LineConverter, option
from relik_ml.text import same_link
from relik_ml.types import Annotated, Document, Link, Mention, Property, Triple, Value

from ._language import check_language
from ._literals import is_literal, read_literal
from ._rebel_records import Record, read_record
from ._wikipedia import Mark, align, link, refuse_other_language, sentences

ENDS = ("", *COMPRESSED)
NAMES = {"train": "train", "val": "dev", "dev": "dev", "valid": "dev", "test": "test"}
ANNOTATED = Annotated(mentions="partial", types="none", links="silver", entities="none", triples="silver")
LICENCE = "CC BY-NC-SA 4.0"
UNLINKABLE, UNKNOWN = Link("unlinkable"), Link()
TYPES = {"dateTime": "DATE", "decimal": "NUMBER"}  # of literals; the corpus has no other types, all else is ENTITY


@dataclass(frozen=True)
class Rebel(LineConverter):
    """The converter."""

    name: str = "rebel"
    languages: tuple[str, ...] = ("en",)
    tasks: tuple[str, ...] = ("el", "re")
    licence: str = LICENCE
    citation: str = "Huguet Cabot and Navigli, REBEL: Relation Extraction By End-to-end Language generation, EMNLP 2021"
    splits: tuple[str, ...] = ("train", "dev", "test", "all")
    lang: str = option("en", "Language of the texts, ISO 639-1: how numbers are written depends on it.")

    def __post_init__(self) -> None:
        check_language(self.lang)

    def locate(self, source: Path) -> dict[str, Path]:
        """The .jsonl files at ``source``, a file or folder, by the split in their names; ``all`` without one."""
        paths = [source] if source.is_file() else sorted(path for end in ENDS for path in source.glob(f"*.jsonl{end}"))
        found: dict[str, Path] = {}
        for path in paths:
            refuse_other_language(path, self.lang)
            split = next((NAMES[word] for word in re.split(r"[\W_]+", path.name) if word in NAMES), "all")
            if split in found:
                got = f"{found[split].name} and {path.name}"
                raise CorpusNotFound(f"two files for {split}", where=str(source), got=got, fix="give one as --source")
            found[split] = path
        if not found:
            got, fix = "no .jsonl file" if source.is_dir() else "no such file", "give en_train.jsonl or its folder"
            raise CorpusNotFound("no REBEL here", where=str(source), got=got, fix=fix)
        return found

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """A stream of the documents of a split, in the order of its lines."""
        if (path := self.locate(source).get(split)) is None:
            raise CorpusNotFound("the split is not there", where=str(source), got=repr(split), fix="leave it out")
        return distinct(self.read_lines(open_lines(path), path, split, report), report)

    def read_lines(
        self, lines: Iterable[tuple[int, bytes]], path: Path, split: str, report: Report
    ) -> Iterator[Document]:
        """The documents of numbered lines of ``path``. Invalid lines go to ``report.bad``."""
        name = path.name
        for number, line in lines:
            try:
                record = read_record(line, f"{name}:{number}")
            except DataError as error:
                report.bad(error)
            else:
                yield _document(record, split, self.lang, report)


def _document(record: Record, split: str, lang: str, report: Report) -> Document:
    marks = _marks(record, report)
    mentions = _mentions(record, marks, lang, report)
    triples = _triples(record, mentions, report)
    annotators = {"mentions": [marks[mark] for mark in mentions], "triples": [name for _, name in triples]}
    for layer, names in annotators.items():
        for name in set(names):
            report.count(f"{layer} by {name!r}", names.count(name))
    meta: dict[str, Any] = {"dataset": "rebel", "split": split, "source": record.where, "licence": LICENCE}
    meta |= {"docid": record.docid, "title": record.title, "uri": record.uri, "annotators": annotators}
    id, values = f"rebel/{split}/{record.docid}", tuple(mentions.values())
    return Document(id, record.text, lang, values, same_link(values), tuple([t for t, _ in triples]), ANNOTATED, meta)


def _marks(record: Record, report: Report) -> dict[Mark, str]:
    """The entities of a record and their annotators, and the arguments that the list of entities lacks."""
    report.count("entities", len(record.entities))
    marks = {entity.mark: entity.annotator or "" for entity in record.entities}
    for _ in range(len(record.entities) - len(marks)):
        report.defect("entity listed twice: one kept", "entities", record.where)
    for fact in record.triples:
        for mark in (fact.subject.mark, fact.object.mark):
            if mark not in marks:
                report.defect("argument not among the entities: added", "facts", record.where, repr(mark.surface))
                marks[mark] = fact.annotator or ""
    return marks


def _mentions(record: Record, marks: Iterable[Mark], lang: str, report: Report) -> dict[Mark, Mention]:
    starts = align(record.text, marks)
    mentions: dict[Mark, Mention] = {}
    for item in marks:
        if (start := starts.get(item)) is None:
            report.defect("span without its surface near: dropped", "entities", record.where, repr(item.surface))
            continue
        if start != item.start:
            report.defect("span shifted by deleted brackets: put back", "entities", record.where, repr(item.surface))
        id, stop = f"T{len(mentions) + 1}", start + len(item.surface)
        if is_literal(item.uri):
            value = _literal(item, start, record, lang, report)
            mentions[item] = Mention(id, start, stop, TYPES.get(value.datatype, "ENTITY"), (), UNLINKABLE, value)
        else:
            if (target := link(item.uri)) is None:
                report.defect("link to no item: dropped", "entities", record.where, repr(item.uri))
            mentions[item] = Mention(id, start, stop, "ENTITY", (), target or UNKNOWN)
    return mentions


def _literal(item: Mark, start: int, record: Record, lang: str, report: Report) -> Value:
    report.count("literals")
    before = record.text[start - 1 : start] if item.surface[0] in "-−" else ""
    value, repair = read_literal(item.uri, item.surface, lang, before)
    if repair:
        report.defect(repair, "literals", record.where, f"{item.surface!r} for {item.uri!r}")
    return value


def _triples(record: Record, mentions: Mapping[Mark, Mention], report: Report) -> list[tuple[Triple, str]]:
    """The triples of a record, each with its annotator."""
    report.count("facts", len(record.triples))
    # A fact without a sentence gets a number of its own, which no sentence has.
    facts = [
        (-number if fact.sentence_id is None else fact.sentence_id, fact)
        for number, fact in enumerate(record.triples, 1)
        if fact.subject.mark in mentions and fact.object.mark in mentions
    ]
    for _ in range(len(record.triples) - len(facts)):
        report.defect("triple of a span that was dropped: dropped", "facts", record.where)
    inside = [(number, mentions[mark]) for number, fact in facts for mark in fact.in_sentence]
    stated = sentences(record.text, [(number, mention.start, mention.stop) for number, mention in inside])
    found: dict[tuple[str, str, str], tuple[Triple, str]] = {}
    for number, fact in facts:
        subject, object, property = mentions[fact.subject.mark], mentions[fact.object.mark], fact.predicate.uri
        key = subject.id, property, object.id
        if key in found:
            report.defect("duplicate triple: dropped", "facts", record.where, " ".join(key))
            continue
        if subject.start < object.stop and object.start < subject.stop:
            report.defect("arguments that overlap: kept", "facts", record.where, " ".join(key))
        triple = Triple(*key, Property(property), (stated[number],), fact.confidence)
        found[key] = triple, fact.annotator or ""
    return list(found.values())


converter = Rebel()
