"""Encoded passages in shards of a few thousand rows: a build that is killed goes on from the last one.

A shard's file is named after everything that its vectors depend on, so that a shard of other passages, another
encoder or another storage is never taken for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from relik_ml.data import atomic_path
from relik_ml.errors import ModelError
from relik_ml.index.exact import Floats, Ints
from relik_ml.index.passages import PassageEncoder, passage
from relik_ml.index.tensors import Tensors, mapped, store
from relik_ml.index.vectors import Storage, Vectors
from relik_ml.types import Entry


class Shards(Sequence[Vectors]):
    """Packed vectors on disk, each part mapped into memory when it is asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, place: int) -> Vectors: ...
    @overload
    def __getitem__(self, place: slice) -> list[Vectors]: ...
    def __getitem__(self, place: int | slice) -> Vectors | list[Vectors]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return Vectors.from_tensors(mapped(self.paths[place]))


def encode(entries: Sequence[Entry], encoder: PassageEncoder, storage: Storage, kept: Path, size: int) -> Shards:
    """Encode the passages of entries into shards of ``size`` rows in the folder ``kept``, but for those it has.

    Raises:
        ModelError: the encoder's vectors are of a wrong shape or not finite.
    """
    seed = [encoder.fingerprint, encoder.dimension, storage]
    paths = []
    for start in range(0, len(entries), size):
        texts = [passage(entry) for entry in entries[start : start + size]]
        name = hashlib.sha256(json.dumps([*seed, texts]).encode()).hexdigest()
        paths.append(kept / f"{name}.safetensors")
        if not _whole(paths[-1]):
            _write(Vectors.pack(_vectors(texts, encoder), storage).tensors, paths[-1])
    return Shards(paths)


def sample(parts: Sequence[Vectors], count: int) -> Floats:
    """``count`` of all rows of the parts (or all, if they are fewer), drawn with a fixed seed, in order: (S, D)."""
    lengths = np.array([len(part) for part in parts])
    starts = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    chosen = np.sort(np.random.default_rng(0).choice(total, min(count, total), replace=False))
    owner = np.searchsorted(starts, chosen, "right") - 1
    return np.concatenate([part[chosen[owner == place] - starts[place]] for place, part in enumerate(parts)])


def selected(vectors: Vectors, rows: Ints, size: int) -> Iterator[Vectors]:
    """Some rows of packed vectors, part by part."""
    for start in range(0, len(rows), size):
        yield vectors.take(rows[start : start + size])


def _vectors(texts: Sequence[str], encoder: PassageEncoder) -> Floats:
    vectors = encoder.passages(texts)
    if vectors.shape != (len(texts), encoder.dimension):
        got = f"{vectors.shape} instead of {(len(texts), encoder.dimension)}"
        raise ModelError("the encoder gave vectors of a wrong shape", got=got, fix="correct the encoder")
    return vectors


def _write(tensors: Tensors, path: Path) -> None:
    """Write a shard with its checksum, whole or not at all."""
    with atomic_path(path) as partial:
        store(partial, {**tensors, "checksum": _checksum(tensors)})


def _whole(path: Path) -> bool:
    """Whether a shard is there and unharmed; a harmed one is made anew."""
    if not path.is_file():
        return False
    try:
        tensors = mapped(path)
        return np.array_equal(tensors.pop("checksum"), _checksum(tensors))
    except (ModelError, KeyError):
        return False


def _checksum(tensors: Tensors) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(np.ascontiguousarray(tensors[name]).tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)
