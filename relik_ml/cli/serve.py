"""``relik-ml serve``: annotate over HTTP, with a web page."""

from functools import partial
from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)
COUNT = click.IntRange(1)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--model", metavar="MODEL", help="A folder, `fast` or a name on Hugging Face; default: `accurate`.")
@click.option("--index", type=PATH, help="An index folder, or `embedded`; default: the model's own.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--backend", type=click.Choice(["onnx", "int8", "torch"]), help="What computes; see annotate.")
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Processes, each with its own model.")
@click.option("--api-key", envvar="RELIK_ML_API_KEY", help="Key that clients must send in X-API-Key.")
@click.option("--cors", multiple=True, metavar="ORIGIN", help="Accept pages of this origin; may be repeated.")
@click.option("--max-body", type=COUNT, default=1 << 20, show_default=True, help="Maximum bytes of a request.")
@click.option("--max-characters", type=COUNT, default=100_000, show_default=True, help="Maximum characters of a text.")
@click.option("--max-texts", type=COUNT, default=32, show_default=True, help="Maximum texts of a request.")
@click.option("--queue", type=COUNT, default=128, show_default=True, help="Maximum texts that wait for the model.")
@click.option("--together", type=COUNT, default=32, show_default=True, help="Maximum texts in a batch for the model.")
@click.option("--streams", type=COUNT, default=8, show_default=True, help="Maximum streams at the same time.")
@click.option("--timeout", type=click.FloatRange(0.1), default=30.0, show_default=True, help="Seconds for a request.")
@click.option("--store", type=PATH, help="Folder of a graph store: adds its page at /graph, and SPARQL at /sparql.")
@click.option(
    "--sparql-seconds", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Seconds for a query."
)
@click.option("--sparql-bytes", type=COUNT, default=16 << 20, show_default=True, help="Maximum bytes of its answer.")
@click.option("--sparql-memory", type=COUNT, default=1 << 30, show_default=True, help="Maximum bytes that it takes.")
def command(
    host: str, port: int, model: str | None, index: Path | None, device: str, backend: Any, workers: int,
    store: Path | None, **config: Any,
) -> None:  # fmt: skip
    """Annotate texts over HTTP: JSON at /annotate, JSON Lines at /stream, NIF at /nif, a page at /.

    Needs the extra relik-ml[serve]. Ctrl+C or SIGTERM ends the service after the requests in progress.

    \b
    Examples:
      relik-ml serve
      relik-ml serve --store kg
      relik-ml serve --host 0.0.0.0 --port 80 --workers 2 --cors https://example.org
    """
    from relik_ml import Relik
    from relik_ml.data import load_extra

    service = load_extra("relik_ml.serve.app", "serve")
    load = partial(Relik.from_pretrained, model, index=index, device=device, backend=backend)
    service.serve(load, service.ServiceConfig(**config), host, port, workers, store)
