"""``relik-ml annotate``: texts in, documents with mentions, links and facts out.

The run is a chain of iterators, pulled by whatever writes: inputs → documents → model → tally → output. The
output is opened first and the model loaded when the first document is pulled, so a run that cannot
write stops before it computes, and nothing but the current documents is kept in memory.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import click

from relik_ml.cli._inputs import Input, Refuse, Survey, find, survey
from relik_ml.data import document_line, write_documents
from relik_ml.errors import ConfigError, DataError, OutputError
from relik_ml.types import Document
from relik_ml.view.terminal import Paint, ansi, plain, view

MANY = 5


class Annotator(Protocol):
    """What this command needs of ``relik_ml.Relik``."""

    def annotate(self, documents: Iterable[Document], *, min_score: float = 0.0) -> Iterator[Document]:
        """The documents with what the model found in them, in order, and with nothing else."""

    def describe(self, documents: Iterable[Document], *, min_score: float = 0.0) -> Iterator[Document]:
        """The documents with their own mentions, and the links and facts that the model found for these."""


class Find(Protocol):
    """One of an annotator's two methods."""

    def __call__(self, documents: Iterable[Document], *, min_score: float = 0.0) -> Iterator[Document]:
        """The documents with what was found, in order."""


Load = Callable[[], Find]
"""Loads a model and says what of it to use."""
Write = Callable[[Iterable[Document], int], object]
"""Pulls the documents, of which there are so many, and writes them."""


@dataclass(slots=True)
class Tally:
    """What a run has read and found so far; ``seconds`` leaves out loading the model."""

    documents: int = 0
    words: int = 0
    mentions: int = 0
    linked: int = 0
    nil: int = 0
    triples: int = 0
    seconds: float = 0.0
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, document: Document) -> None:
        """Count one annotated document. Words are what blanks separate."""
        statuses = [mention.link.status for mention in document.mentions]
        self.documents += 1
        self.words += len(document.text.split())
        self.mentions += len(statuses)
        self.linked += statuses.count("linked")
        self.nil += statuses.count("nil")
        self.triples += len(document.triples)
        self.dropped.update(_dropped(document))

    def __str__(self) -> str:
        share = [round(100 * count / max(self.mentions, 1)) for count in (self.linked, self.nil)]
        read = f"{_many(self.documents, 'document')}, {_many(self.words, 'word')}"
        found = f"{_many(self.mentions, 'mention')} ({share[0]} % linked, {share[1]} % NIL)"
        speed = self.words / max(self.seconds, 1e-9)
        return f"{read}: {found}, {_many(self.triples, 'triple')}; {self.seconds:.1f} s, {speed:.0f} words/s"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _dropped(document: Document) -> dict[str, int]:
    """What the model says in ``meta["dropped"]`` it could not read or keep of a document: names with counts."""
    dropped = document.meta.get("dropped")
    return {name: n for name, n in dropped.items() if isinstance(n, int)} if isinstance(dropped, Mapping) else {}


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
@click.option(
    "--min-score", type=click.FloatRange(0, 1), default=0.0, show_default=True, callback=_probability,
    help="Leave out what the model is less sure of.",
)  # fmt: skip
@click.option("--keep-mentions", is_flag=True, help="Only link and relate the mentions that .jsonl documents have.")
@click.option("--view/--no-view", default=None, help="Print a readable view; default: on a terminal without --out.")
@click.option("--color/--no-color", default=None, help="Colours in the view; default: on a terminal, unless NO_COLOR.")
@click.option("--skip-bad", is_flag=True, help="Leave out files that cannot be read, and count them.")
def command(
    inputs: tuple[str, ...], lang: str, skip_bad: bool, min_score: float, keep_mentions: bool, **options: Any
) -> None:
    """Find mentions, their Wikidata links and the facts that Russian text states.

    INPUT is a .txt file (one document), a .jsonl file (documents; their annotation is replaced, but with
    --keep-mentions their mentions stay), a folder of both, or - for standard input. The output is JSON Lines;
    on a terminal it is a readable view.

    \b
    Examples:
      relik-ml annotate --lang ru article.txt
      relik-ml annotate articles/ --out articles.jsonl
      echo "Анна Ахматова родилась в Одессе." | relik-ml annotate --view -
    """
    write = _output(options["out"], options["view"], options["color"])
    found = find(inputs, sys.stdin.buffer.read)
    _refuse_overwriting(options["out"], [source.name for source in found])
    if keep_mentions:
        _refuse_texts(found)
    refuse: Refuse = _warn if skip_bad else _stop
    surveyed = survey(found, lang, refuse)

    def load() -> Find:
        annotator = load_annotator(options)
        return annotator.describe if keep_mentions else annotator.annotate

    tally = run(surveyed, lang, load, min_score, write)
    _report(surveyed, tally)


def load_annotator(options: Mapping[str, Any]) -> Annotator:
    """The model that the options name. ModelError when it is missing, damaged or does not fit the index."""
    from relik_ml.pipeline import Relik

    relik = Relik.from_pretrained(options["model"], index=options["index"], device=options["device"])
    gc.freeze()  # the model lives as long as the command: looking for garbage in it costs a third of retrieval
    return relik


def run(surveyed: Survey, lang: str, load: Load, min_score: float, write: Write) -> Tally:
    """Annotate all documents of the inputs, hand them to ``write`` one by one, and count what was found."""
    tally = Tally()
    documents = (document for source in surveyed.inputs for document in source.documents(lang))
    write(_annotated(documents, load, min_score, tally), surveyed.documents)
    return tally


def _annotated(documents: Iterable[Document], load: Load, min_score: float, tally: Tally) -> Iterator[Document]:
    find_in = load()
    started = perf_counter()
    for document in find_in(documents, min_score=min_score):
        tally.add(document)
        yield document
    tally.seconds = perf_counter() - started


# Outputs


def _output(out: Path | None, wants_view: bool | None, wants_color: bool | None) -> Write:
    if out and wants_view:
        raise click.UsageError("--out writes JSON Lines and --view prints: give one of them.")
    if out:
        return lambda documents, total: write_documents(_progress(documents, total), out)
    if wants_view or (wants_view is None and sys.stdout.isatty()):
        return lambda documents, total: _print_views(_beside(documents, total), _paint(wants_color))
    return lambda documents, total: _print_lines(_beside(documents, total))


def _print_lines(documents: Iterable[Document]) -> None:
    for document in documents:
        _put(document_line(document, "the output"))


def _print_views(documents: Iterable[Document], paint: Paint) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    width = shutil.get_terminal_size().columns
    labels = _relation_names()
    for document in documents:
        text = view(document, labels=labels, paint=paint, width=width)
        _put(f"{text}\n\n".encode(encoding, "backslashreplace"))


def _put(data: bytes) -> None:
    """Write to stdout at once. OutputError when that fails, except for a pipe that its reader has closed."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter tries again as it ends
        got = error.strerror or str(error)
        raise OutputError("cannot write the output", where="standard output", got=got, fix="make room") from None


def _paint(wants_color: bool | None) -> Paint:
    """Colours as asked for, else only on a terminal that can show them and whose owner has not said no."""
    able = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    return ansi if (able if wants_color is None else wants_color) else plain


def _relation_names() -> dict[str, str]:
    from relik_ml.plugins import load_index

    entries = load_index("nerel_relations").entries()
    return {entry.id: entry.name for entry in entries if entry.kind == "relation" and entry.lang == "ru"}


def _beside(documents: Iterable[Document], total: int) -> Iterable[Document]:
    """Progress beside an output on stdout: none if that is a terminal, where the output itself shows it."""
    return documents if sys.stdout.isatty() else _progress(documents, total)


def _progress(documents: Iterable[Document], total: int) -> Iterator[Document]:
    """The same documents, with a bar if stderr is a terminal."""
    from tqdm import tqdm

    with tqdm(documents, total=total, unit="doc", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        yield from bar


# Messages


def _refuse_overwriting(out: Path | None, names: list[str]) -> None:
    if out and out.resolve() in {Path(name).resolve() for name in names}:
        raise ConfigError("the output is also an input", where=str(out), fix="write to another file or folder")


def _refuse_texts(found: Iterable[Input]) -> None:
    for source in found:
        if source.is_text:
            fix = "name .jsonl documents alone, or leave out --keep-mentions"
            raise ConfigError("a plain text has no mentions to keep", where=source.name, fix=fix)


def _stop(error: DataError) -> None:
    raise error


def _warn(error: DataError) -> None:
    click.echo(f"skipped: {error}", err=True)


def _report(surveyed: Survey, tally: Tally) -> None:
    for id in surveyed.blank[:MANY]:
        click.echo(f"warning: no text in document {id!r}", err=True)
    extras = [f"{len(surveyed.blank)} without text"] * bool(surveyed.blank)
    extras += [f"{_many(surveyed.skipped, 'bad file')} skipped"] * bool(surveyed.skipped)
    extras += [f"{count} {name} dropped" for name, count in sorted(tally.dropped.items())]
    click.echo("; ".join([str(tally), *extras]), err=True)
