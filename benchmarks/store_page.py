"""The page of a graph store: times of what it asks for, beside a plain scan of the documents for one name.

    python -m benchmarks.store_page --documents 10000

The documents are those of `benchmarks/graph.py`. `drawn` are people who are drawn as the documents draw them; `hub` is
the person whom most documents name. Times are those of this process, without waiting for the disk or for others: median
and 95th percentile, each with its ratio to the scan. With --keep FOLDER the store is kept there, and used again.
"""

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.graph import documents, item, scan
from relik_ml.data import write_documents
from relik_ml.export.iris import ENTITY
from relik_ml.graph import Loader, Lookups, SourceFile, open_store

AGAIN = 20


def timed(call: Callable[[Any], object], given: list[Any]) -> list[float]:
    """Milliseconds of each call."""
    times = []
    for each in given:
        start = time.process_time()
        call(each)
        times.append(1000 * (time.process_time() - start))
    return times


def made(home: Path, count: int) -> None:
    """So many documents and their store in a folder, unless they are there."""
    if (home / "kg").exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    write_documents(documents(count), home / "made.jsonl")
    with open_store(home / "kg", create=True, write=True) as store:
        start = time.process_time()
        *_, counts = Loader(store).load([SourceFile(home / "made.jsonl")])
        print(f"load        {counts['facts'] / (time.process_time() - start):9.0f} facts/s of one core")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--things", type=int, default=50, help="how many things are asked for")
    parser.add_argument("--keep", type=Path, help="folder of the documents and the store")
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        home = given.keep or Path(temporary)
        made(home, given.documents)
        with open_store(home / "kg") as store:
            (home / "kg" / "catalogue.sqlite").unlink(missing_ok=True)
            start = time.process_time()
            lookups = Lookups(store)
            size = (home / "kg" / "catalogue.sqlite").stat().st_size / 1e6
            print(f"catalogue   {time.process_time() - start:9.1f} s of one core, {size:.0f} MB")
            report(lookups, home, given.documents, given.things)


def report(lookups: Lookups, home: Path, count: int, things: int) -> None:
    """Print a line for each question."""
    source = random.Random(1)
    names = [f"{ENTITY}Q{3 * item(source, count) + 1}" for _ in range(things)]
    drawn = [name for name in names if lookups.search(name.removeprefix(ENTITY), 1)]
    scanned = median(timed(lambda name: scan(home / "made.jsonl", name), ["Q1"]))
    print(f"scan        {scanned:9.1f} ms")
    hub = [f"{ENTITY}Q1"] * AGAIN
    first = lookups.thing(hub[0])["relations"][0]["facts"][0]["id"]
    questions: list[tuple[str, Callable[[Any], object], list[Any]]] = [
        ("page, drawn", lookups.thing, drawn), ("page, hub", lookups.thing, hub),
        ("near, drawn", lambda name: lookups.neighbours(name, [], 0), drawn),
        ("near, hub", lambda name: lookups.neighbours(name, drawn, 0), hub),
        ("sources, hub", lambda _: lookups.sources(first, 0), hub),
        ("search", lookups.search, ["Соколова", "новый град 1", "институтом"] * AGAIN),
    ]  # fmt: skip
    for name, call, values in questions:
        times = timed(call, values)
        middle, high = median(times), quantiles(times, n=20)[-1]
        print(
            f"{name:12}{middle:9.1f} {high:9.1f} ms; 1/{scanned / middle:,.0f} and 1/{scanned / high:,.0f} of the scan"
        )


if __name__ == "__main__":
    main()
