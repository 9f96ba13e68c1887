"""Where a network computes."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from relik_ml.errors import ConfigError

Network = TypeVar("Network", bound=nn.Module)


def on_device(model: Network, device: str) -> Network:
    """The model on ``cpu``, ``cuda`` or another device of torch; ConfigError when there is none such."""
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        got = f"{device}: {str(error).strip().partition(chr(10))[0]}"
        fix = "use cpu, or install torch for this device"
        raise ConfigError("the device cannot be used", got=got, fix=fix) from error
