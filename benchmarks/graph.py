"""A store of facts: speed of loading, size on disk, and times of questions beside a plain scan of the documents.

    python benchmarks/graph.py --facts 100000

Documents are made up: ten sentences, each with a person, a place and a date. People and places are drawn by Zipf's law
from as many items as there are documents, so that some are in hundreds of documents. Times are the median and the 95th
percentile over things drawn in the same way. Loading counts the time of this process, everything else is wall time.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from relik_ml.data import read_documents, write_documents
from relik_ml.graph import Loader, SourceFile, conflicts, facts, find_things, open_store, path, timeline, verify
from relik_ml.types import Document, Link, Mention, Property, Span, Triple

SENTENCES = 10
RELATIONS = (("PLACE_OF_BIRTH", "P19", 1), ("DATE_OF_BIRTH", "P569", 2))


def item(random: random.Random, items: int) -> int:
    """The number of an item, drawn by Zipf's law."""
    return int(items ** random.random())


def documents(facts: int, seed: int = 0) -> Iterator[Document]:
    """Documents with so many facts."""
    source, count = random.Random(seed), facts // (SENTENCES * len(RELATIONS))
    for number in range(count):
        text, mentions, triples = "", list[Mention](), list[Triple]()
        for _ in range(SENTENCES):
            start, first = len(text), len(mentions)
            who, where = item(source, count), item(source, count)
            year = 1800 + who % 200
            parts = ((f"Человек {who}", "PERSON", f"Q{2 * who}"), (f"Город {where}", "CITY", f"Q{2 * where + 1}"))
            for words, kind, id in (*parts, (f"{year} году", "DATE", None)):
                text += " родился в " if len(mentions) == first + 1 else " в " if len(mentions) > first else ""
                link = Link("linked", id, words, score=0.9) if id else Link("unlinkable")
                mentions.append(Mention(f"T{len(mentions)}", len(text), len(text) + len(words), kind, link=link))
                text += words
            text += ". "
            for relation, property, other in RELATIONS:
                ends = mentions[first].id, mentions[first + other].id
                known = Property(property)
                triples.append(Triple(ends[0], relation, ends[1], known, (Span(start, len(text) - 1),), 0.8))
        yield Document(f"made/{number}", text, "ru", tuple(mentions), (), tuple(triples))


def spread(call: Callable[[Any], object], given: list[Any]) -> str:
    """The median and the 95th percentile of calls, in milliseconds."""
    times = []
    for each in given:
        start = time.perf_counter()
        call(each)
        times.append(1000 * (time.perf_counter() - start))
    return f"{median(times):9.1f} {quantiles(times, n=20)[-1]:9.1f} ms"


def scan(file: Path, id: str) -> list[Triple]:
    """The facts about an item, found without a store."""
    found = []
    for document in read_documents(file):
        ids = {mention.id for mention in document.mentions if mention.link.id == id}
        found += [triple for triple in document.triples if ids & {triple.subject, triple.object}]
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=100_000)
    parser.add_argument("--things", type=int, default=50, help="how many things are asked for")
    given = parser.parse_args()
    source, count = random.Random(1), given.facts // (SENTENCES * len(RELATIONS))
    names = [f"Q{2 * item(source, count)}" for _ in range(given.things)]
    with TemporaryDirectory() as home:
        file = Path(home, "made.jsonl")
        write_documents(documents(given.facts), file)
        with open_store(Path(home, "kg"), create=True, write=True) as store:
            start = time.process_time()
            *_, counts = Loader(store).load([SourceFile(file)])
            loaded = counts["facts"] / (time.process_time() - start)
        with open_store(Path(home, "kg")) as store:
            quads = len(store.database)
            print(f"load         {loaded:9.0f} facts/s of one core; {quads / counts['facts']:.1f} quads a fact")
            print(
                f"disk         {store.size() / counts['facts']:9.0f} bytes a fact; JSON Lines {file.stat().st_size:,}"
            )
            things = [thing for name in names if (thing := known(store, name))]
            ask = "SELECT DISTINCT ?place {{ {} wdt:P19 ?place }}"
            print(f"look-up      {spread(lambda thing: list(store.select(ask.format(thing))), things)}")
            print(f"facts        {spread(lambda thing: facts(store, [thing]), things)}")
            print(f"timeline     {spread(lambda thing: timeline(store, [thing]), things)}")
            pairs = list(pairwise(things))
            print(f"path         {spread(lambda pair: path(store, [pair[0]], [pair[1]]), pairs)}")
            print(f"scan         {spread(lambda name: scan(file, name), names[:3])}")
            for name, call in (("conflicts", conflicts), ("verify", verify)):
                start = time.perf_counter()
                found = sum(1 for _ in call(store))
                print(f"{name:12} {time.perf_counter() - start:9.1f} s, {found:,} found")


def known(store: Any, name: str) -> Any:
    """The term of an item that the store has."""
    return next(iter(find_things(store, name)), None)


if __name__ == "__main__":
    main()
