"""A Config as flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from relik_ml.training.flags import changed, flags, given, written


@dataclass(frozen=True)
class Config:
    size: str = "small"
    data: Path = Path("data")
    table: Path | None = None
    texts: tuple[Path, ...] = ()
    reader_epochs: int = 3
    rate: float = 0.5


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    seen: dict[str, Any] = {}

    @click.command()
    @flags(Config, size=["small", "large"])
    def command(**values: Any) -> None:
        seen.update(values)

    return CliRunner().invoke(command, arguments).exit_code, seen


def test_nothing_given_is_nothing_so_that_presets_can_stand_between() -> None:
    code, values = run()
    assert code == 0
    assert values.keys() == {"size", "data", "table", "texts", "reader_epochs", "rate"}
    assert given(values) == {}


def test_what_is_given_has_its_type() -> None:
    paths = ("--data", "d", "--table", "t", "--texts", "a", "--texts", "b")
    code, values = run("--size", "large", *paths, "--reader-epochs", "0", "--rate", "0")
    assert code == 0
    config = Config(**given(values))
    assert config == Config("large", Path("d"), Path("t"), (Path("a"), Path("b")), 0, 0.0)
    assert changed(config, Config(rate=0.0)) == {
        "size": "large", "data": Path("d"), "table": Path("t"), "texts": (Path("a"), Path("b")), "reader_epochs": 0,
    }  # fmt: skip
    assert changed(Config(), Config()) == {}


@pytest.mark.parametrize("options", ["--size huge", "--reader-epochs x", "--rate x", "--nothing 1"])
def test_wrong_usage(options: str) -> None:
    assert run(*options.split())[0] == 2


def test_a_command_is_written_without_one_machines_folders() -> None:
    values = {"data": Path("/home/anna/nerel"), "texts": (Path("/a/b.txt"), Path("c.txt")), "reader_epochs": 2}
    assert written(values) == "--data nerel --texts b.txt --texts c.txt --reader-epochs 2"
