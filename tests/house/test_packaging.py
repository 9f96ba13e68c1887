"""What is installed is what stands in the tree, and the wheel holds nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import relik_ml

MAPPED = ("converters", "indexes", "recipes")
MODEL_LIMIT = 70 * 1000**2
MODEL_SUFFIXES = (".safetensors", ".json", ".jsonl", ".json.xz", ".jsonl.xz", ".md")
OFFICIAL = Path(relik_ml.__file__).parent / "pretrained"


def name(requirement: str) -> str:
    """The package that a requirement names."""
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0].lower()


def packages_in_tree(root: Path) -> set[str]:
    """Dotted names of all folders that hold Python files."""
    core = {".".join(path.parent.relative_to(root).parts) for path in (root / "relik_ml").rglob("*.py")}
    return core | {f"relik_ml.{folder}" for folder in MAPPED}


def test_packages_list_matches_the_tree(root: Path, pyproject: dict[str, Any]) -> None:
    assert set(pyproject["tool"]["setuptools"]["packages"]) == packages_in_tree(root)


def test_every_package_has_an_init(root: Path, pyproject: dict[str, Any]) -> None:
    setup = pyproject["tool"]["setuptools"]
    for package in setup["packages"]:
        folder = root / setup["package-dir"].get(package, package.replace(".", "/"))
        assert (folder / "__init__.py").is_file(), f"{package} has no __init__.py"


@pytest.mark.parametrize("folder", MAPPED)
def test_mapped_folders_refuse_their_bare_name(root: Path, folder: str) -> None:
    bare = subprocess.run(
        [sys.executable, "-c", f"import {folder}"], cwd=root, capture_output=True, text=True, check=False
    )
    assert bare.returncode == 1
    assert f"relik_ml.{folder}" in bare.stderr


def test_base_dependencies_stay_small(pyproject: dict[str, Any]) -> None:
    base = {name(requirement) for requirement in pyproject["project"]["dependencies"]}
    assert base == {"click", "msgspec", "numpy", "pymorphy3", "razdel", "safetensors", "tokenizers", "torch", "tqdm"}


def test_faiss_is_never_a_base_dependency(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    holders = {extra for extra, needs in extras.items() if any(name(need).startswith("faiss") for need in needs)}
    assert holders == {"faiss", "dev"}


def test_every_dependency_is_pinned(root: Path, pyproject: dict[str, Any]) -> None:
    pinned = {}
    for line in (root / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            package, _, version = line.partition("==")
            pinned[package.lower()] = version
    project = pyproject["project"]
    wanted = sum(project["optional-dependencies"].values(), project["dependencies"])
    assert {name(need) for need in wanted} <= set(pinned)
    assert all(re.fullmatch(r"[\w.]+", version) for version in pinned.values()), "a pin carries a local version"


def test_public_names_are_these() -> None:
    assert relik_ml.__all__ == [
        "Document", "Entry", "Link", "Mention", "Relik", "RelikError", "Span", "Triple",
        "__version__", "load_converter", "load_index",
    ]  # fmt: skip


@pytest.mark.parametrize("public", relik_ml.__all__)
def test_public_names_exist_and_are_documented(public: str) -> None:
    value = getattr(relik_ml, public)
    assert public == "__version__" or value.__doc__
    assert public in dir(relik_ml)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'torch'"):
        relik_ml.__getattr__("torch")


def test_versions_agree(root: Path) -> None:
    assert f"## [{relik_ml.__version__}]" in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {relik_ml.__version__}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")


def embedded() -> list[Path]:
    """The files of the embedded model; skips where there is none yet."""
    files = [path for path in OFFICIAL.rglob("*") if path.is_file()]
    if not files:
        pytest.skip("relik_ml/pretrained holds no model")
    return files


def test_the_embedded_model_is_small() -> None:
    assert sum(path.stat().st_size for path in embedded()) <= MODEL_LIMIT


def test_the_embedded_model_is_data_only() -> None:
    odd = [path.name for path in embedded() if not path.name.endswith(MODEL_SUFFIXES)]
    assert not odd, f"safetensors, JSON and a model card only: {odd}"
    assert any(path.suffix == ".md" for path in embedded()), "the model has no card"


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built offline from a copy of the sources with things beside them that must stay out."""
    copy = tmp_path_factory.mktemp("sources")
    for folder in ("relik_ml", *MAPPED):
        shutil.copytree(root / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(root / file, copy / file)
    for stray in ("tests", "docs", "data"):
        (copy / stray).mkdir()
        (copy / stray / "__init__.py").touch()
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", "out", "."]
    done = subprocess.run(build, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (copy / "out").glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_only_relik_ml(wheel: zipfile.ZipFile) -> None:
    tops = {path.partition("/")[0] for path in wheel.namelist()}
    assert tops == {"relik_ml", f"relik_ml-{relik_ml.__version__}.dist-info"}


def test_the_wheel_holds_all_of_relik_ml(wheel: zipfile.ZipFile, root: Path) -> None:
    expected = {"relik_ml/py.typed"}
    for folder in ("relik_ml", *MAPPED):
        target = "" if folder == "relik_ml" else "relik_ml/"
        for path in (root / folder).rglob("*"):
            relative = path.relative_to(root).as_posix()
            data = re.search("/pretrained/|/view/assets/", relative) or (folder == "indexes" and path.suffix == ".json")
            if path.is_file() and (data or path.suffix == ".py") and "__pycache__" not in path.parts:
                expected.add(target + relative)
    assert {path for path in wheel.namelist() if path.startswith("relik_ml/")} == expected


def test_the_wheel_carries_its_licence_and_command(wheel: zipfile.ZipFile) -> None:
    info = f"relik_ml-{relik_ml.__version__}.dist-info"
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= set(wheel.namelist())
    assert "relik-ml = relik_ml.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert "License-Expression: Apache-2.0" in wheel.read(f"{info}/METADATA").decode()
