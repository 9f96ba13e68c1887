"""An index: a folder of entries, their vectors and their names, with a manifest. See docs/index-format.md.

>>> from tempfile import TemporaryDirectory
>>> cities = [Entry("Q649", "entity", "Москва", "столица России"), Entry("Q656", "entity", "Санкт-Петербург")]
>>> with TemporaryDirectory() as home:
...     index = PassageIndex.build(cities, None, Path(home, "cities"))
>>> index.entries[index.row("Q649")].text
'столица России'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from relik_ml.errors import ConfigError, DataError, ModelError
from relik_ml.files import atomic_folder
from relik_ml.manifest import Format, read_manifest, write_manifest
from relik_ml.retriever.encode import PassageEncoder, passage
from relik_ml.retriever.rows import Rows, read_rows, runs, write_rows
from relik_ml.retriever.vectors import Floats, Ints, Storage, Vectors
from relik_ml.types import Entry, Kind

Tensors = Mapping[str, NDArray[Any]]

FORMAT = Format("index", "relik-ml-index/1", "build it again with `relik-ml index build`, or copy the folder again")
VECTORS = "vectors"
_CHUNK = 1024  # passages that are encoded before they are packed: bounds the memory of a build
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class IndexConfig:
    """How an index is stored: the numbers of its vectors, and in prose where its rows come from."""

    storage: Storage = "float16"
    provenance: str = ""


class PassageIndex:
    """Entries that can be found by vector. ``extra`` holds the arrays that other modules keep here, by name."""

    def __init__(
        self,
        folder: Path,
        entries: Rows,
        vectors: Vectors | None,
        extra: Mapping[str, Tensors],
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
        extra: Mapping[str, Tensors] | None = None,
    ) -> PassageIndex:
        """Encode and write ``entries``, in their order, and open the result. Without ``encoder`` there are no vectors.

        The folder appears whole or not at all; an older index in its place stays until the new one is complete.

        Raises:
            DataError: there are no entries, or two with one id.
            ModelError: the encoder's vectors are of a wrong shape or not finite.
            ConfigError: an array of ``extra`` has a name that cannot be a file's.
            OutputError: the folder cannot be written, or holds something that is no index.
        """
        rows = _checked(list(entries))
        tensors: dict[str, Tensors] = dict(_named(extra or {}))
        if encoder is not None:
            tensors[VECTORS] = _encode(rows, encoder, config.storage).tensors
        with atomic_folder(Path(folder)) as partial:
            write_rows(rows, partial)
            for name, arrays in tensors.items():
                save_file({key: array.copy(order="C") for key, array in arrays.items()}, partial / _file(name))
            write_manifest(partial, FORMAT, _fields(rows, encoder, config, list(tensors)))
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> PassageIndex:
        """Open an index folder once every file has been compared with its checksum.

        Raises:
            ModelError: this is no index, one of another format, or a file of it is missing or damaged.
        """
        folder = Path(folder)
        manifest = read_manifest(folder, FORMAT)
        entries = read_rows(folder, [(kind, count) for kind, count in manifest["kinds"]])
        tensors = {name: load_file(folder / _file(name)) for name in manifest["tensors"]}
        vectors = tensors.pop(VECTORS, None)
        return cls(folder, entries, None if vectors is None else Vectors.from_tensors(vectors), tensors, manifest)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def row(self, id: str) -> int:
        """The row of an id; DataError when the index has none such."""
        try:
            return self._rows[id]
        except KeyError:
            fix = "build the index from a source that has it"
            raise DataError("the index has no such id", got=id, fix=fix) from None

    def by_kind(self, kind: Kind) -> Ints:
        """The rows of all entries of a kind, ascending."""
        return np.array([row for each, rows in self.entries.ranges() if each == kind for row in rows], dtype=np.int64)

    def search(self, queries: Floats, k: int, kind: Kind | None = None) -> tuple[NDArray[np.object_], Floats]:
        """The k entries of largest inner product with each query (Q, D), of one kind or of all; exact.

        Returns:
            Ids (Q, K) and scores (Q, K), best first, equal scores by row; K < k when there are fewer entries.

        Raises:
            ModelError: the index has no vectors.
        """
        rows, scores = self.stored_vectors.nearest(queries, k, None if kind is None else self.by_kind(kind))
        return self._ids[rows], scores

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
        """What a person asks first: rows by kind, encoder, storage, arrays, provenance, format."""
        counts: dict[str, int] = {}
        for kind, rows in self.entries.ranges():
            counts[kind] = counts.get(kind, 0) + len(rows)
        chosen = ("format", "provenance", "encoder", "tensors", "files")
        return {"rows": len(self), "kinds": counts, **{key: self.manifest[key] for key in chosen}}

    @property
    def stored_vectors(self) -> Vectors:
        """The vectors; ModelError when the index was built without an encoder."""
        if self.vectors is None:
            raise ModelError("the index has no vectors", fix="build it with an encoder, or search it by name")
        return self.vectors

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {id: row for row, id in enumerate(self.entries.ids)}

    @cached_property
    def _ids(self) -> NDArray[np.object_]:
        return np.array(self.entries.ids, dtype=object)


def _checked(entries: Sequence[Entry]) -> Sequence[Entry]:
    if not entries:
        raise DataError("there are no entries to index", fix="give a file of entries that is not empty")
    seen: set[str] = set()
    for row, entry in enumerate(entries):
        if entry.id in seen:
            fix = "ids are unique across all sources: drop one of the entries or rename it"
            raise DataError("two entries have one id", where=f"row {row}", got=entry.id, fix=fix)
        seen.add(entry.id)
    return entries


def _named(extra: Mapping[str, Tensors]) -> Iterator[tuple[str, Tensors]]:
    for name, tensors in extra.items():
        if name == VECTORS or not _NAME.fullmatch(name):
            raise ConfigError("arrays cannot be stored under this name", got=name, fix=f"match {_NAME.pattern}")
        yield name, tensors


def _encode(entries: Sequence[Entry], encoder: PassageEncoder, storage: Storage) -> Vectors:
    """Vectors of all entries, packed chunk by chunk so that float32 is never held for more than one."""
    parts = []
    for start in range(0, len(entries), _CHUNK):
        texts = [passage(entry) for entry in entries[start : start + _CHUNK]]
        vectors = encoder.passages(texts)
        if vectors.shape != (len(texts), encoder.dimension):
            got = f"{vectors.shape} instead of {(len(texts), encoder.dimension)}"
            raise ModelError("the encoder gave vectors of a wrong shape", got=got, fix="correct the encoder")
        parts.append(Vectors.pack(vectors, storage))
    return Vectors.join(parts)


def _fields(
    rows: Sequence[Entry], encoder: PassageEncoder | None, config: IndexConfig, tensors: list[str]
) -> dict[str, Any]:
    described = None
    if encoder is not None:
        described = {
            "fingerprint": encoder.fingerprint,
            "dimension": encoder.dimension,
            "storage": config.storage,
        }
    return {
        "provenance": config.provenance,
        "rows": len(rows),
        "kinds": runs(rows),
        "encoder": described,
        "tensors": sorted(tensors),
    }


def _file(name: str) -> str:
    return f"{name}.safetensors"
