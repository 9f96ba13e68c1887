"""People, places and organisations on NEREL dev, as a model of ours finds them and as natasha does.

    pip install natasha
    python benchmarks/names.py --data data/nerel/dev.jsonl --model accurate --model fast

natasha's types are PER, LOC and ORG. NEREL's PERSON counts as PER; CITY, COUNTRY, STATE_OR_PROVINCE, DISTRICT and
LOCATION as LOC; ORGANIZATION as ORG. Names that start with a lower-case letter are left out on both sides, and so is
what lies inside another of these names: natasha finds neither. A name is right by span and type.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.score import Counts, exact
from relik_ml.types import Document

PLACES = ("CITY", "COUNTRY", "STATE_OR_PROVINCE", "DISTRICT", "LOCATION")
TYPES = {"PERSON": "PER", "ORGANIZATION": "ORG", **dict.fromkeys(PLACES, "LOC")}


class Name(NamedTuple):
    """A span of code points and its type."""

    start: int
    stop: int
    type: str


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", action="append", required=True, help="accurate, fast or a model folder")
    options = parser.parse_args()
    gold = list(read_documents(options.data))
    print("| | PER | LOC | ORG | all |\n|---|--:|--:|--:|--:|")
    print(row("natasha", gold, natasha()))
    for model in options.model:
        print(row(model, gold, of_model(model, gold)))


def of_model(model: str, gold: Iterable[Document]) -> Callable[[Document], Iterator[Name]]:
    """What a model of ours finds in a document."""
    found = {document.id: document for document in Relik.from_pretrained(model).annotate(gold)}
    return lambda document: ours(found[document.id])


def natasha() -> Callable[[Document], Iterator[Name]]:
    """What natasha finds in a document."""
    import natasha as package

    library: Any = package  # has no annotations
    segmenter, tagger = library.Segmenter(), library.NewsNERTagger(library.NewsEmbedding())

    def find(document: Document) -> Iterator[Name]:
        doc = library.Doc(document.text)
        doc.segment(segmenter)
        doc.tag_ner(tagger)
        yield from (Name(span.start, span.stop, span.type) for span in doc.spans)

    return find


def ours(document: Document) -> Iterator[Name]:
    """The mentions of a document as names."""
    for mention in document.mentions:
        if mention.type in TYPES and not mention.fragments:
            yield Name(mention.start, mention.stop, TYPES[mention.type])


def outermost(names: Iterable[Name], text: str) -> set[Name]:
    """The names that start with no lower-case letter and lie inside no other."""
    found = {name for name in names if not text[name.start].islower()}
    inside = {
        name
        for name in found
        for other in found
        if other.start <= name.start and name.stop <= other.stop and other[:2] != name[:2]
    }
    return found - inside


def row(title: str, gold: Iterable[Document], find: Callable[[Document], Iterable[Name]]) -> str:
    """F1 of each type and of all, in hundredths."""
    counts = {type_: Counts() for type_ in ("PER", "LOC", "ORG")}
    for document in gold:
        right, guessed = (outermost(names, document.text) for names in (ours(document), find(document)))
        for type_ in counts:
            counts[type_] += exact({n for n in right if n.type == type_}, {n for n in guessed if n.type == type_})
    total = sum(counts.values(), Counts())
    return f"| {title} | " + " | ".join(f"{100 * each.f1:.1f}" for each in (*counts.values(), total)) + " |"


if __name__ == "__main__":
    main()
