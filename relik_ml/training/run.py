"""The steps of a training: seeded one by one, so that a run that was cut off goes on as if it had not been."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from relik_ml.errors import ConfigError
from relik_ml.training.checkpoint import Checkpoint, Progress, restore_weights, trained
from relik_ml.training.optim import Optimisation, descend, optimiser
from relik_ml.training.processes import Processes

if TYPE_CHECKING:
    from accelerate import Accelerator

Epochs = Sequence[Sequence[Sequence[int]]]
"""The places of each batch of each epoch."""


@dataclass(frozen=True)
class Order:
    """In which order a model sees its windows."""

    epochs: Epochs
    tokens: Sequence[int]
    """Of each window: what the progress of a run is measured in."""

    @property
    def batches(self) -> list[Sequence[int]]:
        """All of them."""
        return [batch for epoch in self.epochs for batch in epoch]

    def size(self, batches: Sequence[Sequence[int]]) -> int:
        """Tokens of some batches, without padding.

        >>> order = Order([[[0], [1, 2]], [[2, 0], [1]]], tokens=[3, 4, 5])
        >>> order.size(order.batches), order.size(order.batches[:2])
        (24, 12)
        """
        return sum(self.tokens[place] for batch in batches for place in batch)


@dataclass(frozen=True)
class Resumption:
    """When the state of a run is kept, and where it goes on."""

    store: Checkpoint
    every: int = 0
    """Steps from one checkpoint to the next; 0 makes none at all."""
    back: int | None = None
    """None begins; 0 goes on from the newest checkpoint, 1 from the one before it."""


class Run:
    """One model on its way down.

    What happens in a step is a function of ``seed`` and the step's number, and so are the ``order`` of windows and
    everything drawn from what ``steps`` gives::

        for places, random in run.steps("reader"):
            run.descend(losses_of(places, random))
            if run.epoch_ends:
                run.measured({"headline": measure()})

    A checkpoint is made after every so many steps and at the end of each epoch, once the body of the loop is through.
    Of several processes each runs this loop; the first makes the checkpoints, and all of them read one.
    """

    def __init__(
        self, accelerator: Accelerator, model: nn.Module, plan: Optimisation, order: Order, seed: int,
        resumption: Resumption,
    ) -> None:  # fmt: skip
        self.accelerator, self.plan, self.seed, self.resumption = accelerator, plan, seed, resumption
        self.order, self.batches = order, order.batches
        self.ends = list(accumulate(map(len, order.epochs)))
        adam, self._schedule = optimiser(model.to(accelerator.device), plan, len(self.batches))
        self.progress = self._found(model, adam)
        self.processes = Processes.of(accelerator)
        self.processes.make_alike(model)
        # As if for evaluation, so that it is not wrapped: the processes sum up gradients once for each step.
        self.model, self._adam = accelerator.prepare_model(model, evaluation_mode=True), accelerator.prepare(adam)

    @property
    def epoch(self) -> int:
        """Epochs that are over."""
        return sum(end <= self.progress.step for end in self.ends)

    @property
    def epoch_ends(self) -> bool:
        """Whether the last step was the last one of an epoch."""
        return self.progress.step in self.ends

    def steps(self, name: str) -> Iterator[tuple[list[int], Random]]:
        """The batches that are left, each with its own source of randomness; torch's is set for the step, too."""
        self.model.train()
        with self._bar(name) as bar:
            for places in self.batches[self.progress.step :]:
                if self.fruitless:
                    break
                torch.manual_seed(self.seed * 2**32 + self.processes.rank * 2**24 + self.progress.step)
                rate = float(self._schedule.get_last_lr()[0])
                yield list(places), Random(f"{self.seed} {self.progress.step}")
                self._say(name, rate, bar)
                bar.update(self.order.size([places]))
                self._keep()
        self.model.eval()

    @property
    def fruitless(self) -> bool:
        """Whether so many epochs are over without a better ``headline`` on dev that it is time to stop."""
        found = [each["headline"] for each in self.progress.measured if "headline" in each]
        return 0 < self.plan.patience < len(found) - found.index(max(found)) if found else False

    def _bar(self, name: str) -> tqdm[Any]:
        """Tokens done and to be done: so it says how many a second, and how long it will still take."""
        done, whole = (self.order.size(each) for each in (self.batches[: self.progress.step], self.batches))
        return tqdm(
            desc=name, initial=done, total=whole, unit="token", unit_scale=True, disable=not self.processes.first
        )

    def _say(self, name: str, rate: float, bar: tqdm[Any]) -> None:
        """The step just done, to people and to trackers."""
        step, loss = self.progress.step, self.progress.losses[-1]
        bar.set_postfix(step=f"{step}/{len(self.batches)}", loss=f"{loss:.3f}")
        self._track({f"{name}/loss": loss, f"{name}/rate": rate, f"{name}/step": step})
        measured = self.progress.measured[-1] if self.progress.measured else {}
        if measured.get("step") == step:
            self._track({f"{name}/dev/{what}": value for what, value in measured.items() if what != "step"})

    def _track(self, values: Mapping[str, float]) -> None:
        # Weights & Biases refuses a step that is behind the last one, as those of the second stage would be.
        for tracker in self.accelerator.trackers if self.processes.first else ():
            tracker.log(dict(values), step=None if tracker.name == "wandb" else self.progress.step)

    def descend(self, losses: Iterable[Tensor]) -> None:
        """One step down the gradient of the sum of ``losses``, of all processes; one graph is kept at a time."""
        total = torch.zeros((), device=self.accelerator.device)
        for loss in losses:
            self.accelerator.backward(loss)
            total += loss.detach()
        self.follow(self.processes.total(total).item())

    def follow(self, loss: float) -> None:
        """One step down the gradient that the weights have already, in all processes together."""
        self.processes.sum_gradients(self.model)
        descend(self.accelerator, self.model, self._adam, self.plan.clip)
        self._schedule.step()
        self.progress = replace(self.progress, step=self.progress.step + 1, losses=(*self.progress.losses, loss))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model with the mean of its weights at the ends of the last ``plan.average`` epochs, within the block.

        All epochs count where there are fewer. To be entered once at the end of each epoch. Before the last epochs the
        weights are as they are.
        """
        number = self.epoch - max(0, self.plan.epochs - self.plan.average)
        if number < 1:
            yield
            return
        now = {name: weight.clone() for name, weight in trained(self.model).items()}
        mean = self.progress.averaged or now
        mean = {name: mean[name] + (weight - mean[name]) / number for name, weight in now.items()}
        self.progress = replace(self.progress, averaged=mean)
        restore_weights(self.model, mean)
        try:
            yield
        finally:
            restore_weights(self.model, now)

    def measured(self, scores: Mapping[str, float]) -> bool:
        """Note what was measured; whether its ``headline`` is the best so far."""
        best = max((each["headline"] for each in self.progress.measured), default=-1.0)
        noted = {"step": self.progress.step, **scores}
        self.progress = replace(self.progress, measured=(*self.progress.measured, noted))
        return scores["headline"] > best

    def _found(self, model: nn.Module, adam: torch.optim.Optimizer) -> Progress:
        back, store = self.resumption.back, self.resumption.store
        return Progress() if back is None else store.resume(model, adam, self._schedule, back)

    def _keep(self) -> None:
        every = self.resumption.every
        if every and self.processes.first and (self.epoch_ends or self.progress.step % every == 0):
            self.resumption.store.save(self.model, self._adam, self.progress)


@dataclass(frozen=True)
class Stages:
    """Where a recipe that trains one model after the other keeps their states: a folder each."""

    folder: Path
    run: Mapping[str, Any]
    """Which run it is; see ``Checkpoint``."""
    names: tuple[str, ...]
    """In their order."""
    every: int = 0
    back: int | None = None
    """As in ``Resumption``; of the stage that was under way."""

    def __post_init__(self) -> None:
        if self.back is None and self._begun:
            fix = "--resume, or remove it"
            raise ConfigError("an interrupted run is there", got=str(self.folder), fix=fix)
        if self.back is not None and not self._begun:
            raise ConfigError("there is nothing to resume", where=str(self.folder), fix="begin without --resume")

    def __getitem__(self, name: str) -> Resumption:
        store = self._store(name)
        if self.back is None or not store.steps():
            return Resumption(store, self.every)
        return Resumption(store, self.every, self.back if name == self._begun[-1] else 0)

    @property
    def _begun(self) -> list[str]:
        return [name for name in self.names if self._store(name).steps()]

    def _store(self, name: str) -> Checkpoint:
        return Checkpoint(self.folder / name, self.run)

    def forget(self) -> None:
        """Remove all states: the run is over."""
        shutil.rmtree(self.folder, ignore_errors=True)
