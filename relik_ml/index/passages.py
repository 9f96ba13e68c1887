"""Passages: entries as text, and their vectors, encoded in shards so that a build that was killed goes on.

A shard's file is named after everything that its vectors depend on: the passages, the encoder and the storage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable
from zipfile import ZipFile

import numpy as np

from relik_ml.data import atomic_path
from relik_ml.errors import ModelError
from relik_ml.index.search import Floats, Storage, Vectors
from relik_ml.types import Entry


@runtime_checkable
class PassageEncoder(Protocol):
    """Turns queries and passages into comparable vectors."""

    @property
    def dimension(self) -> int:
        """The width D of the vectors."""
        ...

    @property
    def fingerprint(self) -> str:
        """A checksum of everything that decides the vectors, so that another encoder's index is refused."""
        ...

    def queries(self, texts: Sequence[str]) -> Floats:
        """Encode queries, such as windows of a document: (N, D) float32."""
        ...

    def passages(self, texts: Sequence[str]) -> Floats:
        """Encode rows of a knowledge source: (N, D) float32."""
        ...


def passage(entry: Entry) -> str:
    """The text that stands for an entry.

    >>> passage(Entry("Q7747", "entity", "Владимир Путин", "президент России"))
    'Владимир Путин: президент России'
    >>> passage(Entry("Q649", "entity", "Москва"))
    'Москва'
    """
    return f"{entry.name}: {entry.text}" if entry.text else entry.name


def encode_shards(
    entries: Sequence[Entry], encoder: PassageEncoder, storage: Storage, folder: Path, size: int
) -> list[Path]:
    """Encode the passages of entries into files of ``size`` rows in a folder; those that are there already stay.

    Raises:
        ModelError: the encoder's vectors are of a wrong shape or not finite.
    """
    paths = []
    for start in range(0, len(entries), size):
        texts = [passage(entry) for entry in entries[start : start + size]]
        key = json.dumps([encoder.fingerprint, encoder.dimension, storage, texts])
        paths.append(folder / f"{hashlib.sha256(key.encode()).hexdigest()}.npz")
        if not _is_whole(paths[-1]):
            arrays = Vectors.pack(_encoded(texts, encoder), storage).arrays
            with atomic_path(paths[-1]) as partial, partial.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
    return paths


def read_shard(path: Path) -> Vectors:
    """The vectors of a shard."""
    with np.load(path) as arrays:
        return Vectors(arrays["vectors"], arrays.get("scale"))


def sample_rows(shards: Iterable[Vectors], total: int, count: int) -> Floats:
    """``count`` (S) of the ``total`` rows of some shards, or all if they are fewer, drawn with a fixed seed: (S, D)."""
    chosen = np.sort(np.random.default_rng(0).choice(total, min(count, total), replace=False))
    parts, start = [], 0
    for shard in shards:
        parts.append(shard[chosen[(chosen >= start) & (chosen < start + len(shard))] - start])
        start += len(shard)
    return np.concatenate(parts)


def _encoded(texts: Sequence[str], encoder: PassageEncoder) -> Floats:
    vectors = encoder.passages(texts)
    if vectors.shape != (len(texts), encoder.dimension):
        got = f"{vectors.shape} instead of {(len(texts), encoder.dimension)}"
        raise ModelError("the encoder gave vectors of a wrong shape", got=got, fix="correct the encoder")
    return vectors


def _is_whole(path: Path) -> bool:
    """Whether a shard is there and matches its checksums."""
    try:
        with ZipFile(path) as file:
            return file.testzip() is None
    except Exception:  # a damaged zip file raises errors of many kinds
        return False
