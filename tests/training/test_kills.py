"""Training that is killed at random moments: never a checkpoint that cannot be loaded or is mixed of two steps."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from random import Random

import pytest
import torch

pytest.importorskip("accelerate", reason="training needs the extra relik-ml[train]")
from tests.training import victim


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_whatever_the_moment_the_newest_checkpoint_is_whole(tmp_path: Path, kills: int) -> None:
    """SIGKILL again and again, each time from where the last one left it; then a new run, until there were enough."""
    threads = torch.get_num_threads()
    unbroken = victim.train(tmp_path / "unbroken")
    torch.set_num_threads(threads)
    losses = victim.found(tmp_path / "unbroken")[0].losses
    server, random = multiprocessing.get_context("forkserver"), Random(kills)
    server.set_forkserver_preload(["tests.training.victim"])
    killed = runs = 0
    while killed < kills:
        folder = tmp_path / f"run {runs}"
        process = server.Process(target=victim.train, args=(folder,))
        process.start()
        process.join(random.uniform(0.02, 0.5))
        process.kill()
        process.join()
        assert process.exitcode in (0, -9)
        killed += process.exitcode == -9
        runs += process.exitcode == 0
        if list(folder.glob("step-*")):
            progress, weights = victim.found(folder)
            assert progress.losses == losses[: progress.step]
            assert weights == unbroken[progress.step - 1]
            assert len(progress.measured) == progress.step
            assert len(list(folder.glob("step-*"))) <= 3
    victim.train(folder)
    progress, weights = victim.found(folder)
    assert (progress.losses, weights) == (losses, unbroken[-1])
