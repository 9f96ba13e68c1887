"""The state of one model in training. Each step is seeded, so a resumed run repeats an unbroken one bit for bit."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from importlib.util import find_spec
from itertools import accumulate, chain
from os import environ
from random import Random
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, set_seed
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from relik_ml.errors import ConfigError
from relik_ml.training.checkpoint import Checkpoint, copied_weights, restore_weights
from relik_ml.training.distributed import Processes
from relik_ml.training.recipe_config import RecipeConfig

_WHOLE_MODEL = {"NO", "MULTI_CPU", "MULTI_GPU", "MULTI_XPU", "MULTI_NPU"}
"""Distributed types of accelerate in which every process holds the whole model."""
_SEVERAL = {"WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE"}
"""Launchers set one of these variables when there are several processes."""
_TIMEOUT = timedelta(days=1)
"""Timeout of the processes that wait for the first one, which evaluates and builds the index alone."""

Batches = Sequence[Sequence[int]]
"""Indices of the items of each batch."""


def start_accelerator(config: RecipeConfig, precision: str | None = None) -> Accelerator:
    """Seed everything, start the tracker, and return the accelerator of a run.

    Raises:
        ConfigError: the package of the tracker is not installed, accelerate did not start the requested processes, or
            it was configured to shard the model.
    """
    trackers = [] if config.tracker == "none" else [config.tracker]
    for name in trackers:
        if find_spec(name) is None:
            raise ConfigError("the tracker is not installed", got=f"--tracker {name}", fix=f"pip install {name}")
    if environ.keys() >= {"ACCELERATE_DYNAMO_BACKEND", "MASTER_ADDR"} and not environ.keys() & _SEVERAL:
        fix = "ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes N, see docs/guides/train.md"
        raise ConfigError("accelerate starts one process on a CPU, whatever --num_processes says", fix=fix)
    set_seed(config.seed)
    accelerator = Accelerator(
        mixed_precision=precision,
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_TIMEOUT)],
        log_with=trackers or None,
        project_dir=config.out.with_name(f"{config.out.name}.logs"),
    )
    if (kind := accelerator.distributed_type.value) not in _WHOLE_MODEL:
        fix = "one process, or several that hold the whole model each: accelerate launch --multi_gpu"
        raise ConfigError("the recipes do not shard a model", got=str(kind), fix=fix)
    if trackers:
        accelerator.init_trackers(config.out.name, {name: str(value) for name, value in asdict(config).items()})
    return accelerator


@dataclass
class TrainerState:
    """Progress of a model through its batches; its constructor resumes from a checkpoint.

    A step depends only on the ``seed`` and the number of the step. The recipe holds the loop::

        for batches in state.remaining_epochs():
            for batch, random in state.steps(batches):
                ...  # forward, backward, optimizer step
                state.advance(loss)
            state.record({"headline": evaluate()})
            state.save()

    Every process runs this loop. The first one writes checkpoints; all of them read.
    """

    accelerator: Accelerator
    model: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler
    epochs: Sequence[Batches]
    tokens: Sequence[int]
    """Tokens of each item: the unit of the progress bar."""
    checkpoint: Checkpoint
    seed: int

    def __post_init__(self) -> None:
        self.processes = Processes.of(self.accelerator)
        self.progress = self.checkpoint.resume(self.model, self.optimizer, self.schedule)
        self.processes.broadcast_parameters(self.model)
        self._ends = list(accumulate(map(len, self.epochs)))
        self._resumed_at = self.progress.step
        self._bar: tqdm[Any] | None = None

    @property
    def epoch(self) -> int:
        """The number of completed epochs."""
        return sum(end <= self.progress.step for end in self._ends)

    def remaining_epochs(self, patience: int = 0) -> Iterator[Batches]:
        """The remaining batches of each remaining epoch; with ``patience``, until ``should_stop``."""
        batches = list(chain.from_iterable(self.epochs))
        sizes = [sum(self.tokens[index] for index in batch) for batch in batches]
        with tqdm(
            desc=self.checkpoint.folder.name, initial=sum(sizes[: self.progress.step]), total=sum(sizes), unit="token",
            unit_scale=True, disable=not self.processes.is_first,
        ) as self._bar:  # fmt: skip
            for end in self._ends:
                if self.progress.step < end and not self.should_stop(patience):
                    self.model.train()
                    yield batches[self.progress.step : end]
        self.model.eval()

    def steps(self, batches: Batches) -> Iterator[tuple[list[int], Random]]:
        """Each batch with a random number generator of its own. torch is seeded for the step too."""
        for batch in batches:
            torch.manual_seed(self.seed * 2**32 + self.processes.rank * 2**24 + self.progress.step)
            learning_rate = float(self.schedule.get_last_lr()[0])
            yield list(batch), Random(f"{self.seed} {self.progress.step}")
            self._log_step(learning_rate, batch)
            if self.checkpoint.every and self.progress.step % self.checkpoint.every == 0 and not self.epoch_ends:
                self.save()

    @property
    def epoch_ends(self) -> bool:
        """Whether the last step was the last of an epoch."""
        return self.progress.step in self._ends

    def advance(self, loss: float) -> None:
        """Count a step that was taken, with its loss."""
        self.progress = replace(self.progress, step=self.progress.step + 1, losses=(*self.progress.losses, loss))

    def record(self, scores: Mapping[str, float], *best_by: str) -> bool:
        """Record and track scores on dev. Return whether they are the best so far, compared by these names in order."""
        noted = {"step": self.progress.step, **scores}
        best = max(([each[name] for name in best_by] for each in self.progress.measured), default=[])
        self.progress = replace(self.progress, measured=(*self.progress.measured, noted))
        self._track({f"dev/{name}": value for name, value in scores.items()})
        return [scores[name] for name in best_by] > best

    def should_stop(self, patience: int) -> bool:
        """Whether the ``headline`` score has not improved for ``patience`` epochs; never with 0."""
        found = [each["headline"] for each in self.progress.measured if "headline" in each]
        return 0 < patience < len(found) - found.index(max(found)) if found else False

    def save(self) -> None:
        """Write a checkpoint, unless checkpoints are switched off."""
        if self.checkpoint.every and self.processes.is_first:
            self.checkpoint.save(self.model, self.optimizer, self.progress)

    @contextmanager
    def averaged(self, epochs: int, start: Mapping[str, Tensor] = {}, share: float = 0.0) -> Iterator[None]:
        """A context in which the weights are the mean of those at the ends of the last ``epochs`` epochs.

        Stochastic weight averaging (Izmailov et al. 2018). Enter it once at the end of each epoch. Before the last
        ``epochs`` epochs it averages nothing; with fewer epochs in all, it averages all of them. A ``share`` of the
        weights at the ``start`` of training is mixed in, so that little is forgotten (Wortsman et al. 2022).
        """
        number = self.epoch - max(0, len(self.epochs) - epochs)
        if number < 1 and not share:
            yield
            return
        now = copied_weights(self.model)
        mean = now
        if number > 0:
            before = self.progress.averaged or now
            mean = {name: before[name] + (weight - before[name]) / number for name, weight in now.items()}
            self.progress = replace(self.progress, averaged=mean)
        shown = {name: weight.lerp(start[name], share) for name, weight in mean.items()} if share else mean
        restore_weights(self.model, shown)
        try:
            yield
        finally:
            restore_weights(self.model, now)

    def _log_step(self, learning_rate: float, batch: Sequence[int]) -> None:
        step, loss = self.progress.step, self.progress.losses[-1]
        if step == self._resumed_at + 1 and torch.cuda.is_available():
            peak = torch.cuda.max_memory_allocated(self.accelerator.device) / 2**30
            self.accelerator.print(f"peak memory of the first step: {peak:.1f} GiB")
        if self._bar is not None:
            self._bar.set_postfix(step=f"{step}/{self._ends[-1]}", loss=f"{loss:.3f}")
            self._bar.update(sum(self.tokens[index] for index in batch))
        self._track({"loss": loss, "learning_rate": learning_rate, "step": step})

    def _track(self, values: Mapping[str, float]) -> None:
        named = {f"{self.checkpoint.folder.name}/{name}": value for name, value in values.items()}
        for tracker in self.accelerator.trackers if self.processes.is_first else ():
            # Weights & Biases refuses steps below the last one, and the second stage begins at step 0 again.
            tracker.log(named, step=None if tracker.name == "wandb" else self.progress.step)
