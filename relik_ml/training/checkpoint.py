"""The state of an interrupted training: a folder that is there whole or not at all, each file with its checksum.

Tensors are safetensors, all else is JSON: nothing in a checkpoint can run code. It is written to a temporary folder,
flushed to disk and renamed, so a kill at any moment leaves either the older checkpoint or the newer one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from relik_ml.errors import ConfigError
from relik_ml.files import atomic_folder
from relik_ml.manifest import FILE, Format, read_manifest, write_manifest

FORMAT = Format("checkpoint", "relik-ml-checkpoint/1", "remove it and begin again without --resume")

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


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of a run lies. ``run`` says which run it is: JSON that must be the same when it is resumed."""

    folder: Path
    run: Mapping[str, Any]

    def save(self, model: nn.Module, adam: Optimizer, progress: Progress) -> None:
        """Put weights, optimiser and progress in the place of an older checkpoint.

        Raises:
            OutputError: it cannot be written, or the folder holds something that is no checkpoint.
        """
        mined = {} if progress.mined is None else {"mined": progress.mined}
        states = {"weights": trained(model), "adam": optimiser_state(adam), "best": progress.best, "mined": mined}
        fields = {name: getattr(progress, name) for name in ("step", "losses", "measured")}
        with atomic_folder(self.folder, FORMAT.wrote) as partial:
            for name, state in states.items():
                kept = {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}
                save_file(kept, partial / f"{name}.safetensors")
            write_manifest(partial, FORMAT, {"run": dict(self.run), "progress": fields})

    def resume(self, model: nn.Module, adam: Optimizer, schedule: LRScheduler) -> Progress:
        """Put weights, optimiser and schedule to where they were.

        Raises:
            ConfigError: there is no checkpoint, or it is of another run.
            ModelError: it is damaged.
        """
        if not (self.folder / FILE).is_file():
            raise ConfigError("there is nothing to resume", where=str(self.folder), fix="begin without --resume")
        record = read_manifest(self.folder, FORMAT)
        self._compare(record["run"])
        weights, moments, best, mined = (
            load_file(self.folder / f"{name}.safetensors") for name in ("weights", "adam", "best", "mined")
        )
        restore_weights(model, weights)
        step = record["progress"]["step"]
        restore_optimiser(adam, schedule, moments, step)
        losses, measured = (tuple(record["progress"][name]) for name in ("losses", "measured"))
        return Progress(step, losses, measured, best, mined.get("mined"))

    def _compare(self, run: Mapping[str, Any]) -> None:
        now = json.loads(json.dumps(self.run))
        changed = [f"{name} was {run.get(name)}" for name in now if now[name] != run.get(name)]
        if changed:
            fix = "resume with the same settings and data, or remove it and begin again"
            got = ", ".join(changed)
            raise ConfigError("the checkpoint is of another run", where=str(self.folder), got=got, fix=fix)


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
