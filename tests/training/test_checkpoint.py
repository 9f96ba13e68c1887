"""An interrupted training resumes bit for bit; a state that cannot be resumed is refused."""

import errno
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from relik_ml.data import Format, write_manifest
from relik_ml.errors import ConfigError, ModelError, OutputError
from relik_ml.training import Checkpoint, OptimizerConfig, Progress, create_optimizer, identity, trained

RUN = {"rate": 0.1, "corpus": (), "windows": 12}
Made = tuple[nn.Module, AdamW, LambdaLR]


def made(seed: int = 0) -> Made:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.LayerNorm(8), nn.Linear(8, 1))
    torch.manual_seed(0)
    model[0].weight = nn.Parameter(torch.randn(8, 4), requires_grad=False)
    return model, *create_optimizer(model, OptimizerConfig(0.1, 1), 20)


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


@pytest.fixture
def store(tmp_path: Path) -> Checkpoint:
    return Checkpoint(tmp_path / "run", RUN)


def resume(store: Checkpoint, made: Made, back: int = 0) -> Progress:
    return replace(store, back=back).resume(*made)


def saved(store: Checkpoint, *at: int) -> Progress:
    """A run with checkpoints after these steps."""
    model, adam, schedule = made()
    progress = Progress()
    for stop in at:
        progress = steps(model, adam, schedule, progress, stop)
        store.save(model, adam, progress)
    return progress


@pytest.mark.parametrize("cut", [1, 2, 7])
def test_resumed_it_is_the_unbroken_run(store: Checkpoint, cut: int) -> None:
    expected = steps(*(unbroken := made()), Progress(), 12)
    model, adam, schedule = made()
    progress = steps(model, adam, schedule, Progress(), cut)
    best = {name: weight.clone() for name, weight in trained(model).items()}
    mined, measured = torch.tensor([[1, 2], [3, -1]]), ({"step": cut, "recall@1": 0.1},)
    store.save(model, adam, replace(progress, best=best, mined=mined, measured=measured))
    fresh = made(seed=5)
    progress = resume(store, fresh)
    assert (progress.step, progress.measured) == (cut, measured)
    assert progress.mined is not None
    assert torch.equal(progress.mined, mined)
    assert same(progress.best, best)
    assert steps(*fresh, progress, 12).losses == expected.losses
    assert same(fresh[0].state_dict(), unbroken[0].state_dict())


def same(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_what_cannot_be_resumed_is_refused(store: Checkpoint) -> None:
    with pytest.raises(ConfigError) as error:
        resume(store, made())
    assert "without --resume" in error.value.fix
    saved(store, 1)
    assert resume(store, made()).mined is None
    with pytest.raises(ConfigError) as error:
        resume(Checkpoint(store.folder, {**RUN, "rate": 0.2}), made())
    assert error.value.got == "rate was 0.1"
    other: Any = nn.Linear(2, 2)
    with pytest.raises(ConfigError, match="another model"):
        resume(store, (other, *create_optimizer(other, OptimizerConfig(0.1, 1), 20)))


def test_a_checkpoint_of_an_earlier_version_says_what_to_do(store: Checkpoint) -> None:
    folder = store.folder / "step-3"
    folder.mkdir(parents=True)
    write_manifest(folder, Format("checkpoint", "relik-ml-checkpoint/2", ""), {"run": json.loads(json.dumps(RUN))})
    with pytest.raises(ConfigError, match="earlier version") as error:
        resume(store, made())
    assert "begin again" in error.value.fix


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "manifest.json"])
@pytest.mark.parametrize("harm", [flip, Path.unlink])
def test_an_older_checkpoint_is_used_on_request(store: Checkpoint, name: str, harm: Callable[[Path], None]) -> None:
    progress = saved(store, 2, 4, 6)
    assert store.steps() == [4, 6]
    harm(store.folder / "step-6" / name)
    with pytest.raises(ModelError) as error:
        resume(store, made())
    assert "--resume --back 1" in error.value.fix
    again = made()
    older = resume(store, again, back=1)
    assert older.step == 4
    assert steps(*again, older, 6).losses == progress.losses
    store.save(again[0], again[1], replace(older, step=6))
    assert resume(store, made()).step == 6
    store.save(again[0], again[1], replace(older, step=5))
    assert store.steps() == [4, 5]
    with pytest.raises(ConfigError, match="not so many"):
        resume(store, made(), back=2)


def test_a_full_disk_leaves_what_was_there(store: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(store, 1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("relik_ml.training.checkpoint.save_file", full)
    with pytest.raises(OutputError):
        saved(store, 2)
    assert [path.name for path in store.folder.iterdir()] == ["step-1"]
    assert resume(store, made()).step == 1


def test_a_run_is_known_by_its_settings_and_files(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Config:
        rate: float = 0.1
        out: Path = tmp_path

    (tmp_path / "train.jsonl").write_text("один")
    first = identity(Config(), {"out"}, [tmp_path / "train.jsonl"])
    assert first == identity(Config(out=tmp_path / "x"), {"out"}, [tmp_path / "train.jsonl"])
    assert first["rate"] == 0.1
    (tmp_path / "train.jsonl").write_text("два")
    assert first != identity(Config(), {"out"}, [tmp_path / "train.jsonl"])
