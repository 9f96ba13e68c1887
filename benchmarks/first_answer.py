"""The first answer of a cold ``relik-ml annotate``: one sentence, a new process each time.

    python benchmarks/first_answer.py [--runs 5] [--model accurate --model fast]

Prints the medians of wall and processor time from process start to exit, and the peak memory. One run before those that
count fills the caches of the system and the file of remembered checksums.
"""

import argparse
import resource
import subprocess
import sys
from statistics import median
from time import perf_counter

SENTENCE = "Анна Ахматова родилась в Одессе."


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", action="append", help="accurate, fast or a model folder; default: both embedded")
    options = parser.parse_args()
    print("| model | wall time, s | processor time, s |\n|---|--:|--:|")
    for model in options.model or ("accurate", "fast"):
        answer(model)
        walls, processors = zip(*(answer(model) for _ in range(options.runs)), strict=True)
        print(f"| {model} | {median(walls):.2f} | {median(processors):.2f} |")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # Linux counts in KiB
    print(f"\nPeak memory: {peak:,.0f} MiB")


def answer(model: str) -> tuple[float, float]:
    """Seconds of wall and processor time of one process."""
    command = [sys.executable, "-m", "relik_ml", "annotate", "--model", model, "-"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    run = subprocess.run(command, input=SENTENCE, capture_output=True, text=True)
    wall, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        sys.exit(run.stderr)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
