"""A recipe's frozen Config as flags of its command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import click

Command = Callable[..., None]


def flags(config: type[Any], **choices: list[str]) -> Callable[[Command], Command]:
    """An option for each field of a dataclass whose fields all have defaults; ``choices`` limits some of them.

    An option that is not given is None, or an empty tuple, so that presets can stand between it and the default.
    """

    def add(command: Command) -> Command:
        for field in reversed(fields(config)):
            name = "--" + field.name.replace("_", "-")
            if isinstance(field.default, bool):
                command = click.option(f"{name}/--no-{name[2:]}", default=None)(command)
                continue
            kind = click.Choice(choices[field.name]) if field.name in choices else _kind(field)
            command = click.option(name, type=kind, multiple=isinstance(field.default, tuple))(command)
        return command

    return add


def _kind(field: Field[Any]) -> click.ParamType[Any]:
    if field.default is None or field.default is MISSING or isinstance(field.default, (Path, tuple)):
        return click.Path(path_type=Path)
    return click.types.convert_type(type(field.default))


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value not in (None, ())}


def changed(config: Any, preset: Any) -> dict[str, Any]:
    """The fields in which a Config differs from the one that it started from."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    return {name: value for name, value in values.items() if value != getattr(preset, name)}


def written(values: dict[str, Any]) -> str:
    """Options as they were written; of paths the name alone, for the rest is one machine's.

    >>> written({"preset": "small", "reader_epochs": 3, "data": Path("/home/anna/nerel"), "encoder": "/models/e5"})
    '--preset small --reader-epochs 3 --data nerel --encoder e5'
    """
    parts = []
    for name, value in values.items():
        if isinstance(value, bool):
            parts.append(f"--{'' if value else 'no-'}{name.replace('_', '-')}")
            continue
        for each in value if isinstance(value, tuple) else (value,):
            parts.append(f"--{name.replace('_', '-')} {_named(each)}")
    return " ".join(parts)


def _named(value: Any) -> Any:
    """A path, or an encoder that is given as an absolute one, by its name; anything else as it is."""
    path = value if isinstance(value, Path) else Path(str(value))
    return path.name if path is value or path.is_absolute() else value
