"""What a recipe is given: documents to learn and to measure on, and entries to choose among."""

from __future__ import annotations

import lzma
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from relik_ml.data import read_documents
from relik_ml.errors import ConfigError, DataError
from relik_ml.index import passage
from relik_ml.plugins import load_index
from relik_ml.text import same_link
from relik_ml.training.knowledge import annotated_entries
from relik_ml.types import Document, Entry, Link

ANY = ""
"""The name of what needs none."""


@dataclass(frozen=True)
class Data:
    """What is trained and measured on."""

    train: Sequence[Document]
    dev: Sequence[Document]
    types: Sequence[Entry]
    known: Sequence[Entry]
    """Entities of the table."""
    own: Sequence[Entry]
    """Entities that only the annotation of train knows."""
    relations: Sequence[Entry]
    held_out: Sequence[Document] = ()
    """Documents of train that nothing is learnt from but names; scores are calibrated on them."""
    silver: Sequence[Document] = ()
    """Documents that a model annotated, without links: a reader learns from them besides train."""

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

    @property
    def entries(self) -> list[Entry]:
        """The rows of the index."""
        return [*self.known, *self.own, *self.relations]

    def texts(self, corpus: Sequence[Path]) -> Iterator[str]:
        """All that a reader will read: train, the passages of entries and types, and lines of running text."""
        yield from (document.text for document in (*self.train, *self.held_out))
        yield from (passage(entry) for entry in (*self.entries, *self.types))
        yield from corpus_lines(corpus)

    def linking(self) -> Data:
        """The same without triples and relations: nothing of them is learnt or scored."""
        train, dev = ([*map(_without_triples, documents)] for documents in (self.train, self.dev))
        return replace(self, train=train, dev=dev, relations=())

    def relating(self) -> Data:
        """The same without links: nothing of them is learnt or scored.

        Entities stay, or are what the links told: by them a fact is known that other mentions would say once more.
        """
        train, dev = ([*map(_without_links, documents)] for documents in (self.train, self.dev))
        return replace(self, train=train, dev=dev, known=(), own=())

    def require(self, split: Literal["train", "dev"], *layers: Literal["mentions", "links", "triples"]) -> None:
        """Refuse a split without any gold of these layers that can be learnt or found (ConfigError)."""
        documents: Sequence[Document] = getattr(self, split)
        for layer in layers:
            names = Counter(name for document in documents for name in _named(document, layer))
            if not names.keys() & self._names(layer):
                known = f", {names.total()} of other names, such as {min(names)}" if names else ""
                got = f"0 {layer} in {len(documents)} documents{known}"
                fix = f"convert a corpus that annotates {layer}, with the names of NEREL"
                raise ConfigError(f"the {split} split has no gold {layer}", got=got, fix=fix)

    def _names(self, layer: str) -> set[str]:
        known = {"mentions": self.types, "triples": self.relations}
        return {ANY, *(entry.id for entry in known.get(layer, ()))}


def splits(folders: Sequence[Path]) -> dict[Path, Literal["train", "dev"]]:
    """The files of data sets: ``train.jsonl`` of each folder, and ``dev.jsonl`` of the first.

    >>> [path.as_posix() for path in splits([Path("nerel"), Path("more")])]
    ['nerel/train.jsonl', 'more/train.jsonl', 'nerel/dev.jsonl']
    """
    train: dict[Path, Literal["train", "dev"]] = {folder / "train.jsonl": "train" for folder in folders}
    return {**train, folders[0] / "dev.jsonl": "dev"}


@dataclass(frozen=True)
class EntityTable:
    """Where entities are read from: see ``indexes/jsonl.py`` for files and settings."""

    files: Sequence[Path] = ()
    """The table, and further ones whose lines are joined in by id."""
    skip: str = ""
    derived: str = ""

    def entries(self) -> list[Entry]:
        """Its rows; none without files."""
        if not self.files:
            return []
        source: Any = load_index("jsonl")
        more = ",".join(map(str, self.files[1:]))
        return list(replace(source, more=more, skip=self.skip, derived=self.derived).entries(self.files[0]))


def read_data(folders: Sequence[Path], table: EntityTable = EntityTable(), silver: Sequence[Path] = ()) -> Data:
    """The ``splits`` of the folders, the entities of a table, NEREL's types and relations; and ``silver`` documents.

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
    known = table.entries()
    own = annotated_entries(train, {entry.id for entry in known}, {entry.id: entry for entry in types})
    annotated = [_without_links(document) for path in silver for document in read_documents(path)]
    return Data(train, dev, types, known, own, relations, silver=annotated)


def corpus_lines(paths: Sequence[Path]) -> Iterator[str]:
    """Lines of running text, plain or xz.

    Raises:
        ConfigError: a file is not there.
        DataError: a file is damaged, or no UTF-8.
    """
    for path in paths:
        if not path.is_file():
            raise ConfigError("no such corpus file", got=str(path), fix="give .txt or .txt.xz files to --corpus")
        opened = lzma.open if path.suffix == ".xz" else open
        try:
            with opened(path, "rt", encoding="utf-8") as lines:
                yield from lines
        except (UnicodeDecodeError, lzma.LZMAError, EOFError) as error:
            fix = "give files of UTF-8 text, plain or as a whole .xz"
            raise DataError("cannot read the corpus file", where=str(path), got=str(error), fix=fix) from None


def _named(document: Document, layer: str) -> Iterator[str]:
    """By what each gold item of a layer is known: a mention's type, a triple's relation; or by nothing of the kind."""
    if getattr(document.annotated, layer) == "none":
        return
    if layer == "triples":
        yield from (triple.relation for triple in document.triples)
    elif layer == "links":
        yield from (ANY for mention in document.mentions if mention.link.status == "linked")
    else:
        typed = document.annotated.types != "none"
        yield from (mention.type if typed else ANY for mention in document.mentions)


def _without_triples(document: Document) -> Document:
    return replace(document, triples=(), annotated=replace(document.annotated, triples="none"))


def _without_links(document: Document) -> Document:
    mentions = tuple(replace(mention, link=Link()) for mention in document.mentions)
    entities = document.entities or same_link(document.mentions)
    return replace(document, mentions=mentions, entities=entities, annotated=replace(document.annotated, links="none"))
