"""A build that is killed: the old index stays as it was, and a build that goes on gives what an unbroken one gives."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from relik_ml.data import resumable_folder
from relik_ml.errors import ModelError, OutputError
from relik_ml.index import Floats, IndexConfig, PassageIndex
from relik_ml.types import Entry

BUILD = """
import sys, time
import numpy as np
from relik_ml.index import IndexConfig, PassageIndex
from relik_ml.types import Entry

class Slow:
    dimension, fingerprint = 8, "s" * 64
    def passages(self, texts):
        time.sleep(float(sys.argv[2]))
        print("encoded", len(texts), flush=True)
        return np.array([[len(text), *text.encode()[-7:]] for text in texts], dtype=np.float32)
    queries = passages

entries = [Entry(f"Q{row}", "entity", f"посёлок номер {row:06}") for row in range(600)]
print("started", flush=True)
PassageIndex.build(entries, Slow(), sys.argv[1], IndexConfig("int8", "для теста", shard=20))
print("built", flush=True)
"""
OLD = [Entry("Q1", "entity", "старый")]


def start(folder: Path, pause: float = 0.004) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILD, str(folder), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def kill_again_and_again(tmp_path: Path, kills: int) -> None:
    """Kill as many builds, each at a moment of its own, and finish one."""
    whole, folder = tmp_path / "whole", tmp_path / "index"
    assert start(whole, 0).wait() == 0
    PassageIndex.build(OLD, None, folder)
    states = [content(folder), content(whole)]
    moments, seen = random.Random(0), 0
    for _ in range(kills):
        process = start(folder)
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(moments.random() * 0.25)
        process.send_signal(signal.SIGKILL)
        seen += process.communicate()[0].count("encoded")
        assert content(folder) in states, "the index is neither the old one nor the new one"
        PassageIndex.open(folder)
    assert seen, "no build got so far as to encode anything"
    last = start(folder, 0)
    assert last.communicate()[0].endswith("built\n")
    assert content(folder) == content(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "whole"]


def test_six_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 6)


@pytest.mark.slow
def test_fifty_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 50)


class Counting:
    """A stand-in encoder that fails at a passage of its choice and counts the others."""

    dimension, fingerprint = 2, "k" * 64

    def __init__(self, fail_at: str = "") -> None:
        self.fail_at, self.seen = fail_at, 0

    def passages(self, texts: Sequence[str]) -> Floats:
        if self.fail_at in texts:
            raise ModelError("out of memory")
        self.seen += len(texts)
        return np.array([[len(text), ord(text[0])] for text in texts], dtype=np.float32)

    queries = passages


ENTRIES = [Entry(f"Q{row}", "entity", f"имя {row}") for row in range(10)]
CONFIG = IndexConfig("float32", shard=2)


def interrupted(folder: Path) -> None:
    with pytest.raises(ModelError, match="out of memory"):
        PassageIndex.build(ENTRIES, Counting("имя 7"), folder, CONFIG)


def test_what_was_encoded_is_not_encoded_again(tmp_path: Path) -> None:
    interrupted(tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == [".index.building"]
    encoder = Counting()
    index = PassageIndex.build(ENTRIES, encoder, tmp_path / "index", CONFIG)
    assert encoder.seen == 4
    assert np.array_equal(index.stored_vectors[:], Counting().passages([entry.name for entry in ENTRIES]))
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_shards_of_other_builds_are_not_reused(tmp_path: Path) -> None:
    interrupted(tmp_path / "index")
    other = Counting()
    other.fingerprint = "o" * 64
    for build, (entries, encoder, config) in enumerate([
        (ENTRIES, other, CONFIG), (ENTRIES, Counting(), IndexConfig("int8", shard=2)),
        ([ENTRIES[-1], *ENTRIES[:-1]], Counting(), CONFIG),
    ]):  # fmt: skip
        PassageIndex.build(entries, encoder, tmp_path / "index", config)
        assert encoder.seen == 10, build
        interrupted(tmp_path / "index")


def test_damaged_shards_are_encoded_again(tmp_path: Path) -> None:
    wanted = PassageIndex.build(ENTRIES, Counting(), tmp_path / "whole", CONFIG).manifest["files"]
    interrupted(tmp_path / "index")
    shards = sorted((tmp_path / ".index.building" / "kept").iterdir())
    data = shards[0].read_bytes()
    shards[1].write_bytes(b"")
    for position in range(0, len(data), 11):
        bad = bytearray(data)
        bad[position] ^= 4
        shards[0].write_bytes(bad)
        assert PassageIndex.build(ENTRIES, Counting(), tmp_path / "index", CONFIG).manifest["files"] == wanted
        interrupted(tmp_path / "index")


def test_two_builds_into_one_folder_are_refused(tmp_path: Path) -> None:
    with resumable_folder(tmp_path / "index") as (partial, _):
        (partial / "manifest.json").write_text("{}")
        with pytest.raises(OutputError, match="another process"), resumable_folder(tmp_path / "index"):
            pass
        assert partial.exists()
    assert os.listdir(tmp_path) == ["index"]
