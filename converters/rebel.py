"""REBEL (Huguet Cabot and Navigli 2021): abstracts of Wikipedia with links and facts of Wikidata.

Links are their authors', facts were found by distant supervision. Raw JSON Lines, one abstract a line,
``en_{train,val,test}.jsonl``. Files that its program made of other Wikipedias have the same layout. What is
repaired, and how far each layer can be trusted, stands in docs/converters/rebel.md.
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
TYPES = {"dateTime": "DATE", "decimal": "NUMBER"}  # of literals; the corpus gives no other types, so all else is ENTITY


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
        """The .jsonl files at ``source`` (one, or a folder of them) by the split in their name; ``all`` without one."""
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
        """The documents of a split in the order of its lines, one line held at a time."""
        if (path := self.locate(source).get(split)) is None:
            raise CorpusNotFound("the split is not there", where=str(source), got=repr(split), fix="leave it out")
        return distinct(self.read_lines(open_lines(path), path, split, report), report)

    def read_lines(
        self, lines: Iterable[tuple[int, bytes]], path: Path, split: str, report: Report
    ) -> Iterator[Document]:
        """The documents of numbered lines of ``path``; a line that cannot be read goes to ``report.bad``."""
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
    meta: dict[str, Any] = {"dataset": "rebel", "split": split, "source": record.where, "licence": LICENCE}
    annotators = {"mentions": [marks[item] for item in mentions], "triples": [name for _, name in triples]}
    meta |= {**record.fields, "annotators": annotators}
    for layer, names in annotators.items():
        for name in set(names):
            report.count(f"{layer} by {name!r}", names.count(name))
    id, values = f"rebel/{split}/{record.fields['docid']}", tuple(mentions.values())
    return Document(id, record.text, lang, values, same_link(values), tuple([t for t, _ in triples]), ANNOTATED, meta)


def _marks(record: Record, report: Report) -> dict[Mark, str]:
    """The entities of a record and their annotators, with arguments that the list of entities lacks."""
    report.count("entities", len(record.marks))
    marks = dict(record.marks)
    for _ in range(len(record.marks) - len(marks)):
        report.defect("entity listed twice: one kept", "entities", record.where)
    for fact in record.facts:
        for item in (fact.subject, fact.object):
            if item not in marks:
                report.defect("argument not among the entities: added", "facts", record.where, repr(item.surface))
                marks[item] = fact.annotator
    return marks


def _mentions(record: Record, marks: Iterable[Mark], lang: str, report: Report) -> dict[Mark, Mention]:
    places = align(record.text, marks)
    mentions: dict[Mark, Mention] = {}
    for item in marks:
        if (start := places.get(item)) is None:
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
    report.count("facts", len(record.facts))
    facts = [fact for fact in record.facts if fact.subject in mentions and fact.object in mentions]
    for _ in range(len(record.facts) - len(facts)):
        report.defect("triple of a span that was dropped: dropped", "facts", record.where)
    inside = [(fact.sentence, mentions[item]) for fact in facts for item in fact.inside]
    stated = sentences(record.text, [(number, mention.start, mention.stop) for number, mention in inside])
    found: dict[tuple[str, str, str], tuple[Triple, str]] = {}
    for fact in facts:
        subject, object = mentions[fact.subject], mentions[fact.object]
        key = subject.id, fact.relation, object.id
        if key in found:
            report.defect("duplicate triple: dropped", "facts", record.where, " ".join(key))
            continue
        if subject.start < object.stop and object.start < subject.stop:
            report.defect("arguments that overlap: kept", "facts", record.where, " ".join(key))
        found[key] = Triple(*key, Property(fact.relation), (stated[fact.sentence],), fact.confidence), fact.annotator
    return list(found.values())


converter = Rebel()
