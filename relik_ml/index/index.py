"""An index: a folder of entries, their vectors and their names, with a manifest. See docs/index-format.md.

>>> from tempfile import TemporaryDirectory
>>> cities = [Entry("Q649", "entity", "Москва", "столица России"), Entry("Q656", "entity", "Санкт-Петербург")]
>>> with TemporaryDirectory() as home:
...     index = PassageIndex.build(cities, None, Path(home, "cities"))
>>> index.entries[index.row("Q649")].text
'столица России'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relik_ml.data import read_manifest, resumable_folder
from relik_ml.errors import DataError, ModelError
from relik_ml.index.approximate import FaissVectors
from relik_ml.index.build import (
    FAISS,
    FORMAT,
    VECTORS,
    Extra,
    IndexConfig,
    MakeExtra,
    Plan,
    file_name,
    finish,
    write_vectors,
)
from relik_ml.index.device import DeviceVectors
from relik_ml.index.kinds import choose
from relik_ml.index.passages import PassageEncoder
from relik_ml.index.rows import Rows, read_packed_rows, read_rows, write_rows
from relik_ml.index.shards import encode
from relik_ml.index.tensors import Tensors, mapped
from relik_ml.index.vectors import Floats, Ints, VectorIndex, Vectors
from relik_ml.types import Entry, Kind

__all__ = ["FORMAT", "IndexConfig", "PassageIndex"]

_VERIFIED = 64 * 2**20  # bytes that are read and compared with their checksums at every opening


class PassageIndex:
    """Entries that can be found by vector. ``extra`` holds the arrays that other modules keep here, by name."""

    def __init__(
        self,
        folder: Path,
        entries: Rows,
        vectors: VectorIndex | None,
        extra: Extra,
        manifest: Mapping[str, Any],
    ) -> None:
        self.folder = folder
        self.entries, self.vectors, self.extra, self.manifest = entries, vectors, extra, manifest

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

        The folder appears whole or not at all; an older index in its place stays until the new one is complete. A
        build that was killed goes on from the passages that it had encoded, in ``.NAME.building`` beside the folder.
        ``extra`` are arrays of other modules, or what makes them of the rows.

        Raises:
            DataError: there are no entries, or two with one id in one language.
            ModelError: the encoder's vectors are of a wrong shape or not finite.
            ConfigError: an array of ``extra`` has a name that cannot be a file's, or the kind of index needs faiss.
            OutputError: the folder cannot be written, or holds something that is no index.
        """
        with resumable_folder(Path(folder), FORMAT.wrote) as (partial, kept):
            rows = write_rows(entries, partial)
            fingerprint = None if encoder is None else encoder.fingerprint
            choice = choose(config.kind if encoder else "exact", len(rows))
            plan = Plan(choice, config.storage, config.provenance, fingerprint)
            if encoder is not None:
                parts = encode(rows, encoder, config.storage, kept, config.shard)
                write_vectors(parts, plan, partial)
            finish(rows, extra or {}, plan, encoder.dimension if encoder else 0, partial)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path, device: str = "cpu") -> PassageIndex:
        """Open an index folder: a small one once every file has been compared with its checksum, a large one at once.

        Vectors are searched on ``device``: cpu, or cuda, where they are copied.

        Raises:
            ModelError: this is no index, one of another format, or a file of it is missing or damaged.
            ConfigError: the index is searched by faiss, which is not installed, or the device cannot be used.
        """
        folder = Path(folder)
        manifest = read_manifest(folder, FORMAT, limit=_VERIFIED)
        read = read_packed_rows if manifest.get("packed", True) else read_rows
        entries = read(folder, [(kind, count) for kind, count in manifest["kinds"]])
        tensors = {name: mapped(folder / file_name(name)) for name in manifest["tensors"]}
        stored = tensors.pop(VECTORS, None)
        vectors = _vectors(folder / FAISS if FAISS in manifest["files"] else None, stored, device)
        return cls(folder, entries, vectors, tensors, manifest)

    @staticmethod
    def verify(folder: str | Path) -> int:
        """Compare every file of an index of any size with its checksum; the number of files.

        Raises:
            ModelError: this is no index, or a file of it is missing or damaged.
        """
        return len(read_manifest(Path(folder), FORMAT, limit=inf)["files"])

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, id: object) -> bool:
        return id in self.entries.ids

    def row(self, id: str) -> int:
        """The first row of an id; DataError when the index has none such."""
        return self.rows(id)[0]

    def rows(self, id: str) -> list[int]:
        """The rows of an id, one a language, ascending; DataError when the index has none such."""
        found = self.entries.ids.rows(id)
        if not found:
            fix = "build the index from a source that has it"
            raise DataError("the index has no such id", got=id, fix=fix)
        return found

    def by_kind(self, kind: Kind) -> Ints:
        """The rows of all entries of a kind, ascending."""
        ranges = [np.arange(rows.start, rows.stop) for each, rows in self.entries.ranges() if each == kind]
        return np.concatenate(ranges) if ranges else np.empty(0, np.int64)

    def nearest(self, queries: Floats, k: int, rows: Ints | None = None) -> tuple[Ints, Floats]:
        """The k best rows for each query (Q, D), among ``rows`` or all, each id once by its best row.

        Returns:
            Rows (Q, K) and scores (Q, K), best first, equal scores by row; K < k when there are fewer ids.

        Raises:
            ModelError: the index has no vectors.
        """
        found, scores = self.stored_vectors.nearest(queries, k * self.per_id, rows)
        return (found, scores) if self.per_id == 1 else _folded(found, scores, self.entries.ids.firsts(found), k)

    @property
    def per_id(self) -> int:
        """Rows that an id has at most: one a language."""
        return int(self.manifest.get("per_id", 1))

    def search(self, queries: Floats, k: int, kind: Kind | None = None) -> tuple[NDArray[np.object_], Floats]:
        """The ids of the k entries of largest inner product with each query (Q, D), of one kind or of all.

        Returns:
            Ids (Q, K) and scores (Q, K), best first, equal scores by row; K < k when there are fewer entries.

        Raises:
            ModelError: the index has no vectors.
        """
        rows, scores = self.nearest(queries, k, None if kind is None else self.by_kind(kind))
        ids = np.empty(rows.shape, dtype=object)
        ids.ravel()[:] = [self.entries.ids[row] for row in rows.ravel().tolist()]
        return ids, scores

    def require(self, encoder: PassageEncoder) -> None:
        """Refuse an encoder other than the one whose vectors these are (ModelError)."""
        built, given = (self.manifest["encoder"] or {}).get("fingerprint", "none"), encoder.fingerprint
        if built != given:
            raise ModelError(
                "the index was built by another encoder",
                got=f"fingerprint {given[:12]}, the index has {built[:12]}",
                fix="build the index again with this encoder: relik-ml index build --encoder FOLDER",
            )

    def info(self) -> dict[str, Any]:
        """What a person asks first: rows by kind, ids, encoder, storage, way of search, arrays, provenance, format."""
        counts: dict[str, int] = {}
        for kind, rows in self.entries.ranges():
            counts[kind] = counts.get(kind, 0) + len(rows)
        chosen = ("format", "provenance", "encoder", "tensors", "files")
        search = self.manifest.get("search", {"kind": "exact", "reason": "the only kind of relik-ml-index/1"})
        return {"rows": len(self), "kinds": counts, "search": search, **{key: self.manifest[key] for key in chosen}}

    @property
    def stored_vectors(self) -> VectorIndex:
        """The vectors; ModelError when the index was built without an encoder."""
        if self.vectors is None:
            raise ModelError("the index has no vectors", fix="build it with an encoder, or search it by name")
        return self.vectors


def _vectors(faiss: Path | None, stored: Tensors | None, device: str) -> VectorIndex | None:
    """The vectors of a faiss index, or stored as they are, or none."""
    if faiss:
        return FaissVectors.open(faiss).on(device)
    if stored is None:
        return None
    vectors = Vectors.from_tensors(stored)
    return vectors if device == "cpu" else DeviceVectors(vectors, device)


def _folded(rows: Ints, scores: Floats, firsts: Ints, k: int) -> tuple[Ints, Floats]:
    """The first k places of each line whose id has not come before in it; lines are cut to the shortest.

    A line has k ids or all there are: it was asked for k times the rows that an id has at most.
    """
    places = []
    for line in firsts:
        _, first = np.unique(line, return_index=True)
        places.append(np.sort(first)[:k])
    shortest = min((len(line) for line in places), default=0)
    kept = np.array([line[:shortest] for line in places], dtype=np.int64).reshape(len(rows), shortest)
    return np.take_along_axis(rows, kept, 1), np.take_along_axis(scores, kept, 1)
