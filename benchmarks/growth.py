"""How speed and memory grow with the number of documents in a folder, and with the rows of an index.

    python benchmarks/growth.py                        # 10, 1,000 and 10,000 documents; 10^4, 10^5 and 10^6 rows
    python benchmarks/growth.py --documents 10 --rows 10000

The documents are the paragraphs of examples/ru in turn, a file each; ``relik-ml annotate --out FOLDER/`` reads them in
one and in two processes. The rows are people with made-up names, in an index of names without vectors; the windows are
the paragraphs with made-up surnames between their words.

All seconds are processor time, of all processes and with loading, so that other programs on the machine matter little.
Memory is the largest resident set of a process.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from time import process_time

from relik_ml.index import PassageIndex
from relik_ml.names import Learnt, NameIndex
from relik_ml.retriever import Retriever
from relik_ml.text import Morphology, windows
from relik_ml.types import Document, Entry, Window

ROOT = Path(__file__).resolve().parent.parent
SIZE, STRIDE, WINDOWS = 64, 48, 2_000
SYLLABLES = [a + b + c for a in "бвгдкмнпрст" for b in "аеиоу" for c in "влнрс"]


def main() -> None:
    """Measure and print."""
    options = _options()
    if options.index:
        print(row_of_index(options.index, options.rows[0]))
        return
    with tempfile.TemporaryDirectory() as folder:
        print("| documents | words | processes | seconds | words/s | memory, MiB |\n|--:|--:|--:|--:|--:|--:|")
        for number in options.documents:
            words = write_documents(Path(folder, f"in-{number}"), number)
            for jobs in (1, 2):
                out = f"{folder}/out-{number}-{jobs}"
                arguments = ["annotate", f"{folder}/in-{number}", "--out", out, "--jobs", str(jobs)]
                seconds, peak = run("-m", "relik_ml", *arguments, "--model", options.model)[:2]
                print(f"| {number:,} | {words:,} | {jobs} | {seconds:.1f} | {words / seconds:,.0f} | {peak:.0f} |")
        print("\n| rows | build, s | rows/s | open, ms | windows/s | memory of building and looking up, MiB |")
        print("|--:|--:|--:|--:|--:|--:|")
        for rows in options.rows:
            index = f"{folder}/index-{rows}"
            (_, building, _), (_, looking, line) = (run(__file__, "--rows", str(rows), "--index", index) for _ in "12")
            print(f"{line} {building:.0f}, {looking:.0f} |", flush=True)


def run(*arguments: str) -> tuple[float, float, str]:
    """Processor seconds, peak memory in MiB and last line of output of a Python program."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        sys.exit(f"{arguments} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said.strip().rpartition("\n")[2]


def paragraphs() -> list[str]:
    """Those of examples/ru that are longer than a heading."""
    texts = [path.read_text("utf-8") for path in sorted((ROOT / "examples" / "ru").glob("*.txt"))]
    return [line for text in texts for line in text.splitlines() if len(line.split()) > 9]


def write_documents(folder: Path, number: int) -> int:
    """Write so many files and return the number of words."""
    folder.mkdir()
    chosen = list(islice(cycle(paragraphs()), number))
    for each, text in enumerate(chosen):
        (folder / f"{each:05}.txt").write_text(text, "utf-8")
    return sum(len(text.split()) for text in chosen)


def row_of_index(folder: str, rows: int) -> str:
    """A row of the second table: the first call builds the index, the second looks windows up in it."""
    lemma, seconds = Morphology().lemma, Path(f"{folder}.seconds")
    if not seconds.exists():
        started = process_time()
        build = lambda entries: {"names": NameIndex.build(entries, Learnt(), lemma).arrays()}  # noqa: E731
        PassageIndex.build(people(rows), None, folder, extra=build)
        seconds.write_text(str(process_time() - started))
        return ""
    texts = list(islice(named_windows(people(1000)), WINDOWS))
    started = process_time()
    index = PassageIndex.open(folder)
    retriever = Retriever(index, NameIndex(index.extra["names"], lemma), None)
    opened = process_time() - started
    retriever(texts[:100])  # the dictionary of lemmas
    started = process_time()
    found = sum(len(each.entities) for batch in batches(texts[100:], 32) for each in retriever(batch))
    speed = (WINDOWS - 100) / (process_time() - started)
    assert found
    built = float(seconds.read_text())
    return f"| {rows:,} | {built:.1f} | {rows / built:,.0f} | {1000 * opened:.0f} | {speed:,.0f} |"


def people(rows: int) -> Iterator[Entry]:
    """The same first rows for every size. There are 75,625 surnames, so each occurs 13 times in a million."""
    chance = random.Random(0)
    for number in range(rows):
        first, last = ("".join(chance.choices(SYLLABLES, k=2)).capitalize() for _ in "12")
        yield Entry(f"Q{number}", "entity", f"{first} {last}ов", "человек", aliases=(f"{last}ов",), types=("Q5",))


def named_windows(known: Iterator[Entry]) -> Iterator[Window]:
    """Windows of the paragraphs with a surname after every eighth word."""
    surnames = cycle([entry.name.split()[1] for entry in known])
    for number, text in enumerate(cycle(paragraphs())):
        words = text.split()
        named = " ".join(f"{word} {next(surnames)}" if at % 8 == 7 else word for at, word in enumerate(words))
        yield from windows(Document(str(number), named), SIZE, STRIDE)


def batches(items: Sequence[Window], size: int) -> Iterator[Sequence[Window]]:
    """Items in batches, as ``relik-ml annotate`` reads them."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="*", default=[10, 1_000, 10_000])
    parser.add_argument("--rows", type=int, nargs="*", default=[10**4, 10**5, 10**6])
    parser.add_argument("--model", default="fast", help="accurate, fast or a model folder (default: %(default)s)")
    parser.add_argument("--index", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
