"""``relik-ml annotate``: find mentions, links and facts in texts.

The run is a chain of iterators: inputs → documents → model → tally → output. The output is opened before the first
document is read, and the model is loaded after that, so that errors of reading and writing come before any computation.
Only the current documents are held in memory.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from math import isnan
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from relik_ml.cli._input_files import InputSet
from relik_ml.data import document_line, write_documents
from relik_ml.errors import ConfigError, OutputError
from relik_ml.types import Document

if TYPE_CHECKING:
    from relik_ml import Relik

BACKEND = click.Choice(["onnx", "int8", "torch"])

Write = Callable[[Iterable[Document]], object]
"""Writes a stream of documents."""


@dataclass(slots=True)
class Tally:
    """Counts of what a run has read and found; ``seconds`` is the time without loading the model."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, document: Document) -> None:
        """Count an annotated document. Words are separated by white space."""
        self.counts.update(mention.link.status for mention in document.mentions)
        sizes = {"mention": len(document.mentions), "triple": len(document.triples)}
        self.counts.update({"document": 1, "word": len(document.text.split()), **sizes})
        dropped = document.meta.get("dropped")  # counts of what the model left out
        for name, count in dropped.items() if isinstance(dropped, Mapping) else ():
            self.notes[f"{name} dropped"] += count if isinstance(count, int) else 0

    def __str__(self) -> str:
        linked, nil = (round(100 * self.counts[it] / max(self.counts["mention"], 1)) for it in ("linked", "nil"))
        read = f"{self._many('document')}, {self._many('word')}"
        found = f"{self._many('mention')} ({linked} % linked, {nil} % NIL), {self._many('triple')}"
        speed = f"{self.seconds:.1f} s, {self.counts['word'] / max(self.seconds, 1e-9):.0f} words/s"
        return "; ".join([f"{read}: {found}", speed, *(f"{n} {name}" for name, n in sorted(self.notes.items()) if n)])

    def _many(self, noun: str) -> str:
        return f"{self.counts[noun]} {noun}{'s' * (self.counts[noun] != 1)}"


def _probability(ctx: click.Context, param: click.Parameter, value: float) -> float:
    if isnan(value):
        raise click.BadParameter("nan is not between 0 and 1")
    return value


@click.command(short_help="Find mentions, their Wikidata links and the facts that a text states.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--lang", default="ru", show_default=True, help="Language of .txt files and of standard input.")
@click.option("--out", type=click.Path(path_type=Path), help="Write JSON Lines here, all or nothing.")
@click.option("--model", type=click.Path(path_type=Path), help="A model folder, or `fast`; default: `accurate`.")
@click.option("--index", type=click.Path(path_type=Path), help="An index folder; default: the model's own.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--backend", type=BACKEND, help="What computes; default: onnx, or torch for a model without graphs.")
@click.option(
    "--min-score", type=click.FloatRange(0, 1), default=0.0, show_default=True, callback=_probability,
    help="Leave out mentions and facts with a lower score.",
)  # fmt: skip
@click.option("--keep-mentions", is_flag=True, help="Link and relate only the mentions of .jsonl documents.")
@click.option("--view/--no-view", default=None, help="Print a readable view; default: on a terminal without --out.")
@click.option("--color/--no-color", default=None, help="Colours in the view; default: on a terminal, unless NO_COLOR.")
@click.option("--skip-bad", is_flag=True, help="Skip and count files that cannot be read.")
def command(inputs: tuple[str, ...], lang: str, skip_bad: bool, **options: Any) -> None:
    """Find mentions, their Wikidata links and the facts that Russian text states.

    INPUT is a .txt file (one document), a .jsonl file (documents, whose annotation is replaced; --keep-mentions
    keeps their mentions), a folder of both, or - for standard input. The output is JSON Lines, or a readable
    view on a terminal.

    \b
    Examples:
      relik-ml annotate --lang ru article.txt
      relik-ml annotate articles/ --out articles.jsonl
      echo "Анна Ахматова родилась в Одессе." | relik-ml annotate --view -
    """
    out = options["out"]
    write = _output(out, options["view"], options["color"])
    found = InputSet.find(inputs, lang, skip_bad)
    if out and out.resolve() in {Path(source.name).resolve() for source in found.found}:
        raise ConfigError("the output is also an input", where=str(out), fix="write to another file")
    if options["keep_mentions"]:
        found.require_documents()
    tally = Tally()
    shown = bool(out) or not sys.stdout.isatty()  # on a terminal the output shows the progress
    write(_progress(_annotated(found.documents(), options, tally), found.total, shown))
    tally.notes.update({"without text": found.blank, f"bad file{'s' * (found.skipped != 1)} skipped": found.skipped})
    click.echo(str(tally), err=True)


def load(options: Mapping[str, Any]) -> Relik:
    """The model of the options. ModelError when it is missing, damaged or does not fit the index."""
    gc.disable()  # loading leaves no garbage, and looking for it takes a tenth of the time
    try:
        from relik_ml import Relik

        chosen = {name: options[name] for name in ("index", "device", "backend")}
        relik = Relik.from_pretrained(options["model"], **chosen)
    finally:
        gc.enable()
    gc.freeze()  # the model is never garbage, and scanning it would take a third of the time of retrieval
    return relik


def _annotated(documents: Iterator[Document], options: Mapping[str, Any], tally: Tally) -> Iterator[Document]:
    first = next(documents)
    relik = load(options)
    annotate = relik.describe if options["keep_mentions"] else relik.annotate
    started = perf_counter()
    for document in annotate(chain([first], documents), min_score=options["min_score"]):
        tally.add(document)
        yield document
    tally.seconds = perf_counter() - started


def _output(out: Path | None, wants_view: bool | None, wants_color: bool | None) -> Write:
    if out and wants_view:
        raise click.UsageError("--out writes JSON Lines and --view prints: give one of them.")
    if out:
        return partial(write_documents, path=out)
    if wants_view or (wants_view is None and sys.stdout.isatty()):
        return partial(_print_views, wants_color=wants_color)
    return lambda documents: _print(document_line(document, "the output") for document in documents)


def _print_views(documents: Iterable[Document], wants_color: bool | None) -> None:
    from relik_ml.plugins import load_index
    from relik_ml.view import render

    able = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    color = able if wants_color is None else wants_color
    entries = load_index("nerel_relations").entries()
    labels = {entry.id: entry.name for entry in entries if entry.kind == "relation" and entry.lang == "ru"}
    width, encoding = shutil.get_terminal_size().columns, sys.stdout.encoding or "utf-8"
    shown = (render(document, labels=labels, color=color, width=width) for document in documents)
    _print(f"{text}\n\n".encode(encoding, "backslashreplace") for text in shown)


def _print(parts: Iterable[bytes]) -> None:
    """Write and flush each part. OutputError when that fails, BrokenPipeError when the reader has closed the pipe."""
    for part in parts:
        try:
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or it would be retried at exit
            got = error.strerror or str(error)
            raise OutputError(
                "cannot write the output", where="standard output", got=got, fix="free disk space"
            ) from None


def _progress(documents: Iterable[Document], total: int | None, shown: bool) -> Iterator[Document]:
    """The same documents, with a progress bar if stderr is a terminal."""
    from tqdm import tqdm

    with tqdm(documents, total=total, unit="doc", file=sys.stderr, disable=None if shown else True) as bar:
        yield from bar
