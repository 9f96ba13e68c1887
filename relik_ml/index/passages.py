"""Passages: entries as text, and their vectors, encoded in shards so that an interrupted build can resume.

The name of a shard's file is a checksum of everything that its vectors depend on: passages, encoder and storage.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable
from zipfile import ZipFile

import numpy as np
from tqdm import tqdm

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
        """A checksum of everything that the vectors depend on. An index of another encoder is refused."""
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
    """Encode the passages of entries into files of ``size`` rows. Files that exist are kept.

    Raises:
        ModelError: the encoder's vectors have the wrong shape or are not finite.
    """
    paths = []
    for start in tqdm(range(0, len(entries), size), unit="shard", disable=None):  # on a terminal only
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
    """Draw ``count`` of the ``total`` rows of shards with a fixed seed, or take all if there are fewer: (S, D)."""
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
        raise ModelError("the encoder returned vectors of the wrong shape", got=got, fix="correct the encoder")
    return vectors


def _is_whole(path: Path) -> bool:
    """Whether a shard exists and its checksums match."""
    try:
        with ZipFile(path) as file:
            return file.testzip() is None
    except Exception:  # a damaged zip file raises errors of many kinds
        return False
