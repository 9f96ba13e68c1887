"""How ``relik-ml serve`` holds under load: latency, refusals and memory, on loopback, as a Markdown table.

    python benchmarks/serve.py                          # 64 clients for 60 s, with the embedded model
    python benchmarks/serve.py --seconds 20 --model my-model

Each client sends one request after the other, without pause: 70 % ask for the annotation of a paragraph of
examples/ru, 10 % send rubbish, 10 % send more than is taken, 10 % hang up before the answer. The service is a process
of its own. Memory is its resident set: the mean of the last quarter of the time against that of the second.
It fails (exit code 1) on any status 500, on a 99th percentile above five times the median, and on a drift of 5 %.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median, quantiles
from time import perf_counter, sleep
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
BODY = 1 << 20
RUBBISH = (b"", b"{", b'{"text": 5}', b"\xff\xfe\x00", b'{"texts": []}', b"[" * 5000, b'{"text": "a", "lang": "xx"}')
WARM = 0.25  # of the time, left out of memory


@dataclass(slots=True)
class Run:
    """What the clients and the watcher have seen."""

    until: float
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    @property
    def drift(self) -> float:
        """Growth of memory from the second quarter of the time to the last."""
        quarter = len(self.memory) // 4
        return fmean(self.memory[-quarter:]) / fmean(self.memory[quarter : 2 * quarter]) - 1


def main() -> None:
    """Start the service, load it, print the table."""
    options = _options()
    model = ["--model", options.model] if options.model else []
    command = ["serve", "--port", str(options.port), *model]
    with subprocess.Popen([sys.executable, "-m", "relik_ml", *command], stderr=subprocess.DEVNULL) as server:
        try:
            _ready(server, options.port)
            run = asyncio.run(load(server.pid, options.port, options.clients, options.seconds))
        finally:
            server.terminate()
    median_s, p99 = median(run.seconds), quantiles(run.seconds, n=100)[98]
    print(table({
        "command": f"`relik-ml {' '.join(command)}`",
        "load": f"{options.clients} clients for {options.seconds:g} s",
        "annotated": f"{len(run.seconds):,} ({len(run.seconds) / options.seconds:.0f} a second)",
        "answers": ", ".join(f"{count:,} × {status}" for status, count in sorted(run.statuses.items())),
        "latency, median and 99th percentile": f"{median_s:.3f} s, {p99:.3f} s ({p99 / median_s:.1f} ×)",
        "memory": f"{run.memory[-1]:,.0f} MiB, drift {run.drift:+.1%}",
        "machine": f"{os.cpu_count()}-core {platform.machine()}, Python {platform.python_version()}",
    }))  # fmt: skip
    ended = server.returncode in (0, -signal.SIGTERM)
    sys.exit(bool(run.statuses["500"] or p99 > 5 * median_s or abs(run.drift) > 0.05 or not ended))


async def load(pid: int, port: int, clients: int, seconds: float) -> Run:
    """Let so many clients ask for so long."""
    run = Run(perf_counter() + seconds)
    texts = [part for path in sorted((ROOT / "examples" / "ru").glob("*.txt")) for part in _paragraphs(path)]
    asking = (_client(run, port, texts, random.Random(number)) for number in range(clients))
    await asyncio.gather(_watch(run, pid), *asking)
    return run


async def _client(run: Run, port: int, texts: Sequence[str], chance: random.Random) -> None:
    while perf_counter() < run.until:
        kind = chance.choices(("annotate", "rubbish", "oversize", "hang up"), (7, 1, 1, 1))[0]
        started = perf_counter()
        try:
            status = await _ask(port, kind, texts, chance)
        except OSError as error:
            status = type(error).__name__
        run.statuses[status] += 1
        if kind == "annotate" and status == "200":
            run.seconds.append(perf_counter() - started)


async def _ask(port: int, kind: str, texts: Sequence[str], chance: random.Random) -> str:
    body = json.dumps({"text": chance.choice(texts)}).encode()
    if kind in ("rubbish", "oversize"):
        body = chance.choice(RUBBISH) if kind == "rubbish" else b" " * (BODY + 1)
    head = f"POST /annotate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        if kind == "hang up":
            await asyncio.sleep(chance.random() * 0.05)
            return "hung up"
        answer = await reader.read()
        return answer[9:12].decode() if answer else "no answer"
    finally:
        writer.close()


async def _watch(run: Run, pid: int) -> None:
    while perf_counter() < run.until:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        run.memory.append(pages * os.sysconf("SC_PAGESIZE") / 2**20)
        await asyncio.sleep(0.2)


def _paragraphs(path: Path) -> list[str]:
    return [part for part in path.read_text(encoding="utf-8").split("\n") if part.strip()]


def _ready(server: subprocess.Popen[bytes], port: int) -> None:
    while server.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz"):
                return
        except URLError:
            sleep(0.2)
    sys.exit("the service did not start; run `relik-ml serve` to see why")


def table(rows: dict[str, str]) -> str:
    """Names and values as a Markdown table."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder; default: the embedded model")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--port", type=int, default=8765)
    return parser.parse_args()


if __name__ == "__main__":
    main()
