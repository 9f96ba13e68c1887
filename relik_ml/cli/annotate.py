"""``relik-ml annotate``: find mentions, links and facts in texts.

A run to one output is a chain of iterators: inputs → documents → model → tally → output. The output is opened before
the first document is read, and the model is loaded after that, so that errors of reading and writing come before any
computation. Only the current documents are held in memory. A run to a folder is in `relik_ml.corpus`.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from math import isnan
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from relik_ml.cli._input_files import InputSet
from relik_ml.config import CANDIDATES, MinScores
from relik_ml.corpus import ENGINES, PROCESSES, annotate_corpus, model_checksum
from relik_ml.data import STDIN, Fields, document_line, write_documents
from relik_ml.errors import ConfigError, OutputError
from relik_ml.shards import FORMATS, CorpusConfig, ModelSource, Tally, use_one_thread
from relik_ml.types import Document

if TYPE_CHECKING:
    from relik_ml import Relik

SCORE = click.FloatRange(0, 1)
BACKEND = click.Choice(["onnx", "int8", "torch"])

Write = Callable[[Iterable[Document]], object]
"""Writes a stream of documents."""

PAGE = ".html"
FOLDER_OPTIONS = ("engine", "jobs", "resume", "format", "shard_size", "fail_fast")
FOLDER_USAGE = (
    "--engine, --jobs, --resume, --format, --shard-size and --fail-fast need a folder as --out. A folder takes no "
    "--view, --color and --skip-bad: bad documents are recorded and skipped."
)


def _probability(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and isnan(value):
        raise click.BadParameter("nan is not between 0 and 1")
    return value


@click.command(short_help="Find mentions, their Wikidata links and the facts that a text states.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--lang", default="", help="Language of what does not state its own; default: it is detected.")
@click.option("--text-field", default="text", show_default=True, help="Field or column that holds the text.")
@click.option("--id-field", default="id", show_default=True, help="Field or column of the id, if there is one.")
@click.option("--out", type=click.Path(), help="Write to this file, to - or, in shards, to FOLDER/; see below.")
@click.option("--model", metavar="MODEL", help="A folder, `fast` or a name on Hugging Face; default: `accurate`.")
@click.option("--index", type=click.Path(path_type=Path), help="A folder, or `embedded`; default: the model's own.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--backend", type=BACKEND, help="What computes; default: onnx, or torch for a model without graphs.")
@click.option("--precision", "profile", flag_value="precision", help="Make fewer errors, and find less.")
@click.option(
    "--balanced",
    "profile",
    flag_value="balanced",
    default="balanced",
    help="The model as it is; the default.",
)
@click.option("--recall", "profile", flag_value="recall", help="Find more, with more errors.")
@click.option(
    "--min-score", type=SCORE, default=0.0, show_default=True, callback=_probability,
    help="Leave out mentions and facts with a lower score; a link with a lower score becomes unknown.",
)  # fmt: skip
@click.option("--min-mention-score", type=SCORE, callback=_probability, help="The same for mentions only.")
@click.option("--min-link-score", type=SCORE, callback=_probability, help="The same for links only.")
@click.option("--min-fact-score", type=SCORE, callback=_probability, help="The same for facts only.")
@click.option(
    "--candidates", type=click.IntRange(0, CANDIDATES),
    help=f"Write so many candidates of each link, with their scores; default: 0, and {CANDIDATES} for a page.",
)  # fmt: skip
@click.option("--keep-mentions", is_flag=True, help="Link and relate only the mentions of .jsonl documents.")
@click.option("--view/--no-view", default=None, help="Print a readable view; default: on a terminal without --out.")
@click.option("--full", is_flag=True, help="In the view: the whole text and all its facts, also of long texts.")
@click.option("--all-facts", is_flag=True, help="In the view: also denied, repeated and obvious facts.")
@click.option("--color/--no-color", default=None, help="Colours in the view; default: on a terminal, unless NO_COLOR.")
@click.option("--skip-bad", is_flag=True, help="Skip and count bad files, and texts in other languages.")
@click.option("--engine", type=click.Choice(ENGINES), help="Folder: processes of this machine (default), or a cluster.")
@click.option("--jobs", type=click.IntRange(1), help="Folder: processes or Ray actors; default: one for each core.")
@click.option("--resume", is_flag=True, default=None, help="Folder: go on with an interrupted run.")
@click.option("--format", type=click.Choice(FORMATS), help="Folder: default: jsonl.zst, or jsonl without zstd.")
@click.option("--shard-size", type=click.FloatRange(0), help="Folder: megabytes of input in a shard; default: 1.")
@click.option("--fail-fast", is_flag=True, default=None, help="Folder: stop at the first bad document.")
def command(inputs: tuple[str, ...], out: str | None, lang: str, skip_bad: bool, **options: Any) -> None:
    """Find mentions, their Wikidata links and the facts that Russian text states.

    INPUT is a text (.txt, or .html, .md or .docx, whose text is extracted), JSON Lines (.jsonl: documents, whose
    annotation is replaced, or any objects with a field `text`), a table (.csv, .tsv, .parquet) with a column `text`,
    a folder (all of these in it) or a quoted pattern, or - for standard input: a text or JSON Lines. All but .parquet
    may be compressed. The output is JSON Lines, or a readable view on a terminal. By its extension --out may also be a
    page (.html) or a format of `relik-ml export` (.csv, .ttl, .graphml and others).

    With a folder as --out (it ends in /, exists, or one of the options marked Folder is given) a large corpus is
    annotated in shards by several processes. Bad documents are recorded in bad.jsonl and skipped, and --resume goes
    on after an interruption.

    \b
    Examples:
      relik-ml annotate --lang ru article.txt
      relik-ml annotate articles/ --out articles.jsonl
      relik-ml annotate articles/ --out report.html
      relik-ml annotate news.csv --text-field body --id-field url --out news.jsonl
      relik-ml annotate "news/*.jsonl.gz" --out annotated/ --jobs 4 --resume
      echo "Анна Ахматова родилась в Одессе." | relik-ml annotate --view -
    """
    if out == STDIN and not options["view"]:
        out, options["view"] = None, False
    if options["candidates"] is None:
        options["candidates"] = CANDIDATES if out and out.endswith(PAGE) else 0
    folder = {name: value for name in FOLDER_OPTIONS if (value := options.pop(name)) is not None}
    if folder or (out and (out.endswith("/") or Path(out).is_dir())):
        if not out or skip_bad or options["view"] is not None or options["color"] is not None:
            raise click.UsageError(FOLDER_USAGE)
        tally = _annotate_folder(inputs, Path(out), lang, options, folder)
    else:
        found = InputSet.find(inputs, lang, _fields(options), skip_bad)
        tally = _annotate_stream(found, Path(out) if out else None, options)
    click.echo(str(tally), err=True)


def _fields(options: Mapping[str, Any]) -> Fields:
    return Fields(options["text_field"], options["id_field"], options["keep_mentions"])


def _min_scores(options: Mapping[str, Any]) -> MinScores:
    """For each kind its own option, or else that for all."""
    own = {kind: options[f"min_{kind}_score"] for kind in ("mention", "link", "fact")}
    return replace(
        MinScores.of(options["min_score"]), **{kind: score for kind, score in own.items() if score is not None}
    )


def _annotate_stream(found: InputSet, out: Path | None, options: Mapping[str, Any]) -> Tally:
    """Annotate in one process, to a file or to standard output."""
    write = _output(out, options)
    if out and out.resolve() in {Path(source.path).resolve() for source in found.found}:
        raise ConfigError("the output is also an input", where=str(out), fix="write to another file")
    tally = Tally()
    shown = bool(out) or not sys.stdout.isatty()  # on a terminal the output shows the progress
    write(_progress(_annotated(found, options, tally), found.total, shown))
    tally.notes["skipped"] = found.skipped
    return tally


def _annotate_folder(
    inputs: Sequence[str], out: Path, lang: str, options: Mapping[str, Any], folder: Mapping[str, Any]
) -> Tally:
    """Annotate in several processes, into a folder of shards."""
    use_one_thread()  # before numpy and torch are imported
    from relik_ml.data import installed
    from relik_ml.pipeline import model_folder

    device, index = options["device"], options["index"]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    config = CorpusConfig(
        lang, options["text_field"], options["id_field"], _min_scores(options), options["candidates"],
        options["keep_mentions"],
        options["profile"], folder.get("format") or ("jsonl.zst" if installed("backports.zstd") else "jsonl"),
        round(1e6 * folder.get("shard_size", 1)),
    )  # fmt: skip
    checksum = model_checksum(model_folder(options["model"]), index)
    model = ModelSource(partial(load, options), checksum, device, options["backend"])
    engine, jobs = folder.get("engine", PROCESSES), folder.get("jobs")
    if engine == PROCESSES:
        jobs = jobs or (1 if device == "cuda" else cores or 1)
    go_on = {"resume": folder.get("resume", False), "fail_fast": folder.get("fail_fast", False)}
    return annotate_corpus(inputs, out, config, model, jobs=jobs, engine=engine, **go_on)


def load(options: Mapping[str, Any]) -> Relik:
    """The model of the options. ModelError when it is missing, damaged or does not fit the index."""
    gc.disable()  # loading leaves no garbage, and looking for it takes a tenth of the time
    try:
        from relik_ml import Relik

        chosen = {name: options[name] for name in ("index", "device", "backend")}
        relik = Relik.from_pretrained(options["model"], **chosen)
    finally:
        gc.enable()
    if options["profile"] != "balanced":
        relik = relik.with_profile(options["profile"])
    gc.freeze()  # the model is never garbage, and scanning it would take a third of the time of retrieval
    return relik


def _annotated(inputs: InputSet, options: Mapping[str, Any], tally: Tally) -> Iterator[Document]:
    documents = inputs.documents()
    first = next(documents)
    relik = load(options)
    annotate = relik.describe if options["keep_mentions"] else relik.annotate
    started = perf_counter()
    wanted = {"min_score": _min_scores(options), "candidates": options["candidates"]}
    readable = inputs.in_languages(chain([first], documents), relik.settings.languages)
    for document in annotate(readable, **wanted):
        tally.add(document)
        yield document
    tally.seconds = perf_counter() - started


def _output(out: Path | None, options: Mapping[str, Any]) -> Write:
    wants_view = options["view"]
    if out and wants_view:
        raise click.UsageError("--out writes JSON Lines and --view prints: give one of them.")
    if out:
        return partial(_write_as, out=out)
    if wants_view or (wants_view is None and sys.stdout.isatty()):
        wanted = {"hidden": options["all_facts"], "full": options["full"]}
        return partial(_print_views, wants_color=options["color"], wanted=wanted)
    return lambda documents: _print(document_line(document, "the output") for document in documents)


def _write_as(documents: Iterable[Document], out: Path) -> None:
    """Write a page, the format of an exporter, or JSON Lines, by the extension of the file."""
    from relik_ml.cli.export import write_export
    from relik_ml.cli.view import write_page
    from relik_ml.export import EXPORTERS

    formats = {each.suffix: each for each in EXPORTERS.values() if each.suffix not in ("", ".jsonl")}
    if out.suffix == PAGE:
        write_page(list(documents), out, title=out.stem)
    elif out.suffix in formats:
        write_export(documents, out, formats[out.suffix])
    else:
        write_documents(documents, path=out)


def _print_views(documents: Iterable[Document], wants_color: bool | None, wanted: Mapping[str, bool]) -> None:
    """Print the view of each document, and in the end the legend in the language of the last one."""
    able = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    width, encoding = shutil.get_terminal_size().columns, sys.stdout.encoding or "utf-8"
    views = _views(documents, {"color": able if wants_color is None else wants_color, "width": width}, wanted)
    _print(f"{text}\n\n".encode(encoding, "backslashreplace") for text in views)


def _views(documents: Iterable[Document], look: Mapping[str, Any], wanted: Mapping[str, bool]) -> Iterator[str]:
    from relik_ml.view import legend, render

    shown: set[str] = set()
    lang = "ru"
    for document in documents:
        yield (text := render(document, **look, **wanted))
        shown.update(text)
        lang = document.lang
    if signs := legend(shown, lang, **look):
        yield signs


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
