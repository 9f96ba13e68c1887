"""The rows of an index: ids and JSON lines. Blocks of lines are compressed, so that opening reads none of them.

Several rows may have one id, one row for each language.
"""

from __future__ import annotations

import json
import lzma
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from relik_ml.data import json_bytes
from relik_ml.errors import DataError, ModelError
from relik_ml.index.search import Arrays, Ints
from relik_ml.types import Entry, Kind

LOOKUP = 400_000  # above this number the lookup of ids is stored: 32 bytes a row, and computing it takes a second
BLOCKS, _IDS, _STOPS = "rows.blocks", "ids.safetensors", "rows.safetensors"
_LINES, _PACKED_LINES, _PACKED_IDS = "rows.jsonl", "rows.jsonl.xz", "ids.json.xz"  # the last two up to format 3
_TOGETHER = 8  # lines of a block: reading a row takes 6 µs; 32 would take 15 µs and an eighth less space
_SAMPLE, _SAMPLED = 150, 2**15  # lines and bytes that all blocks are compressed with
_CACHED, _CACHED_BLOCKS = 65_536, 64
_FIX = "build the index again with `relik-ml index build`, or copy the folder again"

Runs = Sequence[Sequence[Any]]
"""Kinds of consecutive rows with their counts, such as ``[["entity", 220037], ["relation", 49]]``."""


class Ids(Sequence[str]):
    """Ids as one array of UTF-8. Rows are found by 64-bit hashes of their ids."""

    def __init__(self, text: NDArray[np.uint8], stops: Ints, lookup: Arrays | None = None) -> None:
        """``text`` is (B,), ``stops`` (N,) the end of each id. ``lookup`` is computed when it is None."""
        self._text, self._stops = text, stops
        if lookup is not None:
            self.lookup = lookup

    def __len__(self) -> int:
        return len(self._stops)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        return str(self._encoded(range(len(self))[int(row)]), "utf-8", "surrogatepass")

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and bool(self.rows(id))

    def rows(self, id: str) -> list[int]:
        """The rows of an id, ascending; empty when it is unknown."""
        wanted = np.uint64(_hash(id.encode("utf-8", "surrogatepass")))
        start, stop = (np.searchsorted(self.lookup["hashes"], wanted, side) for side in ("left", "right"))
        return [row for row in self.lookup["order"][start:stop].tolist() if self[row] == id]

    def first(self, count: int) -> Ids:
        """The first ids."""
        stops = self._stops[:count].astype(np.int64)
        return Ids(self._text[: stops[-1]], stops)

    def followed_by(self, text: bytes, stops: Ints) -> Ids:
        """These ids and others, given as their text and the end of each."""
        old = self._stops.astype(np.int64)
        return Ids(np.concatenate([self._text, np.frombuffer(text, np.uint8)]), np.concatenate([old, stops + old[-1]]))

    def firsts(self, rows: Ints) -> Ints:
        """For each row the first row with the same id, in the shape of ``rows``."""
        found: Ints = self.lookup["first"][rows]
        return found

    def arrays(self, lookup: bool) -> Arrays:
        """The arrays to store: the text, where each id ends, and on request the lookup."""
        stops = self._stops.astype(np.uint32) if len(self._text) < 2**32 else self._stops
        return {"text": self._text, "stops": stops, **(self.lookup if lookup else {})}

    @cached_property
    def lookup(self) -> Arrays:
        """Sorted ``hashes``, the rows in that ``order``, and for each row the ``first`` row of its id."""
        text, stops = self._text.tobytes(), [0, *self._stops.tolist()]
        hashes = np.fromiter((_hash(text[start:stop]) for start, stop in pairwise(stops)), np.uint64, len(self))
        _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        order = np.argsort(hashes, kind="stable")
        return {"hashes": hashes[order], "order": order, "first": first[inverse]}

    def _encoded(self, row: int) -> bytes:
        return self._text[self._stops[row - 1] if row else 0 : self._stops[row]].tobytes()


class Blocks(NamedTuple):
    """Compressed blocks of lines (B,), where each ends, and the sample that they are compressed with."""

    data: NDArray[np.uint8]
    stops: Ints
    sample: bytes


class Rows(Sequence[Entry]):
    """Entries as JSON lines, parsed on access; the most recent ones are cached.

    ``blocks`` hold the first rows, or all, as they are stored.
    """

    def __init__(self, ids: Ids, kinds: Runs, line: Callable[[int], bytes], blocks: Blocks | None = None) -> None:
        self.ids, self.kinds, self.line, self.blocks = ids, kinds, line, blocks
        self._rows = range(len(ids))
        self._ends = list(accumulate(count for _, count in kinds))
        self._entry = lru_cache(_CACHED)(self._parse)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self._entry(each) for each in self._rows[row]]
        return self._entry(self._rows[row])

    def ranges(self) -> list[tuple[Kind, range]]:
        """The kinds and their ranges of rows, in order."""
        return [(kind, range(*ends)) for (kind, _), ends in zip(self.kinds, pairwise([0, *self._ends]), strict=True)]

    def first(self, count: int) -> Rows | None:
        """The first rows, at most ``count``, that fill whole blocks. None if there are none."""
        whole = count // _TOGETHER
        if self.blocks is None or not whole:
            return None
        counts = [(kind, min(len(rows), whole * _TOGETHER - rows.start)) for kind, rows in self.ranges()]
        blocks = self.blocks._replace(stops=self.blocks.stops[:whole])
        ids = self.ids.first(whole * _TOGETHER)
        return Rows(ids, [[kind, count] for kind, count in counts if count > 0], self.line, blocks)

    def _parse(self, row: int) -> Entry:
        kind = self.kinds[bisect_right(self._ends, row)][0]
        try:
            line = str(self.line(row), "utf-8", "surrogatepass")
            name, text, lang, aliases, types, popularity = json.loads(line)
            return Entry(self.ids[row], kind, name, text, lang, tuple(aliases), tuple(types), popularity)
        except (ValueError, TypeError, IndexError, zlib.error) as error:
            raise _damaged(f"row {row}", error) from None


def _whole_lines(lines: NDArray[np.uint8], stops: Ints) -> Callable[[int], bytes]:
    """The lines of bytes (B,), in memory or mapped; ``stops`` (N,) are the positions of the newlines."""

    def line(row: int) -> bytes:
        start = int(stops[row - 1]) + 1 if row else 0
        return lines[start : stops[row]].tobytes()

    return line


def _block_lines(data: NDArray[np.uint8], stops: Ints, sample: bytes) -> Callable[[int], bytes]:
    """The lines of compressed blocks (B,), whose ends are ``stops``; the last blocks stay in memory."""

    @lru_cache(_CACHED_BLOCKS)
    def block(number: int) -> list[bytes]:
        packed = data[stops[number - 1] if number else 0 : stops[number]].tobytes()
        return zlib.decompressobj(-zlib.MAX_WBITS, zdict=sample).decompress(packed).split(b"\n")

    return lambda row: block(row // _TOGETHER)[row % _TOGETHER]


def write_rows(entries: Iterable[Entry], folder: Path, start: Rows | None = None) -> Rows:
    """Write a stream of entries as lines ``["name", "text", "lang", [aliases], [types], popularity]``.

    They follow the rows of ``start`` (see `Rows.first`), which are not written again.

    Raises:
        DataError: there are no entries, or two with one id in one language, or with one id and different kinds.
    """
    ids, id_stops, stops, kinds = bytearray(), array("q"), array("q"), list[list[Any]]()
    known: dict[str, tuple[str, ...]] = {}  # the kind of an id and its languages
    with (folder / _LINES).open("wb") as file:
        for entry in entries:
            kind, *langs = known.get(entry.id) or _known(start, entry.id) or (entry.kind,)
            if kind != entry.kind or entry.lang in langs:
                got, fix = f"{entry.id} ({entry.lang})", "drop one of the entries or rename it"
                raise DataError("two entries have one id", where=f"row {len(stops)}, {entry.name!r}", got=got, fix=fix)
            known[entry.id] = (kind, *langs, entry.lang)
            line = [entry.name, entry.text, entry.lang, entry.aliases, entry.types, entry.popularity]
            file.write(json_bytes(line) + b"\n")
            stops.append(file.tell() - 1)
            ids += entry.id.encode("utf-8", "surrogatepass")
            id_stops.append(len(ids))
            if not kinds or kinds[-1][0] != kind:
                kinds.append([kind, 0])
            kinds[-1][1] += 1
    if not stops and start is None:
        raise DataError("there are no entries to index", fix="give a file of entries that is not empty")
    line_of = _whole_lines(_mapped_bytes(folder / _LINES) if stops else np.empty(0, np.uint8), np.array(stops))
    if start is None:
        return Rows(Ids(np.frombuffer(bytes(ids), np.uint8), np.array(id_stops)), kinds, line_of)
    return _joined(start, start.ids.followed_by(bytes(ids), np.array(id_stops, np.int64)), kinds, line_of)


def _known(start: Rows | None, id: str) -> tuple[str, ...]:
    """The kind of an id and its languages; empty if it is not among the rows."""
    found = [start[row] for row in start.ids.rows(id)] if start else []
    return (found[0].kind, *(entry.lang for entry in found)) if found else ()


def _joined(start: Rows, ids: Ids, kinds: Runs, line: Callable[[int], bytes]) -> Rows:
    """The rows of ``start`` and then those of ``kinds`` and ``line``."""
    old, same = start.kinds, bool(kinds) and start.kinds[-1][0] == kinds[0][0]
    if same:
        old, kinds = old[:-1], [[kinds[0][0], old[-1][1] + kinds[0][1]], *kinds[1:]]
    count = len(start)
    return Rows(ids, [*old, *kinds], lambda row: start.line(row) if row < count else line(row - count), start.blocks)


def finish_rows(rows: Rows, folder: Path) -> None:
    """Replace the lines of `write_rows` by compressed blocks, and write the ids. Blocks that exist are copied."""
    spread, stops = range(0, len(rows), max(1, len(rows) // _SAMPLE)), array("q")
    sample = rows.blocks.sample if rows.blocks else b"\n".join(map(rows.line, spread))[-_SAMPLED:]
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, zdict=sample)
    with (folder / BLOCKS).open("wb") as file:
        if rows.blocks:
            stops.extend(rows.blocks.stops.tolist())
            file.write(rows.blocks.data[: stops[-1]].tobytes())
        for start in range(len(stops) * _TOGETHER, len(rows), _TOGETHER):
            lines = map(rows.line, range(start, min(start + _TOGETHER, len(rows))))
            block = packer.copy()  # the sample is hashed once
            file.write(block.compress(b"\n".join(lines)) + block.flush())
            stops.append(file.tell())
    save_file({"stops": np.array(stops), "sample": np.frombuffer(sample, np.uint8)}, folder / _STOPS)
    save_file(rows.ids.arrays(lookup=len(rows) > LOOKUP), folder / _IDS)
    (folder / _LINES).unlink()


def read_rows(folder: Path, kinds: Runs, files: Collection[str]) -> Rows:
    """Map rows into memory; up to format 3 small indexes were compressed as a whole.

    Raises:
        ModelError: a file is damaged, or the numbers of ids and rows differ.
    """
    if _PACKED_LINES in files:
        return _unpacked(folder, kinds)
    lookup, lines = mapped(folder / _IDS), mapped(folder / _STOPS)
    ids = Ids(lookup.pop("text"), lookup.pop("stops"), lookup or None)
    if BLOCKS not in files:
        return Rows(ids, kinds, _whole_lines(_mapped_bytes(folder / _LINES), lines["stops"]))
    if len(lines["stops"]) != -(-len(ids) // _TOGETHER):
        raise _damaged(str(folder / _STOPS), f"{len(lines['stops'])} blocks for {len(ids)} rows")
    blocks = Blocks(_mapped_bytes(folder / BLOCKS), lines["stops"], lines["sample"].tobytes())
    return Rows(ids, kinds, _block_lines(*blocks), blocks)


def _unpacked(folder: Path, kinds: Runs) -> Rows:
    path = folder / _PACKED_LINES
    try:
        lines = np.frombuffer(lzma.decompress(path.read_bytes()), dtype=np.uint8)
        path = folder / _PACKED_IDS
        encoded = [id.encode("utf-8", "surrogatepass") for id in json.loads(lzma.decompress(path.read_bytes()))]
    except (lzma.LZMAError, EOFError, ValueError) as error:
        raise _damaged(str(path), error) from None
    stops = np.flatnonzero(lines == ord("\n"))
    if len(encoded) != len(stops):
        raise _damaged(str(path), f"{len(encoded)} ids for {len(stops)} rows")
    ids = Ids(np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([*map(len, encoded)]))
    return Rows(ids, kinds, _whole_lines(lines, stops))


def mapped(path: Path) -> Arrays:
    """Map the arrays of a .npy or safetensors file into memory.

    Raises:
        ModelError: the file cannot be read, or numpy has no type for its numbers.
    """
    try:
        if path.suffix == ".npy":
            return {path.stem: np.load(path, mmap_mode="c")}
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        data: NDArray[Any] = np.memmap(path, dtype=np.uint8, mode="c") if header else np.empty(0, np.uint8)
        data = data.view(np.ndarray)[8 + length :]  # slices of a memmap are slow
        return {name: _array(data, **described) for name, described in header.items()}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ModelError("cannot read the arrays", where=str(path), got=repr(error), fix=_FIX) from None


def _array(data: NDArray[Any], dtype: str, shape: list[int], data_offsets: list[int]) -> NDArray[Any]:
    start, stop = data_offsets
    numpy_type = "?" if dtype == "BOOL" else f"{dtype[0].lower()}{int(dtype[1:]) // 8}"  # F16 is f2
    return data[start:stop].view(numpy_type).reshape(shape)


def _mapped_bytes(path: Path) -> NDArray[np.uint8]:
    return np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)


def _hash(encoded: bytes) -> int:
    """64 bits of BLAKE2b; unlike ``hash`` the same in every run."""
    return int.from_bytes(blake2b(encoded, digest_size=8).digest(), "little")


def _damaged(where: str, got: object) -> ModelError:
    return ModelError("the rows of the index are damaged", where=where, got=str(got), fix=_FIX)
