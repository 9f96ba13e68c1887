"""Checkpoints of a training run: atomic folders, each file with its checksum.

Tensors are safetensors, all else is JSON: nothing in a checkpoint can run code. It is written to a temporary folder,
flushed to disk and renamed, so a kill at any time leaves only complete checkpoints. The last two are kept, in case the
newest is damaged.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from relik_ml.data import Format, atomic_folder, read_manifest, sha256, write_manifest
from relik_ml.errors import ConfigError, OutputError

FORMAT = Format("checkpoint", "relik-ml-checkpoint/3", "go on from the one before it: --resume --back 1")
OLDER = Format("checkpoint", "relik-ml-checkpoint/2", "begin again")
KEPT = 2
"""The newest, and one to go back to."""

_NAME = re.compile(r"step-(\d+)")

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Progress:
    """Progress of a run."""

    step: int = 0
    losses: tuple[float, ...] = ()
    """The loss of every step."""
    measured: tuple[Mapping[str, float], ...] = ()
    """Scores on dev, each time with the number of the step."""
    best: Weights = field(default_factory=dict)
    """The trained weights with the best scores on dev."""
    mined: Tensor | None = None
    """Hard negatives of each window, once they have been mined."""
    averaged: Weights = field(default_factory=dict)
    """The mean of the trained weights at the ends of the last epochs, once averaging has begun."""


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoints of one model in training: ``folder/step-N`` each."""

    folder: Path
    run: Mapping[str, Any]
    """Identity of the run: JSON that must be the same when it is resumed."""
    every: int = 0
    """Steps from one checkpoint to the next; 0 writes none."""
    back: int | None = None
    """Checkpoint to resume: 0 is the newest, 1 the one before it; None starts a new run."""

    def steps(self) -> list[int]:
        """The steps after which there is a checkpoint, the newest last."""
        found = (_NAME.fullmatch(path.name) for path in self.folder.iterdir()) if self.folder.is_dir() else ()
        return sorted(int(name[1]) for name in found if name)

    def save(self, model: nn.Module, optimizer: Optimizer, progress: Progress) -> None:
        """Write weights, optimizer and progress; remove checkpoints that are older than the one before, or later.

        Raises:
            OutputError: it cannot be written, or the folder holds something that is no checkpoint.
        """
        files = {
            "weights": trained(model), "optimizer": optimizer_state(optimizer), "best": progress.best,
            "mined": {} if progress.mined is None else {"mined": progress.mined}, "averaged": progress.averaged,
        }  # fmt: skip
        fields = {name: getattr(progress, name) for name in ("step", "losses", "measured")}
        self._refuse_foreign()
        for unfinished in self.folder.glob(".*.part"):  # left by a kill, as large as a checkpoint
            shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self._at(progress.step), ignore_errors=True)  # perhaps damaged, after --back
        with atomic_folder(self._at(progress.step), FORMAT.wrote) as partial:
            for name, state in files.items():
                kept = {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}
                save_file(kept, partial / f"{name}.safetensors")
            write_manifest(partial, FORMAT, {"run": dict(self.run), "progress": fields})
        kept_steps = [step for step in self.steps() if step <= progress.step][-KEPT:]
        for step in set(self.steps()) - set(kept_steps):
            shutil.rmtree(self._at(step), ignore_errors=True)

    def resume(self, model: nn.Module, optimizer: Optimizer, schedule: LRScheduler) -> Progress:
        """Restore weights, optimizer and schedule from the checkpoint that ``back`` names; without it, do nothing.

        Raises:
            ConfigError: there is no such checkpoint, or it is of another run, model or version.
            ModelError: it is damaged.
        """
        if self.back is None:
            return Progress()
        folder = self._at(self._chosen(self.back))
        if OLDER.wrote(folder):
            fix = "finish the run with the version that began it, or remove the folder and begin again"
            raise ConfigError("a checkpoint of an earlier version", where=str(folder), got=OLDER.name, fix=fix)
        record = read_manifest(folder, FORMAT)
        self._refuse_other(record["run"])
        weights, moments, best, mined, averaged = (
            load_file(folder / f"{name}.safetensors") for name in ("weights", "optimizer", "best", "mined", "averaged")
        )
        restore_weights(model, weights)
        fields = record["progress"]
        restore_optimizer(optimizer, schedule, moments, fields["step"])
        losses, measured = tuple(fields["losses"]), tuple(fields["measured"])
        return Progress(fields["step"], losses, measured, best, mined.get("mined"), averaged)

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
        present = self.folder.iterdir() if self.folder.is_dir() else ()
        foreign = sorted(path.name for path in present if not _NAME.fullmatch(path.name) and path.suffix != ".part")
        if foreign or self.folder.is_file():
            got = foreign[0] if foreign else "a file"
            fix = "name another --out, or empty this folder yourself"
            raise OutputError("the folder holds other files than checkpoints", where=str(self.folder), got=got, fix=fix)

    def _refuse_other(self, run: Mapping[str, Any]) -> None:
        now = json.loads(json.dumps(self.run))
        if changed := [f"{name} was {run.get(name)}" for name in now if now[name] != run.get(name)]:
            got, fix = ", ".join(changed), "resume with the same settings and data, or remove it and begin again"
            raise ConfigError("the checkpoint is of another run", where=str(self.folder), got=got, fix=fix)


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a recipe that trains one model after the other: ``folder/STAGE`` each.

    Raises:
        ConfigError: there is nothing to resume, or a run that was interrupted would be lost.
    """

    folder: Path
    run: Mapping[str, Any]
    stages: tuple[str, ...]
    """In the order in which they are trained."""
    every: int = 0
    back: int | None = None
    """As in ``Checkpoint``, of the last stage that had begun."""

    def __post_init__(self) -> None:
        if self.back is None and self._begun:
            fix = "--resume, or remove it"
            raise ConfigError("an interrupted run is there", got=str(self.folder), fix=fix)
        if self.back is not None and not self._begun:
            raise ConfigError("there is nothing to resume", where=str(self.folder), fix="begin without --resume")

    @classmethod
    def of(cls, config: Any, movable: Set[str], files: Iterable[Path], stages: tuple[str, ...]) -> Checkpoints:
        """The checkpoints of a configuration, beside its ``out``; ``identity`` says what they are known by."""
        folder, back = config.out.with_name(f"{config.out.name}.checkpoint"), config.back if config.resume else None
        return cls(folder, identity(config, movable, files), stages, config.checkpoint_steps, back)

    def __getitem__(self, stage: str) -> Checkpoint:
        found = Checkpoint(self.folder / stage, self.run, self.every)
        if self.back is None or not found.steps():
            return found
        return replace(found, back=self.back if stage == self._begun[-1] else 0)

    @property
    def _begun(self) -> list[str]:
        return [stage for stage in self.stages if Checkpoint(self.folder / stage, self.run).steps()]

    def delete(self) -> None:
        """Delete all checkpoints: the run is over."""
        shutil.rmtree(self.folder, ignore_errors=True)


def identity(config: Any, movable: Set[str], files: Iterable[Path]) -> dict[str, Any]:
    """Identity of a run: the fields of its configuration except ``movable``, and the SHA-256 of its files.

    Raises:
        DataError: a file cannot be read.
    """
    fields = ((name, value) for name, value in asdict(config).items() if name not in movable)
    kept = {name: str(value) if isinstance(value, Path) else value for name, value in fields}
    return {**kept, "files": [sha256(path) for path in files]}


def trained(model: nn.Module) -> dict[str, Tensor]:
    """The trainable weights by name. Frozen weights are not in checkpoints."""
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}


def copied_weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of what ``trained`` returns."""
    return {name: weight.clone() for name, weight in trained(model).items()}


def restore_weights(model: nn.Module, state: Weights) -> None:
    """Restore what ``trained`` returned.

    Raises:
        ConfigError: the model trains other weights.
    """
    own = trained(model)
    if differing := sorted(own.keys() ^ state.keys()):
        fix = "resume with the settings that the checkpoint was made with"
        raise ConfigError("the checkpoint is another model's", got=f"{len(differing)} names, {differing[0]}", fix=fix)
    for name, weight in own.items():
        weight.copy_(state[name])


def optimizer_state(optimizer: Optimizer) -> dict[str, Tensor]:
    """The state of an optimizer, as ``INDEX.name`` for each weight."""
    state: Mapping[int, Weights] = optimizer.state_dict()["state"]
    return {f"{index}.{name}": tensor for index, moments in state.items() for name, tensor in moments.items()}


def restore_optimizer(optimizer: Optimizer, schedule: LRScheduler, state: Weights, step: int) -> None:
    """Restore an optimizer from ``optimizer_state``, and its schedule to ``step`` steps."""
    record = optimizer.state_dict()
    record["state"] = {}
    for key, tensor in state.items():
        index, _, name = key.partition(".")
        record["state"].setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict(record)
    schedule.load_state_dict({**schedule.state_dict(), "last_epoch": step - 1, "_step_count": step + 1})
    schedule.step()
