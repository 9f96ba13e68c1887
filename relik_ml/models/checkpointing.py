"""Gradient checkpointing (Chen et al. 2016): layers are computed again for the backward pass instead of being kept."""

from __future__ import annotations

import warnings
from typing import Any

from torch import nn


def recompute_layers(model: nn.Module) -> None:
    """Let each layer of ``model.encoder``, of transformers, keep no more than its input while it is trained."""
    settings: Any = model.encoder  # transformers' class, or peft's around it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the name is old, the new one not in all of transformers 5
        settings.gradient_checkpointing_enable({"use_reentrant": False})
