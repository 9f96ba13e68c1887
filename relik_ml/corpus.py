"""Annotation of a large corpus: shards in a folder, several processes, and resuming after a kill.

::

    OUT/part-00000.jsonl.zst    the documents of a shard, in the order of the input
    OUT/bad.jsonl               documents that were skipped: where and why; only if there are any
    OUT/manifest.json           inputs, model, options, shards, counts and checksums; written last
    OUT/.unfinished/            until then: the plan (inputs, model, options) and a report on each finished shard

A shard is a run of consecutive documents of the input, cut by size, so shards depend on the input alone. Each is
annotated on its own by one thread: its bytes depend neither on the number of processes nor on interruptions.
"""

import hashlib
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from relik_ml import __version__
from relik_ml.data import (
    FILE,
    STDIN,
    Fields,
    Format,
    Record,
    atomic_path,
    find_inputs,
    json_bytes,
    locked_folder,
    no_mentions,
    read_manifest,
    write_lines,
    write_manifest,
)  # fmt: skip
from relik_ml.errors import ConfigError, DataError, ModelError, OutputError
from relik_ml.ray_engine import ray_results
from relik_ml.shards import (
    UNFINISHED,
    CorpusConfig,
    ModelSource,
    Shard,
    ShardReport,
    Tally,
    is_finished,
    read_report,
    shard_name,
    start_worker,
)  # fmt: skip
from relik_ml.workers import Workers

FORMAT = Format("corpus", "relik-ml-corpus/1", "annotate it again into a new folder with `relik-ml annotate`")
ENGINES = PROCESSES, RAY = "processes", "ray"
BAD = "bad.jsonl"
_BEFORE = "shards finished before"


def annotate_corpus(
    names: Sequence[str], out: Path, config: CorpusConfig, model: ModelSource, *,
    jobs: int | None = 1, resume: bool = False, fail_fast: bool = False, engine: str = PROCESSES,
) -> Tally:  # fmt: skip
    """Annotate the inputs of the given names into a folder, with a progress bar if stderr is a terminal.

    Documents that cannot be read, and all but the first with one id, are recorded in ``bad.jsonl`` and skipped, or
    with ``fail_fast`` raised. The tally is that of this call; with ``resume`` finished shards are left as they are.
    ``engine`` is ``"processes"`` of this machine, or ``"ray"``: a cluster, all of it if ``jobs`` is None.

    Raises:
        DataError: an input does not exist, or no document at all can be read.
        OutputError: the folder cannot be written, holds other files, or is in use.
        ConfigError: the folder holds the output of other inputs, another model or other options.
        RelikError: a worker process failed, or was killed twice; or Ray failed.
    """
    plan = _plan(names, config, model)
    _check_place(names, out)
    with locked_folder(out):
        _open(out, plan, resume)
        if FORMAT.wrote(out):
            shards = read_manifest(out, FORMAT, limit=0)["shards"]
            shutil.rmtree(out / UNFINISHED, ignore_errors=True)
            return Tally(notes=Counter({_BEFORE: len(shards)}))
        with _bar(sum(each["bytes"] for each in plan["inputs"])) as bar:
            run = _Run(out, config, bar)
            run.annotate(partial(_shards, names, config), model, jobs, fail_fast, engine)
        _finish(out, plan, config.format, run.shards)
        return run.tally


# Plan


def model_checksum(folder: Path, index: Path | None = None) -> str:
    """A checksum of the manifests of a model and its index, which have the checksums of all their files.

    Raises:
        ModelError: it is no model, or has no index.
    """
    from relik_ml.bundle import index_folder  # here, so that --help need not wait for it

    try:
        common = folder / json.loads((folder / "config.json").read_bytes()).get("shared", "")
        manifests = (folder / FILE, common / FILE, index_folder(index, common) / FILE)
        return hashlib.sha256(b"".join(path.read_bytes() for path in manifests)).hexdigest()
    except (OSError, ValueError) as error:
        fix = "name a folder that recipes/cie_ru.py has written, `accurate` or `fast`"
        raise ModelError("this folder holds no model", where=str(folder), got=str(error), fix=fix) from None


def _plan(names: Sequence[str], config: CorpusConfig, model: ModelSource) -> dict[str, Any]:
    return {
        "version": __version__,
        "model": model.checksum,
        "options": {**asdict(config), "device": model.device, "backend": model.backend},
        "inputs": [_described(name, config) for name in names],
    }


def _described(name: str, config: CorpusConfig) -> dict[str, Any]:
    """Number, size and a checksum of the files of an input: of their paths, sizes and times of change."""
    checksum, files, size = hashlib.sha256(), 0, 0
    if name == STDIN:
        raise ConfigError("standard input cannot be read again", where=name, fix="save it to a file and give that")
    for found in find_inputs(name):
        if config.keep_mentions and not found.has_mentions:
            raise no_mentions(found.name)
        state = os.stat(found.path)
        files, size = files + 1, size + state.st_size
        checksum.update(f"{found.path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return {"path": name, "files": files, "bytes": size, "sha256": checksum.hexdigest()}


def _check_place(names: Iterable[str], out: Path) -> None:
    """ConfigError for an output inside an input folder, where a resumed run would read it."""
    home = out.resolve()
    for name in names:
        if Path(name).is_dir() and home.is_relative_to(Path(name).resolve()) and home != Path(name).resolve():
            raise ConfigError("the output is inside an input folder", where=str(out), got=name, fix="move it out")


def _shards(names: Iterable[str], config: CorpusConfig) -> Iterator[Shard]:
    records: list[Record] = []
    number = weight = 0
    for record in _distinct(_records(names, Fields(config.text_field, config.id_field, config.keep_mentions))):
        records.append(record)
        weight += int(record.size) if record.data is None else len(record.data)
        if weight >= config.shard_size:
            yield Shard(number, records)
            records, number, weight = [], number + 1, 0
    if records:
        yield Shard(number, records)


def _records(names: Iterable[str], fields: Fields) -> Iterator[Record]:
    for name in names:
        for found in find_inputs(name):
            try:
                yield from found.records(fields)
            except DataError as error:  # the rest of the file
                yield Record(error.where, fault=error)


def _distinct(records: Iterable[Record]) -> Iterator[Record]:
    """The records; one whose id has occurred before is faulty."""
    seen: set[bytes] = set()
    for record in records:
        if record.id is not None:
            key = hashlib.blake2b(record.id.encode("utf-8", "surrogatepass"), digest_size=12).digest()
            if key in seen:
                fix = "give the folder that holds both, or change the ids"
                fault = DataError("an earlier document has this id", where=record.where, got=repr(record.id), fix=fix)
                record = Record(record.where, size=record.size, fault=fault)
            seen.add(key)
        yield record


# The folder


def _open(out: Path, plan: Mapping[str, Any], resume: bool) -> None:
    """Record the plan in an empty folder, or compare it with the plan that the folder was begun with."""
    work = out / UNFINISHED
    started = next((folder for folder in (out, work) if FORMAT.wrote(folder)), None)
    if started is None:
        if others := sorted({*os.listdir(out)} - {UNFINISHED}):
            fix = "name a new or empty folder, or empty this one yourself"
            raise OutputError("the folder holds other files", where=str(out), got=others[0], fix=fix)
        with atomic_path(work / FILE) as part:
            part.write_bytes(json_bytes({"format": FORMAT.name, **plan}))
        return
    if not resume:
        fix = "add --resume to go on with it, or name another folder"
        raise OutputError("the folder holds an annotated corpus", where=str(out), fix=fix)
    found = json.loads((started / FILE).read_bytes())
    for name, wanted in plan.items():
        if found.get(name) != wanted:
            got = f"{name}: {_difference(wanted, found.get(name))}"
            fix = "give the same inputs, model and options, or name another folder"
            raise ConfigError("the run in this folder was started otherwise", where=str(out), got=got, fix=fix)
    _remove_temporary(out)


def _remove_temporary(out: Path) -> None:
    """Remove what killed processes have left behind."""
    for folder in (out, out / UNFINISHED):
        for part in folder.glob(".*.part"):
            part.unlink(missing_ok=True)


def _difference(new: Any, old: Any) -> str:
    """The first difference between two values of a plan."""
    if isinstance(new, dict) and isinstance(old, dict):
        name = next(name for name in {**old, **new} if old.get(name) != new.get(name))
        return f"{new.get('path', '')} {name} {_difference(new.get(name), old.get(name))}".strip()
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return next(_difference(*pair) for pair in zip(new, old, strict=True) if pair[0] != pair[1])
    return f"{len(new)} instead of {len(old)}" if isinstance(new, list) else f"{new} instead of {old}"


def _finish(out: Path, plan: Mapping[str, Any], format: str, shards: int) -> None:
    """Write ``bad.jsonl`` and the manifest, whose presence states that the corpus is complete."""
    counts: Counter[str] = Counter()
    about: list[dict[str, Any]] = []

    def bad() -> Iterator[bytes]:
        for number in range(shards):
            report = read_report(out, number)
            counts.update({**report.counts, **report.notes, "bad": len(report.bad)})
            found = {"documents": report.counts.get("document", 0), "bad": len(report.bad), "first": report.first}
            about.append({"name": shard_name(number, format), **found})
            yield from (json_bytes(fault) + b"\n" for fault in report.bad)

    if not write_lines(bad(), out / BAD):
        (out / BAD).unlink()
    if not counts["document"]:
        fix = f"see {out / BAD}" if counts["bad"] else "give a file with text"
        raise DataError("nothing to annotate", got=f"0 documents, {counts['bad']} bad", fix=fix)
    _remove_temporary(out)
    write_manifest(out, FORMAT, {**plan, "counts": dict(sorted(counts.items())), "shards": about})
    shutil.rmtree(out / UNFINISHED, ignore_errors=True)


# A run


@dataclass
class _Run:
    """The unfinished shards of a folder, and what has become of them."""

    out: Path
    config: CorpusConfig
    bar: Any
    tally: Tally = field(default_factory=Tally)
    shards: int = 0
    """Shards of the input so far, finished before or not."""
    told: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Documents and words of each shard in work that the bar shows."""
    documents: int = 0
    words: int = 0
    started: float = 0.0
    """When the first worker had loaded the model; with Ray, when the run began."""

    def annotate(
        self, shards: Callable[[], Iterator[Shard]], model: ModelSource, jobs: int | None, fail_fast: bool, engine: str
    ) -> None:
        """Annotate the shards that are not finished."""
        start = partial(start_worker, self.out, self.config, model, fail_fast)
        if engine == RAY:
            self.started = perf_counter()
            finished = partial(is_finished, self.out, self.config.format)
            messages = ray_results(start, shards, finished, jobs, gpu=model.device == "cuda")
        else:
            workers = Workers(start, jobs or 1, fork=sys.platform == "linux" and model.device == "cpu")
            messages = workers.results(self._unfinished(shards()))
        for message in messages:
            self.started = self.started or perf_counter()
            if not message.done:
                self._told(message.task, message.value)
            elif message.value is None:
                self._skip(message.task)
            else:
                self._finished(message.task, message.value)
        self.tally.seconds = perf_counter() - (self.started or perf_counter())

    def _unfinished(self, shards: Iterable[Shard]) -> Iterator[Shard]:
        for shard in shards:
            if is_finished(self.out, self.config.format, shard):
                self._skip(shard)
            else:
                yield shard

    def _skip(self, shard: Shard) -> None:
        """Count a shard that was finished before."""
        self.shards = max(self.shards, shard.number + 1)
        self.tally.notes[_BEFORE] += 1
        if not self.bar.disable:
            self.bar.initial += shard.size  # left out of the time
            self.bar.update(shard.size)

    def _finished(self, shard: Shard, report: ShardReport) -> None:
        self.shards = max(self.shards, shard.number + 1)
        self.tally.counts.update({**report.counts, "bad": len(report.bad)})
        self.tally.notes.update(report.notes)
        documents, words = self.told.pop(shard.number, (0, 0))
        self._show(shard, len(shard.records) - documents, report.counts.get("word", 0) - words)

    def _told(self, shard: Shard, words: int) -> None:
        """Show a document of so many words."""
        documents, before = self.told.get(shard.number, (0, 0))
        self.told[shard.number] = documents + 1, before + words
        self._show(shard, 1, words)

    def _show(self, shard: Shard, documents: int, words: int) -> None:
        self.documents += documents
        self.words += words
        speed = self.words / max(perf_counter() - self.started, 1e-9)
        self.bar.set_postfix_str(f"{self.documents:,} documents, {speed:,.0f} words/s", refresh=False)
        size = documents * shard.size / len(shard.records)
        self.bar.update(min(size, self.bar.total - self.bar.n))  # rounded sizes must not exceed the total


def _bar(total: float) -> Any:
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread while workers are started
    layout = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
    return tqdm(total=total, bar_format=layout, smoothing=0, file=sys.stderr, disable=None)
