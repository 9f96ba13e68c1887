"""An extracted dump: a folder of shards of records, and a manifest from which an interrupted extraction resumes.

``manifest.json`` is ``{format, sha256, dump, settings, complete, shards, report}``. ``sha256`` is the checksum of the
other fields. ``dump`` and ``settings`` identify the extraction. Each shard has its file, sha256, number of records and
the last line of the dump that it covers. ``report`` has the counts up to that line. The manifest is written after each
shard, both atomically, so that an interrupted extraction repeats at most one shard. Shards cover a fixed number of
entities and contain no times or paths, so a resumed extraction gives the same bytes as an uninterrupted one, and a
damaged shard can be made again from its lines of the dump.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from relik_ml.data import Defect, Report, atomic_path, locked_folder, open_lines, reading, sha256
from relik_ml.errors import ConfigError, DataError, OutputError

from ._wikidata_json import KEPT
from ._wikidata_records import Record, read_record, record_line

FORMAT = "relik-ml-wikidata/1"
MANIFEST = "manifest.json"
SHARD_ENTITIES = 100_000
HEAD = 1 << 20
ANEW = "remove the folder and extract the dump again"
AGAIN = "extract the same dump into this folder with the same settings: only what is damaged is made again"


class Dump(Protocol):
    """A dump file in one of the formats."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def langs(self) -> tuple[str, ...]:
        """Languages whose names are kept."""

    @property
    def min_sitelinks(self) -> int:
        """The minimum number of sitelinks of an item."""

    def records(self, report: Report, after: int = 0) -> Iterator[tuple[int, Record | None]]:
        """The last line and the record of each entity after line ``after``; the record is None if it is left out."""


class DumpIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Identifies a dump without reading all of it: name, size, sha256 of the first MiB."""

    name: str
    bytes: int
    head: str


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings that the content of an extraction depends on."""

    langs: tuple[str, ...]
    min_sitelinks: int
    shard_entities: int


class Shard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of records, and the last line of the dump that it covers."""

    file: str
    sha256: str
    records: int
    line: int


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The counts of a report; see `Report.json`."""

    counts: dict[str, int]
    defects: dict[str, dict[str, Any]]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state of an extraction."""

    dump: DumpIdentity
    settings: Settings
    complete: bool
    shards: tuple[Shard, ...]
    report: Counted

    @property
    def line(self) -> int:
        """The last line of the dump that the shards cover."""
        return self.shards[-1].line if self.shards else 0


def extract(
    dump: Dump,
    folder: Path,
    report: Report,
    shard_entities: int = SHARD_ENTITIES,
    reached: Callable[[int], object] = lambda line: None,
) -> int:
    """Extract a dump into a folder, or resume the extraction in it, and return the number of records.

    All counts, also those of the earlier extraction, are added to ``report``. ``reached`` is called with the line of
    the dump after each shard. Damaged shards are made again first, and counted.

    Raises:
        ConfigError: the folder holds an extraction of another dump or with other settings.
        DataError: the dump or the manifest is damaged, or a shard that was made again differs.
        OutputError: the folder holds other files or cannot be written, or another process is extracting into it.
    """  # fmt: skip
    settings = Settings(dump.langs, dump.min_sitelinks, shard_entities)
    fresh = Manifest(_identity(dump.path), settings, False, (), _counted(Report()))
    with locked_folder(folder):
        manifest = _begun(fresh, folder, dump.path)
        _mend(dump, folder, report, manifest)
        counted = type(report)()
        _restore(counted, manifest.report)
        try:
            return _finished(dump, folder, counted, manifest, reached)
        finally:
            report.add(counted)


def _finished(dump: Dump, folder: Path, report: Report, manifest: Manifest, reached: Callable[[int], object]) -> int:
    """Write the missing shards, and the manifest after each, and return the number of records."""
    if not manifest.complete:
        for shard in _written(dump, folder, report, manifest):
            manifest = replace(manifest, shards=(*manifest.shards, shard), report=_counted(report))
            _write(manifest, folder)
            reached(manifest.line)
        if not manifest.shards:
            raise DataError(
                "the dump holds no entities", where=str(dump.path), fix="give a file like latest-all.json.bz2"
            )
        if not any(report.counts[kept] for kept in KEPT):
            counted = "; ".join(f"{number:,} {what}" for what, number in report.counts.items())
            got = f"langs {','.join(dump.langs)}; min_sitelinks {dump.min_sitelinks}; {counted}"
            fix = "check these two settings, and that this is a dump of items and properties, not of lexemes"
            raise ConfigError("no entity of the dump passes the settings", where=str(dump.path), got=got, fix=fix)
        _write(replace(manifest, complete=True), folder)
    return sum(shard.records for shard in manifest.shards)


def extracted(folder: Path) -> Manifest:
    """The manifest of a finished extraction, after comparing the checksums of all shards.

    Raises:
        DataError: there is no extraction, it is not finished, or a file of it is missing or damaged.
    """
    manifest = _read(folder)
    if not manifest.complete:
        what, fix = "the extraction is not finished", "extract the same dump into the same folder to resume"
        raise DataError(what, where=str(folder), got=f"line {manifest.line} of the dump", fix=fix)
    for shard in manifest.shards:
        if not _whole(folder, shard):
            got = "missing, or another sha256 than the manifest states"
            raise DataError("a shard is damaged", where=str(folder / shard.file), got=got, fix=AGAIN)
    return manifest


def stored(folder: Path, manifest: Manifest, starting: bytes = b"") -> Iterator[Record]:
    """The records of an extraction whose ids have the prefix ``starting``, in the order of the dump."""
    start = b'{"id":"' + starting
    for shard in manifest.shards:
        for _, line in open_lines(folder / shard.file):
            if line.startswith(start):
                yield read_record(line)


def _begun(fresh: Manifest, folder: Path, dump: Path) -> Manifest:
    """The manifest to resume from: that of the folder, after checks, or the fresh one."""
    for partial in folder.glob(".*.part"):  # of a killed process
        partial.unlink()
    if not (folder / MANIFEST).exists():
        if any(folder.iterdir()):
            raise OutputError("the folder holds other files", where=str(folder), fix="name a new or empty folder")
        _write(fresh, folder)
        return fresh
    found = _read(folder)
    if not found.complete and _continued(found.dump, dump):
        found = replace(found, dump=fresh.dump)
    for what in ("dump", "settings"):
        if (theirs := getattr(found, what)) != (ours := getattr(fresh, what)):
            fix = "name another folder, or remove this one"
            got = f"{what}: {theirs} instead of {ours}"
            raise ConfigError("the folder holds another extraction", where=str(folder), got=got, fix=fix)
    return found


def _mend(dump: Dump, folder: Path, report: Report, manifest: Manifest) -> None:
    """Make damaged shards again; reads the dump up to the last of them. DataError when one differs."""
    damaged = [number for number, shard in enumerate(manifest.shards) if not _whole(folder, shard)]
    if not damaged:
        return
    before = manifest.shards[damaged[0] - 1].line if damaged[0] else 0
    entities = dump.records(type(report)(), before)
    for number in range(damaged[0], damaged[-1] + 1):
        part, shard = islice(entities, manifest.settings.shard_entities), manifest.shards[number]
        if number not in damaged:
            deque(part, maxlen=0)
        elif (made := _write_shard(part, folder / shard.file)) != shard:
            fix = f"use the same dump and the same versions of relik-ml and Python; or {ANEW}"
            where, got = str(folder / shard.file), f"{made} instead of {shard}"
            raise DataError("a shard made anew is another", where=where, got=got, fix=fix)
    report.count("damaged shards: made anew", len(damaged))


def _written(dump: Dump, folder: Path, report: Report, manifest: Manifest) -> Iterator[Shard]:
    """Write the missing shards, and yield the entry of each for the manifest."""
    entities = dump.records(report, manifest.line)
    number = len(manifest.shards)
    while (first := next(entities, None)) is not None:
        path = folder / f"records-{number:05}.jsonl.gz"
        shard = chain([first], islice(entities, manifest.settings.shard_entities - 1))
        yield _write_shard(shard, path)
        number += 1


def _write_shard(entities: Iterable[tuple[int, Record | None]], path: Path) -> Shard:
    """Write the records of a stream of entities."""
    records = line = 0
    with (
        atomic_path(path) as partial,
        partial.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as file,  # without name and time, so that the bytes are reproducible
    ):
        for line, record in entities:  # noqa: B007, the last line is used below
            if record is not None:
                file.write(record_line(record))
                records += 1
    return Shard(path.name, sha256(path), records, line)


def _continued(begun: DumpIdentity, path: Path) -> bool:
    """Whether a dump is the one of an earlier extraction, or a longer version of a truncated one."""
    now = _identity(path, begun.bytes)
    return now.bytes >= begun.bytes and replace(now, bytes=begun.bytes) == begun


def _identity(path: Path, within: int = HEAD) -> DumpIdentity:
    """The identity of a dump, or of its first ``within`` bytes."""
    with reading(path), path.open("rb") as file:
        head = hashlib.sha256(file.read(min(within, HEAD))).hexdigest()
        return DumpIdentity(path.name, path.stat().st_size, head)


def _write(manifest: Manifest, folder: Path) -> None:
    record = msgspec.to_builtins(manifest)
    text = json.dumps({"format": FORMAT, "sha256": _checksum(record), **record}, ensure_ascii=False, indent=1)
    with atomic_path(folder / MANIFEST) as partial:
        partial.write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")


def _read(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        record = json.loads(path.read_bytes())
        if record.pop("format") != FORMAT:
            raise ValueError(f"not {FORMAT}")
        if record.pop("sha256") != _checksum(record):
            raise ValueError("another sha256 than it states")
        return msgspec.convert(record, Manifest)
    except OSError as error:
        got, fix = error.strerror or str(error), "give a folder that a dump was extracted into"
        raise DataError("the folder holds no extracted dump", where=str(path), got=got, fix=fix) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError("the manifest is damaged", where=str(path), got=str(error), fix=ANEW) from None


def _checksum(record: Mapping[str, Any]) -> str:
    """The sha256 of the content of a manifest, independent of its layout."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _whole(folder: Path, shard: Shard) -> bool:
    """Whether a shard exists and its checksum matches."""
    path = folder / shard.file
    return path.is_file() and sha256(path) == shard.sha256


def _counted(report: Report) -> Counted:
    return msgspec.convert(report.json(), Counted)


def _restore(report: Report, stored: Counted) -> None:
    """Add the counts of an earlier extraction."""
    defects = {what: Defect(d["of"], d["count"], list(d["examples"])) for what, d in stored.defects.items()}
    report.add(Report(Counter(stored.counts), defects))
