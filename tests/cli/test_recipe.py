"""``relik-ml recipe``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relik_ml.cli import main

NAMES = ["cie_ru", "el_ru", "re_ru", "retriever_ru"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["recipe", *map(str, arguments)])


def test_list_has_a_line_each() -> None:
    lines = run("list").output.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize("name", ["cie_ru", "recipes/cie_ru.py"])
def test_show_prints_the_file(root: Path, name: str) -> None:
    assert run("show", name).output == (root / "recipes" / "cie_ru.py").read_text("utf-8")


def test_copy_writes_it_once(root: Path, tmp_path: Path) -> None:
    first = run("copy", "el_ru", "--out", tmp_path / "mine")
    assert first.output == f"accelerate launch {tmp_path / 'mine' / 'el_ru.py'}\n"
    assert (tmp_path / "mine" / "el_ru.py").read_bytes() == (root / "recipes" / "el_ru.py").read_bytes()
    again = run("copy", "el_ru", "--out", tmp_path / "mine")
    assert again.exit_code == 7
    assert "--out" in again.output


def test_plan_of_a_tiny_encoder(checkpoints: Path) -> None:
    found = run("plan", "cie_ru", "--encoder", checkpoints / "mdeberta", "--tokens", 200, "--length", 100)
    assert found.exit_code == 0, found.output
    assert "2 x 100 tokens" in found.output
    assert found.output.count(": fits") == 4


def test_plan_of_a_file_of_ones_own(checkpoints: Path, tmp_path: Path) -> None:
    """Copied and changed, it is not planned as the recipe of its name."""
    own = tmp_path / "retriever_ru.py"
    own.write_text(f'class Config:\n    encoder: str = "{(checkpoints / "xlmr").as_posix()}"\n', "utf-8")
    found = run("plan", own, "--tokens", 200, "--length", 100)
    assert found.exit_code == 0, found.output
    assert [line.partition(":")[0] for line in found.output.splitlines() if "tokens a step" in line] == [
        (checkpoints / "xlmr").as_posix()
    ]
    own.write_text("pass\n", "utf-8")
    assert run("plan", own).exit_code == 7


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_plan_of_the_published_encoders(name: str) -> None:
    found = run("plan", name)
    assert found.exit_code == 0, found.output
    assert ("microsoft/mdeberta-v3-base" in found.output) is (name != "retriever_ru")
    assert "intfloat/multilingual-e5" in found.output


def test_what_is_not_there() -> None:
    found = run("show", "de_ru")
    assert found.exit_code == 7
    assert "cie_ru, el_ru" in found.output
