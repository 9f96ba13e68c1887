"""The state of an interrupted training: folders that are there whole or not at all, each file with its checksum.

Tensors are safetensors, all else is JSON: nothing in a checkpoint can run code. It is written to a temporary folder,
flushed to disk and renamed, so a kill at any moment leaves whole checkpoints only. The one before the newest is kept,
lest a damaged disk cost the run.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from relik_ml.data import Format, atomic_folder, read_manifest, sha256, write_manifest
from relik_ml.errors import ConfigError, OutputError

FORMAT = Format("checkpoint", "relik-ml-checkpoint/2", "go on from the one before it: --resume --back 1")
KEPT = 2
"""The newest, and one to go back to."""

_NAME = re.compile(r"step-(\d+)")

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    step: int = 0
    losses: tuple[float, ...] = ()
    """Of every step."""
    measured: tuple[Mapping[str, float], ...] = ()
    """What was measured on dev, each time with the number of the step."""
    best: State = field(default_factory=dict)
    """The trained weights that did best on dev."""
    mined: Tensor | None = None
    """Hard negatives of each window, once they have been mined."""
    averaged: State = field(default_factory=dict)
    """The mean of the trained weights at the ends of the last epochs, once that has begun."""


@dataclass(frozen=True)
class Checkpoint:
    """The states of a run: ``folder/step-N`` each."""

    folder: Path
    run: Mapping[str, Any]
    """Which run it is: JSON that must be the same when it is resumed."""

    def steps(self) -> list[int]:
        """After how many steps there is a checkpoint, the newest last."""
        found = (_NAME.fullmatch(path.name) for path in self.folder.iterdir()) if self.folder.is_dir() else ()
        return sorted(int(name[1]) for name in found if name)

    def save(self, model: nn.Module, adam: Optimizer, progress: Progress) -> None:
        """Add weights, optimiser and progress, and remove what is older than the one before, or not of this past.

        Raises:
            OutputError: it cannot be written, or the folder holds something that is no checkpoint.
        """
        mined = {} if progress.mined is None else {"mined": progress.mined}
        states = {
            "weights": trained(model), "adam": optimiser_state(adam), "best": progress.best, "mined": mined,
            "averaged": progress.averaged,
        }  # fmt: skip
        fields = {name: getattr(progress, name) for name in ("step", "losses", "measured")}
        self._refuse_foreign()
        for unfinished in self.folder.glob(".*.part"):  # what a kill has left, as large as a checkpoint
            shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self._at(progress.step), ignore_errors=True)  # of a past that was gone back from, perhaps damaged
        with atomic_folder(self._at(progress.step), FORMAT.wrote) as partial:
            for name, state in states.items():
                kept = {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}
                save_file(kept, partial / f"{name}.safetensors")
            write_manifest(partial, FORMAT, {"run": dict(self.run), "progress": fields})
        kept_steps = [step for step in self.steps() if step <= progress.step][-KEPT:]
        for step in set(self.steps()) - set(kept_steps):
            shutil.rmtree(self._at(step), ignore_errors=True)

    def resume(self, model: nn.Module, adam: Optimizer, schedule: LRScheduler, back: int = 0) -> Progress:
        """Put weights, optimiser and schedule to where they were at the newest checkpoint, or so many ``back``.

        Raises:
            ConfigError: there is no such checkpoint, or it is of another run.
            ModelError: it is damaged.
        """
        folder = self._at(self._chosen(back))
        record = read_manifest(folder, FORMAT)
        self._compare(record["run"])
        weights, moments, best, mined, averaged = (
            load_file(folder / f"{name}.safetensors") for name in ("weights", "adam", "best", "mined", "averaged")
        )
        restore_weights(model, weights)
        step = record["progress"]["step"]
        restore_optimiser(adam, schedule, moments, step)
        losses, measured = (tuple(record["progress"][name]) for name in ("losses", "measured"))
        return Progress(step, losses, measured, best, mined.get("mined"), averaged)

    def _at(self, step: int) -> Path:
        return self.folder / f"step-{step}"

    def _chosen(self, back: int) -> int:
        found = self.steps()
        if not found:
            raise ConfigError("there is nothing to resume", where=str(self.folder), fix="begin without --resume")
        if not 0 <= back < len(found):
            got, fix = f"{len(found)}, --back {back}", "choose another, or remove the folder and begin again"
            raise ConfigError("there are not so many checkpoints", where=str(self.folder), got=got, fix=fix)
        return found[-1 - back]

    def _refuse_foreign(self) -> None:
        there = self.folder.iterdir() if self.folder.is_dir() else ()
        foreign = sorted(path.name for path in there if not _NAME.fullmatch(path.name) and path.suffix != ".part")
        if foreign or self.folder.is_file():
            got = foreign[0] if foreign else "a file"
            fix = "name another --out, or empty this folder yourself"
            raise OutputError("the folder holds other files than checkpoints", where=str(self.folder), got=got, fix=fix)

    def _compare(self, run: Mapping[str, Any]) -> None:
        now = json.loads(json.dumps(self.run))
        changed = [f"{name} was {run.get(name)}" for name in now if now[name] != run.get(name)]
        if changed:
            fix = "resume with the same settings and data, or remove it and begin again"
            got = ", ".join(changed)
            raise ConfigError("the checkpoint is of another run", where=str(self.folder), got=got, fix=fix)


def identity(config: Any, movable: Set[str], files: Iterable[Path | None]) -> dict[str, Any]:
    """By what a run is known again: the fields of its Config but the ``movable``, and the content of its files.

    Raises:
        DataError: a file cannot be read.
    """
    fields = ((name, value) for name, value in asdict(config).items() if name not in movable)
    kept = {name: str(value) if isinstance(value, Path) else value for name, value in fields}
    return {**kept, "files": [sha256(path) for path in files if path is not None]}


def trained(model: nn.Module) -> dict[str, Tensor]:
    """The weights that training moves, by name; frozen ones come from where the model came from."""
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}


def restore_weights(model: nn.Module, state: State) -> None:
    """Put back what ``trained`` gave.

    Raises:
        ConfigError: the model trains other weights than those.
    """
    own = trained(model)
    if differing := sorted(own.keys() ^ state.keys()):
        fix = "resume with the settings that the checkpoint was made with"
        raise ConfigError("the checkpoint is another model's", got=f"{len(differing)} names, {differing[0]}", fix=fix)
    for name, weight in own.items():
        weight.copy_(state[name])


def optimiser_state(adam: Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of each weight, under ``place.name``."""
    state: Mapping[int, State] = adam.state_dict()["state"]
    return {f"{place}.{name}": tensor for place, moments in state.items() for name, tensor in moments.items()}


def restore_optimiser(adam: Optimizer, schedule: LRScheduler, state: State, step: int) -> None:
    """Put back what ``optimiser_state`` gave, and the schedule to where it stands after ``step`` steps."""
    record = adam.state_dict()
    record["state"] = {}
    for key, tensor in state.items():
        place, _, name = key.partition(".")
        record["state"].setdefault(int(place), {})[name] = tensor
    adam.load_state_dict(record)
    schedule.load_state_dict({**schedule.state_dict(), "last_epoch": step - 1, "_step_count": step + 1})
    schedule.step()
