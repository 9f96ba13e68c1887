"""Files and folders that are there whole or not at all, and the manifest with the checksums of a folder's files.

Neither safetensors nor FAISS notices a flipped bit, so a folder is compared with its manifest when it is opened.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as home:
...     with atomic_path(Path(home, "имена.txt")) as partial:
...         _ = partial.write_text("Чехов", encoding="utf-8")
...     Path(home, "имена.txt").read_text(encoding="utf-8")
'Чехов'
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from relik_ml.errors import DataError, ModelError, OutputError

try:
    import fcntl
except ImportError:  # Windows has no flock: there nothing keeps two processes from building in one place
    fcntl = None  # type: ignore[assignment]

FILE = "manifest.json"
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)

Ours = Callable[[Path], bool]
"""Tells whether a folder that is not empty is of the kind that is being written: see `Format.wrote`."""


def nobodys(folder: Path) -> bool:
    """An `Ours` that says no: only an empty folder is replaced."""
    return False


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path``: flushed to disk and renamed to it on success, removed on failure.

    Missing parent folders are made. OutputError when the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    with _output_errors(path):
        if target.exists() and not target.is_file():
            raise OutputError("the output is not a file", where=str(path), fix="name a file, not a folder or device")
        partial = _partial(target)
        partial.touch(exist_ok=False)
    with _replacing(partial, target, path):
        yield partial


@contextmanager
def atomic_folder(path: Path, ours: Ours = nobodys) -> Iterator[Path]:
    """A temporary folder beside ``path``: flushed to disk and put in its place on success, removed on failure.

    An older folder is replaced only if it is empty or ``ours``, so that a mistyped path never removes other files.
    On Linux old and new change places in one step.
    """
    target = Path(os.path.realpath(path))
    with _output_errors(path):
        refuse_foreign(path, ours)
        partial = _partial(target)
        partial.mkdir()
    with _replacing(partial, target, path):
        yield partial


@contextmanager
def resumable_folder(path: Path, ours: Ours = nobodys) -> Iterator[tuple[Path, Path]]:
    """Two folders: an empty one that takes the place of ``path`` on success, and one whose files outlive a kill.

    Both lie in ``.NAME.building`` beside ``path``. The second keeps what the next attempt can go on from: it is there
    again after a failure or a kill and gone after success. The older folder stays until the new one is complete, and
    is replaced only if it is empty or ``ours``.

    Raises:
        OutputError: the place cannot be written, holds other files, or another process is building there.
    """
    target = Path(os.path.realpath(path))
    work = target.with_name(f".{target.name}.building")
    partial, kept = work / "new", work / "kept"
    with _output_errors(path):
        refuse_foreign(path, ours)
        kept.mkdir(parents=True, exist_ok=True)
    with _alone(work, path):
        try:
            with _output_errors(path):
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
            with _replacing(partial, target, path, work):
                yield partial, kept
            shutil.rmtree(kept, ignore_errors=True)
        finally:
            if not (kept.exists() and any(kept.iterdir())):
                shutil.rmtree(work, ignore_errors=True)


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """A folder, made if it is not there, that no other process works in meanwhile; OutputError if one does."""
    with _output_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    with _alone(path, path):
        yield


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content in hexadecimal; DataError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        got = error.strerror or str(error)
        raise DataError("cannot read the file", where=str(path), got=got, fix="check that it exists") from None


# Manifests


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

    A folder inside it that has a manifest of its own is left out.
    """
    paths = sorted(path for path in _files(folder) if path != folder / FILE)
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
    sizes = {name: (folder / name).stat().st_size for name in files}
    record = {"format": format.name, **fields, "files": files, "sizes": sizes}
    text = json.dumps({**record, "checksum": _checksum(record)}, ensure_ascii=False, indent=2)
    (folder / FILE).write_bytes((text + "\n").encode("utf-8", "backslashreplace"))


def read_manifest(folder: Path, format: Format, limit: float = inf) -> dict[str, Any]:
    """Read the manifest and compare every file that it names with its checksum.

    In a folder of more than ``limit`` bytes only the sizes of the files are compared: reading all of it would take
    too long whenever it is opened.

    Raises:
        ModelError: this is no such folder, one of another format, or a file of it is missing or damaged.
    """
    path = folder / FILE
    damaged = f"the manifest of the {format.noun} is damaged"
    try:
        record: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise _unfit(f"this folder holds no {format.noun}", path, error.strerror or str(error), format) from None
    except (ValueError, RecursionError) as error:
        raise _unfit(damaged, path, str(error), format) from None
    if not isinstance(record, dict):
        raise _unfit(damaged, path, "no JSON object", format)
    if (stated := record.get("format")) not in format.names:
        fix = f"this version reads {format.name}: {format.remedy}, or update relik-ml"
        raise ModelError(f"{format.noun} of an unknown format", where=str(path), got=str(stated), fix=fix)
    if record.pop("checksum", None) != _checksum(record):
        raise _unfit(damaged, path, "another checksum than it states", format)
    sizes = record.get("sizes", {})
    for name, size in sizes.items():
        _compare_size(folder / name, size, format)
    if sum(sizes.values()) <= limit:
        for name, checksum in record["files"].items():
            _compare_checksum(folder / name, checksum, format)
    return record


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif not (path / FILE).exists():
            yield from _files(path)


def _compare_size(path: Path, size: int, format: Format) -> None:
    found = path.stat().st_size if path.is_file() else None
    if found != size:
        state = "missing" if found is None else "damaged"
        raise _unfit(f"a file of the {format.noun} is {state}", path, f"{found} bytes instead of {size}", format)


def _compare_checksum(path: Path, checksum: str, format: Format) -> None:
    try:
        found = sha256(path)
    except DataError as error:
        raise _unfit(f"a file of the {format.noun} is missing", path, error.got, format) from None
    if found != checksum:
        got = f"sha256 {found[:12]}… instead of {checksum[:12]}…"
        raise _unfit(f"a file of the {format.noun} is damaged", path, got, format)


def _unfit(what: str, path: Path, got: str, format: Format) -> ModelError:
    return ModelError(what, where=str(path), got=got, fix=format.remedy)


def _checksum(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


# Replacing in one step


def _partial(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{secrets.token_hex(8)}.part")


def refuse_foreign(path: Path, ours: Ours) -> None:
    """Check that ``path`` may be replaced: it does not exist, is an empty folder or is ``ours``.

    Raises:
        OutputError: it is a file, or a folder with other files.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise OutputError("the output is not a folder", where=str(path), fix="name a folder")
    first = next(path.iterdir(), None)
    if first is not None and not ours(path):
        fix = "name a new or empty folder, or empty this one yourself"
        raise OutputError("the folder holds other files", where=str(path), got=first.name, fix=fix)


@contextmanager
def _replacing(partial: Path, target: Path, path: Path, work: Path | None = None) -> Iterator[None]:
    """Put ``partial`` in the place of ``target`` after the body, or remove it when the body fails."""
    try:
        with _output_errors(path, work or partial):
            yield
        with _output_errors(path):
            for file in [*partial.rglob("*"), partial]:
                _flush(file)
            _move(partial, target)
            _flush(target.parent)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def _move(new: Path, target: Path) -> None:
    if new.is_file() or not target.exists():
        os.replace(new, target)
    elif not _exchange(new, target):
        old = _partial(target)
        os.rename(target, old)
        try:
            os.rename(new, target)
        except OSError:
            os.rename(old, target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in one step (Linux ``renameat2``); False where the system has no such call."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return renameat2 is not None and renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


@contextmanager
def _alone(work: Path, path: Path) -> Iterator[None]:
    """Hold a lock on a folder. The system releases it when the process ends, however it ends."""
    handle = os.open(work, os.O_RDONLY)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OutputError("another process is building here", where=str(path), fix="wait for its end") from None
    finally:
        os.close(handle)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _output_errors(path: Path, partial: Path | None = None) -> Iterator[None]:
    """Turn a failure to write into OutputError; with ``partial``, only a failure that concerns it."""
    try:
        yield
    except OSError as error:
        ours = partial is None or error.errno in _DISK_FULL or str(error.filename or "").startswith(str(partial))
        if not ours:
            raise
        got = error.strerror or str(error)
        fix = "choose a place that can be written and has room"
        raise OutputError("cannot write the output", where=str(path), got=got, fix=fix) from None
