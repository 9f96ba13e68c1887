"""The manifest of a folder: what is in it and the checksum of every file.

Neither safetensors nor FAISS notices a flipped bit, so we look for ourselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from relik_ml.data.store import sha256
from relik_ml.errors import DataError, ModelError

FILE = "manifest.json"


@dataclass(frozen=True)
class Format:
    """A kind of folder: the noun that errors use, the name and version it states, and how one is made again."""

    noun: str
    name: str
    remedy: str
    older: tuple[str, ...] = ()
    """Names of earlier versions that are still read."""

    @property
    def names(self) -> tuple[str, ...]:
        """All versions that are read, the present one first."""
        return (self.name, *self.older)

    def wrote(self, folder: Path) -> bool:
        """Whether the manifest of a folder states this format; nothing else of it is looked at."""
        try:
            record = json.loads((folder / FILE).read_bytes())
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(record, dict) and record.get("format") in self.names


def write_manifest(folder: Path, format: Format, fields: dict[str, Any]) -> None:
    """Write ``fields``, the format's name, the sha256 of every file of ``folder`` and one of the manifest itself.

    A folder inside it that has a manifest looks after itself.
    """
    paths = sorted(path for path in _files(folder) if path != folder / FILE)
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
    sizes = {name: (folder / name).stat().st_size for name in files}
    record = {"format": format.name, **fields, "files": files, "sizes": sizes}
    text = json.dumps({**record, "checksum": _checksum(record)}, ensure_ascii=False, indent=2)
    (folder / FILE).write_bytes((text + "\n").encode("utf-8", "backslashreplace"))


def read_manifest(folder: Path, format: Format, limit: float = inf) -> dict[str, Any]:
    """Read the manifest and compare every file that it names with its checksum.

    A folder of more than ``limit`` bytes has only the sizes of its files compared: reading it all takes too long for
    every opening.

    Raises:
        ModelError: this is no such folder, one of another format, or a file of it is missing or damaged.
    """
    record = _parsed(folder, format)
    if record.get("format") not in format.names:
        raise ModelError(
            f"{format.noun} of an unknown format",
            where=str(folder / FILE),
            got=str(record.get("format")),
            fix=f"this version reads {format.name}: {format.remedy}, or update relik-ml",
        )
    if record.pop("checksum", None) != _checksum(record):
        raise _damaged(folder, format, "another checksum than it states")
    sizes = record.get("sizes", {})
    for name, size in sizes.items():
        _verify_size(folder / name, size, format)
    if sum(sizes.values()) <= limit:
        for name, checksum in record["files"].items():
            _verify(folder / name, checksum, format)
    return record


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif not (path / FILE).exists():
            yield from _files(path)


def _parsed(folder: Path, format: Format) -> dict[str, Any]:
    path = folder / FILE
    try:
        record = json.loads(path.read_bytes())
    except OSError as error:
        got = error.strerror or str(error)
        raise ModelError(f"this folder holds no {format.noun}", where=str(path), got=got, fix=format.remedy) from None
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, format, str(error)) from None
    if not isinstance(record, dict):
        raise _damaged(folder, format, "no JSON object")
    return record


def _verify_size(path: Path, size: int, format: Format) -> None:
    found = path.stat().st_size if path.is_file() else None
    if found is None:
        raise ModelError(f"a file of the {format.noun} is missing", where=str(path), got="none", fix=format.remedy)
    if found != size:
        got = f"{found} bytes instead of {size}"
        raise ModelError(f"a file of the {format.noun} is damaged", where=str(path), got=got, fix=format.remedy)


def _verify(path: Path, checksum: str, format: Format) -> None:
    try:
        found = sha256(path)
    except DataError as error:
        what = f"a file of the {format.noun} is missing"
        raise ModelError(what, where=str(path), got=error.got, fix=format.remedy) from None
    if found != checksum:
        got = f"sha256 {found[:12]}… instead of {checksum[:12]}…"
        raise ModelError(f"a file of the {format.noun} is damaged", where=str(path), got=got, fix=format.remedy)


def _damaged(folder: Path, format: Format, got: str) -> ModelError:
    what = f"the manifest of the {format.noun} is damaged"
    return ModelError(what, where=str(folder / FILE), got=got, fix=format.remedy)


def _checksum(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
