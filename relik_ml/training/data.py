"""What a recipe is given: documents to learn and to measure on, and entries to choose among."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from relik_ml.errors import ConfigError
from relik_ml.io import read_documents
from relik_ml.plugins import load_index
from relik_ml.training.knowledge import annotated_entries
from relik_ml.types import Document, Entry, Link


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

    @property
    def entries(self) -> list[Entry]:
        """The rows of the index."""
        return [*self.known, *self.own, *self.relations]

    def linking(self) -> Data:
        """The same without triples and relations: nothing of them is learnt or scored."""
        train, dev = ([*map(_without_triples, documents)] for documents in (self.train, self.dev))
        return replace(self, train=train, dev=dev, relations=())

    def relating(self) -> Data:
        """The same without links and entities: nothing of them is learnt or scored."""
        train, dev = ([*map(_without_links, documents)] for documents in (self.train, self.dev))
        return replace(self, train=train, dev=dev, known=(), own=())

    def require(self, split: Literal["train", "dev"], *layers: Literal["mentions", "links", "triples"]) -> None:
        """Refuse a split without any gold of these layers (ConfigError)."""
        documents: Sequence[Document] = getattr(self, split)
        for layer in layers:
            if not any(_gold(document, layer) for document in documents):
                got, fix = f"0 {layer} in {len(documents)} documents", f"convert a corpus that annotates {layer}"
                raise ConfigError(f"the {split} split has no gold {layer}", got=got, fix=fix)


def splits(folders: Sequence[Path]) -> dict[Path, Literal["train", "dev"]]:
    """The files of data sets: ``train.jsonl`` of each folder, and ``dev.jsonl`` of the first.

    >>> [path.as_posix() for path in splits([Path("nerel"), Path("more")])]
    ['nerel/train.jsonl', 'more/train.jsonl', 'nerel/dev.jsonl']
    """
    train: dict[Path, Literal["train", "dev"]] = {folder / "train.jsonl": "train" for folder in folders}
    return {**train, folders[0] / "dev.jsonl": "dev"}


def read_data(folders: Sequence[Path], entities: Path | None) -> Data:
    """The ``splits`` of the folders, a table of entities if there is one, NEREL's types and relations.

    Raises:
        ConfigError: a split is empty.
        DataError: a file is missing or breaks its schema.
    """
    found: dict[str, list[Document]] = {"train": [], "dev": []}
    for path, split in splits(folders).items():
        if not (documents := list(read_documents(path))):
            fix = "convert the corpus again, and see what the converter says"
            raise ConfigError(f"the {split} split is empty", where=str(path), got="0 documents", fix=fix)
        found[split] += documents
    train, dev = found["train"], found["dev"]
    types, relations = (list(load_index(f"nerel_{kind}").entries()) for kind in ("types", "relations"))
    known = list(load_index("jsonl").entries(entities)) if entities else []
    own = annotated_entries(train, {entry.id for entry in known}, {entry.id: entry for entry in types})
    return Data(train, dev, types, known, own, relations)


def _gold(document: Document, layer: str) -> bool:
    if getattr(document.annotated, layer) == "none":
        return False
    if layer == "links":
        return any(mention.link.status == "linked" for mention in document.mentions)
    return bool(getattr(document, layer))


def _without_triples(document: Document) -> Document:
    return replace(document, triples=(), annotated=replace(document.annotated, triples="none"))


def _without_links(document: Document) -> Document:
    mentions = tuple(replace(mention, link=Link()) for mention in document.mentions)
    return replace(
        document, mentions=mentions, entities=(), annotated=replace(document.annotated, links="none", entities="none")
    )
