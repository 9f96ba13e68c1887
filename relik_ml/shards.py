"""A shard of a corpus: consecutive documents of the input, annotated by one worker process and written to one file."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relik_ml.config import MinScores, ProfileName
from relik_ml.data import Record, atomic_path, document_line, json_bytes, load_extra, parquet_writer, write_lines
from relik_ml.errors import ConfigError, DataError
from relik_ml.text import with_language
from relik_ml.types import Document
from relik_ml.workers import Serve, Tell

if TYPE_CHECKING:
    from relik_ml import Relik

FORMATS = ("jsonl", "jsonl.zst", "parquet")
UNFINISHED = ".unfinished"
"""The folder inside that of the corpus for what is removed when the corpus is complete."""

Write = Callable[[Document], object]


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
        self.notes["without text"] += not document.text.lstrip("\ufeff").strip()
        dropped = document.meta.get("dropped")  # counts of what the model left out
        for name, count in dropped.items() if isinstance(dropped, Mapping) else ():
            self.notes[f"{name} dropped"] += count if isinstance(count, int) else 0

    def __str__(self) -> str:
        linked, nil = (round(100 * self.counts[it] / max(self.counts["mention"], 1)) for it in ("linked", "nil"))
        read = f"{self._many('document')}, {self._many('word')}"
        found = f"{self._many('mention')} ({linked} % linked, {nil} % not in this index), {self._many('triple')}"
        speed = f"{self.seconds:.1f} s, {self.counts['word'] / max(self.seconds, 1e-9):.0f} words/s"
        notes = [f"{n} {name}" for name, n in sorted(self.notes.items()) if n]
        if bad := self.counts["bad"]:
            share = 100 * bad / (bad + self.counts["document"])
            notes.append(f"{self._many('bad', ' document')} skipped ({share:.2g} %)")
        return "; ".join([f"{read}: {found}", speed, *notes])

    def _many(self, noun: str, more: str = "") -> str:
        return f"{self.counts[noun]} {noun}{more}{'s' * (self.counts[noun] != 1)}"


@dataclass(frozen=True)
class CorpusConfig:
    """What the output depends on, apart from inputs and model."""

    lang: str = ""
    """Language of what does not state its own; empty: it is detected."""
    text_field: str = "text"
    id_field: str = "id"
    min_score: MinScores = field(default_factory=MinScores)
    candidates: int = 0
    keep_mentions: bool = False
    profile: ProfileName = "balanced"
    format: str = "jsonl"
    shard_size: int = 1_000_000
    """Bytes of input that complete a shard."""


class ModelSource(NamedTuple):
    """How a model is loaded, in one thread, and a checksum of all that it is."""

    load: Callable[[], Relik]
    checksum: str
    device: str = "cpu"
    backend: str | None = None


@dataclass(frozen=True)
class Shard:
    """A task: consecutive documents of the input."""

    number: int
    records: Sequence[Record]

    @property
    def size(self) -> float:
        """Its share of the bytes of the input."""
        return sum(record.size for record in self.records)

    def __str__(self) -> str:
        return f"shard {self.number}, from {self.records[0].where}"


@dataclass(frozen=True)
class ShardReport:
    """What is known of a finished shard; its file states that the shard is finished."""

    first: str
    """Where its first document is."""
    bytes: int
    counts: Mapping[str, int]
    notes: Mapping[str, int]
    bad: Sequence[Mapping[str, str]]


def use_one_thread() -> None:
    """Compute in one thread, also in processes that are started from now on."""
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def start_worker(out: Path, config: CorpusConfig, model: ModelSource, fail_fast: bool) -> Serve:
    """Load the model, for one thread: the bytes of a shard must not depend on the number of cores."""
    use_one_thread()
    relik = model.load()
    if config.lang and config.lang not in (known := relik.settings.languages):
        raise ConfigError("the model does not know this language", got=config.lang, fix=f"give --lang {known[0]}")
    gc.freeze()  # collection would write to the pages that workers share
    return partial(_annotate_shard, relik, out, config, fail_fast)


def _annotate_shard(
    relik: Relik, out: Path, config: CorpusConfig, fail_fast: bool, shard: Shard, tell: Tell
) -> ShardReport:
    """Write a shard, and then its report."""
    tally = Tally()
    bad: list[dict[str, str]] = []

    def readable() -> Iterator[Document]:
        for record in shard.records:
            try:
                yield with_language(record.document(config.lang), relik.settings.languages, record.where)
            except DataError as error:
                if fail_fast:
                    raise
                bad.append({"where": error.where or record.where, "reason": error.what, "got": error.got})

    path = out / shard_name(shard.number, config.format)
    annotate = relik.describe if config.keep_mentions else relik.annotate
    with atomic_path(path) as part, _writer(part, config.format) as write:
        for document in annotate(readable(), min_score=config.min_score, candidates=config.candidates):
            write(document)
            tally.add(document)
            tell(len(document.text.split()))
    first, size = shard.records[0].where, path.stat().st_size
    report = ShardReport(first, size, dict(tally.counts), dict(tally.notes), bad)
    write_lines([json_bytes(asdict(report)) + b"\n"], _report_path(out, shard.number))
    return report


@contextmanager
def _writer(path: Path, format: str) -> Iterator[Write]:
    if format == "parquet":
        with parquet_writer(path) as write:
            yield write
    else:
        opened = load_extra("backports.zstd", "zst").open if format == "jsonl.zst" else open
        with opened(path, "wb") as file:
            yield lambda document: file.write(document_line(document, str(path)))


def shard_name(number: int, format: str) -> str:
    """The name of a shard's file."""
    return f"part-{number:05}.{format}"


def _report_path(out: Path, number: int) -> Path:
    return out / UNFINISHED / f"{number:05}.json"


def read_report(out: Path, number: int) -> ShardReport:
    """The report of a finished shard."""
    return ShardReport(**json.loads(_report_path(out, number).read_bytes()))


def is_finished(out: Path, format: str, shard: Shard) -> bool:
    """Whether a shard has been written and reported."""
    try:
        return (out / shard_name(shard.number, format)).stat().st_size == read_report(out, shard.number).bytes
    except FileNotFoundError:
        return False
