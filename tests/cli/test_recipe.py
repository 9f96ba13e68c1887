"""``relik-ml recipe``."""

from pathlib import Path

import pytest

from tests.cli.conftest import refused, run


def test_without_a_name_it_lists_the_recipes() -> None:
    lines = run("recipe").output.splitlines()
    assert [line.split()[0] for line in lines] == ["cie_ru", "retriever_ru"]
    assert all(line.endswith(".") for line in lines)
    refused(run("recipe", "de_ru"), 7, "cie_ru, retriever_ru")


@pytest.mark.parametrize("name", ["cie_ru", "recipes/cie_ru.py"])
def test_it_prints_the_file(root: Path, name: str) -> None:
    assert run("recipe", name).output == (root / "recipes" / "cie_ru.py").read_text("utf-8")


def test_it_copies_recipe_and_presets_once(root: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    assert run("recipe", "cie_ru", "--out", mine).output == f"accelerate launch -q {mine / 'cie_ru.py'}\n"
    for name in ("cie_ru.py", "configs/cie_ru_small.yaml", "configs/cie_ru_re.yaml"):
        assert (mine / name).read_bytes() == (root / "recipes" / name).read_bytes()
    refused(run("recipe", "cie_ru", "--out", mine), 7, "--out")
