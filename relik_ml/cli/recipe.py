"""``relik-ml recipe``: list the training recipes, read one, take one home, and see what fits a card."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import click

from relik_ml.errors import ConfigError

_ENCODERS = {"retriever", "encoder", "reader"}
"""Fields of a Config."""

_name = click.argument("name", metavar="RECIPE")


@click.group(short_help="List, show, copy and plan the training recipes.")
def command() -> None:
    """List, show and copy the training recipes, and plan their memory.

    \b
    Examples:
      relik-ml recipe list
      relik-ml recipe copy cie_ru
      relik-ml recipe plan cie_ru --memory 24
    """


@command.command("list", short_help="List the recipes, one line each.")
def list_() -> None:
    """List the recipes, one line each.

    \b
    Example:
      relik-ml recipe list
    """
    files = _files()
    for name, path in files.items():
        first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
        click.echo(f"{name:{max(map(len, files))}}  {first}")


@command.command(short_help="Print a recipe.")
@_name
def show(name: str) -> None:
    """Print RECIPE, a name or a file's name.

    \b
    Example:
      relik-ml recipe show el_ru
    """
    click.echo(_file(name).read_bytes().removesuffix(b"\n"))


@command.command(short_help="Copy a recipe into a folder, to be changed.")
@_name
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="The folder; default: this one.")
def copy(name: str, out: Path) -> None:
    """Copy RECIPE into a folder, where it can be changed; a file of that name is left alone.

    \b
    Example:
      relik-ml recipe copy cie_ru --out my-recipes
    """
    from relik_ml.data import atomic_path

    source = _file(name)
    target = out / source.name
    if target.exists():
        raise ConfigError("the file is there already", where=str(target), fix="name another folder with --out")
    with atomic_path(target) as partial:
        partial.write_bytes(source.read_bytes())
    click.echo(f"accelerate launch {target}")


@command.command(short_help="Estimate what of a recipe fits a card.")
@_name
@click.option("--memory", type=click.FloatRange(0, min_open=True), default=24.0, show_default=True, help="GiB.")
@click.option("--tokens", type=click.IntRange(1), default=4096, show_default=True, help="Tokens in a step.")
@click.option("--length", type=click.IntRange(1), default=512, show_default=True, help="Tokens in a sequence.")
@click.option("--lora", type=click.IntRange(1), default=16, show_default=True, help="Rank of LoRA adapters.")
@click.option("--encoder", help="A folder with config.json instead of the recipe's own encoders.")
def plan(name: str, memory: float, tokens: int, length: int, lora: int, encoder: str | None) -> None:
    """Estimate, without a GPU, what each way of training RECIPE's encoders needs and whether a card holds it.

    RECIPE may be a file of yours, too. Weights, gradients and AdamW are counted in float32, what the backward pass
    needs under bf16, all for one encoder at a time. A card needs about 1 GiB more. Every recipe has the flags
    --lora and --gradient-checkpointing; of a step's tokens, --reader-chunk and --chunk-tokens say how many are there
    at once, which is what counts here.

    \b
    Examples:
      relik-ml recipe plan cie_ru
      relik-ml recipe plan retriever_ru --memory 12 --length 256 --lora 8
    """
    from relik_ml.training import table

    own = Path(name)
    config = _defaults(own if own.suffix == ".py" and own.is_file() else _file(name))
    for each in [encoder] if encoder else dict.fromkeys(config):
        click.echo(table(each, memory, tokens, length, lora))


def _files() -> dict[str, Path]:
    """The recipes by name."""
    folder = Path(import_module("relik_ml.recipes").__path__[0])
    return {path.stem: path for path in sorted(folder.glob("[a-z]*.py"))}


def _file(name: str) -> Path:
    """The recipe of a name, or of a file's name."""
    files, stem = _files(), Path(name).stem
    if stem not in files:
        raise ConfigError("no such recipe", got=name, fix=f"one of {', '.join(files)}")
    return files[stem]


def _defaults(path: Path) -> list[str]:
    """The encoders that a recipe's Config names, read off the file: importing it wants accelerate."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    configs = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config"]
    fields = [each for node in configs for each in node.body if isinstance(each, ast.AnnAssign)]
    named = [each.value for each in fields if isinstance(each.target, ast.Name) and each.target.id in _ENCODERS]
    if not named:
        raise ConfigError("the file names no encoder", where=str(path), fix="name one with --encoder")
    return [str(value.value) if isinstance(value, ast.Constant) else "microsoft/mdeberta-v3-base" for value in named]
