"""``relik-ml recipe``: list, print and copy the training recipes."""

import ast
from importlib import import_module
from pathlib import Path

import click

from relik_ml.errors import ConfigError


@click.command(short_help="List, print or copy the training recipes.")
@click.argument("name", metavar="RECIPE", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="Copy the recipe and its presets to this folder.")
def command(name: str | None, out: Path | None) -> None:
    """List the training recipes. Print RECIPE, or copy it with --out to change it.

    \b
    Examples:
      relik-ml recipe
      relik-ml recipe cie_ru
      relik-ml recipe cie_ru --out my-recipes
    """
    folder = Path(import_module("relik_ml.recipes").__path__[0])
    files = {path.stem: path for path in sorted(folder.glob("[a-z]*.py"))}
    if name is None:
        for stem, path in files.items():
            first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
            click.echo(f"{stem:{max(map(len, files))}}  {first}")
        return
    if (stem := Path(name).stem) not in files:
        raise ConfigError("no such recipe", got=name, fix=f"one of {', '.join(files)}")
    if out is None:
        click.echo(files[stem].read_bytes().removesuffix(b"\n"))
    else:
        _copy([files[stem], *folder.glob(f"configs/{stem}_*.yaml")], folder, out)
        click.echo(f"accelerate launch -q {out / files[stem].name}")


def _copy(files: list[Path], source: Path, target: Path) -> None:
    """Copy files between folders. ConfigError when one of them exists already."""
    from relik_ml.data import atomic_path

    targets = {path: target / path.relative_to(source) for path in files}
    if there := [path for path in targets.values() if path.exists()]:
        raise ConfigError("the file exists already", where=str(there[0]), fix="name another folder with --out")
    for path, copied in targets.items():
        with atomic_path(copied) as partial:
            partial.write_bytes(path.read_bytes())
