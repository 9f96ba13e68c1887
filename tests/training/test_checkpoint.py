"""A training that was cut off goes on as if it had not been; what cannot be resumed says so."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from relik_ml.errors import ConfigError, ModelError, OutputError
from relik_ml.training import Optimisation, Progress, trained
from relik_ml.training.checkpoint import Checkpoint, identity
from relik_ml.training.optim import optimiser

RUN = {"rate": 0.1, "corpus": (), "windows": 12}


def made(seed: int = 0) -> tuple[nn.Sequential, AdamW, LambdaLR]:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.LayerNorm(8), nn.Linear(8, 1))
    torch.manual_seed(0)
    model[0].weight = nn.Parameter(torch.randn(8, 4), requires_grad=False)
    return model, *optimiser(model, Optimisation(0.1, 1), 20)


def steps(model: nn.Module, adam: AdamW, schedule: LambdaLR, progress: Progress, stop: int) -> Progress:
    while progress.step < stop:
        torch.manual_seed(progress.step)
        adam.zero_grad()
        loss = model(torch.randn(6, 4)).square().mean()
        loss.backward()
        adam.step()
        schedule.step()
        progress = replace(progress, step=progress.step + 1, losses=(*progress.losses, loss.item()))
    return progress


@pytest.mark.parametrize("cut", [1, 2, 7])
def test_resumed_it_is_the_unbroken_run(tmp_path: Path, cut: int) -> None:
    store = Checkpoint(tmp_path / "run", RUN)
    unbroken, *rest = made()
    expected = steps(unbroken, *rest, Progress(), 12)
    model, adam, schedule = made()
    progress = steps(model, adam, schedule, Progress(), cut)
    best = {name: weight.clone() for name, weight in trained(model).items()}
    mined, measured = torch.tensor([[1, 2], [3, -1]]), ({"step": cut, "recall@1": 0.1},)
    store.save(model, adam, replace(progress, best=best, mined=mined, measured=measured))
    model, adam, schedule = made(seed=5)
    progress = store.resume(model, adam, schedule)
    assert (progress.step, progress.measured) == (cut, measured)
    assert progress.mined is not None
    assert torch.equal(progress.mined, mined)
    assert progress.best.keys() == best.keys()
    assert all(torch.equal(progress.best[name], weight) for name, weight in best.items())
    assert steps(model, adam, schedule, progress, 12).losses == expected.losses
    assert same(model.state_dict(), unbroken.state_dict())


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_an_early_checkpoint_has_nothing_mined(tmp_path: Path) -> None:
    store = Checkpoint(tmp_path / "run", RUN)
    model, adam, schedule = made()
    store.save(model, adam, steps(model, adam, schedule, Progress(), 1))
    progress = store.resume(*made())
    assert progress.mined is None
    assert progress.best == {}


def test_what_cannot_be_resumed(tmp_path: Path) -> None:
    store = Checkpoint(tmp_path / "run", RUN)
    with pytest.raises(ConfigError, match="nothing to resume") as error:
        store.resume(*made())
    assert error.value.fix
    model, adam, schedule = made()
    store.save(model, adam, steps(model, adam, schedule, Progress(), 1))
    with pytest.raises(ConfigError, match="another run") as error:
        Checkpoint(store.folder, {**RUN, "rate": 0.2}).resume(*made())
    assert error.value.got == "rate was 0.1"
    other: Any = nn.Linear(2, 2)
    with pytest.raises(ConfigError, match="another model"):
        store.resume(other, *optimiser(other, Optimisation(0.1, 1), 20))
    path = store.folder / "step-1" / "adam.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        store.resume(*made())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["weights.safetensors", "adam.safetensors", "manifest.json"])
@pytest.mark.parametrize("harm", [flip, Path.unlink])
def test_an_older_checkpoint_is_used_on_request(tmp_path: Path, name: str, harm: Callable[[Path], None]) -> None:
    store = Checkpoint(tmp_path / "run", RUN)
    model, adam, schedule = made()
    progress = Progress()
    for stop in (2, 4, 6):
        progress = steps(model, adam, schedule, progress, stop)
        store.save(model, adam, progress)
    assert store.steps() == [4, 6]
    harm(store.folder / "step-6" / name)
    with pytest.raises(ModelError) as error:
        store.resume(*made())
    assert "--resume --back 1" in error.value.fix
    again = made()
    older = store.resume(*again, back=1)
    assert older.step == 4
    assert steps(*again, older, 6).losses == progress.losses
    store.save(again[0], again[1], replace(older, step=6))
    assert store.resume(*made()).step == 6
    store.save(again[0], again[1], replace(older, step=5))
    assert store.steps() == [4, 5]
    with pytest.raises(ConfigError, match="not so many"):
        store.resume(*made(), back=2)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Checkpoint(tmp_path / "run", RUN)
    model, adam, schedule = made()
    store.save(model, adam, steps(model, adam, schedule, Progress(), 1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("relik_ml.training.checkpoint.save_file", full)
    with pytest.raises(OutputError, match="cannot write"):
        store.save(model, adam, Progress(step=2))
    assert [path.name for path in store.folder.iterdir()] == ["step-1"]
    assert store.resume(*made()).step == 1


def test_a_run_is_known_by_its_settings_and_the_content_of_its_files(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Config:
        rate: float = 0.1
        out: Path = tmp_path

    (tmp_path / "train.jsonl").write_text("один")
    first = identity(Config(), {"out"}, [tmp_path / "train.jsonl", None])
    assert first == identity(Config(out=tmp_path / "x"), {"out"}, [tmp_path / "train.jsonl", None])
    (tmp_path / "train.jsonl").write_text("два")
    assert first != identity(Config(), {"out"}, [tmp_path / "train.jsonl", None])
    assert first["rate"] == 0.1


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "cat.jpg").write_bytes(b"cat")
    model, adam, _ = made()
    with pytest.raises(OutputError):
        Checkpoint(tmp_path / "run", RUN).save(model, adam, Progress())
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "cat.jpg"]
