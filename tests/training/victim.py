"""A small training, to be killed: ``multiprocessing`` starts it from a server that has imported torch once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import accelerate
import torch
from torch import nn

from relik_ml.training import Optimisation, Order, Progress, Run, trained
from relik_ml.training.checkpoint import Checkpoint
from relik_ml.training.optim import optimiser
from relik_ml.training.run import Resumption

PLAN, STEPS = Optimisation(0.01, 5), 30
RUN = {"name": "victim"}


def model() -> nn.Module:
    """Wide enough that its files take a while to write."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))


def digest(model: nn.Module) -> str:
    """Of all weights."""
    return hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in trained(model).values())).hexdigest()


def train(folder: Path, every: int = 1) -> tuple[list[str], tuple[float, ...]]:
    """From the newest checkpoint, if there is one; the weights after each step, and the losses of all."""
    torch.set_num_threads(1)
    os.environ["ACCELERATE_USE_CPU"] = "true"
    store = Checkpoint(folder, RUN)
    each = STEPS // PLAN.epochs
    order = Order([[[epoch * each + step] for step in range(each)] for epoch in range(PLAN.epochs)], [1] * STEPS)
    resumption = Resumption(store, every, 0 if store.steps() else None)
    run = Run(accelerate.Accelerator(), model(), PLAN, order, 7, resumption)
    weights = []
    for places, random in run.steps("victim"):
        inputs = torch.randn(8, 64) * random.random() + places[0]
        run.descend([nn.functional.dropout(run.model(inputs), 0.5).square().mean()])
        run.measured({"headline": random.random()})
        weights.append(digest(run.model))
    return weights, run.progress.losses


def found(folder: Path) -> tuple[Progress, str]:
    """The newest checkpoint, all its checksums compared, and what its weights are."""
    fresh = model()
    progress = Checkpoint(folder, RUN).resume(fresh, *optimiser(fresh, PLAN, STEPS))
    return progress, digest(fresh)
