"""``relik-ml export FORMAT``: write documents in the formats of other tools."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from relik_ml.errors import ConfigError
from relik_ml.export import EXPORTERS, Exporter
from relik_ml.types import Document

PATH = click.Path(path_type=Path)
FORMATS = "\n".join(f"  {exporter.name:10}{exporter.help}" for exporter in EXPORTERS.values())


@contextmanager
def _output(out: Path, exporter: Exporter) -> Iterator[Path]:
    """The file or folder to write. It gets its name, or goes to standard output, when it is complete."""
    from relik_ml.data import STDIN, atomic_folder, atomic_path

    if str(out) != STDIN:
        with (atomic_path if exporter.suffix else atomic_folder)(out) as path:
            yield path
    elif not exporter.suffix:
        raise click.UsageError(f"{exporter.name} is written to a folder: name one.")
    else:
        with TemporaryDirectory() as folder:
            yield (path := Path(folder, "out"))
            click.echo(path.read_bytes(), nl=False)


@click.command(epilog=f"\b\nFormats:\n{FORMATS}")
@click.argument("format", type=click.Choice(list(EXPORTERS)), metavar="FORMAT")
@click.argument("inputs", nargs=-1, required=True, type=PATH, metavar="INPUT...")
@click.option("--out", type=PATH, required=True, help="Output file, or - for stdout; for brat and neo4j a new folder.")
@click.option("--base", metavar="IRI", help="IRI prefix of documents, for turtle, ntriples and jsonld.")
def command(format: str, inputs: tuple[Path, ...], out: Path, base: str | None) -> None:
    """Write documents (JSON Lines) in the format of another tool.

    What a format cannot hold is left out, and counted on standard error. Only jsonld and utf16 hold meta and
    annotated. Writing is atomic.

    \b
    Examples:
      relik-ml export csv out.jsonl --out facts.csv
      relik-ml export turtle out.jsonl --out out.ttl --base https://texts.example/
      relik-ml export brat data/nerel/dev.jsonl --out brat
    """
    from relik_ml.data import read_documents

    exporter = EXPORTERS[format]
    if base is not None and not exporter.takes_base:
        raise click.UsageError(f"{format} has no option --base.")
    if out.resolve() in {path.resolve() for path in inputs}:
        raise ConfigError("the output is also an input", where=str(out), fix="write to another file")
    documents = chain.from_iterable(map(read_documents, inputs))
    write_export(documents, out, exporter, **({} if base is None else {"base": base}))


def write_export(documents: Iterable[Document], out: Path, exporter: Exporter, **options: str) -> None:
    """Write documents in a format, and to standard error what it left out."""
    with _output(out, exporter) as partial:
        counts = exporter.write(documents, partial, **options)
    left_out = "; meta and annotated left out" * bool(exporter.leaves_out)
    click.echo(f"{out}: {counts.pop('documents', 0):,} documents{left_out}", err=True)
    for what, number in counts.items():
        click.echo(f"  {what:60}{number:>10,}", err=True)
