"""``relik-ml bundle``: model folders, what they contain and graphs for ONNX Runtime."""

from pathlib import Path

import click


@click.group(short_help="Describe a model folder, or prepare it for ONNX Runtime.")
def command() -> None:
    """Describe model folders, and prepare them for ONNX Runtime.

    \b
    Examples:
      relik-ml bundle info
      relik-ml bundle onnx runs/cie
    """


@command.command(short_help="Add graphs for ONNX Runtime to a model folder.")
@click.argument("model", type=click.Path(path_type=Path))
def onnx(model: Path) -> None:
    """Add graphs to the folder MODEL, so that it can be used without torch.

    The graphs refer to the weights, which stay where they are. Needs the extra relik-ml[train].

    \b
    Example:
      relik-ml bundle onnx runs/cie
    """
    from relik_ml.bundle import write_onnx

    write_onnx(model)
    click.echo(model)


@command.command(short_help="Say what a model folder contains.")
@click.argument("model", required=False)
def info(model: str | None) -> None:
    """Describe MODEL: a folder, `fast`, a name on the Hugging Face Hub, or without it the default model.

    \b
    Examples:
      relik-ml bundle info
      relik-ml bundle info runs/cie
    """
    from relik_ml.bundle import describe
    from relik_ml.pipeline import model_folder

    for name, value in describe(model_folder(model)).items():
        click.echo(f"{name:<12} {value}")
