"""A long document against its windows read apart, each as a document of its own: the ratio of their times.

::

    python benchmarks/documents.py data/nerel/dev.jsonl --model fast

The texts are joined to documents of at least ``--words`` words. What the whole document costs beyond its windows is
merging, links that agree, names, entities and evidence.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import process_time

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.text import windows
from relik_ml.types import Document


def joined(texts: Sequence[str], words: int) -> Iterator[str]:
    """Texts of at least so many words, each made of neighbours; what is left at the end is dropped."""
    parts: list[str] = []
    for text in texts:
        parts.append(text)
        if sum(len(part.split()) for part in parts) >= words:
            yield "\n".join(parts)
            parts = []


def main() -> None:
    """Measure in turns and print the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--model", default="fast", help="accurate, fast or a model folder.")
    parser.add_argument("--words", type=int, default=2000)
    parser.add_argument("--number", type=int, default=8, help="Number of documents.")
    args = parser.parse_args()
    relik = Relik.from_pretrained(args.model)
    texts = list(joined([document.text for document in read_documents(args.documents)], args.words))[: args.number]
    ratios = []
    for number, text in enumerate(texts):
        whole = [Document(f"d{number}", text)]
        apart = [
            Document(f"d{number}-{at}", view.text)
            for at, view in enumerate(windows(whole[0], relik.settings.window, relik.settings.stride))
        ]
        list(relik.annotate(apart))  # fills the caches of words and passages for both
        took = []
        for documents in (whole, apart):
            started = process_time()
            list(relik.annotate(documents))
            took.append(process_time() - started)
        ratios.append(took[0] / took[1])
        print(f"{len(text.split())} words: {took[0]:.2f} s whole, {took[1]:.2f} s in {len(apart)} windows")
    print(f"median ratio of {len(ratios)} documents: {median(ratios):.2f}")


if __name__ == "__main__":
    main()
