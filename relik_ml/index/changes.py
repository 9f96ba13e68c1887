"""Rows added to an index and rows taken out of it: a new folder each time, and only what is new is encoded.

Kept rows stay in their order and new ones follow. Vectors that stay are copied as they are stored; what becomes of a
faiss index `FaissVectors.edited` says. It goes on with the clusters and ranges that it learnt at first: when the rows
have doubled, build anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from relik_ml.data import resumable_folder
from relik_ml.errors import ConfigError, DataError
from relik_ml.index.approximate import FaissVectors
from relik_ml.index.build import FAISS, FORMAT, Extra, Plan, finish, write_exact
from relik_ml.index.device import DeviceVectors
from relik_ml.index.exact import Ints
from relik_ml.index.index import PassageIndex
from relik_ml.index.kinds import Choice
from relik_ml.index.passages import PassageEncoder
from relik_ml.index.rows import write_rows
from relik_ml.index.shards import encode, selected
from relik_ml.index.vectors import STORAGES, Storage, Vectors
from relik_ml.types import Entry

KEPT = "the kind of the index that rows were added to or taken from"
_SHARD = 2048

ChangeExtra = Callable[[Extra, Ints, Sequence[Entry]], Extra]
"""What gives the arrays of other modules: from the old ones, the old rows that stay, and all entries, new ones last."""


def add_rows(
    index: PassageIndex,
    entries: Iterable[Entry],
    encoder: PassageEncoder | None,
    folder: str | Path | None = None,
    extra: ChangeExtra | None = None,
) -> PassageIndex:
    """Write an index that has ``entries`` besides those of ``index``, in its place or to ``folder``, and open it.

    ``extra`` changes the arrays of other modules, such as names: they speak of rows, so it is needed when the index
    has any.

    Raises:
        DataError: there is nothing to add, or the index has an id already in that language.
        ModelError: the encoder is not the one that the index was built with, or its vectors are unfit.
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
    return _rewritten(index, np.arange(len(index)), added, encoder, folder, extra)


def remove_rows(
    index: PassageIndex, ids: Collection[str], folder: str | Path | None = None, extra: ChangeExtra | None = None
) -> PassageIndex:
    """Write an index without any row of ``ids``, in the place of ``index`` or to ``folder``, and open it.

    Raises:
        DataError: the index has none of an id, or nothing would be left.
        ConfigError: the index has other arrays and there is no ``extra``; see `add_rows`.
        OutputError: the folder cannot be written.
    """
    gone = [row for id in dict.fromkeys(ids) for row in index.rows(id)]
    kept = np.delete(np.arange(len(index)), gone)
    if not len(kept):
        raise DataError("nothing would be left of the index", fix="remove the folder itself")
    return _rewritten(index, kept, [], None, folder, extra)


def _rewritten(
    index: PassageIndex,
    kept: Ints,
    added: Sequence[Entry],
    encoder: PassageEncoder | None,
    folder: str | Path | None,
    extra: ChangeExtra | None,
) -> PassageIndex:
    if index.extra and extra is None:
        fix = "give a function that makes them of the new rows"
        raise ConfigError("the index has arrays that speak of its rows", got=", ".join(sorted(index.extra)), fix=fix)
    target = Path(folder or index.folder)
    with resumable_folder(target, FORMAT.wrote) as (partial, shards):
        rows = write_rows(chain(map(index.entries.__getitem__, kept.tolist()), added), partial)
        plan = _plan(index)
        if index.vectors is not None:
            parts: Sequence[Vectors] = encode(added, encoder, _storage(index), shards, _SHARD) if encoder else []
            _write_vectors(_at_rest(index), kept, parts, partial)
        arrays = extra(index.extra, kept, rows) if extra else {}
        finish(rows, arrays, plan, index.vectors.shape[1] if index.vectors is not None else 0, partial)
    return PassageIndex.open(target)


def _at_rest(index: PassageIndex) -> Vectors | FaissVectors:
    """The vectors as they are stored, wherever they are searched; ConfigError for those of no kind known here."""
    vectors = index.vectors.vectors if isinstance(index.vectors, DeviceVectors) else index.vectors
    if not isinstance(vectors, Vectors | FaissVectors):
        got, fix = type(vectors).__name__, "open the index anew with PassageIndex.open"
        raise ConfigError("these vectors cannot be written", where=str(index.folder), got=got, fix=fix)
    return vectors


def _write_vectors(vectors: Vectors | FaissVectors, kept: Ints, added: Sequence[Vectors], folder: Path) -> None:
    if isinstance(vectors, FaissVectors):
        vectors.edited(kept, added).write(folder / FAISS)
    else:
        count = len(kept) + sum(len(part) for part in added)
        write_exact(chain(selected(vectors, kept, _SHARD), added), count, folder)


def _plan(index: PassageIndex) -> Plan:
    search, encoder = index.info()["search"], index.manifest["encoder"]
    choice = Choice(search["kind"], KEPT) if search else Choice("exact", "")
    return Plan(choice, _storage(index), index.manifest["provenance"], encoder and encoder["fingerprint"])


def _storage(index: PassageIndex) -> Storage:
    """How an exact index is stored; what goes into a faiss index waits as float16."""
    stored = (index.manifest["encoder"] or {}).get("storage", "float16")
    return stored if stored in STORAGES else "float16"
