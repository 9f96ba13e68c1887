"""The steps of a run: what trackers are told, when it stops early, what its progress is measured in."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from relik_ml.errors import ConfigError
from relik_ml.training import Optimisation, Order, Run
from relik_ml.training.checkpoint import Checkpoint
from relik_ml.training.run import Resumption

accelerate = pytest.importorskip("accelerate", reason="training needs the extra relik-ml[train]")
from accelerate.state import AcceleratorState  # noqa: E402
from accelerate.tracking import GeneralTracker  # noqa: E402

from relik_ml.training import accelerated  # noqa: E402

ORDER = Order([[[0], [1, 2]]] * 6, tokens=[5, 3, 4])


class Notes(GeneralTracker):
    """A tracker that remembers."""

    name, requires_logging_directory, main_process_only = "notes", False, True

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[int | None, dict[str, float]]] = []

    @property
    def tracker(self) -> Notes:
        return self

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        pass

    def log(self, values: dict[str, float], step: int | None = None, **_: object) -> None:
        self.said.append((step, values))


def train(folder: Path, scores: list[float], patience: int, resume: bool = False) -> tuple[Run, Notes]:
    """Measure after each epoch; ``scores`` are what is found on dev."""
    AcceleratorState._reset_state(reset_partial_state=True)
    notes = Notes()
    accelerator = accelerate.Accelerator(cpu=True, log_with=[notes])
    accelerator.init_trackers("run")
    torch.manual_seed(0)
    plan = Optimisation(0.1, 6, warmup=0, patience=patience)
    store = Resumption(Checkpoint(folder, {}), every=1, back=0 if resume else None)
    run = Run(accelerator, nn.Linear(2, 1), plan, ORDER, 1, store)
    for places, _ in run.steps("reader"):
        run.descend([run.model(torch.ones(len(places), 2)).square().sum()])
        if run.epoch_ends:
            run.measured({"headline": scores[run.epoch - 1], "ner": 0.5})
    return run, notes


def test_losses_rates_and_scores_are_tracked(tmp_path: Path) -> None:
    run, notes = train(tmp_path, [0.1] * 6, 0)
    assert run.progress.step == 12
    steps = [(step, said) for step, said in notes.said if "reader/loss" in said]
    assert [step for step, _ in steps] == list(range(1, 13))
    assert [said["reader/loss"] for _, said in steps] == list(run.progress.losses)
    assert [said["reader/rate"] for _, said in steps] == pytest.approx([0.1 * (1 - step / 12) for step in range(12)])
    measured = [(step, said) for step, said in notes.said if "reader/loss" not in said]
    expected = {"reader/dev/headline": 0.1, "reader/dev/ner": 0.5}
    assert measured == [(step, expected) for step in range(2, 13, 2)]


@pytest.mark.parametrize(("scores", "patience", "steps"), [
    ([0.3, 0.2, 0.1, 0.4, 0.1, 0.1], 2, 6),
    ([0.3, 0.2, 0.4, 0.1, 0.1, 0.5], 2, 10),
    ([0.3, 0.2, 0.4, 0.1, 0.1, 0.5], 3, 12),
    ([0.3, 0.3, 0.3, 0.3, 0.3, 0.3], 1, 4),
])  # fmt: skip
def test_it_stops_when_nothing_gets_better(tmp_path: Path, scores: list[float], patience: int, steps: int) -> None:
    run, _ = train(tmp_path, scores, patience)
    assert run.progress.step == steps
    assert not run.model.training
    again, notes = train(tmp_path, scores, patience, resume=True)  # what has stopped does not go on
    assert again.progress == run.progress
    assert notes.said == []


def test_progress_is_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path, [0.1] * 6, 0)
    said = capsys.readouterr().err
    assert "72.0/72.0" in said
    assert "token/s" in said
    assert "step=12/12" in said


def test_a_tracker_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relik_ml.training.launch.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="tracker") as error:
        accelerated(SimpleNamespace(tracker="clearml", seed=1, out=tmp_path / "out"))
    assert error.value.fix == "pip install clearml"


def weights_of_epochs(folder: Path, average: int, stop: int = 6, resume: bool = False) -> list[tuple[Any, Any]]:
    """At the end of each epoch the weights within ``averaged`` and after it; the run is left after ``stop`` epochs."""
    AcceleratorState._reset_state(reset_partial_state=True)
    torch.manual_seed(0)
    store = Resumption(Checkpoint(folder, {}), every=1, back=0 if resume else None)
    plan = Optimisation(0.1, 6, warmup=0, average=average)
    run = Run(accelerate.Accelerator(cpu=True), nn.Linear(2, 1), plan, ORDER, 1, store)
    found = []
    for places, _ in run.steps("reader"):
        run.descend([run.model(torch.ones(len(places), 2)).square().sum()])
        if run.epoch_ends:
            with run.averaged():
                inside = run.model.weight.detach().clone()
            found.append((inside, run.model.weight.detach().clone()))
            if len(found) == stop:
                break
    return found


def test_the_last_epochs_are_measured_with_the_mean_of_their_weights(tmp_path: Path) -> None:
    found = weights_of_epochs(tmp_path / "averaged", average=3)
    plain = [after for _, after in weights_of_epochs(tmp_path / "plain", average=0)]
    assert all(torch.equal(after, weights) for (_, after), weights in zip(found, plain, strict=True))
    assert all(torch.equal(inside, weights) for (inside, _), weights in zip(found[:3], plain[:3], strict=True))
    for epoch in range(3, 6):
        torch.testing.assert_close(found[epoch][0], torch.stack(plain[3 : epoch + 1]).mean(0))


def test_a_mean_over_more_epochs_than_there_are_is_that_of_all(tmp_path: Path) -> None:
    many, all_ = (weights_of_epochs(tmp_path / str(average), average) for average in (9, 6))
    assert all(torch.equal(one[0], other[0]) for one, other in zip(many, all_, strict=True))


def test_an_interrupted_mean_goes_on(tmp_path: Path) -> None:
    unbroken = weights_of_epochs(tmp_path / "unbroken", average=3)
    weights_of_epochs(tmp_path / "broken", average=3, stop=5)
    (*_, last) = weights_of_epochs(tmp_path / "broken", average=3, resume=True)
    assert torch.equal(last[0], unbroken[-1][0])
