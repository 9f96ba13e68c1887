"""Kill ``relik-ml annotate --resume`` again and again; the folder must end as that of an unbroken run, byte for byte.

    python benchmarks/kills.py                        # 100 kills, the fast model, 1 to 3 processes
    python benchmarks/kills.py --kills 20 --model accurate

A kill hits the command (two times in three) or one of its workers, at a random moment. When a run is complete, the next
one starts in a new folder.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS, SHARD = 120, 0.004  # megabytes


def main() -> None:
    """Kill, resume and compare."""
    options = _options()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        source = _source(Path(folder, "in"), moments)
        whole, out = Path(folder, "whole"), Path(folder, "out")
        assert _start(source, whole, options.model, 1).wait() == 0
        wanted, found = _content(whole), Counter[str]()
        while found["kills of the command"] + found["kills of a worker"] < options.kills:
            process = _start(source, out, options.model, moments.randint(1, 3))
            _await_shards(process, out, moments.choice([0, 1, 1, 2, 4]))
            time.sleep(moments.random() * 0.5)
            found[_kill(process, moments)] += 1
            code = process.wait()
            assert code in (0, -signal.SIGKILL), f"exit code {code}"
            finished = {name: data for name, data in _content(out).items() if name.startswith("part-")}
            assert finished.items() <= wanted.items(), f"a shard of {out} is not whole"
            if code == 0:
                assert _content(out) == wanted, f"{out} differs from the unbroken run"
                found["complete runs"] += 1
                out = Path(folder, f"out-{found['complete runs']}")
            print(dict(found), f"{len(finished)} shards", flush=True)
        assert _start(source, out, options.model, 2).wait() == 0
        assert _content(out) == wanted, f"{out} differs from the unbroken run"
    print("identical")


def _source(folder: Path, moments: random.Random) -> Path:
    folder.mkdir()
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples" / "ru").glob("*.txt"))]
    paragraphs = [line for text in texts for line in text.split("\n") if line.strip()]
    for number, paragraph in enumerate(islice(cycle(paragraphs), DOCUMENTS)):
        (folder / f"{number:04}.txt").write_text(f"{paragraph}\n{moments.choice(paragraphs)}", encoding="utf-8")
    (folder / "0050.txt").write_bytes(b"\xff")  # a bad document
    return folder


def _start(source: Path, out: Path, model: str, jobs: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "relik_ml", "annotate", str(source), "--model", model, "--resume"]
    more = ["--out", str(out), "--jobs", str(jobs), "--shard-size", str(SHARD)]
    return subprocess.Popen([*command, *more], stderr=subprocess.DEVNULL)


def _await_shards(process: subprocess.Popen[bytes], out: Path, more: int) -> None:
    wanted = len(list(out.glob("part-*"))) + more
    while process.poll() is None and len(list(out.glob("part-*"))) < wanted:
        time.sleep(0.005)


def _kill(process: subprocess.Popen[bytes], moments: random.Random) -> str:
    """Kill the command or a worker, and say what was killed."""
    if process.poll() is not None:
        return "too late"
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    if workers and moments.random() < 1 / 3:
        subprocess.run(["kill", "-KILL", moments.choice(workers)], check=False)
        return "kills of a worker"
    process.send_signal(signal.SIGKILL)
    _await_end(workers)
    return "kills of the command"


def _await_end(workers: list[str]) -> None:
    """Workers end by themselves after the command; until then they hold the lock of the folder."""
    while any(Path("/proc", worker, "cwd").exists() for worker in workers):
        time.sleep(0.01)


def _content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--model", default="fast", help="accurate, fast or a model folder (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
