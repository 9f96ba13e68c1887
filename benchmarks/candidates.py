"""How fast windows are cut and their candidates found: all that comes before the network, in words per second.

    python benchmarks/candidates.py data/nerel/dev.jsonl [--model fast]

The first pass meets every word and entry for the first time, the second finds them in the caches. Seconds are processor
time of one thread; words are what blanks separate.
"""

import argparse
import gc
from collections.abc import Sequence
from pathlib import Path
from time import process_time

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.types import Document

PASSES = "first", "second", "third"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--model", default="fast", help="accurate, fast or a model folder")
    options = parser.parse_args()
    documents, relik = list(read_documents(options.source)), Relik.from_pretrained(options.model)
    list(relik.retrieve([Document("warm", "Слово.")]))  # the dictionary of lemmas is loaded at the first word
    gc.freeze()
    words = sum(len(document.text.split()) for document in documents)
    print("| pass | words/s | seconds |\n|---|--:|--:|")
    for number in PASSES:
        seconds = taken(relik, documents)
        print(f"| {number} | {words / seconds:,.0f} | {seconds:.2f} |")


def taken(relik: Relik, documents: Sequence[Document]) -> float:
    """Seconds for the candidates of all windows of the documents."""
    started = process_time()
    for _ in relik.retrieve(documents):
        pass
    return process_time() - started


if __name__ == "__main__":
    main()
