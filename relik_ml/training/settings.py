"""What the settings of a recipe may be; what cannot work, or would say nothing, is refused before all else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import inf
from typing import Any

from relik_ml.errors import ConfigError
from relik_ml.training.flags import changed

Presets = Mapping[str, Mapping[str, Any]]

MAY_BE_ZERO = {
    "seed", "back", "checkpoint", "steps", "negatives", "drawn", "mined", "dense", "relation_weight", "dropout",
    "reader_chunk", "lora", "patience", "added_gold", "encoder_rate", "held_out", "average",
}  # fmt: skip
"""Numbers of a Config; all others are above zero."""
AT_MOST = {
    "seed": 2**32 - 1,
    "dropout": 0.9,
    "layer_decay": 1,
    "reader_layer_decay": 1,
    "added_gold": 1,
    "held_out": 0.5,
}
"""numpy's seeds, among others."""
LARGE = {
    "retriever", "reader", "retriever_epochs", "retriever_rate", "retriever_batch", "negatives", "index", "lora",
    "gradient_checkpointing", "dense",
}  # fmt: skip
"""Fields of the readers' recipes that mean nothing to the preset ``small``: its index holds names alone."""
SMALL = {"corpus", "encoder", "start", "layers", "vocabulary", "encoder_rate", "dropout"}
"""Fields that mean nothing to any other."""


def sound(config: Any, presets: Presets) -> None:
    """Refuse settings of a recipe that cannot work or would be passed over in silence (ConfigError)."""
    numbers = {name: value for name, value in asdict(config).items() if type(value) in (int, float)}
    above = [name for name, value in numbers.items() if name not in MAY_BE_ZERO and not 0 < value < inf]
    _refuse(above, "these must be numbers above zero")
    _refuse([name for name, value in numbers.items() if not 0 <= value < inf], "these cannot be below zero")
    high = [f"{name} above {AT_MOST[name]}" for name in numbers if numbers[name] > AT_MOST.get(name, inf)]
    _refuse(high, "these are too large")
    _window_fits(config.window, config.stride)
    if numbers.get("reader_chunk", 0) > numbers.get("reader_tokens", inf):
        got, fix = f"{config.reader_chunk} of {config.reader_tokens} tokens", "a smaller --reader-chunk, or 0 for none"
        raise ConfigError("a chunk is a part of a step", got=got, fix=fix)
    if config.back and not config.resume:
        raise ConfigError("--back is said of a run that is resumed", got=f"--back {config.back}", fix="add --resume")
    _of_the_preset(config, presets)


def _window_fits(window: int, stride: int) -> None:
    """Between windows no text must be lost."""
    if stride > window:
        got = f"--window {window} --stride {stride}"
        raise ConfigError("window does not fit its stride", got=got, fix="1 <= stride <= window")


def _of_the_preset(config: Any, presets: Presets) -> None:
    if "full" not in presets:  # a small retriever is trained like a large one
        return
    meaningless = LARGE if config.preset == "small" else SMALL
    given = changed(config, type(config)(**presets[config.preset]))
    found = [f"--{name.replace('_', '-')} {value}" for name, value in given.items() if name in meaningless]
    if found:
        what = f"the preset {config.preset} has no use for these"
        raise ConfigError(what, got=", ".join(found), fix="leave them out, or take another preset")


def _refuse(names: list[str], what: str) -> None:
    if names:
        raise ConfigError(what, got=", ".join(names), fix="correct them")
