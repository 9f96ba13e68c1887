"""Training that is killed and resumed ends as if it had not been: closed IE, retriever and reader, both presets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from relik_ml.errors import ModelError
from relik_ml.training import Run
from tests.recipes.test_cie_ru import SMALL, data, weights

pytest.importorskip("accelerate", reason="recipes need the extra relik-ml[train]")

__all__ = ["data"]  # the fixture of the recipe's own tests

FLAGS = (
    *SMALL, "--reader-epochs", "4", "--reader-rate", "0.002", "--reader-tokens", "60", "--checkpoint", "1",
)  # fmt: skip
EVENTS = ("reader/step-2", "reader/.*.part", "reader/step-9")
"""Files whose appearance is a moment to kill at, relative to the folder of checkpoints."""

Progress = Any  # of relik_ml.training.checkpoint


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums depend on the number of threads."""
    settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)


def config(data: Path, out: Path, **others: object) -> Any:
    recipe = import_module("relik_ml.recipes.cie_ru")
    if others.get("preset") == "full":
        return recipe.Config(data=(data,), out=out, **others)
    fields = {name[2:].replace("-", "_"): value for name, value in zip(FLAGS[::2], FLAGS[1::2], strict=True)}
    given = {name: value if name == "preset" else float(value) for name, value in fields.items()}
    given = {name: int(value) if str(value).endswith(".0") else value for name, value in given.items()}
    places = {
        "data": (data,), "entities": (data / "entities.jsonl",), "encoder": str(data / "encoder"), "out": out,
    }  # fmt: skip
    return recipe.Config(**{**recipe.PRESETS["small"], **given, **places, **others})


def train(data: Path, out: Path, **others: object) -> Progress:
    return import_module("relik_ml.recipes.cie_ru").main(config(data, out, **others))


@pytest.fixture(scope="module")
def unbroken(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Progress]:
    out = tmp_path_factory.mktemp("unbroken") / "out"
    return out, train(data, out)


class Stopped(Exception):
    """The light went out."""


def train_for(steps: int, data: Path, out: Path, **others: object) -> None:
    """Let training fail after so many more steps, be it of the retriever or of the reader."""
    follow, left = Run.follow, iter(range(steps))

    def limited(run: Run, loss: float) -> None:
        if next(left, None) is None:
            raise Stopped
        follow(run, loss)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "follow", limited)
        with pytest.raises(Stopped):
            train(data, out, **others)


def test_in_pieces_it_is_the_unbroken_run(data: Path, unbroken: tuple[Path, Progress], tmp_path: Path) -> None:
    """Stopped after its first step, within an epoch, and at the end of one."""
    out, resume = tmp_path / "out", False
    for steps in (1, 2, 5):
        train_for(steps, data, out, resume=resume)
        resume = True
    ended = train(data, out, resume=True)
    assert ended.losses == pytest.approx(unbroken[1].losses, abs=1e-6)
    assert ended.measured == unbroken[1].measured
    assert weights(out) == weights(unbroken[0])
    assert (out / "README.md").read_text("utf-8") == (unbroken[0] / "README.md").read_text("utf-8")
    assert not (tmp_path / "out.checkpoint").exists()


def full(checkpoints: Path) -> dict[str, Any]:
    """A retriever and a reader of pretrained encoders, two steps of the one and more of the other."""
    return {
        "preset": "full", "retriever": str(checkpoints / "xlmr"), "reader": str(checkpoints / "mdeberta"),
        "window": 24, "stride": 16, "candidates": 4, "dense": 4, "relations": 2, "negatives": 5, "checkpoint": 1,
        "retriever_epochs": 1, "retriever_batch": 8, "reader_epochs": 2, "reader_tokens": 100, "reader_rate": 1e-3,
    }  # fmt: skip


def test_with_all_that_changes_a_step_of_a_pretrained_encoder(data: Path, checkpoints: Path, tmp_path: Path) -> None:
    """LoRA and its dropout, layers computed again, chunks, rates by layer, gold and order drawn for every window."""
    settings: dict[str, Any] = {
        **full(checkpoints), "reader_epochs": 3, "reader_chunk": 40, "reader_layer_decay": 0.9, "lora": 4,
        "gradient_checkpointing": True, "patience": 1, "repeated": "ignored", "candidate_order": "shuffled",
        "added_gold": 0.5,
    }  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    unbroken = train(data, one, **settings)
    train_for(1, data, two, **settings)
    train_for(3, data, two, resume=True, **settings)
    ended = train(data, two, resume=True, **settings)
    assert len(ended.measured) == 2 < settings["reader_epochs"]
    assert (ended.losses, ended.measured) == (unbroken.losses, unbroken.measured)
    for folder in ("", ".adapters"):
        found = weights(two.with_name(f"two{folder}"))
        assert found == weights(one.with_name(f"one{folder}"))
        assert len(found) >= 2


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def test_damaged_it_goes_on_from_the_checkpoint_before(
    data: Path, unbroken: tuple[Path, Progress], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    train_for(len(unbroken[1].losses) - 1, data, out)
    folders = (tmp_path / "out.checkpoint" / "reader").glob("step-*")
    newest = max(folders, key=lambda path: int(path.name.partition("-")[2]))
    flip(newest / "weights.safetensors")
    with pytest.raises(ModelError, match="checkpoint") as error:
        train(data, out, resume=True)
    assert "--resume --back 1" in error.value.fix
    train(data, out, resume=True, back=1)
    assert weights(out) == weights(unbroken[0])


def small(data: Path) -> list[object]:
    return [*FLAGS, "--entities", data / "entities.jsonl", "--encoder", data / "encoder"]


def killed(root: Path, out: Path, due: Callable[[], bool], *flags: object) -> None:
    """Start the recipe and kill it as soon as it is due; it may have ended before."""
    command = [sys.executable, "recipes/cie_ru.py", *map(str, flags), "--out", str(out)]
    with (out.parent / "log.txt").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=root, env=os.environ, stdout=log, stderr=log)
        while process.poll() is None and not due():
            time.sleep(0.002)
        process.kill()
        process.wait()
    assert process.returncode in (0, -9), (out.parent / "log.txt").read_text("utf-8")


def resumable(out: Path) -> bool:
    return any(out.with_name(out.name + ".checkpoint").glob("*/step-*"))


def test_killed_at_several_moments(root: Path, data: Path, unbroken: tuple[Path, Progress], tmp_path: Path) -> None:
    """SIGKILL, each time from the checkpoint that the last one left: while one is written, too."""
    out = tmp_path / "out"
    for event in EVENTS:
        due = lambda event=event: any((tmp_path / "out.checkpoint").glob(event))  # noqa: E731
        killed(root, out, due, *small(data), "--data", data, *(["--resume"] if resumable(out) else []))
        assert resumable(out), (tmp_path / "log.txt").read_text("utf-8")
    ended = train(data, out, resume=True)
    assert ended.losses == pytest.approx(unbroken[1].losses, abs=1e-6)
    assert weights(out) == weights(unbroken[0])


def test_killed_in_the_retriever_and_in_the_reader(
    root: Path, data: Path, checkpoints: Path, tmp_path: Path
) -> None:
    settings = full(checkpoints)
    expected = train(data, tmp_path / "whole", **settings)
    flags = [part for name, value in settings.items() for part in (f"--{name.replace('_', '-')}", value)]
    out = tmp_path / "out"
    for event in ("retriever/step-1", "reader/step-2"):
        due = lambda event=event: any((tmp_path / "out.checkpoint").glob(event))  # noqa: E731
        killed(root, out, due, *flags, "--data", data, *(["--resume"] if resumable(out) else []))
        assert resumable(out), (tmp_path / "log.txt").read_text("utf-8")
    ended = train(data, out, resume=True, **settings)
    assert ended.losses == pytest.approx(expected.losses, abs=1e-6)
    assert weights(out) == weights(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_random_moments(
    root: Path, data: Path, unbroken: tuple[Path, Progress], tmp_path: Path, seed: int
) -> None:
    out, random = tmp_path / "out", Random(seed)
    for _ in range(3):
        until = time.monotonic() + random.uniform(2, 14)
        due = lambda until=until: time.monotonic() > until  # noqa: E731
        killed(root, out, due, *small(data), "--data", data, *(["--resume"] if resumable(out) else []))
        if out.exists() and not resumable(out):
            break
    if resumable(out) or not out.exists():
        train(data, out, resume=resumable(out))
    assert weights(out) == weights(unbroken[0])
    shutil.rmtree(tmp_path, ignore_errors=True)
