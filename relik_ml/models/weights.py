"""Weights at rest: safetensors, matrices as int8 with one scale a row, the rest as it is.

The file is a quarter of float32's; what that costs is in docs/embedded-model.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from relik_ml.errors import ModelError

SMALLEST = 1024
"""Elements below which packing a matrix is not worth it."""

_SCALE = ".scale"


def save_packed(state: Mapping[str, Tensor], path: Path) -> None:
    """Write a state dict, packed.

    Raises:
        ModelError: a matrix holds a number that is not finite.
        ValueError: a name is taken by the scale of another.
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu().contiguous()
        if tensor.dim() == 2 and tensor.numel() >= SMALLEST and tensor.is_floating_point():
            if not tensor.isfinite().all():
                raise ModelError("weights are not finite", got=name, fix="train again at a lower rate")
            if name + _SCALE in state:
                raise ValueError(f"{name + _SCALE!r} cannot be a weight: it is the scale of {name!r}")
            packed[name + _SCALE], tensor = _levels(tensor.float())
        packed[name] = tensor
    save_file(packed, path)


def packed(tensor: Tensor) -> Tensor:
    """A matrix (N, D) as it will be once it has been saved and loaded; doing it twice changes nothing more."""
    scale, levels = _levels(tensor)
    return levels.float() * scale[:, None]


def _levels(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Scales (N,) and int8 levels (N, D)."""
    scale = _scale(tensor)
    return scale, (tensor / scale[:, None]).round().to(torch.int8)


def _scale(tensor: Tensor) -> Tensor:
    """A power of two a row, so that packing what was packed is exact and checksums of weights are stable."""
    return torch.exp2(torch.ceil(torch.log2((tensor.abs().amax(1) / 127).clamp(min=1e-12))))


def load_packed(path: Path) -> dict[str, Tensor]:
    """Read what ``save_packed`` wrote, as float32."""
    packed = load_file(path)
    return {
        name: tensor.float() * packed[name + _SCALE][:, None] if name + _SCALE in packed else tensor
        for name, tensor in packed.items()
        if not (name.endswith(_SCALE) and name.removesuffix(_SCALE) in packed)
    }
