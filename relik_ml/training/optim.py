"""Optimiser and schedule of all recipes: AdamW, linear warm-up, linear decay (Loshchilov and Hutter 2019)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    patience: int = 0
    """Epochs without a better score on dev after which no more follow; 0 runs all of them."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    layer_decay: float = 1.0
    """Share of the rate that is left from each layer of an encoder to the one below it (Clark et al. 2020, ELECTRA)."""
    average: int = 0
    """Epochs at the end whose final weights are averaged (Izmailov et al. 2018, stochastic weight averaging)."""
    encoder_rate: float | None = None
    """The rate of a pretrained encoder's top layer; without it, the same as that of the heads."""


def optimiser(model: nn.Module, plan: Optimisation, steps: int) -> tuple[AdamW, LambdaLR]:
    """AdamW over what is trainable (no decay on vectors), and its schedule over ``steps`` steps; fused on a GPU."""
    on_gpu = any(weight.is_cuda for weight in model.parameters())
    adam = AdamW(list(_groups(model, plan)), lr=plan.rate, fused=on_gpu or None)
    warm = max(1, round(plan.warmup * steps))

    def share(step: int) -> float:
        return min((step + 1) / warm, max(plan.floor, 1 - step / max(1, steps)))

    return adam, LambdaLR(adam, share)


_LAYER = re.compile(r"\blayers?\.(\d+)\.")
_EMBEDDINGS = re.compile(r"embeddings|\bbody\.(positions|norm)\.")
"""In transformers' encoders, and in ``models.transformer``."""


def depths(names: list[str]) -> list[int]:
    """How many layers of an encoder stand above each weight: embeddings have all above, and heads none.

    >>> depths(["head.weight", "encoder.layer.1.bias", "encoder.layer.0.bias", "embeddings.weight"])
    [0, 1, 2, 3]
    >>> depths(["cover.positions.weight", "body.layers.0.norm.bias", "body.positions.weight", "body.norm.bias"])
    [0, 1, 2, 2]
    """
    found = [_LAYER.search(name) for name in names]
    layers = 1 + max((int(layer[1]) for layer in found if layer), default=-1)
    heights = [
        int(layer[1]) if layer else -1 if _EMBEDDINGS.search(name) else layers
        for name, layer in zip(names, found, strict=True)
    ]
    return [layers - height for height in heights]


def _groups(model: nn.Module, plan: Optimisation) -> Iterator[dict[str, Any]]:
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for (_, weight), depth in zip(trained.items(), depths([*trained]), strict=True):
        top = plan.rate if depth == 0 or plan.encoder_rate is None else plan.encoder_rate
        groups[top * plan.layer_decay**depth, plan.decay if weight.dim() > 1 else 0.0].append(weight)
    for (rate, decay), weights in sorted(groups.items(), key=lambda group: group[0], reverse=True):
        yield {"params": weights, "lr": rate, "weight_decay": decay}


def descend(accelerator: Accelerator, model: nn.Module, adam: Optimizer, clip: float) -> None:
    """One step down the gradient that the weights have, no longer than ``clip``; then they have none."""
    accelerator.clip_grad_norm_(model.parameters(), clip)
    adam.step()
    adam.zero_grad()
