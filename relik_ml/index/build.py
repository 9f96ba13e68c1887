"""Writing an index folder: rows, vectors of the chosen kind, arrays of other modules, manifest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from relik_ml.data import Format, write_manifest
from relik_ml.errors import ConfigError
from relik_ml.index.approximate import FaissVectors, sample_size
from relik_ml.index.kinds import Choice
from relik_ml.index.rows import Rows, pack_rows
from relik_ml.index.shards import sample
from relik_ml.index.tensors import Tensors, allocate
from relik_ml.index.vectors import Storage, Vectors
from relik_ml.types import Entry

Extra = Mapping[str, Tensors]
MakeExtra = Callable[[Sequence[Entry]], Extra]
"""What gives the arrays that belong to some rows: those of the search by name, for one."""

FORMAT = Format(
    "index", "relik-ml-index/2", "build it again with `relik-ml index build`, or copy the folder again",
    older=("relik-ml-index/1",),
)  # fmt: skip
VECTORS = "vectors"
FAISS = "vectors.faiss"
PACKED = 400_000  # up to so many rows are packed: they open in half a second and take a quarter of the room
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class IndexConfig:
    """How an index is stored and searched, and in prose where its rows come from."""

    storage: Storage = "float16"
    """The numbers of an exact index's vectors, and of those that wait to be put into another."""
    provenance: str = ""
    kind: str = "auto"
    """`kinds.KINDS`, or auto: by size."""
    shard: int = 2048
    """Passages that are encoded between two files: what a kill can cost."""


@dataclass(frozen=True)
class Plan:
    """What the manifest says of an index besides its rows."""

    choice: Choice
    storage: Storage
    provenance: str
    fingerprint: str | None
    """The encoder's; None without vectors."""


def write_vectors(parts: Sequence[Vectors], plan: Plan, folder: Path) -> None:
    """Write the vectors of all parts, in order, as the plan's kind wants them."""
    if plan.choice.kind == "exact":
        write_exact(parts, sum(len(part) for part in parts), folder)
        return
    some = sample(parts, sample_size(plan.choice.kind, sum(len(part) for part in parts)))
    FaissVectors.build(plan.choice.kind, parts, some).write(folder / FAISS)


def write_exact(parts: Iterable[Vectors], count: int, folder: Path) -> None:
    """Write packed vectors one after the other into a file of ``count`` rows."""
    arrays: dict[str, Any] = {}
    start = 0
    for part in parts:
        arrays = arrays or allocate(
            folder / file_name(VECTORS),
            {name: (array.dtype, (count, *array.shape[1:])) for name, array in part.tensors.items()},
        )
        for name, array in part.tensors.items():
            arrays[name][start : start + len(part)] = array
        start += len(part)


def finish(rows: Rows, extra: Extra | MakeExtra, plan: Plan, width: int, folder: Path) -> None:
    """Write the arrays of other modules, pack the rows if they are few, and write the manifest."""
    tensors = dict(_named(extra if isinstance(extra, Mapping) else extra(rows)))
    for name, arrays in tensors.items():
        save_file({key: array.copy(order="C") for key, array in arrays.items()}, folder / file_name(name))
    if (folder / file_name(VECTORS)).exists():
        tensors[VECTORS] = {}
    fields = _fields(rows, plan, width, sorted(tensors))
    if len(rows) <= PACKED:
        pack_rows(rows, folder)
    write_manifest(folder, FORMAT, fields)


def file_name(name: str) -> str:
    """The file of arrays that go by this name."""
    return f"{name}.safetensors"


def _named(extra: Extra) -> Iterator[tuple[str, Tensors]]:
    for name, tensors in extra.items():
        if name in (VECTORS, "ids", "rows") or not _NAME.fullmatch(name):
            fix = f"match {_NAME.pattern}, and leave vectors, ids and rows to the index"
            raise ConfigError("arrays cannot be stored under this name", got=name, fix=fix)
        yield name, tensors


def _fields(rows: Rows, plan: Plan, width: int, tensors: list[str]) -> dict[str, Any]:
    storage = plan.storage if plan.choice.kind == "exact" else plan.choice.kind
    encoder = {"fingerprint": plan.fingerprint, "dimension": width, "storage": storage}
    firsts = rows.ids.firsts(np.arange(len(rows)))
    return {
        "provenance": plan.provenance,
        "rows": len(rows),
        "packed": len(rows) <= PACKED,
        "per_id": int(np.bincount(firsts).max()),
        "kinds": rows.kinds,
        "encoder": encoder if plan.fingerprint is not None else None,
        "search": {"kind": plan.choice.kind, "reason": plan.choice.reason} if plan.fingerprint is not None else None,
        "tensors": tensors,
    }
