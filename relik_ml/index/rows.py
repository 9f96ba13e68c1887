"""The rows of an index, each parsed when it is asked for: packed for thousands, mapped into memory for millions."""

from __future__ import annotations

import json
import lzma
import shutil
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import DataError, ModelError
from relik_ml.index.ids import Ids, MappedIds, id_tensors
from relik_ml.index.tensors import mapped, store
from relik_ml.types import Entry, Kind

LINES, IDS, STOPS = "rows.jsonl", "ids.safetensors", "rows.safetensors"
PACKED_LINES, PACKED_IDS = "rows.jsonl.xz", "ids.json.xz"
_CACHED = 65_536
_NEWLINE = ord("\n")

Runs = list[tuple[Kind, int]]
"""Kinds of consecutive rows with their counts: ``[("entity", 220037), ("relation", 49)]``."""


class Rows(Sequence[Entry]):
    """Entries over their JSON lines, each parsed when it is asked for; the latest stay parsed."""

    def __init__(self, ids: Ids, kinds: Runs, lines: NDArray[np.uint8], stops: NDArray[np.int64]) -> None:
        """``lines`` are bytes (B,), in memory or mapped; ``stops`` (N,) says where the newline of each row stands."""
        self.ids, self.kinds = ids, kinds
        self._lines, self._stops = lines, stops
        self._ends = list(accumulate(count for _, count in kinds))
        self._entry = lru_cache(_CACHED)(self._parse)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, row: int) -> Entry: ...
    @overload
    def __getitem__(self, row: slice) -> list[Entry]: ...
    def __getitem__(self, row: int | slice) -> Entry | list[Entry]:
        if isinstance(row, slice):
            return [self._entry(each) for each in range(*row.indices(len(self)))]
        count = len(self)
        if not -count <= row < count:
            raise IndexError(row)
        return self._entry(int(row) % count)

    def kind(self, row: int) -> Kind:
        """The kind of one row, without parsing it."""
        return self.kinds[bisect_right(self._ends, row)][0]

    def ranges(self) -> list[tuple[Kind, range]]:
        """The kinds and the rows that they cover, in order."""
        return [(kind, range(*ends)) for (kind, _), ends in zip(self.kinds, pairwise([0, *self._ends]), strict=True)]

    def _parse(self, row: int) -> Entry:
        start = int(self._stops[row - 1]) + 1 if row else 0
        line = self._lines[start : self._stops[row]].tobytes()
        try:
            name, text, lang, aliases, types, popularity = json.loads(line)
            return Entry(self.ids[row], self.kind(row), name, text, lang, tuple(aliases), tuple(types), popularity)
        except (ValueError, TypeError) as error:
            raise _damaged(f"row {row}", str(error)) from None


def write_rows(entries: Iterable[Entry], folder: Path) -> Rows:
    """Write entries as they come, holding little of each, and give them back mapped into memory.

    A line is ``["name", "text", "lang", [aliases], [types], popularity]``.

    Raises:
        DataError: there are no entries, or two with one id in one language.
    """
    stops, kinds, langs = array("q"), _Kinds(), _Langs()
    with (folder / LINES).open("wb") as file:
        ids = id_tensors(_written(entries, file, stops, kinds, langs))
    if not stops:
        raise DataError("there are no entries to index", fix="give a file of entries that is not empty")
    store(folder / IDS, ids)
    store(folder / STOPS, {"stops": np.array(stops, dtype=np.int64)})
    rows = read_rows(folder, kinds.runs)
    _refuse_twins(rows, np.asarray(langs.numbers))
    return rows


def pack_rows(rows: Rows, folder: Path) -> Rows:
    """Turn what `write_rows` wrote into the packed form of a small index, a quarter of the size."""
    with (folder / LINES).open("rb") as lines, lzma.open(folder / PACKED_LINES, "wb") as packed:
        shutil.copyfileobj(lines, packed, 2**20)
    (folder / PACKED_IDS).write_bytes(lzma.compress(_json(list(rows.ids))))
    for name in (LINES, IDS, STOPS):
        (folder / name).unlink()
    return read_packed_rows(folder, rows.kinds)


def read_rows(folder: Path, kinds: Runs) -> Rows:
    """Open what `write_rows` wrote, reading nothing."""
    lines = np.memmap(folder / LINES, dtype=np.uint8, mode="r").view(np.ndarray)
    return Rows(MappedIds(mapped(folder / IDS)), kinds, lines, mapped(folder / STOPS)["stops"])


def read_packed_rows(folder: Path, kinds: Runs) -> Rows:
    """Read what `pack_rows` wrote; xz has a checksum of its own.

    Raises:
        ModelError: a file is damaged, or the two do not belong together.
    """
    lines = np.frombuffer(_unpacked(folder / PACKED_LINES), dtype=np.uint8)
    stops = np.flatnonzero(lines == _NEWLINE)
    try:
        ids = json.loads(_unpacked(folder / PACKED_IDS))
    except ValueError as error:
        raise _damaged(str(folder / PACKED_IDS), str(error)) from None
    if len(ids) != len(stops):
        raise _damaged(str(folder / PACKED_IDS), f"{len(ids)} ids of {len(stops)} rows")
    return Rows(Ids(ids), kinds, lines, stops)


class _Kinds:
    """Runs of kinds, noted down entry by entry."""

    def __init__(self) -> None:
        self.runs: Runs = []

    def add(self, kind: Kind) -> None:
        if self.runs and self.runs[-1][0] == kind:
            self.runs[-1] = (kind, self.runs[-1][1] + 1)
        else:
            self.runs.append((kind, 1))


class _Langs:
    """The language of each entry as a number."""

    def __init__(self) -> None:
        self.numbers, self._known = array("I"), dict[str, int]()

    def add(self, lang: str) -> None:
        self.numbers.append(self._known.setdefault(lang, len(self._known)))


def _written(
    entries: Iterable[Entry], file: BinaryIO, stops: array[int], kinds: _Kinds, langs: _Langs
) -> Iterator[str]:
    """Write each entry's line and give its id."""
    place = 0
    for entry in entries:
        row = [entry.name, entry.text, entry.lang, entry.aliases, entry.types, entry.popularity]
        place += file.write(_json(row) + b"\n")
        stops.append(place - 1)
        kinds.add(entry.kind)
        langs.add(entry.lang)
        yield entry.id


def _unpacked(path: Path) -> bytes:
    try:
        return lzma.decompress(path.read_bytes())
    except (lzma.LZMAError, EOFError) as error:
        raise _damaged(str(path), str(error)) from None


def _damaged(where: str, got: str) -> ModelError:
    fix = "build the index again with `relik-ml index build`, or copy the folder again"
    return ModelError("the rows of the index are damaged", where=where, got=got, fix=fix)


def _refuse_twins(rows: Rows, langs: NDArray[np.uint32]) -> None:
    """DataError for two rows of one id in one language, or of one id and different kinds.

    Nothing is read but what ``firsts`` and ``langs`` (N,) cannot tell apart: hashes are all but certain.
    """
    firsts = rows.ids.firsts(np.arange(len(rows)))
    again = np.flatnonzero(firsts != np.arange(len(rows)))
    order = np.lexsort((firsts, langs))
    same = (np.diff(firsts[order]) == 0) & (np.diff(langs[order]) == 0)
    others = [row for row in again.tolist() if rows.kind(row) != rows.kind(int(firsts[row]))]
    for row in sorted({*order[1:][same].tolist(), *others}):
        twins = [each for each in rows.ids.rows(rows.ids[row]) if each < row]
        for twin in twins:
            if langs[twin] == langs[row] or rows.kind(twin) != rows.kind(row):
                entry, where = rows[row], f"rows {twin} and {row}, {rows[twin].name!r} and {rows[row].name!r}"
                fix = "an id has one kind and one passage in a language: drop one of the entries or rename it"
                raise DataError("two entries have one id", where=where, got=f"{entry.id} ({entry.lang})", fix=fix)


def _json(value: object) -> bytes:
    """Compact UTF-8; a lone surrogate, which has no UTF-8, becomes its escape, which is JSON's too."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
