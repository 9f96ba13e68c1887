"""Vectors inside a faiss index: Flat, a graph over 8-bit codes (HNSW), or clusters of 8-bit or product codes (IVF).

Sources: HNSW, Malkov and Yashunin 2018; IVF and product quantisation, Jégou, Douze and Schmid 2011. The index holds
the only copy of the vectors. One thread builds, so the same vectors in the same order give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from relik_ml.errors import ConfigError, ModelError
from relik_ml.index.exact import Floats, Ints, ascending, block_rows, check_queries, nearest
from relik_ml.index.kinds import Kind, load_faiss, require_rows
from relik_ml.index.vectors import VectorIndex

_NEIGHBOURS, _BUILD_EFFORT = 16, 80  # HNSW's M and efConstruction
_EFFORT, _PROBES = 96, 12  # efSearch and nprobe: beyond them recall hardly grows, see docs/index-sizes.md
_CARD = 2048  # rows that faiss finds on a graphics card at most
_PER_CLUSTER = 40  # training vectors: about the least that faiss asks for
_FEW = 0.05  # a search among less than this share of the rows is made among all of those


class FaissVectors:
    """N vectors of width D in a faiss index whose ids are the rows; a `VectorIndex`."""

    def __init__(self, index: Any, card: Any = None) -> None:
        """``card`` is a copy of ``index`` on a graphics card, which answers what is asked of all rows."""
        self.index, self._card = index, card

    @classmethod
    def build(cls, kind: Kind, parts: Sequence[VectorIndex], sample: Floats) -> FaissVectors:
        """Train on ``sample`` (S, D) and add the vectors of ``parts`` (N in all, D) in order.

        Raises:
            ConfigError: faiss is missing, or there are too few vectors for product quantisation.
        """
        faiss = load_faiss()
        count, width = sum(len(part) for part in parts), sample.shape[1]
        index = _empty(faiss, kind, count, width)
        with _one_thread(faiss):
            index.train(np.ascontiguousarray(sample))
            for part in parts:
                index.add(np.ascontiguousarray(part[:]))
        return cls(index)

    @classmethod
    def open(cls, path: Path) -> FaissVectors:
        """Map an index from its file: what a search does not touch is not read.

        Raises:
            ConfigError: faiss is missing.
            ModelError: this is no faiss index.
        """
        faiss = load_faiss()
        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))
        except RuntimeError as error:
            fix = "build the index again with `relik-ml index build`, or copy the folder again"
            raise ModelError("faiss cannot read the index", where=str(path), got=str(error), fix=fix) from None

    def on(self, device: str) -> FaissVectors:
        """The same index with a copy on a graphics card; a graph (HNSW), which faiss has for CPUs only, gets none.

        Decoding, editing and searches among some rows go on with what is here.

        Raises:
            ConfigError: this faiss is the one for CPUs, there is no such card, or it cannot hold the index.
        """
        faiss = load_faiss()
        name, _, number = device.partition(":")
        if name == "cpu" or hasattr(self.index, "hnsw"):
            return self
        fix = "pip uninstall faiss-cpu; pip install 'relik-ml[gpu]'; or use cpu"
        cards = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
        if name != "cuda" or not (number or "0").isdecimal() or cards <= int(number or 0):
            raise ConfigError("faiss cannot use the device", got=f"{device}; it sees {cards} graphics cards", fix=fix)
        if self._clustered:
            self.index.nprobe = _PROBES
        try:
            card = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), int(number or 0), self.index)
        except RuntimeError as error:
            raise ConfigError("the graphics card cannot hold the index", got=str(error), fix="use cpu") from None
        return FaissVectors(self.index, card)

    def write(self, path: Path) -> None:
        """Write the index to a new file; an old one must not be overwritten, for a kill would lose both."""
        load_faiss().write_index(self.index, str(path))

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self.index.ntotal, self.index.d

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def __getitem__(self, rows: int | slice | Ints) -> Floats:
        """Decoded vectors."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        if self._clustered and not self.index.direct_map.array.size():
            self.index.make_direct_map()
        wanted = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        found: Floats = self.index.reconstruct_batch(wanted)
        return found.reshape(*np.shape(rows), self.shape[1])

    def nearest(self, queries: Floats, k: int, rows: Ints | None = None) -> tuple[Ints, Floats]:
        """See `VectorIndex`; approximate but for Flat, exact over the codes where ``rows`` are few."""
        queries = check_queries(queries, k, self.shape[1])
        rows = None if rows is None else ascending(rows)
        wanted = min(k, len(self) if rows is None else len(rows))
        if wanted < 1 or not len(queries) or (rows is not None and len(rows) < _FEW * len(self)):
            return self._exactly(queries, k, np.arange(len(self)) if rows is None else rows)
        found, scores = self._search(queries, wanted, rows)
        short = np.flatnonzero((found < 0).any(axis=1))
        if len(short):
            among = np.arange(len(self)) if rows is None else rows
            found[short], scores[short] = self._exactly(queries[short], k, among)
        return found, scores

    def edited(self, kept: Ints, added: Iterable[VectorIndex]) -> FaissVectors:
        """A new index of the kept rows (ascending) with others after them, quantised as the old ones were.

        Flat and HNSW are filled anew from the decoded vectors, whose codes stay what they were, for a graph cannot
        lose a node; the clusters of IVF keep their codes and get new row numbers.
        """
        faiss = load_faiss()
        with _one_thread(faiss):
            index = self._kept_clusters(faiss, kept) if self._clustered else self._kept_graph(faiss, kept)
            for part in added:
                index.add(np.ascontiguousarray(part[:]))
        return FaissVectors(index)

    @property
    def _clustered(self) -> bool:
        return hasattr(self.index, "invlists")

    def _search(self, queries: Floats, k: int, rows: Ints | None) -> tuple[Ints, Floats]:
        faiss = load_faiss(len(queries))
        if self._card is not None and rows is None and k <= _CARD:
            return _ordered(*self._card.search(queries, k))
        selector = None if rows is None else _selector(faiss, rows)
        if self._clustered:
            parameters = faiss.SearchParametersIVF(nprobe=_PROBES, sel=selector)
        elif hasattr(self.index, "hnsw"):
            parameters = faiss.SearchParametersHNSW(efSearch=max(_EFFORT, 2 * k), sel=selector)
        else:
            parameters = selector and faiss.SearchParameters(sel=selector)  # any at all makes Flat ten times slower
        return _ordered(*self.index.search(queries, k, params=parameters))

    def _exactly(self, queries: Floats, k: int, rows: Ints) -> tuple[Ints, Floats]:
        return nearest(queries, k, self._decode, rows, self.shape[1])

    def _decode(self, rows: slice | Ints, _: Floats) -> Floats:
        return self[rows]

    def _kept_graph(self, faiss: Any, kept: Ints) -> Any:
        index = _empty_copy(faiss, self.index)
        for start in range(0, len(kept), block_rows(self.shape[1])):
            index.add(self[kept[start : start + block_rows(self.shape[1])]])
        return index

    def _kept_clusters(self, faiss: Any, kept: Ints) -> Any:
        new_rows = np.full(len(self), -1, dtype=np.int64)
        new_rows[kept] = np.arange(len(kept))
        index, old = _empty_copy(faiss, self.index), self.index.invlists
        for cluster in range(old.nlist):
            size = old.list_size(cluster)
            if size:
                rows = new_rows[faiss.rev_swig_ptr(old.get_ids(cluster), size)]
                codes = faiss.rev_swig_ptr(old.get_codes(cluster), size * old.code_size).reshape(size, -1)
                rows, codes = rows[rows >= 0], np.ascontiguousarray(codes[rows >= 0])
                index.invlists.add_entries(cluster, len(rows), faiss.swig_ptr(rows), faiss.swig_ptr(codes))
        index.ntotal = len(kept)
        return index


def _ordered(scores: Floats, found: Ints) -> tuple[Ints, Floats]:
    """What faiss gives, equal scores by row."""
    order = np.lexsort((found, -scores), axis=1)
    return np.take_along_axis(found, order, 1), np.take_along_axis(scores, order, 1)


def sample_size(kind: Kind, count: int) -> int:
    """How many of ``count`` vectors a kind is trained on."""
    return min(count, max(_PER_CLUSTER * _clusters(count), 20_000)) if kind != "flat" else min(count, 1)


def _empty(faiss: Any, kind: Kind, count: int, width: int) -> Any:
    metric, sq8 = faiss.METRIC_INNER_PRODUCT, faiss.ScalarQuantizer.QT_8bit
    if kind == "flat":
        return faiss.IndexFlatIP(width)
    if kind == "hnsw-sq8":
        index = faiss.IndexHNSWSQ(width, sq8, _NEIGHBOURS, metric)
        index.hnsw.efConstruction = _BUILD_EFFORT
        return index
    coarse, clusters = faiss.IndexFlatIP(width), _clusters(count)
    if kind == "ivf-sq8":
        index = faiss.IndexIVFScalarQuantizer(coarse, width, clusters, sq8, metric, True)  # residuals: half the error
    else:
        require_rows(kind, count)
        index = faiss.IndexIVFPQ(coarse, width, clusters, _parts(width), 8, metric)
    index.cp.seed, index.cp.max_points_per_centroid = 0, _PER_CLUSTER
    return index


def _empty_copy(faiss: Any, index: Any) -> Any:
    """An index trained alike, without vectors; `clone_index` would crash on one that is mapped from its file."""
    copy = faiss.deserialize_index(faiss.serialize_index(index))
    copy.reset()
    if hasattr(copy, "direct_map"):  # made by decoding, and not kept up when clusters are copied
        copy.set_direct_map_type(faiss.DirectMap.NoMap)
    return copy


def _clusters(count: int) -> int:
    """4 √N, Faiss's own advice, as far as there are vectors to train so many."""
    return max(1, min(int(4 * count**0.5), count // 39))


def _parts(width: int) -> int:
    """Codes of one byte for every four numbers, if the width can be cut so."""
    return next(width // step for step in (4, 3, 2, 1) if width % step == 0)


def _selector(faiss: Any, rows: Ints) -> Any:
    first, last = int(rows[0]), int(rows[-1])
    return faiss.IDSelectorRange(first, last + 1) if last - first + 1 == len(rows) else faiss.IDSelectorBatch(rows)


@contextmanager
def _one_thread(faiss: Any) -> Iterator[None]:
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
