"""Splits a file of documents into a fold to measure on and the others to train on: OUT/dev.jsonl and OUT/train.jsonl.

::

    python benchmarks/folds.py data/redocred/dev.jsonl --fold 0 --out folds/redocred

A document's number decides its fold. A document whose text begins like one of another file can be left out, so that
no corpus gives away what is measured on another one.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from relik_ml.data import read_documents, write_documents
from relik_ml.types import Document

BEGINNING = 60
"""Code points that tell texts apart."""


def beginnings(paths: Iterable[Path]) -> set[str]:
    """How the documents of the files begin."""
    return {document.text[:BEGINNING] for path in paths for document in read_documents(path)}


def without_triples(document: Document) -> Document:
    """The document as one whose relations are not annotated."""
    annotated = replace(document.annotated, triples="none", entity_triples=False)
    return replace(document, triples=(), annotated=annotated)


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path, help="JSON Lines of documents.")
    parser.add_argument("--out", type=Path, required=True, help="Folder to write.")
    parser.add_argument("--fold", type=int, default=0, help="The fold to measure on, from 0.")
    parser.add_argument("--of", type=int, default=5, help="The number of folds.")
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="Leave out its documents before numbering.")
    parser.add_argument("--unseen", type=Path, nargs="*", default=[], help="Leave out its documents after numbering.")
    parser.add_argument("--links-only", action="store_true", help="Train on everything but the relations.")
    args = parser.parse_args()
    left_out, seen = beginnings(args.without), beginnings(args.unseen)
    documents = [each for each in read_documents(args.documents) if each.text[:BEGINNING] not in left_out]
    numbered = [(at, each) for at, each in enumerate(documents) if each.text[:BEGINNING] not in seen]
    dev = [each for at, each in numbered if at % args.of == args.fold]
    train = [each for at, each in numbered if at % args.of != args.fold]
    write_documents(map(without_triples, train) if args.links_only else train, args.out / "train.jsonl")
    write_documents(dev, args.out / "dev.jsonl")
    print(f"{len(train)} documents to train on, {len(dev)} to measure on, {len(documents) - len(numbered)} left out")


if __name__ == "__main__":
    main()
