"""The kinds of vector index, and which one a given number of rows wants.

>>> choose("auto", 220_000, faiss=True).kind
'exact'
>>> print(choose("auto", 1_000_000, faiss=True).reason)
1,000,000 rows: clusters take a byte a number, stay on disk and are built in minutes
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, get_args

from relik_ml.errors import ConfigError

Kind = Literal["exact", "flat", "hnsw-sq8", "ivf-sq8", "ivf-pq"]
Wanted = Literal["auto", "exact", "flat", "hnsw-sq8", "ivf-sq8", "ivf-pq"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SEVERAL = 4
LEAST = 10_000
SMALL, LARGE = 300_000, 20_000_000
_FIX = "pip install 'relik-ml[faiss]' for a CPU or 'relik-ml[gpu]' for a GPU, never both; or take the kind exact"


class Choice(NamedTuple):
    """A kind and why it was taken."""

    kind: Kind
    reason: str


def choose(wanted: str, rows: int, faiss: bool | None = None) -> Choice:
    """The kind for so many rows, or the wanted one; ``faiss`` says whether it is installed, None: look.

    Raises:
        ConfigError: there is no such kind, faiss, which it needs, is missing, or there are too few rows for it.
    """
    if wanted == "auto":
        return _by_size(rows, find_spec("faiss") is not None if faiss is None else faiss)
    if wanted not in KINDS:
        raise ConfigError("unknown kind of index", got=wanted, fix=f"one of auto, {', '.join(KINDS)}")
    kind = KINDS[KINDS.index(wanted)]
    if kind != "exact" and not (find_spec("faiss") if faiss is None else faiss):
        raise ConfigError(f"an index of kind {kind} needs faiss, which is not installed", fix=_FIX)
    require_rows(kind, rows)
    return Choice(kind, "as asked")


def require_rows(kind: Kind, rows: int) -> None:
    """ConfigError where there are too few rows for a kind to learn from."""
    if kind == "ivf-pq" and rows < LEAST:
        fix = "take exact, or ivf-sq8"
        raise ConfigError(f"product quantisation learns from {LEAST:,} rows or more", got=f"{rows} rows", fix=fix)


def load_faiss(queries: int = SEVERAL) -> Any:
    """The faiss module, set to search for so many queries at a time.

    Several are one matrix product, fewer go one by one: faiss 1.15's own threshold of 128,000 never multiplies matrices
    for batches of 32 to 256, which takes 3 to 8 times as long, and one of 20 does so even for a single query.

    Raises:
        ConfigError: faiss is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise ConfigError("this index needs faiss, which is not installed", fix=_FIX) from None
    faiss.cvar.distance_compute_blas_threshold = 20 if queries >= SEVERAL else 128_000
    return faiss


def _by_size(rows: int, faiss: bool) -> Choice:
    size = f"{rows:,} rows"
    if rows < SMALL:
        return Choice("exact", f"{size}: comparing with all of them is quick and misses nothing")
    if not faiss:
        return Choice("exact", f"{size}, but faiss is not installed, and without it every search is exact")
    if rows < LARGE:
        return Choice("ivf-sq8", f"{size}: clusters take a byte a number, stay on disk and are built in minutes")
    return Choice("ivf-pq", f"{size}: product quantisation, a quarter of a byte a number, for what memory must hold")
