"""The manifest of an index folder: what is in it and the checksum of every file.

Neither safetensors nor FAISS notices a flipped bit, so we look for ourselves.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from relik_ml.errors import DataError, ModelError
from relik_ml.io import sha256

FORMAT = "relik-ml-index/1"
FILE = "manifest.json"
_DAMAGED = "the manifest of the index is damaged"
_REBUILD = "build the index again with `relik-ml index build`, or copy the folder again"


def write_manifest(folder: Path, fields: dict[str, Any]) -> None:
    """Write ``fields``, the format's name, the sha256 of every file of ``folder`` and one of the manifest itself."""
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    record = {"format": FORMAT, **fields, "files": files}
    text = json.dumps({**record, "checksum": _checksum(record)}, ensure_ascii=False, indent=2)
    (folder / FILE).write_bytes((text + "\n").encode("utf-8", "backslashreplace"))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest and compare every file that it names with its checksum.

    Raises:
        ModelError: this is no index, one of another format, or a file of it is missing or damaged.
    """
    record = _parsed(folder)
    if record.get("format") != FORMAT:
        raise ModelError(
            "index of an unknown format",
            where=str(folder / FILE),
            got=str(record.get("format")),
            fix=f"this version reads {FORMAT}: build the index again, or update relik-ml",
        )
    if record.pop("checksum", None) != _checksum(record):
        raise ModelError(_DAMAGED, where=str(folder / FILE), got="another checksum than it states", fix=_REBUILD)
    for name, checksum in record["files"].items():
        _verify(folder / name, checksum)
    return record


def _parsed(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    try:
        record = json.loads(path.read_bytes())
    except OSError as error:
        got = error.strerror or str(error)
        fix = "give a folder that `relik-ml index build` wrote"
        raise ModelError("this folder holds no index", where=str(path), got=got, fix=fix) from None
    except ValueError as error:
        raise ModelError(_DAMAGED, where=str(path), got=str(error), fix=_REBUILD) from None
    if not isinstance(record, dict):
        raise ModelError(_DAMAGED, where=str(path), got="no JSON object", fix=_REBUILD)
    return record


def _verify(path: Path, checksum: str) -> None:
    try:
        found = sha256(path)
    except DataError as error:
        raise ModelError("a file of the index is missing", where=str(path), got=error.got, fix=_REBUILD) from None
    if found != checksum:
        got = f"sha256 {found[:12]}… instead of {checksum[:12]}…"
        raise ModelError("a file of the index is damaged", where=str(path), got=got, fix=_REBUILD)


def _checksum(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
