"""Training that is killed and resumed ends as if it had not been: retriever and reader, both presets."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from relik_ml.errors import ModelError
from relik_ml.training import Progress, TrainerState
from tests.recipes.conftest import SMALL
from tests.recipes.running import trained, weights

EVENTS = ("reader/step-2", "reader/.*.part", "reader/step-9")
"""Files whose appearance is a moment to kill at, relative to the folder of checkpoints."""


@pytest.fixture(scope="module")
def flags(places: tuple[object, ...]) -> tuple[object, ...]:
    steps = ("--num-epochs", 4, "--learning-rate", 0.002, "--tokens-per-step", 60, "--checkpoint-steps", 1)
    return (*SMALL, "--candidates", 12, *steps, *places)


@pytest.fixture(scope="module")
def full(encoders: tuple[object, ...]) -> tuple[object, ...]:
    """A retriever and a reader of pretrained encoders, two steps of the one and more of the other."""
    return (
        "--preset", "full", "--window", 24, "--stride", 16, "--candidates", 4, "--dense", 4, "--relations", 2,
        "--negatives", 5, "--retriever-num-epochs", 1, "--retriever-batch-size", 8, "--num-epochs", 2,
        "--tokens-per-step", 100, "--learning-rate", 1e-3, "--checkpoint-steps", 1, *encoders,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(flags: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Progress]:
    out = tmp_path_factory.mktemp("unbroken") / "out"
    return out, trained("cie_ru", *flags, "--out", out)


class Stopped(Exception):
    """The light went out."""


def train_for(steps: int, *flags: object) -> None:
    """Let training fail after so many more steps, be it of the retriever or of the reader."""
    advance, left = TrainerState.advance, iter(range(steps))

    def limited(state: TrainerState, loss: float) -> None:
        if next(left, None) is None:
            raise Stopped
        advance(state, loss)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainerState, "advance", limited)
        with pytest.raises(Stopped):
            trained("cie_ru", *flags)


def test_in_pieces_it_is_the_unbroken_run(
    flags: tuple[object, ...], unbroken: tuple[Path, Progress], tmp_path: Path
) -> None:
    """Stopped after its first step, within an epoch, and at the end of one."""
    mine = (*flags, "--out", tmp_path / "out")
    train_for(1, *mine)
    train_for(2, *mine, "--resume")
    train_for(5, *mine, "--resume")
    ended = trained("cie_ru", *mine, "--resume")
    assert (ended.losses, ended.measured) == (unbroken[1].losses, unbroken[1].measured)
    assert weights(tmp_path / "out") == weights(unbroken[0])
    assert (tmp_path / "out" / "README.md").read_text("utf-8") == (unbroken[0] / "README.md").read_text("utf-8")
    assert not (tmp_path / "out.checkpoint").exists()


def test_with_all_that_changes_a_step_of_an_encoder(full: tuple[object, ...], tmp_path: Path) -> None:
    """LoRA and its dropout, layers computed again, chunks, rates by layer, repeated facts ignored."""
    flags = (
        *full, "--num-epochs", 3, "--chunk-tokens", 40, "--layer-decay", 0.9, "--lora-rank", 4,
        "--gradient-checkpointing", "--patience", 1, "--repeated", "ignored",
    )  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    unbroken = trained("cie_ru", *flags, "--out", one)
    train_for(1, *flags, "--out", two)
    train_for(3, *flags, "--out", two, "--resume")
    ended = trained("cie_ru", *flags, "--out", two, "--resume")
    assert len(ended.measured) == 2, "it has stopped early"
    assert (ended.losses, ended.measured) == (unbroken.losses, unbroken.measured)
    for folder in ("", ".adapters"):
        found = weights(two.with_name(f"two{folder}"))
        assert found == weights(one.with_name(f"one{folder}"))
        assert len(found) >= 2


def test_damaged_it_goes_on_from_the_checkpoint_before(
    flags: tuple[object, ...], unbroken: tuple[Path, Progress], tmp_path: Path
) -> None:
    mine = (*flags, "--out", tmp_path / "out")
    train_for(len(unbroken[1].losses) - 1, *mine)
    folders = (tmp_path / "out.checkpoint" / "reader").glob("step-*")
    newest = max(folders, key=lambda path: int(path.name.partition("-")[2])) / "weights.safetensors"
    content = bytearray(newest.read_bytes())
    content[-3] ^= 1
    newest.write_bytes(content)
    with pytest.raises(ModelError) as error:
        trained("cie_ru", *mine, "--resume")
    assert "--resume --back 1" in error.value.fix
    trained("cie_ru", *mine, "--resume", "--back", 1)
    assert weights(tmp_path / "out") == weights(unbroken[0])


def resumable(out: Path) -> bool:
    return any(out.with_name(out.name + ".checkpoint").glob("*/step-*"))


def killed_at(root: Path, out: Path, events: tuple[str, ...], *flags: object) -> None:
    """SIGKILL when each of these files appears, each time from the checkpoint that the last kill has left."""
    for event in events:
        given = [*flags, "--out", out, *(["--resume"] if resumable(out) else [])]
        with (out.parent / "log.txt").open("w", encoding="utf-8") as log:
            command = [sys.executable, "recipes/cie_ru.py", *map(str, given)]
            process = subprocess.Popen(command, cwd=root, stdout=log, stderr=log)
            while process.poll() is None and not any(Path(f"{out}.checkpoint").glob(event)):
                time.sleep(0.002)
            process.kill()
            process.wait()
        assert process.returncode in (0, -9), (out.parent / "log.txt").read_text("utf-8")
        assert resumable(out), (out.parent / "log.txt").read_text("utf-8")


def test_killed_at_several_moments(
    root: Path, flags: tuple[object, ...], unbroken: tuple[Path, Progress], tmp_path: Path
) -> None:
    """While a checkpoint is written, too."""
    killed_at(root, tmp_path / "out", EVENTS, *flags)
    ended = trained("cie_ru", *flags, "--out", tmp_path / "out", "--resume")
    assert ended.losses == pytest.approx(unbroken[1].losses, abs=1e-6)
    assert weights(tmp_path / "out") == weights(unbroken[0])


def test_killed_in_the_retriever_and_in_the_reader(root: Path, full: tuple[object, ...], tmp_path: Path) -> None:
    expected = trained("cie_ru", *full, "--out", tmp_path / "whole")
    killed_at(root, tmp_path / "out", ("retriever/step-1", "reader/step-2"), *full)
    ended = trained("cie_ru", *full, "--out", tmp_path / "out", "--resume")
    assert ended.losses == pytest.approx(expected.losses, abs=1e-6)
    assert weights(tmp_path / "out") == weights(tmp_path / "whole")
