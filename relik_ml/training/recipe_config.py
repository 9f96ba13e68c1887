"""A recipe's configuration: a frozen dataclass, filled from presets, a YAML file and the command line."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
import tyro

from relik_ml.errors import ConfigError, RelikError, leave_quietly
from relik_ml.training.data import EntityTable
from relik_ml.training.optimizer import PeftOptions

Count = Annotated[int, msgspec.Meta(ge=0)]
PositiveInt = Annotated[int, msgspec.Meta(ge=1)]
NonNegative = Annotated[float, msgspec.Meta(ge=0, lt=1e9)]
Positive = Annotated[float, msgspec.Meta(gt=0, lt=1e9)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
"""Types of fields with bounds, which ``RecipeConfig.validate`` checks."""

INTERRUPTION = {"config", "resume", "back", "checkpoint_steps", "tracker"}
"""Fields that do not change the weights."""


@dataclass(frozen=True)
class RecipeConfig:
    """The fields that all recipes have. Each field of a recipe is a flag of its command."""

    config: Path | None = None
    """YAML file of any of these fields, `name: value`; flags override it."""
    data: tuple[Path, ...] = (Path("data/nerel"),)
    """Folder of train.jsonl and dev.jsonl, as `relik-ml convert` writes it; of further folders only train is used."""
    entities: tuple[Path, ...] = ()
    """Entity table (see indexes/jsonl.py), and more to join in; without one only the entities of train are known."""
    skip: str = ""
    """Sources, with commas: entities that no other source lists are left out."""
    derived: str = ""
    """Sources of labels, with commas, whose names were derived by rule."""
    out: Path = Path("runs/recipe")
    """Folder to write."""
    seed: Seed = 1
    """Decides everything that is random."""
    resume: bool = False
    """Continue from the checkpoint of an interrupted run."""
    back: Count = 0
    """With --resume: number of checkpoints to go back from the newest, if that is damaged; two are kept."""
    checkpoint_steps: Count = 500
    """Steps from one checkpoint to the next, besides those at the end of each epoch; 0 writes none."""
    tracker: Literal["none", "tensorboard", "wandb", "clearml"] = "none"
    """Where losses, learning rates and scores on dev are logged; its package must be installed."""
    window: PositiveInt = 128
    """Tokens in a window."""
    stride: PositiveInt = 96
    """Tokens from the start of one window to the next."""
    learning_rate: Positive = 2e-5
    """Largest learning rate."""
    layer_decay: Share = 1.0
    """Factor of the learning rate from each layer of the encoder to the one below."""
    warmup_ratio: Share = 0.05
    """Share of all steps in which the learning rate rises."""
    lora_rank: Count = 0
    """Rank of LoRA adapters, merged when a model is saved; 0 trains all weights."""
    gradient_checkpointing: bool = False
    """Recompute each layer in the backward pass instead of keeping its activations: less memory, more time."""

    @property
    def table(self) -> EntityTable:
        """The entity table."""
        return EntityTable(self.entities, self.skip, self.derived)

    @property
    def peft(self) -> PeftOptions:
        """How encoders are fine-tuned."""
        return PeftOptions(self.lora_rank, self.gradient_checkpointing)

    def validate(self) -> None:
        """Check all fields against each other and against the bounds of their types.

        Raises:
            ConfigError: a number is out of bounds, the stride is longer than the window, or ``back`` lacks ``resume``.
        """
        _convert(asdict(self), type(self), "")
        if self.stride > self.window:
            got = f"--window {self.window} --stride {self.stride}"
            raise ConfigError("the stride is longer than the window", got=got, fix="1 <= stride <= window")
        if self.back and not self.resume:
            raise ConfigError("--back goes with --resume", got=f"--back {self.back}", fix="add --resume")


@dataclass(frozen=True)
class Presets:
    """The presets of a recipe: files ``configs/RECIPE_CHOICE.yaml``, one for each choice of some fields.

    A value is taken from the command line, else from the YAML file of ``--config``, else from the file of a choice
    (the last of ``fields`` first), else from the dataclass. A choice without a file changes nothing.
    """

    recipe: Path
    config: type[Any]
    fields: tuple[str, ...] = ("preset",)
    """The fields that choose a preset."""

    def run(self, train: Callable[[Any], object], doc: str | None, args: Sequence[str] | None = None) -> None:
        """Train with the configuration of a command line. On a `RelikError`, print it and exit with its code.

        It exits quietly if the reader of the output has gone, as ``head`` does after a few lines of the help.
        """
        try:
            train(self.parse(doc, sys.argv[1:] if args is None else args))
        except RelikError as error:
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(error.exit_code) from None
        except BrokenPipeError:
            leave_quietly()

    def parse(self, doc: str | None, args: Sequence[str]) -> Any:
        """The configuration of a command line. Wrong usage exits with 2.

        Raises:
            ConfigError: a YAML file cannot be read, or has unknown names or wrong values.
        """
        early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        for name in ("config", *self.fields):
            early.add_argument(f"--{name}")
        flags = {name: value for name, value in vars(early.parse_known_args(args)[0]).items() if value is not None}
        file = read_yaml(Path(flags["config"]), self.config) if "config" in flags else {}
        choices = {name: {**file, **flags}[name] for name in self.fields if name in {**file, **flags}}
        if "preset" not in choices and "full" in get_args(get_type_hints(self.config)["preset"]):
            choices["preset"] = _preset_of_device()
        default = replace(self.default(choices), **file)
        # tyro would append to the default of an option that can be repeated.
        words = {word.partition("=")[0].replace("_", "-") for word in args}
        emptied = {name: () for name in _repeatable(self.config) if f"--{name.replace('_', '-')}" in words}
        plain = doc and doc.replace("\n::\n\n", "\nExamples:\n").replace("``", "`")
        return tyro.cli(
            self.config, args=args, default=replace(default, **emptied), description=plain,
            config=(tyro.conf.UseAppendAction,),
        )  # fmt: skip

    def default(self, choices: Mapping[str, Any]) -> Any:
        """The configuration that the files of some choices give."""
        values: dict[str, Any] = {}
        for name in self.fields:
            path = self.recipe.parent / "configs" / f"{self.recipe.stem}_{choices.get(name)}.yaml"
            values |= read_yaml(path, self.config) if path.is_file() else {}
        known = {name: value for name, value in choices.items() if value in get_args(get_type_hints(self.config)[name])}
        return self.config(**{**values, **known})

    def changed(self, config: Any) -> dict[str, Any]:
        """The fields in which a configuration differs from its presets."""
        preset = self.default({name: getattr(config, name) for name in self.fields})
        values = {field.name: getattr(config, field.name) for field in fields(config)}
        return {name: value for name, value in values.items() if value != getattr(preset, name)}

    def command(self, config: Any) -> str:
        """The command that gives this configuration, without the fields of ``INTERRUPTION`` and parents of paths."""
        options = {name: getattr(config, name) for name in self.fields} | self.changed(config)
        words = [word for name, value in options.items() if name not in INTERRUPTION for word in _words(name, value)]
        return f"accelerate launch {'--cpu ' * (config.preset == 'small')}recipes/{self.recipe.name} {' '.join(words)}"


def refuse_unused(given: Mapping[str, Any], unused: Iterable[str], choice: str) -> None:
    """Raise ConfigError if options are given that a preset or task ignores."""
    if found := [" ".join(_words(name, given[name])) for name in given if name in unused]:
        fix = "leave them out, or choose another preset or task"
        raise ConfigError(f"{choice} does not use these options", got=", ".join(found), fix=fix)


def read_yaml(path: Path, config: type[Any]) -> dict[str, Any]:
    """The fields of a configuration that a YAML file sets.

    Raises:
        ConfigError: the file cannot be read, or it has unknown names or values of another type.
    """
    import yaml

    fix = "write `name: value` lines, the names as --help has them"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        got = str(error).splitlines()[0]
        raise ConfigError("the configuration cannot be read", where=str(path), got=got, fix=fix) from None
    if not isinstance(found, dict):
        raise ConfigError("the configuration holds no names", where=str(path), got=type(found).__name__, fix=fix)
    values = {str(name).replace("-", "_"): value for name, value in found.items() if value is not None}
    if unknown := sorted(values.keys() - {field.name for field in fields(config)}):
        raise ConfigError("the configuration has unknown names", where=str(path), got=", ".join(unknown), fix=fix)
    single = {name for name in _repeatable(config) if isinstance(values.get(name), str)}
    values = {name: [value] if name in single else value for name, value in values.items()}
    converted = _convert(values, config, str(path))
    return {name: getattr(converted, name) for name in values}


def _convert(values: Mapping[str, Any], config: type[Any], where: str) -> Any:
    """Make a configuration; each value is checked against the type and the bounds of its field."""
    try:
        return msgspec.convert(values, config, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        got, _, name = str(error).rstrip("`").rpartition(" - at `$.")
        where, fix = f"{where} --{name.replace('_', '-')}".strip(), "correct it; in YAML quote words such as 'no'"
        raise ConfigError("the configuration has a value that does not fit", where=where, got=got, fix=fix) from None


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise ValueError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def _repeatable(config: type[Any]) -> list[str]:
    return [field.name for field in fields(config) if isinstance(field.default, tuple)]


def _preset_of_device() -> str:
    import torch

    preset, reason = ("full", "a CUDA device") if torch.cuda.is_available() else ("small", "no CUDA device")
    print(f"preset {preset}: there is {reason}")
    return preset


def _words(name: str, value: Any) -> list[str]:
    """An option as written on the command line; of a path, or an encoder given as an absolute path, only the name."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    values = value if isinstance(value, tuple) else (value,)
    named = (each if isinstance(each, Path) or Path(str(each)).is_absolute() else None for each in values)
    return [f"--{flag} {Path(path).name if path else each}" for path, each in zip(named, values, strict=True)]
