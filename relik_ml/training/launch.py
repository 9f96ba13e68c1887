"""How a recipe is started: its frozen Config from flags, a YAML file, a preset and its own defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, fields
from datetime import timedelta
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Any

import click
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, set_seed

from relik_ml.errors import ConfigError, RelikError
from relik_ml.training.checkpoint import identity
from relik_ml.training.data import splits
from relik_ml.training.flags import changed, flags, given, written
from relik_ml.training.run import Stages
from relik_ml.training.settings import Presets

INTERRUPTION = {"resume", "back", "checkpoint", "tracker"}
"""Fields of a Config that change no weight."""
TRACKERS = ["none", "tensorboard", "wandb", "clearml"]

_KINDS = {"NO", "MULTI_CPU", "MULTI_GPU", "MULTI_XPU", "MULTI_NPU"}
"""Of accelerate's ways to run, those in which every process holds the whole model."""
_SEVERAL = {"WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE"}
"""One of these is set where there really are several processes."""
_PATIENCE = timedelta(days=1)
"""For as long the others wait for the first, which measures and builds the index alone."""


def recipe(
    doc: str | None, config: type[Any], presets: Presets, main: Callable[[Any], object], **choices: list[str]
) -> click.Command:
    """The command of a recipe. Flags go before ``--config``, that before the preset, that before the defaults.

    Without ``--preset`` a recipe that has ``full`` and ``small`` takes the one for the device that there is.
    """
    default = str(next(field.default for field in fields(config) if field.name == "preset"))

    def run(**values: Any) -> None:
        named = given(values)
        preset = named.get("preset") or (_for_device() if {"full", "small"} <= presets.keys() else default)
        try:
            main(config(**{**presets[preset], **named}))
        except RelikError as error:
            click.echo(f"error: {error}", err=True)
            raise SystemExit(error.exit_code) from None

    run = flags(config, preset=list(presets), tracker=TRACKERS, **choices)(run)
    file = click.option(
        "--config", type=click.Path(path_type=Path), is_eager=True, expose_value=False, callback=_read, metavar="FILE",
        help="YAML: `name: value` for any of the fields.",
    )  # fmt: skip
    return click.command(help=doc)(file(run))


def _for_device() -> str:
    """The preset for the device that there is, which is printed."""
    import torch

    preset, reason = ("full", "a CUDA device") if torch.cuda.is_available() else ("small", "no CUDA device")
    click.echo(f"preset {preset}: there is {reason}")
    return preset


def accelerated(config: Any, precision: str | None = None) -> Accelerator:
    """The accelerator of a run that is repeatable by its seed, with its tracker; all processes have begun by then.

    Raises:
        ConfigError: accelerate was asked for what the recipe does not run as, or for processes that it did not start;
            or the package of the tracker is not installed.
    """
    trackers = [] if config.tracker == "none" else [config.tracker]
    for name in trackers:
        if find_spec(name) is None:
            raise ConfigError("the tracker is not installed", got=f"--tracker {name}", fix=f"pip install {name}")
    if environ.keys() >= {"ACCELERATE_DYNAMO_BACKEND", "MASTER_ADDR"} and not environ.keys() & _SEVERAL:
        fix = "ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes N, see docs/guides/train.md"
        raise ConfigError("accelerate starts one process on a CPU, whatever --num_processes says", fix=fix)
    set_seed(config.seed)
    waiting = InitProcessGroupKwargs(timeout=_PATIENCE)
    logs = config.out.with_name(config.out.name + ".logs")
    accelerator = Accelerator(
        mixed_precision=precision, kwargs_handlers=[waiting], log_with=trackers or None, project_dir=logs
    )
    if (kind := accelerator.distributed_type.value) not in _KINDS:
        fix = "one process, or several that hold the whole model each: accelerate launch --multi_gpu"
        raise ConfigError("the recipes do not shard a model", got=str(kind), fix=fix)
    if trackers:
        accelerator.init_trackers(config.out.name, {name: str(value) for name, value in asdict(config).items()})
    return accelerator


def stage_states(config: Any, movable: Set[str], names: tuple[str, ...], files: Sequence[Path | None]) -> Stages:
    """The states of a recipe's run, beside its ``--out``; it is known by its documents and by other ``files``, too.

    Raises:
        ConfigError: there is nothing to resume, or something that was to be resumed.
        DataError: the data cannot be read.
    """
    folder, back = config.out.with_name(config.out.name + ".checkpoint"), config.back if config.resume else None
    return Stages(folder, identity(config, movable, [*splits(config.data), *files]), names, config.checkpoint, back)


def written_out(name: str, config: Any, presets: Presets) -> str:
    """The command that a recipe was started with, but for what is about interruptions."""
    options = {"preset": config.preset, **changed(config, type(config)(**presets[config.preset]))}
    kept = {name: value for name, value in options.items() if name not in INTERRUPTION}
    return f"accelerate launch {'--cpu ' * (config.preset == 'small')}recipes/{name}.py {written(kept)}"


def _read(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Let a YAML file say what is taken where a flag is not given."""
    if path is None:
        return
    options = {str(param.name): param for param in context.command.params if param.name != "config"}
    try:
        values = _parsed(path, options)
    except RelikError as error:
        click.echo(f"error: {error}", err=True)
        context.exit(error.exit_code)
    several = {name for name, value in values.items() if options[name].multiple and not isinstance(value, list)}
    context.default_map = {name: [value] if name in several else value for name, value in values.items()}


def _parsed(path: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    import yaml

    fix = "write `name: value` lines, the names as --help has them"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        got = str(error).splitlines()[0]
        raise ConfigError("the configuration cannot be read", where=str(path), got=got, fix=fix) from None
    if not isinstance(found, dict):
        raise ConfigError("the configuration holds no names", where=str(path), got=type(found).__name__, fix=fix)
    values = {str(name).replace("-", "_"): value for name, value in found.items()}
    if unknown := sorted(values.keys() - options.keys()):
        raise ConfigError("the configuration has unknown names", where=str(path), got=", ".join(unknown), fix=fix)
    values = {name: value for name, value in values.items() if value is not None}
    if wrong := [f"{name}: {value}" for name, value in values.items() if not _fits(options[name], value)]:
        fix = "whole numbers where --help says INTEGER, true or false for switches, quotes around words such as 'no'"
        raise ConfigError("the configuration has other values than fit", where=str(path), got=", ".join(wrong), fix=fix)
    return values


def _fits(option: Any, value: Any) -> bool:
    """Whether a value of YAML is of an option's kind; click would cut 2.5 down to 2, and take true for 1."""
    if option.is_flag:
        return isinstance(value, bool)
    kinds = {click.INT: (int, str), click.FLOAT: (int, float, str)}.get(option.type, (str,))
    several = value if option.multiple and isinstance(value, list) else [value]
    return all(isinstance(each, kinds) and not isinstance(each, bool) for each in several)
