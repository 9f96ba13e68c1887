"""A store of facts: speed of loading, size on disk, memory, and times of questions beside a scan of the documents.

    python benchmarks/graph.py --documents 10000

Documents are made up: 34 sentences of two patterns, each with a person, an organisation, a place and a date, and three
facts. People, organisations and places are drawn from as many items as there are documents so that the likelihood falls
with the rank (Zipf); the first is in 0.5 % of the sentences. Times are processor time of this process with its threads:
the median and the 95th percentile over items drawn in the same way.
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
from relik_ml.errors import DataError
from relik_ml.graph import Loader, SourceFile, conflicts, facts, find_things, open_store, path, timeline, verify
from relik_ml.types import Document, Link, Mention, Property, Span, Triple

SENTENCES = 34
PATTERNS = (
    ("{0} окончил школу в городе {1}, где родился {3}, и поступил на работу в {2}.", ("PLACE_OF_BIRTH", "P19", 1)),
    ("В {3} на свет появился {0}, который вырос в городе {1} и работал в {2}.", ("PLACE_RESIDES_IN", "P551", 1)),
)
ALWAYS = (("WORKPLACE", "P108", 2), ("DATE_OF_BIRTH", "P569", 3))
FIRST = (
    "Иван", "Пётр", "Анна", "Мария", "Олег", "Вера", "Павел", "Нина", "Юрий", "Ольга", "Семён", "Лидия",
    "Фёдор", "Зоя", "Глеб", "Алла", "Тихон", "Инна", "Лев", "Ирина",
)  # fmt: skip
LAST = (
    "Соколов", "Лебедев", "Козлов", "Новиков", "Морозов", "Петров", "Волков", "Соловьёв", "Васильев",
    "Зайцев", "Павлов", "Семёнов", "Голубев",
)  # fmt: skip


def item(random: random.Random, items: int) -> int:
    """The number of an item, drawn by Zipf's law with a flat top."""
    return int(30 * ((items + 30) / 30) ** random.random()) - 30


def names(person: int, place: int, office: int, full: bool) -> tuple[str, str, str]:
    """What the text calls the items; a person by the last name alone unless ``full``."""
    last = f"{LAST[person % len(LAST)]}-{person // len(LAST)}"
    who = f"{FIRST[person % len(FIRST)]} {last}" if full else last
    return who, f"Новый Град {place}", f"Институт приборов {office}"


def documents(count: int, seed: int = 0) -> Iterator[Document]:
    """So many documents."""
    source = random.Random(seed)
    for number in range(count):
        text, mentions, triples = "", list[Mention](), list[Triple]()
        for _ in range(SENTENCES):
            drawn = item(source, count), item(source, count), item(source, count)
            called, pattern = names(*drawn, source.random() < 0.5), source.choice(PATTERNS)
            words = [*called, f"{1800 + drawn[0] % 200} году"]
            start, first = len(text), len(mentions)
            text += pattern[0].format(*words) + " "
            for kind, word in enumerate(words):
                at = text.index(word, start)
                id, label = f"Q{3 * drawn[kind % 3] + kind + 1}", names(*drawn, True)[kind % 3]
                link = Link("linked", id, label, score=0.9) if kind < 3 else Link("unlinkable")
                type = ("PERSON", "CITY", "ORGANIZATION", "DATE")[kind]
                mentions.append(Mention(f"T{len(mentions)}", at, at + len(word), type, link=link))
            for relation, property, other in (pattern[1], *ALWAYS):
                ends, span = (mentions[first].id, mentions[first + other].id), Span(start, len(text) - 1)
                score = round(source.uniform(0.3, 1), 4)
                triples.append(Triple(ends[0], relation, ends[1], Property(property), (span,), score))
        yield Document(f"made/{number}", text, "ru", tuple(mentions), (), tuple(triples))


def spread(call: Callable[[Any], object], given: list[Any]) -> str:
    """The median and the 95th percentile of calls, in milliseconds."""
    times = []
    for each in given:
        start = time.process_time()
        call(each)
        times.append(1000 * (time.process_time() - start))
    return f"{median(times):9.1f} {quantiles(times, n=20)[-1]:9.1f} ms"


def scan(file: Path, id: str) -> list[Triple]:
    """The facts about an item, found without a store."""
    found = []
    for document in read_documents(file):
        ids = {mention.id for mention in document.mentions if mention.link.id == id}
        found += [triple for triple in document.triples if ids & {triple.subject, triple.object}]
    return found


def resident() -> float:
    """Megabytes of memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def load(file: Path, folder: Path, count: int) -> int:
    """Load, and print speed, memory at every fifth, and size."""
    with open_store(folder, create=True, write=True) as store:
        start, memory, done = time.process_time(), [resident()], 0
        for counts in Loader(store).load([SourceFile(file)]):
            if counts["new"] >= (len(memory) * count) // 5:
                memory.append(resident())
        done, took = counts["facts"], time.process_time() - start
    with open_store(folder) as store:
        quads, size = len(store.database), store.size()
    print(f"load       {done / took:9.0f} facts/s of one core, {done:,} facts, {quads / done:.1f} quads each")
    print(f"memory     {', '.join(f'{each:.0f}' for each in memory)} MB at every fifth of the load")
    print(f"disk       {size / done:9.0f} bytes a fact; JSON Lines {file.stat().st_size / done:.0f}")
    return done


def known(store: Any, names: list[str]) -> list[Any]:
    """The terms of the items that the store has."""
    found = []
    for name in names:
        try:
            found += find_things(store, name)
        except DataError:
            continue
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--things", type=int, default=50, help="how many things are asked for")
    parser.add_argument("--home", type=Path, help="keep what is made in this folder")
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        home = given.home or Path(temporary)
        file = home / "made.jsonl"
        if not file.exists():
            write_documents(documents(given.documents), file)
        if not (home / "kg").exists():
            load(file, home / "kg", given.documents)
        ask_all(home / "kg", file, given.documents, given.things)


def ask_all(folder: Path, file: Path, count: int, things: int) -> None:
    """Ask, and print the times."""
    source = random.Random(1)
    names = [f"Q{3 * item(source, count) + 1 + number % 3}" for number in range(things)]
    with open_store(folder) as store:
        asked, (hub,) = known(store, names), known(store, ["Q1"])
        query = "SELECT DISTINCT ?place {{ {} wdt:P19 ?place }}"
        print(f"look-up    {spread(lambda thing: list(store.select(query.format(thing))), asked)}")
        print(f"facts      {spread(lambda thing: facts(store, [thing]), asked)}")
        print(f"best 50    {spread(lambda thing: facts(store, [thing], limit=50), asked)}")
        print(f"hub        {spread(lambda thing: facts(store, [thing]), [hub] * 3)}")
        print(f"best 50    {spread(lambda thing: facts(store, [thing], limit=50), [hub] * 9)}")
        print(f"timeline   {spread(lambda thing: timeline(store, [thing]), asked)}")
        print(f"path       {spread(lambda pair: path(store, [pair[0]], [pair[1]]), list(pairwise(asked)))}")
        print(f"scan       {spread(lambda name: scan(file, name), names[:2])}")
        for name, call in (("conflicts", conflicts), ("verify", verify)):
            start = time.process_time()
            found = sum(1 for _ in call(store))
            print(f"{name:10} {time.process_time() - start:9.1f} s, {found:,} found")


if __name__ == "__main__":
    main()
