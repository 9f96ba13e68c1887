"""The index of a run: the vectors of its entries, how well they are found, and its folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from relik_ml.errors import ConfigError
from relik_ml.index import IndexConfig, PassageEncoder, PassageIndex, Storage, Vectors, passage
from relik_ml.index.vectors import Floats
from relik_ml.score import KS, Recall, recall
from relik_ml.text import cut
from relik_ml.training.candidates import learnt_names
from relik_ml.training.data import Data
from relik_ml.types import Entry, Kind, Window

_CHUNK = 4096  # passages whose vectors are float32 at a time


def entry_vectors(entries: Sequence[Entry], encoder: PassageEncoder) -> Vectors:
    """The vectors of all entries (N, D), float16."""
    chunks = (entries[start : start + _CHUNK] for start in range(0, len(entries), _CHUNK))
    return Vectors.join([Vectors.pack(encoder.passages([*map(passage, chunk)]), "float16") for chunk in chunks])


def dense_recall(queries: Floats, vectors: Vectors, views: Iterable[Window], entities: Sequence[Entry]) -> Recall:
    """How many linked mentions have their entity among the first k of a window that holds them, by vector alone.

    ``queries`` (Q, D) belong to the ``views``; the first rows of ``vectors`` are those of the ``entities``.
    """
    ids = [entity.id for entity in entities]
    ranked, _ = vectors.nearest(queries, max(KS), np.arange(len(ids)))
    known, total = frozenset(ids), Recall(dict.fromkeys(KS, 0))
    for view, rows in zip(views, ranked, strict=True):
        links = [mention.link for mention in cut(view).mentions if mention.link.id]
        found = [ids[row] for row in rows]
        total += recall([(link.id or "", *link.alternatives) for link in links], [found] * len(links), known)
    return total


def build_index(data: Data, encoder: PassageEncoder | None, folder: Path, storage: Storage) -> PassageIndex:
    """All entries, with vectors if there is an encoder, and the names that they have and that train calls them by."""
    names = learnt_names(data.entries, [*data.train, *data.held_out], {entry.id for entry in data.own})
    config = IndexConfig(storage, "entity table and NEREL train")
    return PassageIndex.build(data.entries, encoder, folder, config, {"names": names.arrays()})


def given_index(folder: Path, encoder: PassageEncoder, *kinds: Kind) -> PassageIndex:
    """Open an index that must have entries of these kinds.

    Raises:
        ModelError: it cannot be read, or its vectors are another encoder's.
        ConfigError: it has no entries of one of the kinds.
    """
    index = PassageIndex.open(folder)
    index.require(encoder)
    if missing := [kind for kind in kinds if not len(index.by_kind(kind))]:
        fix = "take the index of recipes/retriever_ru.py, or build one with such a source"
        raise ConfigError("the index lacks what is to be found", where=str(folder), got=f"no {missing[0]}", fix=fix)
    return index
