"""A small training, to be killed: ``multiprocessing`` starts it from a server that has imported torch once."""

import hashlib
import os
from pathlib import Path

import accelerate
import torch
from torch import nn

from relik_ml.training import Checkpoint, OptimizerConfig, Progress, TrainerState, create_optimizer, trained

PLAN, STEPS = OptimizerConfig(0.01, 5), 30
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
    each, network, weights = STEPS // PLAN.epochs, model(), list[str]()
    epochs = [[[epoch * each + step] for step in range(each)] for epoch in range(PLAN.epochs)]
    checkpoint = Checkpoint(folder, RUN, every, 0 if Checkpoint(folder, RUN).steps() else None)
    adam, schedule = create_optimizer(network, PLAN, STEPS)
    state = TrainerState(accelerate.Accelerator(), network, adam, schedule, epochs, [1] * STEPS, checkpoint, seed=7)
    for batches in state.remaining_epochs():
        for batch, random in state.steps(batches):
            inputs = torch.randn(8, 64) * random.random() + batch[0]
            loss = nn.functional.dropout(network(inputs), 0.5).square().mean()
            loss.backward()
            adam.step()
            schedule.step()
            adam.zero_grad()
            state.advance(loss.item())
            state.record({"headline": random.random()}, "headline")
            weights.append(digest(network))
        state.save()
    return weights, state.progress.losses


def found(folder: Path) -> tuple[Progress, str]:
    """The newest checkpoint, all its checksums compared, and what its weights are."""
    fresh = model()
    progress = Checkpoint(folder, RUN, back=0).resume(fresh, *create_optimizer(fresh, PLAN, STEPS))
    return progress, digest(fresh)
