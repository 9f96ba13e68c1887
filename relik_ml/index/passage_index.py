"""An index: a folder of entries, their vectors and names, and a manifest. See docs/reference/index-format.md.

>>> from tempfile import TemporaryDirectory
>>> cities = [Entry("Q649", "entity", "Москва", "столица России"), Entry("Q656", "entity", "Санкт-Петербург")]
>>> with TemporaryDirectory() as home:
...     index = PassageIndex.build(cities, None, Path(home, "cities"))
>>> index.entries[index.row("Q649")].text
'столица России'
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from relik_ml.data import Format, read_manifest, resumable_folder, write_manifest
from relik_ml.errors import ConfigError, DataError, ModelError
from relik_ml.index.clusters import FAISS, FaissVectors, choose_kind, sample_size
from relik_ml.index.passages import PassageEncoder, encode_shards, read_shard, sample_rows
from relik_ml.index.rows import Rows, finish_rows, mapped, read_rows, write_rows
from relik_ml.index.search import STORAGES, Floats, Ints, Storage, Vectors, write_vectors
from relik_ml.types import Entry, Kind

FORMAT = Format(
    "index", "relik-ml-index/4", "build it again with `relik-ml index build`, or copy the folder again",
    older=("relik-ml-index/3", "relik-ml-index/2", "relik-ml-index/1"),
)  # fmt: skip
_SHARD = 2048
_VERIFIED = 64 * 2**20  # up to this size in bytes all checksums are compared when an index is opened
_NAME = re.compile(r"(?!(?:vectors|ids|rows)$)[a-z][a-z0-9_]*")
_CHANGED = "the kind of the index before rows were added or removed"

Extra = Mapping[str, Mapping[str, NDArray[Any]]]
"""Arrays of other modules that an index stores, by name, for example those of the name search."""
MakeExtra = Callable[[Sequence[Entry]], Extra]
ChangeExtra = Callable[[Extra, Ints, Sequence[Entry]], Extra]
"""Makes the arrays of a changed index from the old arrays, the kept old rows, and all entries, new ones last."""


@dataclass(frozen=True)
class IndexConfig:
    """Storage and search of an index, and the origin of its rows."""

    storage: Storage = "float16"
    """Number format of the vectors of an exact index, and of shards during a build."""
    provenance: str = ""
    """Source and licence of the rows."""
    kind: str = "auto"
    """exact, ivf-sq8 or ivf-pq; auto chooses by size."""
    shard: int = _SHARD
    """Passages in a shard: the most that an interrupted build has to repeat."""


@dataclass(eq=False)
class PassageIndex:
    """Entries that can be searched by vector."""

    folder: Path
    entries: Rows
    vectors: Vectors | FaissVectors | None
    extra: Extra
    manifest: Mapping[str, Any]

    @classmethod
    def build(
        cls,
        entries: Iterable[Entry],
        encoder: PassageEncoder | None,
        folder: str | Path,
        config: IndexConfig = IndexConfig(),
        extra: Extra | MakeExtra | None = None,
    ) -> PassageIndex:
        """Encode and write ``entries``, in their order, and open the result. Without ``encoder`` there are no vectors.

        Writing is atomic: an older index stays until the new one is complete. An interrupted build resumes with the
        passages that it had encoded, which are in ``.NAME.building`` beside the folder. ``extra`` are arrays of other
        modules, or a function that makes them from the entries.

        Raises:
            DataError: there are no entries, or two with one id in one language.
            ModelError: the encoder's vectors have the wrong shape or are not finite.
            ConfigError: a name in ``extra`` is not valid as a file name, or the kind of index needs faiss.
            OutputError: the folder cannot be written, or holds something other than an index.
        """
        with resumable_folder(Path(folder), FORMAT.wrote) as (partial, shards):
            rows = write_rows(entries, partial)
            about: dict[str, Any] = {"provenance": config.provenance, "encoder": None, "search": None}
            if encoder is not None:
                search = choose_kind(config.kind, len(rows))
                storage = config.storage if search.kind == "exact" else search.kind
                width = encoder.dimension
                about["encoder"] = {"fingerprint": encoder.fingerprint, "dimension": width, "storage": storage}
                about["search"] = search._asdict()
                paths = encode_shards(rows, encoder, config.storage, shards, config.shard)
                _write_vectors(paths, search.kind, len(rows), partial)
            _finish(rows, extra(rows) if callable(extra) else extra or {}, about, partial)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> PassageIndex:
        """Open an index folder. Checksums are compared only if the index is small; see `verify`.

        Raises:
            ModelError: the folder is not an index or has another format, or a file of it is missing or damaged.
            ConfigError: the index needs faiss, which is not installed.
        """
        folder = Path(folder)
        manifest = read_manifest(folder, FORMAT, limit=_VERIFIED)
        entries = read_rows(folder, manifest["kinds"], manifest["files"])
        extra = {name: mapped(folder / f"{name}.safetensors") for name in manifest["tensors"]}
        stored = extra.pop("vectors", {})  # up to relik-ml-index/2
        for name in ("vectors.npy", "scale.npy"):
            stored |= mapped(folder / name) if name in manifest["files"] else {}
        vectors: Vectors | FaissVectors | None = None
        if FAISS in manifest["files"]:
            vectors = FaissVectors.open(folder / FAISS)
        elif stored:
            vectors = Vectors(stored["vectors"], stored.get("scale"))
        return cls(folder, entries, vectors, extra, manifest)

    @staticmethod
    def verify(folder: str | Path) -> int:
        """Compare every file of an index with its checksum, and return the number of files.

        Raises:
            ModelError: the folder is not an index, or a file of it is missing or damaged.
        """
        return len(read_manifest(Path(folder), FORMAT, again=True)["files"])

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, id: object) -> bool:
        return id in self.entries.ids

    def row(self, id: str) -> int:
        """The first row of an id. DataError when the index does not have it."""
        return self.rows(id)[0]

    def rows(self, id: str) -> list[int]:
        """The rows of an id, one for each language, ascending. DataError when the index does not have it."""
        if not (found := self.entries.ids.rows(id)):
            raise DataError("the index has no such id", got=id, fix="build the index from a source that has it")
        return found

    def by_kind(self, kind: Kind) -> Ints:
        """The rows of all entries of a kind, ascending."""
        ranges = [np.arange(rows.start, rows.stop) for each, rows in self.entries.ranges() if each == kind]
        return np.concatenate(ranges) if ranges else np.empty(0, np.int64)

    def nearest(self, queries: Floats, k: int, rows: Ints | None = None) -> tuple[Ints, Floats]:
        """The k best rows for each query (Q, D), among ``rows`` or all rows. Each id occurs once, with its best row.

        Returns:
            Rows (Q, K) and scores (Q, K), best first, equal scores by row; K < k when there are fewer ids.

        Raises:
            ModelError: the index has no vectors.
        """
        found, scores = self.stored_vectors.nearest(queries, k * self.per_id, rows)
        return (found, scores) if self.per_id == 1 else _each_id_once(found, scores, self.entries.ids.firsts(found), k)

    @property
    def per_id(self) -> int:
        """The largest number of rows that one id has, in different languages."""
        return int(self.manifest.get("per_id", 1))

    def require(self, encoder: PassageEncoder) -> None:
        """ModelError when ``encoder`` is not the one that the index was built with."""
        built, given = (self.manifest["encoder"] or {}).get("fingerprint", "none"), encoder.fingerprint
        if built != given:
            raise ModelError(
                "the index was built by another encoder",
                got=f"fingerprint {given[:12]}, the index has {built[:12]}",
                fix="build the index again with this encoder: relik-ml index build --encoder FOLDER",
            )

    def info(self) -> dict[str, Any]:
        """A description of the index: rows by kind, encoder, search, arrays, provenance, format and files."""
        counts: Counter[str] = Counter()
        for kind, rows in self.entries.ranges():
            counts[kind] += len(rows)
        about = {key: self.manifest[key] for key in ("format", "provenance", "encoder", "tensors", "files")}
        search = self.manifest.get("search", {"kind": "exact", "reason": "the only kind of relik-ml-index/1"})
        return {"rows": len(self), "kinds": dict(counts), "search": search, **about}

    @property
    def stored_vectors(self) -> Vectors | FaissVectors:
        """The vectors. ModelError when the index was built without an encoder."""
        if self.vectors is None:
            raise ModelError("the index has no vectors", fix="build it with an encoder, or search it by name")
        return self.vectors


def add_rows(
    index: PassageIndex,
    entries: Iterable[Entry],
    encoder: PassageEncoder | None,
    folder: str | Path | None = None,
    extra: ChangeExtra | None = None,
    replace: bool = False,
) -> PassageIndex:
    """Write ``index`` with additional ``entries``, to its own folder or to ``folder``, and open the result.

    Only new rows are encoded; stored vectors are copied. A faiss index keeps its clusters, so rebuild it when the
    number of rows has doubled. ``extra`` updates the arrays of other modules and is required if there are any. With
    ``replace`` new entries take the place of those with the same id and language.

    Raises:
        DataError: there are no new entries, or the index has an id already in that language and ``replace`` is False.
        ModelError: the encoder is not the one that the index was built with, or its vectors are invalid.
        ConfigError: the index has vectors and there is no encoder, or it has other arrays and there is no ``extra``.
        OutputError: the folder cannot be written.
    """
    added = list(entries)
    if not added:
        raise DataError("there are no entries to add", fix="give a file of entries that is not empty")
    if index.vectors is not None:
        if encoder is None:
            raise ConfigError("the index has vectors, so new rows need an encoder", fix="give --encoder")
        index.require(encoder)
    old = [(entry, row) for entry in added for row in index.entries.ids.rows(entry.id)]
    replaced = [row for entry, row in old if index.entries[row].lang == entry.lang]
    if replaced and not replace:
        got, fix = index.entries[replaced[0]].id, "give --replace to replace such entries, or remove them"
        raise DataError("the index has an entry with this id", where=str(index.folder), got=got, fix=fix)
    return _changed(index, np.delete(np.arange(len(index)), replaced), added, encoder, folder, extra)


def remove_rows(
    index: PassageIndex, ids: Collection[str], folder: str | Path | None = None, extra: ChangeExtra | None = None
) -> PassageIndex:
    """Write ``index`` without the rows of ``ids``, to its own folder or to ``folder``, and open the result.

    Raises:
        DataError: the index does not have an id, or nothing would be left.
        ConfigError: the index has other arrays and there is no ``extra``; see `add_rows`.
        OutputError: the folder cannot be written.
    """
    kept = np.delete(np.arange(len(index)), [row for id in dict.fromkeys(ids) for row in index.rows(id)])
    if not len(kept):
        raise DataError("nothing would be left of the index", fix="remove the folder itself")
    return _changed(index, kept, [], None, folder, extra)


def _changed(
    index: PassageIndex,
    kept: Ints,
    added: Sequence[Entry],
    encoder: PassageEncoder | None,
    folder: str | Path | None,
    extra: ChangeExtra | None,
) -> PassageIndex:
    if index.extra and extra is None:
        fix = "give a function that makes them from the new rows"
        raise ConfigError("the index has arrays that depend on its rows", got=", ".join(sorted(index.extra)), fix=fix)
    target, about = Path(folder or index.folder), dict(index.info())
    with resumable_folder(target, FORMAT.wrote) as (partial, shards):
        start = index.entries.first(int((kept == np.arange(len(kept))).sum()))
        rest = kept[len(start or ()) :].tolist()
        rows = write_rows(chain(map(index.entries.__getitem__, rest), added), partial, start)
        if index.vectors is not None:
            about["search"] = {**about["search"], "reason": _CHANGED}
            stored = about["encoder"]["storage"]
            storage = stored if stored in STORAGES else IndexConfig.storage
            paths = encode_shards(added, encoder, storage, shards, _SHARD) if encoder else []
            index.vectors.rewrite(partial, kept, map(read_shard, paths))
        _finish(rows, extra(index.extra, kept, rows) if extra else {}, about, partial)
    return PassageIndex.open(target)


def _write_vectors(shards: Sequence[Path], kind: str, count: int, folder: Path) -> None:
    if kind == "exact":
        write_vectors(map(read_shard, shards), count, folder)
        return
    sample = sample_rows(map(read_shard, shards), count, sample_size(count))
    FaissVectors.build(kind, map(read_shard, shards), count, sample).write(folder)


def _finish(rows: Rows, extra: Extra, about: Mapping[str, Any], folder: Path) -> None:
    """Write the arrays of other modules, complete the rows, and write the manifest."""
    for name, arrays in extra.items():
        if not _NAME.fullmatch(name):
            raise ConfigError("arrays cannot be stored under this name", got=name, fix=f"match {_NAME.pattern}")
        save_file({key: array.copy(order="C") for key, array in arrays.items()}, folder / f"{name}.safetensors")
    finish_rows(rows, folder)
    fields = {
        **{key: about[key] for key in ("provenance", "encoder", "search")},
        "rows": len(rows),
        "per_id": int(np.bincount(rows.ids.firsts(np.arange(len(rows)))).max()),
        "kinds": rows.kinds,
        "tensors": sorted(extra),
    }
    write_manifest(folder, FORMAT, fields)


def _each_id_once(rows: Ints, scores: Floats, firsts: Ints, k: int) -> tuple[Ints, Floats]:
    """Keep the first row of each id, k in each line; lines are cut to the shortest one.

    Each line has k ids or all that exist, because the search returned k times the largest number of rows of an id.
    """
    columns = []
    for line in firsts:
        _, first = np.unique(line, return_index=True)
        columns.append(np.sort(first)[:k])
    shortest = min((len(line) for line in columns), default=0)
    kept = np.array([line[:shortest] for line in columns], dtype=np.int64).reshape(len(rows), shortest)
    return np.take_along_axis(rows, kept, 1), np.take_along_axis(scores, kept, 1)
