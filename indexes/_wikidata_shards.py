"""An extracted dump: a folder of shards of records and a manifest, which a killed extraction continues from.

``manifest.json`` is ``{format, sha256, dump, settings, complete, shards, report}``: ``sha256`` is that of all else in
it, ``dump`` and ``settings`` say what is being extracted, each shard its file, sha256, number of records and the last
line of the dump that it covers, ``report`` what was counted up to there. Shards are written first and the manifest
after each of them, both all or nothing, so after a kill one shard is done again and nothing else. A shard covers a
fixed number of entities and holds no time or path: a folder that was finished in ten pieces equals one that was written
in one go, byte for byte, and a shard that is damaged later is made anew out of its own lines of the dump.
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

from relik_ml.data import Defect, Report, atomic_path, locked_folder, open_lines, sha256
from relik_ml.errors import ConfigError, DataError, OutputError

from ._wikidata_json import KEPT
from ._wikidata_records import Record, read_record, record_line

FORMAT = "relik-ml-wikidata/1"
MANIFEST = "manifest.json"
SHARD_ENTITIES = 100_000
HEAD = 1 << 20
ANEW = "remove the folder and extract the dump anew"
AGAIN = "extract the same dump into this folder with the same settings: only what is damaged is made anew"


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
        """The least number of sitelinks of an item."""

    def records(self, report: Report, after: int = 0) -> Iterator[tuple[int, Record | None]]:
        """For each entity after a line the line that it ends on, and its record, or None when it is left out."""


class DumpIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tells a dump from another without reading all of it: name, size, sha256 of its first mebibyte."""

    name: str
    bytes: int
    head: str


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What decides the content of an extraction besides the dump."""

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
    """What a report had counted; see `Report.json`."""

    counts: dict[str, int]
    defects: dict[str, dict[str, Any]]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an extraction has done so far."""

    dump: DumpIdentity
    settings: Settings
    complete: bool
    shards: tuple[Shard, ...]
    report: Counted

    @property
    def line(self) -> int:
        """The last line of the dump that is done with."""
        return self.shards[-1].line if self.shards else 0


def extract(
    dump: Dump,
    folder: Path,
    report: Report,
    shard_entities: int = SHARD_ENTITIES,
    reached: Callable[[int], object] = lambda line: None,
) -> int:
    """Extract a dump into a folder, going on where an earlier extraction stopped, and return the number of records.

    ``report`` is added what was counted, by the earlier extraction too; ``reached`` is told the line of the dump
    after each shard. Damaged shards are made anew first, and counted.

    Raises:
        ConfigError: the folder holds an extraction of another dump or with other settings.
        DataError: the dump is damaged, or the manifest of the folder is, or a shard made anew is another than it was.
        OutputError: the folder holds other files, cannot be written, or another process is extracting into it.
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
    """Write what is missing, the manifest after each shard, and return the number of records."""
    if not manifest.complete:
        for shard in _written(dump, folder, report, manifest):
            manifest = replace(manifest, shards=(*manifest.shards, shard), report=_counted(report))
            _write(manifest, folder)
            reached(manifest.line)
        if not manifest.shards:
            raise DataError("the dump holds no entities", where=str(dump.path), fix="give latest-all.json.bz2 or alike")
        if not any(report.counts[kept] for kept in KEPT):
            counted = "; ".join(f"{number:,} {what}" for what, number in report.counts.items())
            got = f"langs {','.join(dump.langs)}; min_sitelinks {dump.min_sitelinks}; {counted}"
            fix = "check these two settings, and that this is a dump of items and properties, not of lexemes"
            raise ConfigError("no entity of the dump passes the settings", where=str(dump.path), got=got, fix=fix)
        _write(replace(manifest, complete=True), folder)
    return sum(shard.records for shard in manifest.shards)


def extracted(folder: Path) -> Manifest:
    """The manifest of a finished extraction whose shards are all as they were written.

    Raises:
        DataError: there is no extraction, it is not finished, or a file of it is missing or damaged.
    """
    manifest = _read(folder)
    if not manifest.complete:
        what, fix = "the extraction is not finished", "extract the same dump into the same folder: it goes on"
        raise DataError(what, where=str(folder), got=f"line {manifest.line} of the dump", fix=fix)
    for shard in manifest.shards:
        if not _whole(folder, shard):
            got = "missing, or another sha256 than the manifest states"
            raise DataError("a shard is damaged", where=str(folder / shard.file), got=got, fix=AGAIN)
    return manifest


def stored(folder: Path, manifest: Manifest, starting: bytes = b"") -> Iterator[Record]:
    """The records of an extraction in the order of the dump; only those whose id starts so, if that is given."""
    start = b'{"id":"' + starting
    for shard in manifest.shards:
        for _, line in open_lines(folder / shard.file):
            if line.startswith(start):
                yield read_record(line)


def _begun(fresh: Manifest, folder: Path, dump: Path) -> Manifest:
    """The manifest to go on from: that of the folder, checked, or the fresh one."""
    for partial in folder.glob(".*.part"):  # left by a kill
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
    """Write damaged shards again, reading no further than the last of them; DataError if one comes out another."""
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
            fix = f"give the dump, relik-ml and Python that it was made with; or {ANEW}"
            where, got = str(folder / shard.file), f"{made} instead of {shard}"
            raise DataError("a shard made anew is another", where=where, got=got, fix=fix)
    report.count("damaged shards: made anew", len(damaged))


def _written(dump: Dump, folder: Path, report: Report, manifest: Manifest) -> Iterator[Shard]:
    """Write the shards that are missing; what the manifest will say of each."""
    entities = dump.records(report, manifest.line)
    number = len(manifest.shards)
    while (first := next(entities, None)) is not None:
        path = folder / f"records-{number:05}.jsonl.gz"
        shard = chain([first], islice(entities, manifest.settings.shard_entities - 1))
        yield _write_shard(shard, path)
        number += 1


def _write_shard(entities: Iterable[tuple[int, Record | None]], path: Path) -> Shard:
    """Write the records of some entities as they come."""
    records = line = 0
    with (
        atomic_path(path) as partial,
        partial.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as file,  # no name and no time: the same bytes every time
    ):
        for line, record in entities:  # noqa: B007, the last one counts
            if record is not None:
                file.write(record_line(record))
                records += 1
    return Shard(path.name, sha256(path), records, line)


def _continued(begun: DumpIdentity, path: Path) -> bool:
    """Whether a dump is the one that was begun with or, where that was cut off, the whole of it."""
    now = _identity(path, begun.bytes)
    return now.bytes >= begun.bytes and replace(now, bytes=begun.bytes) == begun


def _identity(path: Path, within: int = HEAD) -> DumpIdentity:
    """The identity of a dump, or of its first ``within`` bytes."""
    try:
        with path.open("rb") as file:
            head = hashlib.sha256(file.read(min(within, HEAD))).hexdigest()
        return DumpIdentity(path.name, path.stat().st_size, head)
    except OSError as error:
        got = error.strerror or str(error)
        raise DataError("cannot read the dump", where=str(path), got=got, fix="check the path") from None


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
    """The sha256 of what a manifest says, however it is laid out."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _whole(folder: Path, shard: Shard) -> bool:
    """Whether a shard is there as it was written."""
    path = folder / shard.file
    return path.is_file() and sha256(path) == shard.sha256


def _counted(report: Report) -> Counted:
    return msgspec.convert(report.json(), Counted)


def _restore(report: Report, stored: Counted) -> None:
    """Add what an earlier extraction has counted."""
    defects = {what: Defect(d["of"], d["count"], list(d["examples"])) for what, d in stored.defects.items()}
    report.add(Report(Counter(stored.counts), defects))
