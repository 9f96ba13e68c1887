"""How many documents, and how many of their sentences alone, a model of one language refuses as in another.

    python benchmarks/detection.py data/nerel/dev.jsonl data/nerel/train.jsonl [--model-lang ru]

What the documents state of their language is left aside. Prints the refused sentences if there are few.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from relik_ml.data import read_documents
from relik_ml.errors import DataError
from relik_ml.text import sentences, with_language
from relik_ml.types import Document

SHOWN = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--model-lang", default="ru")
    options = parser.parse_args()
    texts = [document.text for file in options.files for document in read_documents(file)]
    parts = [text[sentence.start : sentence.stop] for text in texts for sentence in sentences(text)]
    print(f"documents: {len(refused(texts, options.model_lang))} of {len(texts)} refused")
    found = refused(parts, options.model_lang)
    print(f"sentences: {len(found)} of {len(parts)} refused")
    print(*found if len(found) <= SHOWN else (), sep="\n")


def refused(texts: Iterable[str], lang: str) -> list[str]:
    """The refused texts, each after its language and the probability of that."""
    found = []
    for text in texts:
        try:
            with_language(Document("text", text, lang=""), [lang])
        except DataError as error:
            found.append(f"{error.got}: {text}")
    return found


if __name__ == "__main__":
    main()
