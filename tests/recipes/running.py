"""Recipes run in this process or, as ``python running.py FILE JSON`` does, as one process among several.

FILE gets the losses of all steps; JSON is a list of [recipe, [flag, …]].
"""

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate.state import AcceleratorState

from relik_ml.training import Progress


class Done(NamedTuple):
    """How a recipe has ended."""

    code: int
    output: str


def recipe(name: str) -> Any:
    """A recipe by its name."""
    return import_module(f"relik_ml.recipes.{name}")


def run(name: str, *flags: object) -> Done:
    """A recipe as its command runs it, but in this process."""
    output, code = StringIO(), 0
    AcceleratorState._reset_state(reset_partial_state=True)  # recipes differ in precision
    with redirect_stdout(output), redirect_stderr(output):
        try:
            recipe(name).main([*map(str, flags)])
        except SystemExit as error:
            code = int(error.code or 0)
    return Done(code, output.getvalue())


def trained(name: str, *flags: object) -> Progress:
    """What training came to."""
    found: Progress = recipe(name).train(recipe(name).PRESETS.parse("", [*map(str, flags)]))
    return found


def refused(done: Done, code: int, said: str) -> None:
    """One message, and nothing has been trained."""
    assert done.code == code, done.output
    assert said in done.output
    assert "epoch " not in done.output
    assert "step " not in done.output


def weights(folder: Path) -> dict[str, bytes]:
    """All weights of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.safetensors")}


def scores(out: Path) -> dict[str, Any]:
    """What a reader's recipe has measured."""
    found: dict[str, Any] = json.loads(out.with_name(out.name + ".scores.json").read_text("utf-8"))
    return found


def without_dropout(plan: Sequence[tuple[str, list[str]]]) -> list[tuple[float, ...]]:
    """The losses of every step of some recipes."""
    torch.nn.Dropout.forward = lambda _, input: input  # type: ignore[method-assign, assignment]
    return [trained(name, *flags).losses for name, flags in plan]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(without_dropout(json.loads(sys.argv[2]))), "utf-8")
