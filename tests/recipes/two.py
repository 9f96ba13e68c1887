"""Recipes as a process among several runs them, without dropout: ``python two.py FILE JSON``.

FILE gets the losses of all steps; JSON is a list of [recipe, [flag, …]].
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import torch


def run(name: str, flags: list[str]) -> list[float]:
    """The loss of every step."""
    recipe = import_module(f"relik_ml.recipes.{name}")
    found: list[float] = []
    main = recipe.main
    command = recipe.recipe(None, recipe.Config, recipe.PRESETS, lambda config: found.extend(main(config).losses))
    command(flags, standalone_mode=False)
    return found


if __name__ == "__main__":
    torch.nn.Dropout.forward = lambda _, input: input  # type: ignore[method-assign]
    losses = [run(name, flags) for name, flags in json.loads(sys.argv[2])]
    Path(sys.argv[1]).write_text(json.dumps(losses), "utf-8")
