"""Training that is killed at random moments: never a checkpoint that cannot be loaded or is mixed of two steps."""

import multiprocessing
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

import pytest
import torch

pytest.importorskip("accelerate", reason="training needs the extra relik-ml[train]")
from tests.training import victim


def await_step(process: BaseProcess, folder: Path, steps: int) -> None:
    """Wait for so many more steps than there are."""
    before = newest(folder)
    while process.is_alive() and newest(folder) < before + steps:
        time.sleep(0.002)


def newest(folder: Path) -> int:
    return max((int(path.name.removeprefix("step-")) for path in folder.glob("step-*")), default=0)


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_any_moment_the_newest_is_whole(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    """SIGKILL again and again, each time from where the last one left it; then a new run, until there were enough."""
    threads = torch.get_num_threads()
    unbroken, losses = victim.train(tmp_path / "unbroken", every=0)
    torch.set_num_threads(threads)
    monkeypatch.setenv("PYTHONPATH", str(root))  # of Python 3.11 the server does not know the path it is to import from
    server, random = multiprocessing.get_context("forkserver"), Random(kills)
    server.set_forkserver_preload(["tests.training.victim"])
    killed = runs = seen = 0
    while killed < kills:
        folder = tmp_path / f"run {runs}"
        process = server.Process(target=victim.train, args=(folder,))
        process.start()
        await_step(process, folder, random.choice([0, 1, 2]))
        process.join(random.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode in (0, -9)
        killed += process.exitcode == -9
        runs += process.exitcode == 0
        if list(folder.glob("step-*")):
            seen += 1
            progress, weights = victim.found(folder)
            assert progress.losses == losses[: progress.step]
            assert weights == unbroken[progress.step - 1]
            assert len(progress.measured) == progress.step
            assert len(list(folder.iterdir())) <= 4  # two, one that is made, and one that is removed
    assert seen > kills / 2
    victim.train(folder)
    progress, weights = victim.found(folder)
    assert (progress.losses, weights) == (losses, unbroken[-1])
