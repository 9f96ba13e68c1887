"""How fast an index is searched, how near approximate search comes to exact, and what millions of rows cost.

    python benchmarks/search.py batch                                   # exact search against faiss's defaults
    python benchmarks/search.py approximate --rows 1000000 --kind ivf-sq8
    python benchmarks/search.py open --rows 1000000 --width 768 --kind exact   # a whole index folder, rows included
    python benchmarks/search.py open --rows 100000 --width 128 --kind exact --names

One thread; processor time, but for the building and opening of a folder. Vectors are synthetic: 1,000 clusters in 32
dimensions, turned into ``--width``, with noise in all of them; queries come from the same distribution and are none of
the rows. Every ratio is of times of one run. Folders are built in $TMPDIR.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import json
import platform
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from relik_ml.cli.index_commands import make_names
from relik_ml.index import (
    STORAGES,
    FaissVectors,
    Floats,
    IndexConfig,
    Ints,
    PassageIndex,
    Vectors,
    load_faiss,
    sample_size,
)
from relik_ml.types import Entry

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = 128_000  # faiss 1.15's own threshold, in queries, above which it multiplies matrices
PART, LATENT, CLUSTERS = 8192, 32, 1000
SEARCH = """
import json, sys, time
import numpy as np
from relik_ml.index import PassageIndex
folder, asked, found = sys.argv[1:]
started = time.perf_counter()
index = PassageIndex.open(folder)
named = "names" in index.extra
if named:
    from relik_ml.names import NameIndex
    from relik_ml.text import Morphology
    names = NameIndex(index.extra["names"], Morphology().lemma)
opened = time.perf_counter() - started
queries, seconds = np.load(asked), []
for _ in range(3):
    started = time.perf_counter()
    rows, _ = index.nearest(queries, 50)
    seconds.append(time.perf_counter() - started)
np.save(found, rows)
if named:
    from relik_ml.text import tokens
    step = len(index) // len(queries)
    rows = range(0, step * len(queries), step)
    hits = names.match_all([tokens(f"Из Посёлка {row} едут в деревню {row}, а оттуда к морю." * 4) for row in rows])
    assert all(row in line.row for row, line in zip(rows, hits, strict=True))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([opened, min(seconds), int(status["VmHWM"].split()[0]) * 1024]))
"""


class Synthetic(Sequence[Floats]):
    """Clustered unit vectors (PART, D) by number of the part, each made when it is asked for."""

    def __init__(self, rows: int, width: int) -> None:
        rng = np.random.default_rng(0)
        self.rows, self.width = rows, width
        self.centres = rng.normal(size=(CLUSTERS, LATENT)).astype(np.float32)
        self.turn = (rng.normal(size=(LATENT, width)) / LATENT**0.5).astype(np.float32)

    def __len__(self) -> int:
        return -(-self.rows // PART)

    def __getitem__(self, part: Any) -> Any:
        if not 0 <= part < len(self):
            raise IndexError(part)
        return self.draw(part + 1, min(PART, self.rows - part * PART))

    def draw(self, seed: int, count: int) -> Floats:
        """``count`` vectors of a seed; the parts have the seeds from 1 on."""
        rng = np.random.default_rng(seed)
        latent = self.centres[rng.integers(0, CLUSTERS, count)]
        latent = latent + 0.5 * rng.standard_normal((count, LATENT), dtype=np.float32)
        vectors = latent @ self.turn + 0.1 * rng.standard_normal((count, self.width), dtype=np.float32)
        unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def queries(self, count: int) -> Floats:
        """Queries of the same distribution."""
        return self.draw(10**9, count)

    def sample(self, count: int) -> Floats:
        """Vectors to train on, some of each part."""
        each = -(-count // len(self))
        return np.concatenate([part[:each] for part in self])


class Rowed:
    """A stand-in encoder that gives synthetic vectors in the order in which passages come."""

    fingerprint = "f" * 64

    def __init__(self, vectors: Synthetic) -> None:
        self.vectors, self.dimension, self.seen = vectors, vectors.width, 0

    def passages(self, texts: Sequence[str]) -> Floats:
        """The next vectors."""
        self.seen += 1
        return self.vectors.draw(self.seen, len(texts))

    queries = passages


def main() -> None:
    """Measure what was asked for and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["batch", "approximate", "open"])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--kind", default="ivf-sq8", help="ivf-sq8, ivf-pq; for open also exact")
    parser.add_argument("--storage", default="float16", help="float32, float16 or int8")
    parser.add_argument("--names", action="store_true", help="open: give the index names to search by")
    options = parser.parse_args()
    print(f"`{' '.join(['python', 'benchmarks/search.py', *sys.argv[1:]])}`, commit {_commit()}, {_machine()}\n")
    {"batch": batch, "approximate": approximate, "open": opened}[options.what](options)


def batch(options: argparse.Namespace) -> None:
    """Exact search by batch: ours and faiss's Flat, with its threshold and with ours."""
    import torch

    torch.set_num_threads(1)
    synthetic = Synthetic(options.rows, options.width)
    ours = [Vectors.join([Vectors.pack(part, storage) for part in synthetic]) for storage in STORAGES]
    faiss = load_faiss()
    flat = faiss.IndexFlatIP(options.width)
    for part in synthetic:
        flat.add(part)
    columns = ["queries", "faiss, its default", "faiss, threshold 20", *(f"ours, {storage}" for storage in STORAGES)]
    print(f"| {' | '.join(columns)} | ours against the default |")
    print("|" + "--:|" * (len(columns) + 1))
    for count in (1, 8, 32, 64, 128, 256):
        queries = synthetic.queries(count)
        faiss.cvar.distance_compute_blas_threshold = DEFAULT
        default = least(partial(flat.search, queries, 50))
        faiss.cvar.distance_compute_blas_threshold = 20
        blas = least(partial(flat.search, queries, 50))
        own = [least(partial(vectors.nearest, queries, 50)) for vectors in ours]
        times = " | ".join(f"{seconds * 1e3:.1f} ms" for seconds in (default, blas, *own))
        print(f"| {count} | {times} | {', '.join(f'{default / seconds:.1f}' for seconds in own)} × |")


def approximate(options: argparse.Namespace) -> None:
    """One kind against exact search in float32: recall@20, time, bytes."""
    synthetic = Synthetic(options.rows, options.width)
    queries = synthetic.queries(256)
    exact = Vectors(np.concatenate(list(synthetic)))
    wanted, _ = exact.nearest(queries, 20)
    times = [least(partial(exact.nearest, queries[:size], 20)) for size in (1, 64, 256)]
    exact_size = options.rows * options.width * 4
    started = process_time()
    sample = synthetic.sample(sample_size(options.rows))
    index = FaissVectors.build(options.kind, synthetic, options.rows, sample)
    built = process_time() - started
    with tempfile.TemporaryDirectory() as folder:
        index.write(Path(folder))
        size = Path(folder, "vectors.faiss").stat().st_size
        index = FaissVectors.open(Path(folder, "vectors.faiss"))
        found, _ = index.nearest(queries, 20)
        own = [least(partial(index.nearest, queries[:size], 20)) for size in (1, 64, 256)]
    print("| rows × width | kind | recall@20 | bytes, of float32 | built | 1 query | 64 queries | 256 queries |")
    print("|--:|---|--:|--:|--:|--:|--:|--:|")
    faster = " | ".join(f"{mine * 1e3:.2f} ms, {slow / mine:.0f} ×" for mine, slow in zip(own, times, strict=True))
    bytes_ = f"{size / 1e6:.0f} MB, {size / exact_size:.0%}"
    what = f"{options.rows:,} × {options.width} | {options.kind}"
    print(f"| {what} | {share(found, wanted):.3f} | {bytes_} | {built:.0f} s | {faster} |")


def opened(options: argparse.Namespace) -> None:
    """A whole index: build, size, time to open, time, recall and memory of a search in a process of its own."""
    synthetic = Synthetic(options.rows, options.width)
    config = IndexConfig(options.storage, kind=options.kind, shard=PART)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, "index")
        started, worked = perf_counter(), process_time()
        index = PassageIndex.build(
            entries(options.rows), Rowed(synthetic), folder, config, make_names() if options.names else None
        )
        built, worked = perf_counter() - started, process_time() - worked
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
        started = perf_counter()
        PassageIndex.verify(folder)
        verified = perf_counter() - started
        del index
        (first, seconds, peak), recall = searched(folder, synthetic, Path(home))
    size, vectors = sum(sizes.values()), sum(size for name, size in sizes.items() if name.startswith("vectors."))
    what = f"{options.kind} {options.storage if options.kind == 'exact' else ''}".strip()
    print(
        "| rows × width | kind | names | folder | vectors | built, of it processor, memory | verified | open "
        "| 64 queries | recall@20 | peak memory, of vectors |\n|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        f"| {options.rows:,} × {options.width} | {what} | {sizes.get('names.safetensors', 0) / 1e6:.0f} MB "
        f"| {size / 1e6:.0f} MB | {vectors / 1e6:.0f} MB | {built:.0f} s, {worked:.0f} s, {held / 1e9:.1f} GB "
        f"| {verified:.1f} s | {first:.2f} s | {seconds * 1e3:.1f} ms | {recall:.3f} "
        f"| {peak / 1e6:.0f} MB, {peak / vectors:.2f} × |"
    )


def searched(folder: Path, synthetic: Synthetic, home: Path) -> tuple[list[float], float]:
    """Seconds to open and to search, peak memory; and recall@20 of 64 queries."""
    queries = synthetic.queries(64)
    np.save(home / "queries.npy", queries)
    run = [sys.executable, "-c", SEARCH, str(folder), str(home / "queries.npy"), str(home / "found.npy")]
    figures = json.loads(subprocess.run(run, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return figures, share(np.load(home / "found.npy")[:, :20], best(synthetic, queries, 20))


def best(synthetic: Synthetic, queries: Floats, k: int) -> Ints:
    """The k best rows of each query among all, of which a part at a time is in memory: (Q, k)."""
    found = [Vectors(part).nearest(queries, k) for part in synthetic]
    rows = np.concatenate([rows + number * PART for number, (rows, _) in enumerate(found)], axis=1)
    scores = np.concatenate([scores for _, scores in found], axis=1)
    return np.take_along_axis(rows, np.argsort(-scores, axis=1)[:, :k], 1)


def share(found: Ints, wanted: Ints) -> float:
    """The mean share of wanted rows that were found."""
    return float(np.mean([len({*one} & {*other}) / len(other) for one, other in zip(found, wanted, strict=True)]))


def entries(count: int) -> Iterator[Entry]:
    """Entries of the length of Wikidata's."""
    for row in range(count):
        text = f"населённый пункт номер {row} в районе {row % 977}"
        yield Entry(f"Q{row * 7}", "entity", f"Посёлок {row}", text, "ru", (f"деревня {row}", f"село {row % 131}"))


def least(call: Callable[[], object], times: int = 3) -> float:
    """The least processor seconds of a few calls: on one core that is their time, whatever else the machine does."""
    seconds = []
    for _ in range(times):
        started = process_time()
        call()
        seconds.append(process_time() - started)
    return min(seconds)


def _machine() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return f"one core of {found[1] if found else platform.processor()}, no GPU"


def _commit() -> str:
    ask = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
