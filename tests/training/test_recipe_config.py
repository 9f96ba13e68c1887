"""The configuration of a recipe: presets, YAML files, flags, and what is refused."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import torch

from relik_ml.errors import BROKEN_PIPE, ConfigError
from relik_ml.training import RecipeConfig

RECIPES = {name: import_module(f"relik_ml.recipes.{name}") for name in ("cie_ru", "retriever_ru")}
CIE: Any = RECIPES["cie_ru"]


def parse(*args: object) -> Any:
    return CIE.PRESETS.parse("", [*map(str, args)])


@pytest.mark.parametrize("cuda", [False, True])
def test_the_preset_is_that_of_the_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cuda: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert parse().preset == ("full" if cuda else "small")
    assert capsys.readouterr().out == f"preset {parse().preset}: there is {'a' if cuda else 'no'} CUDA device\n"
    capsys.readouterr()
    assert parse("--preset", "small").window == 192
    assert capsys.readouterr().out == ""


def test_flags_override_the_file_and_that_the_presets(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("preset: small\ntask: re\nwindow: 8\nlearning-rate: 2e-4\nresume: true\ncorpus: a.txt\n", "utf-8")
    found = parse("--config", file, "--window", 9, "--data", "x", "--data", "y", "--no-resume")
    small = parse("--preset", "small", "--task", "re")
    assert (small.window, small.candidates, small.relations, small.num_epochs) == (192, 0, 50, 12)
    assert found == replace(
        small, config=file, window=9, learning_rate=2e-4, corpus=(Path("a.txt"),), data=(Path("x"), Path("y")),
    )  # fmt: skip
    assert parse("--config", file, "--task=el", "--preset=full").relations == 0


@pytest.mark.parametrize(("content", "said"), [
    ("windw: 8\nepochs: 2", "epochs, windw"), ("- 1", "list"), ("a: [", "cannot be read"),
    ("num_epochs: 2.5", "num-epochs"), ("num_epochs: many", "num-epochs"), ("window: true", "window"),
    ("window: 0", "window"), ("resume: 2", "resume"), ("data: {a: b}", "data"), ("data: [1]", "data"),
    ("mentions: no", "mentions"),
])  # fmt: skip
def test_a_wrong_file_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "my.yaml").write_text(content, "utf-8")
    with pytest.raises(ConfigError) as error:
        parse("--preset", "small", "--config", tmp_path / "my.yaml")
    assert said in str(error.value)
    assert "my.yaml" in str(error.value.where)


@pytest.mark.parametrize("name", RECIPES)
def test_every_preset_is_valid_and_every_number_is_bounded(name: str) -> None:
    presets = RECIPES[name].PRESETS
    choices = get_args(get_type_hints(presets.config)["preset"])
    folder = Path(str(RECIPES[name].__file__)).parent / "configs"
    assert all((folder / f"{name}_{choice}.yaml").is_file() for choice in choices)
    for choice in choices:
        config = presets.default({"preset": choice})
        config.validate()
        numbers = [field.name for field in fields(config) if type(getattr(config, field.name)) in (int, float)]
        assert len(numbers) > 12
        for number in numbers:
            for wrong in (-1, float("nan"), float("inf")):
                with pytest.raises(ConfigError) as error:
                    replace(config, **{number: wrong}).validate()
                assert number.replace("_", "-") in str(error.value)


def test_every_file_of_settings_is_valid() -> None:
    for path in (Path(str(CIE.__file__)).parent / "configs").glob("cie_en*.yaml"):
        config = parse("--config", path)
        config.validate()
        assert config.data[0] == Path("data/nerel")


def test_every_field_has_help_and_every_unused_name_is_one() -> None:
    shared = Path(inspect.getfile(RecipeConfig)).read_text("utf-8")
    for name, recipe in RECIPES.items():
        source = shared + Path(str(recipe.__file__)).read_text("utf-8")
        for field in fields(recipe.Config):
            _, _, after = source.partition(f"\n    {field.name}: ")
            assert after.splitlines()[1].startswith('    """'), f"{name}: --{field.name} has no help"
    known = {field.name for field in fields(CIE.Config)}
    assert known >= set().union(*CIE.UNUSED.values()) | CIE.MOVABLE


@pytest.mark.parametrize(("name", "preset"), [
    ("cie_ru", "small"), ("cie_ru", "full"), ("retriever_ru", "small"), ("retriever_ru", "base"),
    ("retriever_ru", "large"),
])  # fmt: skip
def test_every_flag_shows_its_description_and_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, preset: str
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    recipe = RECIPES[name]
    with pytest.raises(SystemExit):
        recipe.PRESETS.parse(recipe.__doc__, ["--preset", preset, "--help"])
    about, *flags = re.split(r"^[│| ] --(?=\w)", capsys.readouterr().out, flags=re.MULTILINE)
    assert "Examples:\n    relik-ml convert nerel" in about
    values = {name.replace("_", "-"): value for name, value in vars(recipe.PRESETS.default({"preset": preset})).items()}
    for flag in (" ".join(flag.replace("│", " ").split()) for flag in flags):
        shown = re.match(r"([\w-]+)\b.*[\w)]\. \((?:default: (.*)|repeatable.*)\)", flag)
        assert shown, flag
        value = values.pop(shown[1])
        assert shown[2] is None or shown[2].strip("'") == str(value), flag
    assert not values


def test_help_into_a_pipe_that_is_closed() -> None:
    command = [sys.executable, "-m", "relik_ml.recipes.cie_ru", "--preset", "small", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (BROKEN_PIPE, b"")


def test_the_command_is_written_without_folders() -> None:
    config = parse(
        "--preset", "small", "--task", "el", "--data", "/home/anna/nerel", "--corpus", "/a/b.txt", "--corpus", "c.txt",
        "--encoder", "/models/e5", "--num-epochs", 2, "--resume", "--checkpoint-steps", 3,
    )  # fmt: skip
    assert CIE.PRESETS.command(config) == (
        "accelerate launch --cpu recipes/cie_ru.py --preset small --task el --data nerel --corpus b.txt --corpus c.txt "
        "--num-epochs 2 --encoder e5"
    )
    assert CIE.PRESETS.command(CIE.Config()) == "accelerate launch recipes/cie_ru.py --preset full --task cie"
