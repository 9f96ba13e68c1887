"""What is installed is what stands in the tree, and the wheel holds nothing else."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import relik_ml
from tests.house.conftest import MAPPED

MODEL_LIMIT = 70 * 1000**2
INSTALLED_LIMIT = 400 * 1000**2
MODEL_SUFFIXES = (".safetensors", ".onnx", ".json", ".blocks", ".md")
# What is installed besides Python files.
DATA = re.compile(r"/pretrained/|/schemes/|/(view|serve)/assets/|/names/.*[.]txt$|^recipes/configs/")


def name(requirement: str) -> str:
    """The package that a requirement names."""
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0].lower()


def test_packages_are_those_of_the_tree(root: Path, pyproject: dict[str, Any]) -> None:
    inits = {path.parent for folder in ("relik_ml", *MAPPED) for path in (root / folder).rglob("__init__.py")}
    packages = {".".join(path.relative_to(root).parts) for path in inits}
    packages = {f"relik_ml.{package}" if package in MAPPED else package for package in packages}
    assert set(pyproject["tool"]["setuptools"]["packages"]) == packages
    assert {path.parent for path in (root / "relik_ml").rglob("*.py")} <= inits, "a folder has no __init__.py"


def test_base_dependencies_stay_small(pyproject: dict[str, Any]) -> None:
    base = {name(requirement) for requirement in pyproject["project"]["dependencies"]}
    known = "click msgspec numpy onnxruntime py3langid pymorphy3 razdel rich safetensors tokenizers tqdm"
    assert base == set(known.split())


def closure(needs: Iterable[str]) -> set[str]:
    """The packages that these requirements install, dependencies of dependencies included."""
    found: set[str] = set()
    waiting = [*needs]
    while waiting:
        need = waiting.pop()
        package = name(need)
        if package not in found and "extra ==" not in need:
            found.add(package)
            with suppress(metadata.PackageNotFoundError):  # a marker that does not apply here
                waiting += metadata.requires(package) or ()
    return found


def test_the_base_installation_is_small(root: Path, pyproject: dict[str, Any]) -> None:
    """Without torch, and with the embedded models at most 400 MB."""
    packages = closure(pyproject["project"]["dependencies"])
    assert {"numpy", "onnxruntime", "huggingface-hub"} <= packages
    assert not packages & {"torch", "transformers"}
    size = sum(path.stat().st_size for path in (root / "relik_ml").rglob("*") if path.is_file())
    for package in packages:
        with suppress(metadata.PackageNotFoundError):
            files = metadata.files(package) or ()
            size += sum(path.stat().st_size for file in files if (path := Path(str(file.locate()))).is_file())
    assert size <= INSTALLED_LIMIT


def test_faiss_is_an_extra_of_its_own(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    assert {extra for extra, needs in extras.items() if "faiss-" in str(needs)} <= {"faiss", "gpu", "dev"}


def test_every_dependency_is_pinned(root: Path, pyproject: dict[str, Any]) -> None:
    pins = re.findall(r"^([\w.-]+)==(.+)$", (root / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    project = pyproject["project"]
    wanted = sum(project["optional-dependencies"].values(), project["dependencies"])
    assert {name(need) for need in wanted} <= {package.lower() for package, _ in pins}
    assert all(re.fullmatch(r"[\w.]+", version) for _, version in pins), "a pin carries a local version"


def test_the_public_names() -> None:
    assert relik_ml.__all__ == [
        "Argument", "Document", "Entry", "Fact", "Link", "LinkCandidate", "Mention", "MinScores", "Relik", "RelikError",
        "Span", "Triple", "__version__", "load_converter", "load_index", "to_frame",
    ]  # fmt: skip
    assert set(relik_ml.__all__) <= set(dir(relik_ml))
    assert all(getattr(relik_ml, public).__doc__ for public in relik_ml.__all__)
    with pytest.raises(AttributeError, match="torch"):
        relik_ml.__getattr__("torch")


def test_versions_agree(root: Path) -> None:
    assert f"## [{relik_ml.__version__}]" in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {relik_ml.__version__}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")


def test_the_embedded_model_is_small_and_only_data(root: Path) -> None:
    files = [path for path in (root / "relik_ml" / "pretrained").rglob("*") if path.is_file()]
    if not files:
        pytest.skip("relik_ml/pretrained holds no model")
    assert sum(path.stat().st_size for path in files) <= MODEL_LIMIT
    assert [path.name for path in files if not path.name.endswith(MODEL_SUFFIXES)] == []
    assert any(path.suffix == ".md" for path in files), "the model has no card"


def test_the_wheel_holds_all_of_relik_ml_and_nothing_else(root: Path, tmp_path: Path) -> None:
    """Built offline from a copy of the sources with things beside them that must stay out."""
    expected = {"relik_ml/py.typed"}
    for folder in ("relik_ml", *MAPPED):
        ignored = shutil.ignore_patterns("__pycache__")
        for path in Path(shutil.copytree(root / folder, tmp_path / folder, ignore=ignored)).rglob("*"):
            relative = path.relative_to(tmp_path).as_posix()
            if path.is_file() and (path.suffix == ".py" or DATA.search(relative)):
                expected.add(relative if folder == "relik_ml" else f"relik_ml/{relative}")
    for file in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(root / file, tmp_path / file)
    for stray in ("tests", "docs", "data"):
        (tmp_path / stray).mkdir()
        (tmp_path / stray / "__init__.py").touch()
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", "out", "."]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (tmp_path / "out").glob("*.whl")
    wheel = zipfile.ZipFile(built)
    info = f"relik_ml-{relik_ml.__version__}.dist-info/"
    held = set(wheel.namelist())
    assert {path for path in held if not path.startswith(info)} == expected
    assert {f"{info}licenses/LICENSE", f"{info}licenses/NOTICE"} <= held
    assert "relik-ml = relik_ml.cli:main" in wheel.read(f"{info}entry_points.txt").decode()
    assert "License-Expression: Apache-2.0" in wheel.read(f"{info}METADATA").decode()
