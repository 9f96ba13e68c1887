"""How fast ``relik-ml annotate`` is and how much memory it takes, on one or more CPU cores, as a Markdown table.

    python benchmarks/annotate.py                                  # examples/ru, repeated to 50,000 words
    python benchmarks/annotate.py --source data/nerel/dev.jsonl    # texts of your own, as they are
    python benchmarks/annotate.py --model fast --cores 1

The command runs as a process of its own, as a user would call it. Words are what blanks separate; words per
second leave out loading the model, seconds in all do not. Memory is the largest resident set of the process.
"""

import argparse
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from relik_ml.data import write_documents
from relik_ml.types import Document

ROOT = Path(__file__).resolve().parent.parent
WORDS = 50_000
SUMMARY = re.compile(r"(\d+) documents?, (\d+) words?: .*; [\d.]+ s, (\d+) words/s")


class Run(NamedTuple):
    """One run of the command."""

    documents: int
    words: int
    words_per_second: int
    seconds: float
    peak_mib: float


def main() -> None:
    """Measure and print the table."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        source, data = options.source, str(options.source)
        if source is None:
            source, data = Path(folder, "examples.jsonl"), f"examples/ru repeated to {WORDS:,} words"
            write_documents(_repeated(sorted((ROOT / "examples" / "ru").glob("*.txt"))), source)
        command = ["relik-ml", "annotate", "--lang", "ru", *(["--model", options.model] if options.model else [])]
        cores = sorted(os.sched_getaffinity(0))[: options.cores]
        run = measure([*command, str(source), "--out", str(Path(folder, "out.jsonl"))], cores)
    print(table({
        "command": f"`{' '.join(command)}`",
        "data": f"{data}: {run.documents:,} documents, {run.words:,} words",
        "words per second, model load apart": f"{run.words_per_second:,}",
        "seconds in all": f"{run.seconds:.1f}",
        "peak memory": f"{run.peak_mib:,.0f} MiB",
        "machine": f"{_processor()}, {len(cores)} cores, Python {platform.python_version()}",
        "commit": _commit(),
    }))  # fmt: skip


def measure(command: Sequence[str], cores: Sequence[int]) -> Run:
    """Run an ``annotate`` command on the given cores and read time and memory off it."""
    os.sched_setaffinity(0, cores)  # inherited by the process
    environment = {**os.environ, "OMP_NUM_THREADS": str(len(cores))}
    started = perf_counter()
    arguments = [sys.executable, "-m", "relik_ml", *command[1:]]
    process = subprocess.run(arguments, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    seconds = perf_counter() - started
    found = SUMMARY.search(process.stderr)
    if process.returncode or not found:
        sys.exit(f"the command failed with exit code {process.returncode}:\n{process.stderr}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # Linux counts in KiB
    return Run(int(found[1]), int(found[2]), int(found[3]), seconds, peak)


def table(rows: dict[str, str]) -> str:
    """Names and values as a Markdown table."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="a .txt or .jsonl file or a folder of them")
    parser.add_argument("--model", help="accurate, fast or a model folder; default: accurate")
    parser.add_argument("--cores", type=int, default=2, help="CPU cores (default: %(default)s)")
    return parser.parse_args()


def _repeated(paths: Sequence[Path]) -> Iterable[Document]:
    texts = [path.read_text(encoding="utf-8") for path in paths]
    words = 0
    for number, text in enumerate(cycle(texts)):
        if words >= WORDS:
            return
        words += len(text.split())
        yield Document(str(number), text)


def _processor() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.processor()


def _commit() -> str:
    ask = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
