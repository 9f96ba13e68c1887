"""``relik-ml doctor`` and ``completion``."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.cli.conftest import run


def test_the_doctor_names_what_is_broken_and_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = {"faiss-cpu": "1.0", "faiss-gpu": "1.0", "torch": ""}
    real = metadata.version

    def version(package: str) -> str:
        if found := installed.get(package, real("click")):
            return found
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setenv("RELIK_ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(metadata, "version", version)
    result = run("doctor")
    broken = [line for line in result.stdout.splitlines() if line.startswith("broken")]
    assert (result.exit_code, len(broken)) == (1, 1), result.stdout
    assert "faiss-cpu and faiss-gpu" in broken[0]
    assert "ok      backend onnx" in result.stdout
    assert "missing backend torch" in result.stdout
    installed["faiss-gpu"] = ""
    assert run("doctor").exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_asks_the_program(shell: str) -> None:
    script = run("completion", shell).stdout
    assert f"_RELIK_ML_COMPLETE={shell}_complete" in script
    asked = os.environ | {"_RELIK_ML_COMPLETE": "bash_complete", "COMP_WORDS": "relik-ml comp", "COMP_CWORD": "1"}
    code = 'from relik_ml.cli import main; main(prog_name="relik-ml")'
    found = subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=False)
    assert found.stdout == "plain,completion\n"
