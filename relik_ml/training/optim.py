"""Optimiser and schedule of all recipes: AdamW, linear warm-up, linear decay (Loshchilov and Hutter 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True)
class Optimisation:
    """How weights move."""

    rate: float
    epochs: int
    warmup: float = 0.05
    """Share of all steps."""
    floor: float = 0.02
    """Share of the rate that is left at the end."""
    decay: float = 0.01
    clip: float = 1.0
    """Largest norm of the gradient."""


def optimiser(model: nn.Module, plan: Optimisation, steps: int) -> tuple[AdamW, LambdaLR]:
    """AdamW over what is trainable (no decay on vectors), and its schedule over ``steps`` steps."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": plan.decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    adam = AdamW(groups, lr=plan.rate)
    warm = max(1, round(plan.warmup * steps))

    def share(step: int) -> float:
        return min((step + 1) / warm, max(plan.floor, 1 - step / max(1, steps)))

    return adam, LambdaLR(adam, share)


def descend(accelerator: Accelerator, model: nn.Module, adam: Optimizer, clip: float) -> None:
    """One step down the gradient that the weights have, no longer than ``clip``; then they have none."""
    accelerator.clip_grad_norm_(model.parameters(), clip)
    adam.step()
    adam.zero_grad()
