"""``relik-ml serve``: annotate over HTTP, with a page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)
COUNT = click.IntRange(1)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 is every one.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--model", type=PATH, help="A model folder, or `fast`; default: `accurate`.")
@click.option("--index", type=PATH, help="An index folder; default: the model's own.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Processes, each with a model of its own.")
@click.option("--api-key", envvar="RELIK_ML_API_KEY", help="Answer only those who send it in X-API-Key.")
@click.option("--cors", multiple=True, metavar="ORIGIN", help="Let pages of this origin ask; may be repeated.")
@click.option("--max-body", type=COUNT, default=1 << 20, show_default=True, help="Bytes of a request.")
@click.option("--max-characters", type=COUNT, default=100_000, show_default=True, help="Characters of a text.")
@click.option("--max-texts", type=COUNT, default=32, show_default=True, help="Texts of a request.")
@click.option("--queue", type=COUNT, default=128, show_default=True, help="Texts that may wait for the model.")
@click.option("--together", type=COUNT, default=32, show_default=True, help="Texts given to the model at once.")
@click.option("--timeout", type=click.FloatRange(0.1), default=30.0, show_default=True, help="Seconds for a request.")
def command(
    host: str, port: int, model: Path | None, index: Path | None, device: str, workers: int, **config: Any
) -> None:
    """Annotate texts over HTTP: JSON at /annotate, NIF at /nif, a page at /.

    Needs the extra relik-ml[serve]. Ctrl+C or SIGTERM finishes what was taken, then ends.

    \b
    Examples:
      relik-ml serve
      relik-ml serve --host 0.0.0.0 --port 80 --workers 2 --cors https://example.org
    """
    from relik_ml.errors import ConfigError

    try:
        from relik_ml import Relik
        from relik_ml.serve import ServiceConfig, serve
    except ModuleNotFoundError as error:
        fix = 'pip install "relik-ml[serve]"'
        raise ConfigError("a package of the service is not installed", got=error.name or "", fix=fix) from None
    load = partial(Relik.from_pretrained, model, index=index, device=device)
    serve(load, ServiceConfig(**config), host, port, workers)
