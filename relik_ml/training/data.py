"""Data of a recipe: documents for training and evaluation, and the entries of the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from relik_ml.data import open_lines, read_documents
from relik_ml.errors import ConfigError, DataError
from relik_ml.index import passage
from relik_ml.plugins import load_index
from relik_ml.scheme import NEREL
from relik_ml.text import same_link
from relik_ml.training.inventory import annotated_entries
from relik_ml.types import Document, Entry, Link

ANY = ""
"""Name of a gold item that has none, such as a mention whose type is not annotated."""

Layer = Literal["mentions", "links", "triples"]
"""A layer of annotation."""


@dataclass(frozen=True)
class EntityTable:
    """The files from which entities are read, and their settings: see ``indexes/jsonl.py``."""

    files: Sequence[Path] = ()
    """The table, and further ones whose lines are joined in by id."""
    skip: str = ""
    derived: str = ""

    def entries(self) -> list[Entry]:
        """The rows of the table; none without files."""
        if not self.files:
            return []
        source: Any = load_index("jsonl")
        more = ",".join(map(str, self.files[1:]))
        return list(replace(source, more=more, skip=self.skip, derived=self.derived).entries(self.files[0]))


@dataclass(frozen=True)
class Data:
    """Documents and entries of a run."""

    train: Sequence[Document]
    dev: Sequence[Document]
    types: Sequence[Entry]
    known: Sequence[Entry]
    """Entities of the table."""
    own: Sequence[Entry]
    """Entities that only occur in the annotation of train."""
    relations: Sequence[Entry]
    held_out: Sequence[Document] = ()
    """Documents of train that are used only for names and to fit thresholds and calibration."""
    silver: Sequence[Document] = ()
    """Documents annotated by a model, without links; the reader is trained on them too."""

    def holding_out(self, share: float) -> Data:
        """The same with a share of train, evenly spread, held out.

        >>> documents = [Document(str(number), "") for number in range(6)]
        >>> data = Data(documents, [], [], [], [], []).holding_out(1 / 3)
        >>> [document.id for document in data.held_out], len(data.train)
        (['2', '5'], 4)
        """
        chosen = {round((number + 1) / share) - 1 for number in range(int(len(self.train) * share))} if share else set()
        train = [document for number, document in enumerate(self.train) if number not in chosen]
        return replace(self, train=train, held_out=[self.train[number] for number in sorted(chosen)])

    def labels(self, group: Callable[[Document], str]) -> dict[str, set[str]]:
        """The relations that are annotated in each group of the documents to learn from."""
        found: dict[str, set[str]] = {}
        for document in (*self.train, *self.held_out):
            found.setdefault(group(document), set()).update(triple.relation for triple in document.triples)
        return found

    @property
    def entries(self) -> list[Entry]:
        """The rows of the index."""
        return [*self.known, *self.own, *self.relations]

    def texts(self, corpus: Sequence[Path]) -> Iterator[str]:
        """The texts that a reader reads: train, the passages of entries and types, and lines of ``corpus``."""
        yield from (document.text for document in (*self.train, *self.held_out))
        yield from (passage(entry) for entry in (*self.entries, *self.types))
        for path in corpus:
            yield from corpus_lines(path)

    def for_task(self, task: Literal["cie", "el", "re"]) -> Data:
        """Remove triples and relations (``el``) or links and entities (``re``); ``cie`` removes nothing.

        Without links, documents keep their ``entities``, so that pairs of mentions that repeat a fact are still known.
        """
        if task == "cie":
            return self
        strip: Callable[[Document], Document] = _without_triples if task == "el" else _without_links
        train, dev, silver = ([*map(strip, documents)] for documents in (self.train, self.dev, self.silver))
        kept = replace(self, train=train, dev=dev, silver=silver)
        return replace(kept, relations=()) if task == "el" else replace(kept, known=(), own=())

    def require(self, split: Literal["train", "dev"], *layers: Layer) -> None:
        """Raise ConfigError if a split has no usable gold of one of these layers."""
        documents: Sequence[Document] = getattr(self, split)
        entries = {"mentions": self.types, "triples": self.relations}
        for layer in layers:
            names = Counter(name for document in documents for name in _gold_names(document, layer))
            if not names.keys() & {ANY, *(entry.id for entry in entries.get(layer, ()))}:
                known = f", {names.total()} of other names, such as {min(names)}" if names else ""
                got = f"0 {layer} in {len(documents)} documents{known}"
                fix = f"convert a corpus that annotates {layer}, with the names of NEREL"
                raise ConfigError(f"the {split} split has no gold {layer}", got=got, fix=fix)


def splits(folders: Sequence[Path]) -> dict[Path, Literal["train", "dev"]]:
    """The files of data sets: ``train.jsonl`` of each folder, and ``dev.jsonl`` of the first.

    Raises:
        DataError: one of them is missing.
    """
    train: dict[Path, Literal["train", "dev"]] = {folder / "train.jsonl": "train" for folder in folders}
    files = {**train, folders[0] / "dev.jsonl": "dev"}
    if missing := next((path for path in files if not path.exists()), None):
        fix = f"convert the corpus first: relik-ml convert nerel --out {missing.parent}; or name its folder with --data"
        raise DataError("there are no documents", where=str(missing), got="no such file", fix=fix)
    return files


def read_data(
    folders: Sequence[Path],
    table: EntityTable = EntityTable(),
    silver: Iterable[Path] = (),
    properties: Path | None = None,
) -> Data:
    """The ``splits`` of the folders, the entities of a table, NEREL's types and relations; and ``silver`` documents.

    Relations of train that NEREL has not are Wikidata properties; the table ``properties`` has their names.

    Raises:
        ConfigError: a split is empty, or a folder is given twice.
        DataError: a file is missing or breaks its schema.
    """
    if doubled := [str(path) for path, times in Counter(path.resolve() for path in folders).items() if times > 1]:
        raise ConfigError("a folder of documents is given twice", got=", ".join(doubled), fix="name it once")
    found: dict[str, list[Document]] = {"train": [], "dev": []}
    for path, split in splits(folders).items():
        if not (documents := list(read_documents(path))):
            fix = "convert the corpus again, and see what the converter says"
            raise ConfigError(f"the {split} split is empty", where=str(path), got="0 documents", fix=fix)
        found[split] += documents
    train, dev = found["train"], found["dev"]
    types, relations = (list(load_index(f"nerel_{kind}").entries()) for kind in ("types", "relations"))
    further = {triple.relation for document in train for triple in document.triples} - {each.id for each in relations}
    relations += property_entries(sorted(further), properties)
    known = table.entries()
    own = annotated_entries(train, {entry.id for entry in known}, {entry.id: entry for entry in types})
    annotated = [_without_links(document) for path in silver for document in read_documents(path)]
    return Data(train, dev, types, known, own, relations, silver=annotated)


class PropertyLine(msgspec.Struct, frozen=True):
    """A line of a table of properties: texts by language."""

    pid: str
    labels: dict[str, str] = {}
    descriptions: dict[str, str] = {}


def property_entries(ids: Sequence[str], path: Path | None) -> list[Entry]:
    """An entry for each of these properties: name and description in English, or without them its id.

    Raises:
        DataError: a line of the table cannot be read.
    """
    found: dict[str, PropertyLine] = {}
    for number, line in open_lines(path) if path and ids else ():
        try:
            record = msgspec.json.decode(line, type=PropertyLine)
        except msgspec.DecodeError as error:
            where, fix = f"{path}, line {number}", 'write one object a line with "pid" and "labels"'
            raise DataError("the table of properties cannot be read", where=where, got=str(error), fix=fix) from error
        found[record.pid] = record
    lines = (found.get(id, PropertyLine(id)) for id in ids)
    return [
        Entry(each.pid, "relation", each.labels.get("en", each.pid), each.descriptions.get("en", ""), "en")
        for each in lines
    ]


def corpus_lines(path: Path) -> Iterator[str]:
    """Lines of running text, plain or compressed.

    Raises:
        DataError: the file cannot be read or is no UTF-8.
    """
    for number, line in open_lines(path):
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            where, fix = f"{path}, line {number}", "give --corpus files of UTF-8 text"
            raise DataError("the corpus file is no UTF-8", where=where, got=str(error), fix=fix) from None


def _gold_names(document: Document, layer: str) -> Iterator[str]:
    """The name of each gold item of a layer: a mention's type, a triple's relation; ``ANY`` where it has none."""
    if getattr(document.annotated, layer) == "none":
        return
    if layer == "triples":
        yield from (triple.relation for triple in document.triples)
    elif layer == "links":
        yield from (ANY for mention in document.mentions if mention.link.status == "linked")
    else:
        typed = document.annotated.types != "none" and document.corpus not in NEREL.coarse
        yield from (mention.type if typed else ANY for mention in document.mentions)


def _without_triples(document: Document) -> Document:
    return replace(document, triples=(), annotated=replace(document.annotated, triples="none"))


def _without_links(document: Document) -> Document:
    mentions = tuple(replace(mention, link=Link()) for mention in document.mentions)
    entities = document.entities or same_link(document.mentions)
    return replace(document, mentions=mentions, entities=entities, annotated=replace(document.annotated, links="none"))
