"""How fast a dump of Wikidata is extracted on one core, beside decompressing it alone, as a Markdown table.

    python benchmarks/dump.py                                     # 200 MB of JSON made up, plain, .gz and .bz2
    python benchmarks/dump.py --mb 1000 --langs en --formats bz2
    python benchmarks/dump.py --source latest-all.json.bz2 --mb 500   # the first 500 MB of a real dump

MB are those of the decompressed dump, a second is one of the processor, and the best of several runs counts.
The made-up dump is that of ``tests/dump.py``, repeated with new ids. Every run is a process of its own, pinned to one
core; memory is the largest resident set of that process.
"""

import argparse
import bz2
import gzip
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
from time import process_time
from typing import Any, NamedTuple

from relik_ml.data import Report, open_lines
from relik_ml.plugins import load_index

ROOT = Path(__file__).resolve().parent.parent
ID = re.compile(rb'"id":"Q(\d+)"')
PACKED = {"plain": "", "gz": ".gz", "bz2": ".bz2"}
SAMPLE = 3000
MODES = ("extract", "lines", "loads")


class Run(NamedTuple):
    """One run over the dump."""

    records: int
    seconds: float
    peak_mib: float


def main() -> None:
    """Measure and print the table; as a process of its own (``--measure``), do one run and print its figures."""
    options = _options()
    if options.measure:
        print(json.dumps(measure(options.source, options.langs, options.min_sitelinks, options.measure)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        plain = Path(folder, "dump.json")
        with plain.open("wb") as file:
            file.writelines(dump_lines(options.source, options.mb * 1_000_000))
        size = plain.stat().st_size / 1e6
        print("| dump | extract, MB/s | its lines alone | lines and json.loads | of lines alone | kept | peak memory |")
        print("|---|--:|--:|--:|--:|--:|--:|")
        for name in options.formats:
            path = _packed(plain, PACKED[name])
            run, lines, loads = (_best(options, path, mode) for mode in MODES)
            share, memory = lines.seconds / run.seconds, f"{run.peak_mib:,.0f} MiB"
            speeds = " | ".join(f"{size / each.seconds:.1f}" for each in (run, lines, loads))
            print(f"| {name} | {speeds} | {share:.2f} | {run.records:,} | {memory} |")
    chosen = f"langs {options.langs}, at least {options.min_sitelinks} sitelinks"
    print(f"\n{size:,.0f} MB, {chosen}; best of {options.repeat} on one core")
    print(f"{_processor()}, Python {platform.python_version()}")


def measure(source: Path, langs: str, min_sitelinks: int, mode: str) -> Run:
    """Extract the dump with an empty folder to begin with, or read its lines and do nothing else, or parse them too."""
    started = process_time()
    if mode == "lines":
        records = sum(1 for _ in open_lines(source))
    elif mode == "loads":
        records = sum(1 for _, line in open_lines(source) if len(line) > 2 and json.loads(line.rstrip(b",\n")))
    else:
        source_type: Any = type(load_index("wikidata"))
        wikidata = source_type(langs=langs, min_sitelinks=min_sitelinks)
        with tempfile.TemporaryDirectory(dir=source.parent) as folder:
            records = wikidata.extract(source, Path(folder, "out"), Report())
    seconds = process_time() - started
    return Run(records, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # Linux counts in KiB


def dump_lines(source: Path | None, size: int) -> Iterator[bytes]:
    """A whole dump of about ``size`` bytes: the beginning of a real one, or made up."""
    done, comma = 0, b""
    yield b"[\n"
    for line in _real(source) if source else _made():
        yield comma + line
        comma = b",\n"
        if (done := done + len(line)) >= size:
            break
    yield b"\n]\n"


def _real(source: Path) -> Iterator[bytes]:
    bodies = (line.strip().rstrip(b",") for _, line in open_lines(source))
    return (body for body in bodies if len(body) > 1)


def _made() -> Iterator[bytes]:
    sys.path.insert(0, str(ROOT))
    from tests.dump import entities, json_line

    lines = [json_line(entity) for entity in entities(SAMPLE)]
    for again in count():
        for line in lines:
            yield ID.sub(rb'"id":"Q%d\1"' % again, line, count=1) if again else line


def _packed(plain: Path, suffix: str) -> Path:
    path = plain.with_name(plain.name + suffix)
    if suffix:
        with plain.open("rb") as source, (gzip if suffix == ".gz" else bz2).open(path, "wb") as file:
            while block := source.read(1 << 20):
                file.write(block)
    return path


def _best(options: argparse.Namespace, source: Path, mode: str) -> Run:
    return min((_run(options, source, mode) for _ in range(options.repeat)), key=lambda run: run.seconds)


def _run(options: argparse.Namespace, source: Path, mode: str) -> Run:
    core = sorted(os.sched_getaffinity(0))[0]
    command = [sys.executable, __file__, "--source", str(source), "--measure", mode, "--langs", options.langs]
    command += ["--min-sitelinks", str(options.min_sitelinks)]
    process = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, [core])
    )
    return Run(*json.loads(process.stdout))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="a real dump of all entities; default: made up")
    parser.add_argument("--mb", type=int, default=200, help="so many MB of it, decompressed")
    parser.add_argument("--formats", nargs="+", choices=PACKED, default=list(PACKED), help="how it is compressed")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many runs counts")
    parser.add_argument("--langs", default="ru,en,mul", help="languages to keep")
    parser.add_argument("--min-sitelinks", type=int, default=0, help="leave out items with fewer")
    parser.add_argument("--folder", type=Path, help="where the dump goes; default: the temporary folder")
    parser.add_argument("--measure", choices=MODES, help=argparse.SUPPRESS)
    return parser.parse_args()


def _processor() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.processor()


if __name__ == "__main__":
    main()
