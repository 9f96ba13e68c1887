"""Weights on disk and on a device: safetensors, large matrices as int8 with one scale per row, the rest unchanged.

The file is a quarter of the size of float32; docs/results/embedded-model.md has what that costs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from relik_ml.errors import ConfigError, ModelError

SMALLEST = 1024
"""Matrices with fewer elements are not packed."""

SCALE = ".scale"
"""Suffix of the name of a packed matrix' scales."""

Network = TypeVar("Network", bound=nn.Module)


def on_device(model: Network, device: str) -> Network:
    """Move the model to ``cpu``, ``cuda`` or another device of torch; ConfigError when there is no such device."""
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        got = f"{device}: {str(error).strip().partition(chr(10))[0]}"
        fix = "use cpu, or install torch for this device"
        raise ConfigError("the device cannot be used", got=got, fix=fix) from error


def save_packed(state: Mapping[str, Tensor], path: Path) -> None:
    """Write a state dict, packed. Raises ``ModelError`` if a matrix holds a number that is not finite.

    Scales are powers of two, so that packing what was packed is exact and checksums of weights are stable.
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        packed[name] = tensor
        if tensor.dim() == 2 and tensor.numel() >= SMALLEST and tensor.is_floating_point():
            if not tensor.isfinite().all():
                raise ModelError("weights are not finite", got=name, fix="train again at a lower learning rate")
            largest = tensor.float().abs().amax(1)
            scale = torch.exp2(torch.ceil(torch.log2((largest / 127).clamp(min=1e-12))))
            packed[name], packed[name + SCALE] = (tensor.float() / scale[:, None]).round().to(torch.int8), scale
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in packed.items()}, path)


def load_packed(path: Path) -> dict[str, Tensor]:
    """Read what ``save_packed`` wrote, as float32. A file without packed matrices is returned unchanged."""
    stored = load_file(path)
    scales = {name: stored.pop(name + SCALE) for name in [*stored] if name + SCALE in stored}
    return {name: t.float() * scales[name][:, None] if name in scales else t for name, t in stored.items()}
