"""Arrays in safetensors files that are mapped into memory: opening one reads its header and nothing else.

The layout is safetensors' own: 8 bytes of length, a JSON header, then the arrays, largest items first.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as home:
...     arrays = allocate(Path(home, "a.safetensors"), {"squares": (np.dtype(np.int64), (4,))})
...     arrays["squares"][:] = np.arange(4) ** 2
...     mapped(Path(home, "a.safetensors"))["squares"].tolist()
[0, 1, 4, 9]
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relik_ml.errors import ModelError

Tensors = Mapping[str, NDArray[Any]]
_TYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16,
    "I8": np.int8, "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip
_NAMES = {np.dtype(type): name for name, type in _TYPES.items()}


def mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file, read from disk when they are used; what is written into them stays in memory.

    Raises:
        ModelError: this is no safetensors file, or it holds numbers that numpy has no type for.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        data: NDArray[Any] = np.memmap(path, dtype=np.uint8, mode="c") if header else np.empty(0, np.uint8)
        data = data.view(np.ndarray)[8 + length :]
        return {name: _array(data, **described) for name, described in header.items()}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        fix = "build the index again with `relik-ml index build`, or copy the folder again"
        raise ModelError("cannot read the arrays", where=str(path), got=repr(error), fix=fix) from None


def release(array: NDArray[Any]) -> None:
    """Let go of the memory that reading a mapped array took; it is read again when needed. Others are left alone."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)


def allocate(path: Path, arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> dict[str, NDArray[Any]]:
    """Make a file of arrays of these types and shapes and map it to be filled; it may exceed the memory."""
    header: dict[str, Any] = {}
    stop = 0
    for name, (dtype, shape) in sorted(arrays.items(), key=lambda item: (-item[1][0].itemsize, item[0])):
        start, stop = stop, stop + dtype.itemsize * prod(shape)
        header[name] = {"dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [start, stop]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + stop)
    data = np.memmap(path, dtype=np.uint8, mode="r+")[8 + len(text) :]
    return {name: _array(data, **described) for name, described in header.items()}


def store(path: Path, tensors: Tensors) -> None:
    """Write arrays that are in memory."""
    written = allocate(path, {name: (array.dtype, array.shape) for name, array in tensors.items()})
    for name, array in tensors.items():
        written[name][...] = array


def _array(data: NDArray[Any], dtype: str, shape: list[int], data_offsets: list[int]) -> NDArray[Any]:
    start, stop = data_offsets
    return data[start:stop].view(_TYPES[dtype]).reshape(shape)
