"""``relik-ml convert NAME``: a corpus into JSON Lines, one file a split, with a report of every repair."""

from __future__ import annotations

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
from relik_ml.plugins import CONVERTERS, Converter, LineConverter, Settable, load_converter, names

RELATIONS = {"corpus": "as_they_are", "properties": "properties"}


class Converters(click.Group):
    """A group with one subcommand for each converter that is installed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all converters."""
        return names(CONVERTERS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a converter, also of one that does not load; None when there is none of that name."""
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
    """A command that tells why it cannot run: one broken package shall not hide all other converters."""

    def fail(**_: Any) -> None:
        raise error

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, context_settings=anything, short_help="(does not load)", callback=fail)


def _command(converter: Converter) -> click.Command:
    folder = click.Path(path_type=Path)
    switches = [click.Option([_flag(name), name], is_flag=True, help=text) for name, text in converter.switches.items()]
    options: list[click.Parameter] = [
        _source(converter),
        click.Option(
            ["--split", "splits"], type=click.Choice(converter.splits), multiple=True,
            help="Only this split; may be given again. Without it, all that are there.",
        ),
        click.Option(["--out"], type=folder, default=Path("data", converter.name), show_default=True, help="Folder."),
        click.Option(["--strict"], is_flag=True, help="Stop at the first defect in place of repairing and counting."),
        click.Option(["--skip-bad"], is_flag=True, help="Leave out documents that cannot be read, and count them."),
        click.Option(
            ["--relations"], type=click.Choice(RELATIONS.keys()), default="corpus", show_default=True,
            help="Names of relations: the corpus' own, or the Wikidata property of each that has one.",
        ),
        *switches,
        *_settings(converter),
        *_workers(converter),
    ]  # fmt: skip
    text = (
        f"Convert {converter.name} to OUT/SPLIT.jsonl, with OUT/report.json on everything repaired.\n\n"
        f"Licence of the corpus: {converter.licence}.\n\n{converter.citation}\n\n\b\nExample:\n"
        f"  relik-ml convert {converter.name} {'' if converter.archive else '--source DIR '}--out data/{converter.name}"
    )
    return click.Command(converter.name, params=options, help=text, callback=partial(_convert, converter))


def _source(converter: Converter) -> click.Parameter:
    fetched = "; without it, the cache or a download." if converter.archive else ": a folder or a file of it."
    text = f"Where the corpus lies{fetched}"
    return click.Option(["--source"], type=click.Path(path_type=Path), required=not converter.archive, help=text)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _settings(converter: Converter) -> list[click.Parameter]:
    """An option for each setting, typed as the field's default."""
    texts = converter.settings if isinstance(converter, Settable) else {}
    made: list[click.Parameter] = []
    for name, text in texts.items():
        default = getattr(converter, name)
        kind = str if default is None else type(default)
        made.append(click.Option([_flag(name), name], type=kind, default=default, show_default=True, help=text))
    return made


def _workers(converter: Converter) -> list[click.Parameter]:
    if not isinstance(converter, LineConverter):
        return []
    text = "Processes to share the lines of the corpus out to; the output is the same."
    return [click.Option(["--workers"], type=click.IntRange(min=1), default=1, show_default=True, help=text)]


def _convert(
    converter: Converter, source: Path | None, splits: tuple[str, ...], out: Path, relations: str, strict: bool,
    skip_bad: bool, workers: int = 1, **fields: Any,
) -> None:  # fmt: skip
    from relik_ml.cli import _stream
    from relik_ml.data import write_lines

    if strict and skip_bad:
        raise click.UsageError("--strict stops at what --skip-bad leaves out: give one of them")
    chosen: Converter = replace(_any(converter), **fields)
    source = source or _fetched(chosen)
    present = chosen.locate(source)
    _refuse_own_corpus(present, out)
    rename = getattr(_stream, RELATIONS[relations])
    reports: dict[str, Report] = {}
    for split in _wanted(chosen, splits, present.keys(), source):
        report = StrictReport() if strict else TolerantReport() if skip_bad else Report()
        job = _stream.Job(chosen, source, split, present[split], rename)
        with _bar(present[split]) as reached:
            lines = _stream.converted(job, report, workers, reached)
            written = write_lines(lines, out / f"{split}.jsonl")
        number = f"{written:,}" if written else "no"
        click.echo(f"{out / split}.jsonl: {number} documents\n{_indented(report)}", err=True)
        reports[split] = report
    options = {"relations": relations, "strict": strict, "skip_bad": skip_bad}
    _write_report(chosen, source, {split: present[split] for split in reports}, reports, options, out / "report.json")


def _refuse_own_corpus(present: Mapping[str, Path], out: Path) -> None:
    """Output must not stand among the input: it would replace it, or be taken for it the next time."""
    for path in present.values():
        if out.resolve() == (path if path.is_dir() else path.parent).resolve():
            fix = "give another folder as --out"
            raise OutputError("the corpus itself lies in the output folder", where=str(out), got=str(path), fix=fix)


@contextmanager
def _bar(path: Path) -> Iterator[Callable[[int], object]]:
    """A bar of bytes on a terminal, for a corpus that is one file; silent otherwise."""
    if not (sys.stderr.isatty() and path.is_file()):
        yield lambda position: None
        return
    with click.progressbar(length=path.stat().st_size, label=path.name, file=sys.stderr) as bar:
        yield lambda position: bar.update(position - bar.pos)


def _any(value: Any) -> Any:
    """A converter as the dataclass it is: protocols cannot say so."""
    return value


def _wanted(converter: Converter, splits: tuple[str, ...], present: Any, source: Path) -> list[str]:
    missing = [split for split in splits or converter.splits if split not in present]
    if missing and splits:
        fix = f"choose from: {', '.join(present)}"
        raise CorpusNotFound("a split is not there", where=str(source), got=", ".join(missing), fix=fix)
    if missing:
        click.echo(f"not in {source}, so not converted: {', '.join(missing)}", err=True)
    return [split for split in converter.splits if split in present and split in (splits or converter.splits)]


def _fetched(converter: Converter) -> Path:
    from relik_ml.data import cache_folder, cached, fetch

    if (archive := converter.archive) is None:
        fix = "get it from its authors and give --source"
        raise ConfigError(f"{converter.name} cannot be downloaded", got="no --source", fix=fix)
    cache = cache_folder(os.environ)
    if folder := cached(converter.name, archive, cache):
        return folder
    click.echo(f"{archive.notice}\nDownloading {archive.url} to {cache}", err=True)
    return fetch(converter.name, archive, cache, _progress)


def _progress(chunks: Iterator[bytes], total: int | None) -> Iterator[bytes]:
    """A bar on a terminal, or a running count of megabytes when the server does not tell the size."""
    if not sys.stderr.isatty():
        yield from chunks
    elif total:
        with click.progressbar(length=total, label="downloading", file=sys.stderr) as bar:
            for chunk in chunks:
                bar.update(len(chunk))
                yield chunk
    else:
        done = 0
        for chunk in chunks:
            done += len(chunk)
            click.echo(f"\rdownloading {done / 1e6:.1f} MB", err=True, nl=False)
            yield chunk
        click.echo(err=True)


def _indented(report: Report) -> str:
    return "\n".join(f"  {line}" for line in report.table().splitlines())


def _write_report(
    converter: Converter, source: Path, folders: dict[str, Path], reports: dict[str, Report],
    options: dict[str, Any], path: Path,
) -> None:  # fmt: skip
    from relik_ml.data import atomic_path

    record = {
        "converter": converter.name,
        "source": str(source),
        "licence": converter.licence,
        "options": options,
        "switches": {name: getattr(converter, name) for name in converter.switches},
        "settings": {n: getattr(converter, n) for n in (converter.settings if isinstance(converter, Settable) else {})},
        "pinned": {split: _pinned(converter, split, folder) for split, folder in folders.items()},
        "splits": {split: report.json() for split, report in reports.items()},
        "total": sum(reports.values(), Report()).json(),
    }
    with atomic_path(path) as partial_path:
        partial_path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _pinned(converter: Converter, split: str, folder: Path) -> bool:
    """Whether a split is, byte for byte, the version that this converter was written for."""
    from relik_ml.data import content_checksum

    archive = converter.archive
    return archive is not None and folder.is_dir() and content_checksum(folder) == archive.checksums.get(split)
