"""The steps of a run: what trackers get, when it stops early, averaging, and how it is resumed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import Accelerator, DistributedType
from accelerate.state import AcceleratorState
from accelerate.tracking import GeneralTracker
from torch import Tensor, nn

from relik_ml.errors import ConfigError
from relik_ml.training import Checkpoint, OptimizerConfig, TrainerState, create_optimizer, start_accelerator

EPOCHS = [[[0], [1, 2]]] * 6
TOKENS = [5, 3, 4]


class Notes(GeneralTracker):  # type: ignore[misc]
    """A tracker that remembers."""

    name, requires_logging_directory, main_process_only = "notes", False, True

    def __init__(self) -> None:
        super().__init__()
        self.logged: list[tuple[int | None, dict[str, float]]] = []

    @property
    def tracker(self) -> Notes:
        return self

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        pass

    def log(self, values: dict[str, float], step: int | None = None, **_: object) -> None:
        self.logged.append((step, values))


def started(folder: Path, resume: bool = False, *trackers: Notes) -> TrainerState:
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=True, log_with=list(trackers) or None)
    if trackers:
        accelerator.init_trackers("run")
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    adam, schedule = create_optimizer(model, OptimizerConfig(0.1, 6, warmup_ratio=0), 12)
    checkpoint = Checkpoint(folder / "reader", {}, every=1, back=0 if resume else None)
    return TrainerState(accelerator, model, adam, schedule, EPOCHS, TOKENS, checkpoint, seed=1)


def step(state: TrainerState, batch: list[int]) -> None:
    loss: Tensor = state.model(torch.ones(len(batch), 2)).square().sum()
    loss.backward()
    state.optimizer.step()
    state.schedule.step()
    state.optimizer.zero_grad()
    state.advance(loss.item())


def train(folder: Path, scores: list[float], patience: int, resume: bool = False) -> tuple[TrainerState, Notes]:
    notes = Notes()
    state = started(folder, resume, notes)
    for batches in state.remaining_epochs(patience):
        for batch, _ in state.steps(batches):
            step(state, batch)
        state.record({"headline": scores[state.epoch - 1], "ner": 0.5}, "headline")
        state.save()
    return state, notes


def test_losses_and_scores_are_tracked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state, notes = train(tmp_path, [0.1] * 6, 0)
    steps = [(step, values) for step, values in notes.logged if "reader/loss" in values]
    assert [step for step, _ in steps] == list(range(1, 13))
    assert [values["reader/loss"] for _, values in steps] == list(state.progress.losses)
    rates = [values["reader/learning_rate"] for _, values in steps]
    assert rates == pytest.approx([0.1 * (1 - step / 12) for step in range(12)])
    measured = [(step, values) for step, values in notes.logged if "reader/loss" not in values]
    assert measured == [(step, {"reader/dev/headline": 0.1, "reader/dev/ner": 0.5}) for step in range(2, 13, 2)]
    shown = capsys.readouterr().err
    assert "72.0/72.0" in shown
    assert "token/s" in shown


@pytest.mark.parametrize(("scores", "patience", "steps"), [
    ([0.3, 0.2, 0.1, 0.4, 0.1, 0.1], 2, 6),
    ([0.3, 0.2, 0.4, 0.1, 0.1, 0.5], 2, 10),
    ([0.3, 0.2, 0.4, 0.1, 0.1, 0.5], 3, 12),
    ([0.3, 0.3, 0.3, 0.3, 0.3, 0.3], 1, 4),
])  # fmt: skip
def test_it_stops_when_nothing_gets_better(tmp_path: Path, scores: list[float], patience: int, steps: int) -> None:
    state, _ = train(tmp_path, scores, patience)
    assert state.progress.step == steps
    assert not state.model.training
    again, notes = train(tmp_path, scores, patience, resume=True)  # what has stopped does not go on
    assert again.progress == state.progress
    assert notes.logged == []


def weight(state: TrainerState) -> Tensor:
    return state.model.get_parameter("weight").detach().clone()


def weights_of_epochs(folder: Path, average: int, stop: int = 6, resume: bool = False) -> list[tuple[Tensor, Tensor]]:
    """At the end of each epoch the weights within ``averaged`` and after it; the run is left after ``stop`` epochs."""
    state, found = started(folder, resume), []
    for batches in islice(state.remaining_epochs(), stop):
        for batch, _ in state.steps(batches):
            step(state, batch)
        with state.averaged(average):
            inside = weight(state)
        state.save()
        found.append((inside, weight(state)))
    return found


def test_the_last_epochs_are_averaged(tmp_path: Path) -> None:
    found = weights_of_epochs(tmp_path / "averaged", average=3)
    plain = [after for _, after in weights_of_epochs(tmp_path / "plain", average=0)]
    assert all(torch.equal(after, weights) for (_, after), weights in zip(found, plain, strict=True))
    assert all(torch.equal(inside, weights) for (inside, _), weights in zip(found[:3], plain[:3], strict=True))
    for epoch in range(3, 6):
        torch.testing.assert_close(found[epoch][0], torch.stack(plain[3 : epoch + 1]).mean(0))
    many, all_ = (weights_of_epochs(tmp_path / str(average), average) for average in (9, 6))
    assert all(torch.equal(one[0], other[0]) for one, other in zip(many, all_, strict=True))


def test_an_interrupted_average_goes_on(tmp_path: Path) -> None:
    unbroken = weights_of_epochs(tmp_path / "unbroken", average=3)
    weights_of_epochs(tmp_path / "broken", average=3, stop=5)
    (*_, last) = weights_of_epochs(tmp_path / "broken", average=3, resume=True)
    assert torch.equal(last[0], unbroken[-1][0])


def test_what_accelerate_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config: Any = SimpleNamespace(tracker="none", seed=1, out=tmp_path / "out")
    tracked: Any = SimpleNamespace(tracker="clearml", seed=1, out=tmp_path / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relik_ml.training.trainer_state.find_spec", lambda name: None)
        with pytest.raises(ConfigError) as error:
            start_accelerator(tracked)
        assert error.value.fix == "pip install clearml"
    # What its launcher sets when it is asked for two processes on a CPU, and starts one.
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "no")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(ConfigError) as error:
        start_accelerator(config)
    assert "--multi_gpu" in error.value.fix
    monkeypatch.delenv("MASTER_ADDR")
    assert start_accelerator(config).num_processes == 1
    monkeypatch.setattr(Accelerator, "distributed_type", DistributedType.FSDP)
    with pytest.raises(ConfigError) as error:
        start_accelerator(config)
    assert error.value.got == "FSDP"
