"""``relik-ml convert NAME``: convert a corpus to JSON Lines, one file for each split, with a report of all repairs."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from relik_ml.data import Report, StrictReport, TolerantReport
from relik_ml.errors import ConfigError, CorpusNotFound, OutputError
from relik_ml.plugins import CONVERTERS, Converter, LineConverter, load_converter, names

_path = click.Path(path_type=Path)


class Converters(click.Group):
    """A group with a subcommand for each installed converter."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all converters."""
        return names(CONVERTERS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a converter, even if it does not load. None when there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        try:
            return _command(load_converter(cmd_name))
        except ConfigError as error:
            return _broken(cmd_name, error)


@click.group(cls=Converters)
def command() -> None:
    """Convert a corpus to JSON Lines, one document a line.

    \b
    Examples:
      relik-ml convert nerel
      relik-ml convert nerel --source ~/NEREL --split dev --out data/nerel
    """


def _broken(name: str, error: ConfigError) -> click.Command:
    """A command that raises ``error``, so that one broken package does not hide the other converters."""

    def fail(**_: Any) -> None:
        raise error

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, context_settings=anything, short_help="(does not load)", callback=fail)


def _command(converter: Converter) -> click.Command:
    name, fetchable = converter.name, converter.archive is not None
    text = (
        f"Convert {name} to OUT/SPLIT.jsonl, with OUT/report.json on all repairs.\n\n"
        f"Licence of the corpus: {converter.licence}.\n\n{converter.citation}\n\n\b\nExample:\n"
        f"  relik-ml convert {name} {'' if fetchable else '--source DIR '}--out data/{name}"
    )
    source = f"Folder or file of the corpus{'; default: the cache or a download.' if fetchable else '.'}"
    options = [
        click.Option(["--source"], type=_path, required=not fetchable, help=source),
        click.Option(
            ["--split", "splits"], type=click.Choice(converter.splits), multiple=True,
            help="Convert only this split; may be repeated. Default: all splits.",
        ),
        click.Option(["--out"], type=_path, default=Path("data", name), show_default=True, help="Output folder."),
        click.Option(["--strict"], is_flag=True, help="Stop at the first defect instead of repairing it."),
        click.Option(["--skip-bad"], is_flag=True, help="Skip and count documents that cannot be read."),
        click.Option(
            ["--relations"], type=click.Choice(["corpus", "properties", "nerel"]), default="corpus", show_default=True,
            help="Names of relations: those of the corpus; their Wikidata properties, where they have one; or NEREL's "
            "names of these properties.",
        ),
        *(_option(field, getattr(converter, field), help) for field, help in converter.options.items()),
    ]  # fmt: skip
    if isinstance(converter, LineConverter):
        help = "Processes that share the work; the output does not depend on it."
        workers = click.Option(["--workers"], type=click.IntRange(min=1), default=1, show_default=True, help=help)
        options.append(workers)
    short = converter.citation
    return click.Command(name, params=list(options), help=text, short_help=short, callback=partial(_convert, converter))


def _option(field: str, default: Any, help: str) -> click.Option:
    """The option for a field of a converter: a flag, or a value of the default's type."""
    flag = f"--{field.replace('_', '-')}"
    if isinstance(default, bool):
        return click.Option([flag, field], is_flag=True, help=help)
    return click.Option([flag, field], type=type(default), default=default, show_default=True, help=help)


def _convert(
    converter: Converter, source: Path | None, splits: tuple[str, ...], out: Path, relations: str, strict: bool,
    skip_bad: bool, workers: int = 1, **fields: Any,
) -> None:  # fmt: skip
    from relik_ml.cli._stream import Job, converted
    from relik_ml.data import write_lines

    if strict and skip_bad:
        raise click.UsageError("give --strict or --skip-bad, not both")
    converter = replace(converter, **fields)
    source = source or _fetched(converter)
    present = converter.locate(source)
    _refuse_own_corpus(present, out)
    reports: dict[str, Report] = {}
    for split in _wanted(converter, splits, present, source):
        report = reports[split] = StrictReport() if strict else TolerantReport() if skip_bad else Report()
        job = Job(converter, source, split, present[split], names=_names_of_properties(relations))
        with _bar(present[split]) as reached:
            written = write_lines(converted(job, report, workers, reached), out / f"{split}.jsonl")
        click.echo(f"{out / split}.jsonl: {f'{written:,}' if written else 'no'} documents", err=True)
        click.echo("".join(f"  {line}\n" for line in report.table().splitlines()), err=True, nl=False)
    record = {
        "converter": converter.name,
        "source": str(source),
        "licence": converter.licence,
        "options": {"relations": relations, "strict": strict, "skip_bad": skip_bad},
        "switches": {name: value for name, value in fields.items() if isinstance(value, bool)},
        "settings": {name: value for name, value in fields.items() if not isinstance(value, bool)},
        "pinned": {split: _pinned(converter, split, present[split]) for split in reports},
        "splits": {split: report.json() for split, report in reports.items()},
        "total": sum(reports.values(), Report()).json(),
    }
    write_lines([json.dumps(record, ensure_ascii=False, indent=1).encode() + b"\n"], out / "report.json")


def _names_of_properties(relations: str) -> Mapping[str, str] | None:
    from relik_ml.scheme import NEREL

    return {"corpus": None, "properties": {}, "nerel": NEREL.named}[relations]


def _refuse_own_corpus(present: Mapping[str, Path], out: Path) -> None:
    """OutputError when the output folder is the corpus folder: the output could replace or join the input."""
    for path in present.values():
        if out.resolve() == (path if path.is_dir() else path.parent).resolve():
            fix = "give another folder as --out"
            raise OutputError("the corpus itself lies in the output folder", where=str(out), got=str(path), fix=fix)


@contextmanager
def _bar(path: Path) -> Iterator[Callable[[int], object]]:
    """A progress bar on a terminal, for a corpus that is one file."""
    from tqdm import tqdm

    total = path.stat().st_size if path.is_file() else None
    silent = total is None or not sys.stderr.isatty()
    with tqdm(total=total, desc=path.name, unit="B", unit_scale=True, file=sys.stderr, disable=silent) as bar:
        yield lambda position: bar.update(position - bar.n)


def _wanted(converter: Converter, splits: tuple[str, ...], present: Mapping[str, Path], source: Path) -> list[str]:
    missing = [split for split in splits or converter.splits if split not in present]
    if missing and splits:
        fix = f"choose from: {', '.join(present)}"
        raise CorpusNotFound("a split is not there", where=str(source), got=", ".join(missing), fix=fix)
    if missing:
        click.echo(f"not in {source}, so not converted: {', '.join(missing)}", err=True)
    return [split for split in converter.splits if split in present and split in (splits or converter.splits)]


def _fetched(converter: Converter) -> Path:
    from tqdm import tqdm

    from relik_ml.data import cache_folder, cached, fetch

    archive = converter.archive
    assert archive is not None, "--source is required where there is no archive"
    cache = cache_folder(os.environ)
    if folder := cached(converter.name, archive, cache):
        return folder
    click.echo(f"{archive.notice}\nDownloading {archive.url} to {cache}", err=True)
    with tqdm(desc="downloading", unit="B", unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

        def show(size: int, total: int | None) -> None:
            bar.total = total
            bar.update(size)

        return fetch(converter.name, archive, cache, show)


def _pinned(converter: Converter, split: str, folder: Path) -> bool:
    """Whether a split is byte by byte the version that the converter was written for."""
    from relik_ml.data import content_checksum

    archive = converter.archive
    return archive is not None and folder.is_dir() and content_checksum(folder) == archive.checksums.get(split)
