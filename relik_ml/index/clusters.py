"""Approximate search with faiss: inverted files (IVF) of 8-bit or product-quantised codes, and when to use them.

Source: Jégou, Douze and Schmid 2011. The faiss index holds the only copy of the vectors. It is built in one thread, so
the same vectors in the same order give the same bytes.

>>> choose_kind("auto", 220_000, faiss=True).kind
'exact'
>>> print(choose_kind("auto", 1_000_000, faiss=True).reason)
1,000,000 rows: clusters need one byte a number, stay on disk and are built in minutes
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from relik_ml.data import load_extra
from relik_ml.errors import ConfigError, ModelError, install
from relik_ml.index.search import Floats, Ints, VectorIndex, as_slice, ascending

KINDS = ("exact", "ivf-sq8", "ivf-pq")
FAISS = "vectors.faiss"
_SMALL, _LARGE, _PQ_LEAST = 300_000, 20_000_000, 10_000
_PROBES = 12  # clusters searched (nprobe); more hardly improve recall, see docs/results/index-sizes.md
_PER_CLUSTER = 40  # training vectors, about the minimum of faiss
_FEW = 0.05  # below this share of the rows a restricted search is exact
_INSTEAD = "or build an index of the kind exact"


class Choice(NamedTuple):
    """A kind of index and the reason for it."""

    kind: str
    reason: str


def choose_kind(wanted: str, rows: int, faiss: bool | None = None) -> Choice:
    """The kind of index for a number of rows, or the wanted one. ``faiss`` tells whether it is installed.

    Raises:
        ConfigError: the kind is unknown, needs faiss, which is not installed, or needs more rows.
    """
    faiss = find_spec("faiss") is not None if faiss is None else faiss
    size = f"{rows:,} rows"
    if wanted == "auto":
        if rows < _SMALL:
            return Choice("exact", f"{size}: comparing with all of them is fast and exact")
        if not faiss:
            return Choice("exact", f"{size}, but faiss is not installed, and without it every search is exact")
        if rows < _LARGE:
            return Choice("ivf-sq8", f"{size}: clusters need one byte a number, stay on disk and are built in minutes")
        return Choice("ivf-pq", f"{size}: product quantisation needs a quarter of a byte a number in memory")
    if wanted not in KINDS:
        raise ConfigError("unknown kind of index", got=wanted, fix=f"one of auto, {', '.join(KINDS)}")
    if wanted != "exact" and not faiss:
        fix = f"{install('faiss')}, {_INSTEAD}"
        raise ConfigError(f"an index of kind {wanted} needs faiss, which is not installed", fix=fix)
    if wanted == "ivf-pq" and rows < _PQ_LEAST:
        what = f"product quantisation learns from {_PQ_LEAST:,} rows or more"
        raise ConfigError(what, got=size, fix="use exact or ivf-sq8")
    return Choice(wanted, "as asked")


def load_faiss() -> Any:
    """The faiss module. ConfigError when it is not installed."""
    return load_extra("faiss", "faiss", _INSTEAD)


class FaissVectors(VectorIndex):
    """N vectors of dimension D in a faiss IVF index whose ids are the rows."""

    def __init__(self, index: Any) -> None:
        self.index = index
        self.shape = index.ntotal, index.d

    @classmethod
    def build(cls, kind: str, parts: Iterable[VectorIndex | Floats], count: int, sample: Floats) -> FaissVectors:
        """Train clusters for ``count`` vectors on a sample (S, D) of them and add the vectors of ``parts`` in order."""
        faiss, width = load_faiss(), sample.shape[1]
        # One byte codes four numbers, or fewer when the dimension is not divisible by four.
        codes = "SQ8" if kind == "ivf-sq8" else f"PQ{next(width // step for step in (4, 3, 2, 1) if width % step == 0)}"
        index = faiss.index_factory(width, f"IVF{_clusters(count)},{codes}", faiss.METRIC_INNER_PRODUCT)
        index.cp.seed, index.cp.max_points_per_centroid = 0, _PER_CLUSTER
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            index.train(np.ascontiguousarray(sample))
            for part in parts:
                index.add(np.ascontiguousarray(part[:]))
        finally:
            faiss.omp_set_num_threads(threads)
        return cls(index)

    @classmethod
    def open(cls, path: Path) -> FaissVectors:
        """Map an index into memory.

        Raises:
            ConfigError: faiss is not installed.
            ModelError: the file is not a faiss index, or one of a kind that is no longer supported.
        """
        faiss = load_faiss()
        fix = "build the index again with `relik-ml index build`, or copy the folder again"
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise ModelError("faiss cannot read the index", where=str(path), got=str(error), fix=fix) from None
        if not hasattr(index, "invlists"):
            what = "the kinds flat and hnsw-sq8 are no longer supported"
            fix = "build the index again: relik-ml index build SOURCE... --encoder FOLDER --out FOLDER"
            raise ModelError(what, where=str(path), got=type(index).__name__, fix=fix)
        return cls(index)

    def write(self, folder: Path) -> None:
        """Write the index to a folder."""
        load_faiss().write_index(self.index, str(folder / FAISS))

    def __getitem__(self, rows: int | slice | Ints) -> Floats:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        if not self.index.direct_map.array.size():
            self.index.make_direct_map()
        found: Floats = self.index.reconstruct_batch(np.atleast_1d(np.asarray(rows, dtype=np.int64)))
        return found.reshape(*np.shape(rows), self.shape[1])

    def nearest(self, queries: Floats, k: int, rows: Ints | None = None) -> tuple[Ints, Floats]:
        """See `VectorIndex`. The search is approximate unless ``rows`` are few."""
        queries = self._checked(queries, k)
        rows = None if rows is None else ascending(rows)
        count = len(self) if rows is None else len(rows)
        if not k or not len(queries) or count <= (_FEW * len(self) if rows is not None else 0):
            return super().nearest(queries, k, rows)
        faiss = load_faiss()
        # faiss uses a matrix product only above this number of queries (its default is 128,000).
        faiss.cvar.distance_compute_blas_threshold = 20 if len(queries) >= 4 else 128_000
        parameters = faiss.SearchParametersIVF(nprobe=_PROBES, sel=None if rows is None else _selector(faiss, rows))
        scores, found = self.index.search(queries, min(k, count), params=parameters)
        order = np.lexsort((found, -scores), axis=1)  # equal scores by row
        found, scores = np.take_along_axis(found, order, 1), np.take_along_axis(scores, order, 1)
        short = np.flatnonzero((found < 0).any(axis=1))  # the searched clusters hold fewer than k rows
        if len(short):
            found[short], scores[short] = super().nearest(queries[short], k, rows)
        return found, scores

    def rewrite(self, folder: Path, kept: Ints, added: Iterable[VectorIndex]) -> None:
        """Write the rows ``kept`` with their codes and clusters, then the rows of ``added``."""
        faiss, old = load_faiss(), self.index.invlists
        new_rows = np.full(len(self), -1, dtype=np.int64)
        new_rows[kept] = np.arange(len(kept))
        index = faiss.deserialize_index(faiss.serialize_index(self.index))  # clone_index crashes on a mapped one
        index.reset()
        index.set_direct_map_type(faiss.DirectMap.NoMap)
        for cluster in range(old.nlist):
            if size := old.list_size(cluster):
                rows = new_rows[faiss.rev_swig_ptr(old.get_ids(cluster), size)]
                codes = faiss.rev_swig_ptr(old.get_codes(cluster), size * old.code_size).reshape(size, -1)
                rows, codes = rows[rows >= 0], np.ascontiguousarray(codes[rows >= 0])
                index.invlists.add_entries(cluster, len(rows), faiss.swig_ptr(rows), faiss.swig_ptr(codes))
        index.ntotal = len(kept)
        for part in added:
            index.add(part[:])
        FaissVectors(index).write(folder)


def sample_size(count: int) -> int:
    """The number of vectors, out of ``count``, that the clusters are trained on."""
    return min(count, max(_PER_CLUSTER * _clusters(count), 20_000))


def _clusters(count: int) -> int:
    """4 √N, as faiss recommends, or fewer when there are too few training vectors."""
    return max(1, min(int(4 * count**0.5), count // 39))


def _selector(faiss: Any, rows: Ints) -> Any:
    among = as_slice(rows)
    return faiss.IDSelectorRange(among.start, among.stop) if isinstance(among, slice) else faiss.IDSelectorBatch(among)
