"""Optimizer and schedule of all recipes: AdamW, linear warm-up, linear decay (Loshchilov and Hutter 2019)."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from relik_ml.models import add_adapters, recompute_layers
from relik_ml.reader import batches

JITTER = 64
"""Tokens of random jitter added to lengths before sorting, so that batches differ between epochs."""
_LAYER = re.compile(r"\blayers?\.(\d+)\.")
_EMBEDDINGS = re.compile(r"embeddings|\bbody\.(positions|norm)\.")
"""Names of weights in transformers' encoders and in ``models.transformer``."""


@dataclass(frozen=True)
class OptimizerConfig:
    """Settings of the optimizer and its schedule."""

    learning_rate: float
    epochs: int
    warmup_ratio: float = 0.05
    """Share of all steps."""
    layer_decay: float = 1.0
    """Factor of the learning rate from each layer of an encoder to the one below (Clark et al. 2020, ELECTRA)."""
    encoder_learning_rate: float | None = None
    """Learning rate of a pretrained encoder's top layer; None takes that of the heads."""
    min_ratio: float = 0.02
    """Share of the learning rate that is left at the end."""
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm."""


@dataclass(frozen=True)
class PeftOptions:
    """Options of parameter-efficient fine-tuning."""

    lora_rank: int = 0
    """Rank of the adapters; 0 trains all weights."""
    gradient_checkpointing: bool = False
    """Compute each layer again in the backward pass instead of keeping its activations."""

    def prepare(self, model: nn.Module, rows: Sequence[int] = ()) -> None:
        """Apply the options to the encoder of a model; see ``add_adapters`` for the ``rows``."""
        if self.lora_rank:
            add_adapters(model, self.lora_rank, rows)
        if self.gradient_checkpointing:
            recompute_layers(model)


def create_optimizer(model: nn.Module, plan: OptimizerConfig, steps: int) -> tuple[AdamW, LambdaLR]:
    """AdamW over the trainable weights (no decay of vectors, fused on a GPU), and its schedule over ``steps`` steps."""
    on_gpu = any(weight.is_cuda for weight in model.parameters())
    adam = AdamW(list(_groups(model, plan)), lr=plan.learning_rate, fused=on_gpu or None)
    warmup = max(1, round(plan.warmup_ratio * steps))

    def factor(step: int) -> float:
        return min((step + 1) / warmup, max(plan.min_ratio, 1 - step / max(1, steps)))

    return adam, LambdaLR(adam, factor)


def shuffled_batches(lengths: Sequence[int], tokens: int, random: Random) -> list[list[int]]:
    """Indices of windows in batches of at most ``tokens`` tokens, padding included; similar lengths together.

    The batches come in random order.

    >>> sorted(sum(shuffled_batches([3, 9, 4, 4], 9, Random(0)), []))
    [0, 1, 2, 3]
    """
    blurred = [length + random.uniform(0, JITTER) for length in lengths]
    order = sorted(range(len(lengths)), key=blurred.__getitem__)
    found = list(batches(lengths, tokens, order))
    random.shuffle(found)
    return found


def depths(names: list[str]) -> list[int]:
    """The number of encoder layers above each weight: embeddings have all of them above, heads none.

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


def _groups(model: nn.Module, plan: OptimizerConfig) -> Iterator[dict[str, Any]]:
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for (_, weight), depth in zip(trained.items(), depths([*trained]), strict=True):
        encoder = plan.learning_rate if plan.encoder_learning_rate is None else plan.encoder_learning_rate
        top = encoder if depth else plan.learning_rate
        groups[top * plan.layer_decay**depth, plan.weight_decay if weight.dim() > 1 else 0.0].append(weight)
    for (rate, decay), weights in sorted(groups.items(), key=lambda group: group[0], reverse=True):
        yield {"params": weights, "lr": rate, "weight_decay": decay}
