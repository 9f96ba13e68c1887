"""The documents of examples/graph, and a process that loads some and may be killed."""

import sys
from pathlib import Path

from relik_ml.data import read_documents

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "graph"
DOCUMENTS = tuple(read_documents(EXAMPLES / "cosmonauts.jsonl"))


def load_and_tell(folder: Path, file: Path) -> None:
    """Load a file in small transactions, and print a line after each."""
    from relik_ml.graph import Loader, SourceFile, open_store

    with open_store(folder, create=True, write=True) as store:
        for counts in Loader(store, group=60).load([SourceFile(file)]):
            print(counts["new"] + counts["replaced"], flush=True)


if __name__ == "__main__":
    load_and_tell(Path(sys.argv[1]), Path(sys.argv[2]))
