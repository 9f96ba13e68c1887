"""How fast ``relik-ml convert`` reads and how much memory it takes, on one CPU core, as a Markdown table.

    python benchmarks/convert.py rebel sample_1000.jsonl             # repeated to 200 MB
    python benchmarks/convert.py rebel sample_1000.jsonl --mb 2000
    python benchmarks/convert.py nerel NEREL-v1.1 --split train --mb 0   # as it is

A file is repeated with new docids, so that no document is dropped as known. The converter runs in a process of its
own, first alone, then with checking and writing its documents. Memory is the largest resident set of that process.
"""

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from relik_ml.data import Report, write_documents
from relik_ml.plugins import load_converter

ROOT = Path(__file__).resolve().parent.parent
DOCID = re.compile(rb'"docid": ?"?(\d+)"?')


class Run(NamedTuple):
    """One run over the data."""

    documents: int
    seconds: float
    peak_mib: float


def main() -> None:
    """Measure and print the table; as a process of its own (``--measure``), do one run and print its figures."""
    options = _options()
    if options.measure:
        print(json.dumps(measure(options.converter, options.source, options.split, options.measure == "write")))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source = options.source
        if options.mb:
            source = Path(folder, source.name)
            with source.open("wb") as file:
                file.writelines(repeated(options.source, options.mb * 1_000_000))
        paths = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in paths) / 1e6
        runs = {mode: _run(options, source, mode) for mode in ("read", "write")}
    print("| | read | read, check and write |\n|---|--:|--:|")
    rows = {
        "documents": [f"{run.documents:,}" for run in runs.values()],
        "seconds": [f"{run.seconds:.1f}" for run in runs.values()],
        "MB of input per second": [f"{size / run.seconds:.1f}" for run in runs.values()],
        "peak memory": [f"{run.peak_mib:,.0f} MiB" for run in runs.values()],
    }
    print("\n".join(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()))
    print(f"\n{options.converter}, {size:,.0f} MB; one core, {_processor()}, Python {platform.python_version()}")


def measure(name: str, source: Path, split: str | None, write: bool) -> Run:
    """Convert one split (the first that is there without ``split``), and write it if asked to."""
    converter = load_converter(name)
    split = split or next(iter(converter.locate(source)))
    started = perf_counter()
    documents = converter.read(source, split, Report())
    if write:
        with tempfile.TemporaryDirectory(dir=source.parent if os.access(source.parent, os.W_OK) else None) as folder:
            number = write_documents(documents, Path(folder, "out.jsonl"))
    else:
        number = sum(1 for _ in documents)
    seconds = perf_counter() - started
    return Run(number, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # Linux counts in KiB


def repeated(path: Path, size: int) -> Iterator[bytes]:
    """The lines of a file again and again, at least ``size`` bytes, a new number before each docid every time."""
    lines = path.read_bytes().splitlines(keepends=True)
    done = 0
    for again in count(1):
        for line in lines:
            line = DOCID.sub(rb'"docid": "%d-\1"' % again, line, count=1)
            yield line
            if (done := done + len(line)) >= size:
                return


def _run(options: argparse.Namespace, source: Path, mode: str) -> Run:
    core = sorted(os.sched_getaffinity(0))[0]
    command = [sys.executable, __file__, options.converter, str(source), "--measure", mode]
    command += ["--split", options.split] if options.split else []
    process = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, [core])
    )
    return Run(*json.loads(process.stdout))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("converter", help="nerel, rebel, …")
    parser.add_argument("source", type=Path, help="a sample of the corpus")
    parser.add_argument("--split", help="the split to read; default: the first there is")
    parser.add_argument("--mb", type=int, default=200, help="repeat the file to so many MB; 0: take it as it is")
    parser.add_argument("--folder", type=Path, help="where the repeated file goes; default: the temporary folder")
    parser.add_argument("--measure", choices=("read", "write"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _processor() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.processor()


if __name__ == "__main__":
    main()
