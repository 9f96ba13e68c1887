"""Atomic writing of files and folders, and manifests with the checksums of a folder's files.

Neither safetensors nor FAISS detects a flipped bit, so a folder is compared with its manifest when it is opened.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as home:
...     with atomic_path(Path(home, "имена.txt")) as partial:
...         _ = partial.write_text("Чехов", encoding="utf-8")
...     Path(home, "имена.txt").read_text(encoding="utf-8")
'Чехов'
"""

import ctypes
import errno
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from relik_ml.data.download import cache_folder
from relik_ml.data.lines import reading
from relik_ml.errors import ModelError, OutputError

try:
    import fcntl
except ImportError:  # Windows has no flock: there two processes may build in one folder
    fcntl = None  # type: ignore[assignment]

FILE = "manifest.json"
VERIFIED = "verified.json"
_REMEMBERED = 1000  # files
_SETTLED = 2 * 10**9  # nanoseconds; a file that changed later may change again and keep its times
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)

Ours = Callable[[Path], bool]
"""Whether a folder that is not empty may be replaced: see `Format.wrote`."""


def not_ours(folder: Path) -> bool:
    """An `Ours` that is always False: only an empty folder is replaced."""
    return False


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path``: flushed to disk and renamed to it on success, removed on failure.

    Missing parent folders are created. OutputError when the file cannot be written.
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
def atomic_folder(path: Path, ours: Ours = not_ours) -> Iterator[Path]:
    """A temporary folder beside ``path``: flushed to disk and put in its place on success, removed on failure.

    An older folder is replaced only if it is empty or ``ours``, so that a mistyped path never removes other files.
    On Linux the old and the new folder are exchanged in one system call.
    """
    target = Path(os.path.realpath(path))
    with _output_errors(path):
        refuse_foreign(path, ours)
        partial = _partial(target)
        partial.mkdir()
    with _replacing(partial, target, path):
        yield partial


@contextmanager
def resumable_folder(path: Path, ours: Ours = not_ours) -> Iterator[tuple[Path, Path]]:
    """Two folders: an empty one that replaces ``path`` on success, and one for intermediate results.

    Both lie in ``.NAME.building`` beside ``path``. The second folder survives a failure or a kill, so that the next
    attempt can resume; it is removed after success. An older ``path`` stays until the new one is complete, and is
    replaced only if it is empty or ``ours``.

    Raises:
        OutputError: the folder cannot be written, holds other files, or another process is building there.
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
def locked_folder(path: Path, shared: bool = False) -> Iterator[None]:
    """Create a folder if needed and lock it, alone or together with others that share it.

    OutputError when another process holds the lock.
    """
    with _output_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    with _alone(path, path, shared):
        yield


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content in hexadecimal. DataError when it cannot be read."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Manifests


@dataclass(frozen=True)
class Format:
    """A kind of folder: the noun that errors use, the format's name and version, and how to make the folder again."""

    noun: str
    name: str
    remedy: str
    older: tuple[str, ...] = ()
    """Names of earlier versions that are still read."""

    @property
    def names(self) -> tuple[str, ...]:
        """All versions that can be read, the current one first."""
        return (self.name, *self.older)

    def wrote(self, folder: Path) -> bool:
        """Whether the manifest of a folder states this format. Nothing else is checked."""
        try:
            record = json.loads((folder / FILE).read_bytes())
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(record, dict) and record.get("format") in self.names


def json_bytes(value: Any, indent: int | None = None) -> bytes:
    """JSON in UTF-8, compact without an indent. Lone surrogates, which have no UTF-8, become JSON escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"))
    return text.encode("utf-8", "backslashreplace")


def write_manifest(folder: Path, format: Format, fields: dict[str, Any]) -> None:
    """Write ``fields``, the format's name, the sha256 of every file of ``folder`` and that of the manifest itself.

    A folder inside it that has its own manifest is left out.
    """
    paths = sorted(path for path in _files(folder) if path != folder / FILE)
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
    sizes = {name: (folder / name).stat().st_size for name in files}
    record = {"format": format.name, **fields, "files": files, "sizes": sizes}
    with atomic_path(folder / FILE) as partial:
        partial.write_bytes(json_bytes({**record, "checksum": _checksum(record)}, indent=2) + b"\n")


def read_manifest(folder: Path, format: Format, limit: float = inf, again: bool = False) -> dict[str, Any]:
    """Read the manifest and compare every file that it names with its checksum.

    In a folder of more than ``limit`` bytes only the sizes of the files are compared, because reading all of it takes
    too long. Files that were found intact and have not changed since are not read, unless ``again``. They are
    remembered in ``verified.json`` in the cache folder by path, size, times and inode.

    Raises:
        ModelError: the folder has no manifest or another format, or a file of it is missing or damaged.
    """
    path = folder / FILE
    damaged = f"the manifest of the {format.noun} is damaged"
    try:
        record: Any = json.loads(path.read_bytes())
    except OSError as error:
        fix = format.remedy if folder.is_dir() else "check the path: there is no such folder"
        got = error.strerror or str(error)
        raise ModelError(f"this folder holds no {format.noun}", where=str(path), got=got, fix=fix) from None
    except (ValueError, RecursionError) as error:
        raise _unfit(damaged, path, str(error), format) from None
    if not isinstance(record, dict):
        raise _unfit(damaged, path, "no JSON object", format)
    if (stated := record.get("format")) not in format.names:
        fix = f"this version reads {format.name}: {format.remedy}, or update relik-ml"
        raise ModelError(f"{format.noun} of an unknown format", where=str(path), got=str(stated), fix=fix)
    if record.pop("checksum", None) != _checksum(record):
        raise _unfit(damaged, path, "the checksum does not match", format)
    sizes: dict[str, int] = record.get("sizes", {})  # older formats have none
    for name, size in sizes.items():
        file = folder / name
        _compare(file, f"{file.stat().st_size} bytes" if file.is_file() else None, f"{size} bytes", format)
    if sum(sizes.values()) <= limit:
        _verify({folder / name: checksum for name, checksum in record["files"].items()}, format, again)
    return record


def _verify(checksums: Mapping[Path, str], format: Format, again: bool) -> None:
    known, intact = _remembered(), dict[str, list[Any]]()
    for file, checksum in checksums.items():
        if not file.is_file():
            _compare(file, None, checksum, format)
        path, status = os.path.realpath(file), file.stat()
        version = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, checksum]
        if again or known.get(path) != version:
            _compare(file, sha256(file), checksum, format)
            if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED:
                intact[path] = version
    if intact:
        record = dict([*(known | intact).items()][-_REMEMBERED:])
        # Where the cache cannot be written, files are read each time.
        with suppress(OSError, OutputError, RuntimeError), atomic_path(cache_folder(os.environ) / VERIFIED) as partial:
            partial.write_text(json.dumps(record), encoding="utf-8")


def _remembered() -> dict[str, Any]:
    """The files that were found intact, each with its version; nothing if that is not known."""
    with suppress(OSError, ValueError, RuntimeError):
        record = json.loads((cache_folder(os.environ) / VERIFIED).read_bytes())
        return record if isinstance(record, dict) else {}
    return {}


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif not (path / FILE).exists():
            yield from _files(path)


def _compare(path: Path, found: str | None, expected: str, format: Format) -> None:
    """ModelError when a file's size or checksum is not the expected one; ``found`` is None without a file."""
    if found != expected:
        state = "missing" if found is None else "damaged"
        raise _unfit(f"a file of the {format.noun} is {state}", path, f"{found} instead of {expected}", format)


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
    """Replace ``target`` by ``partial`` after the body, or remove ``partial`` when the body fails."""
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
    """Exchange two paths in one system call (Linux ``renameat2``). False where the system has no such call."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return renameat2 is not None and renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


@contextmanager
def _alone(work: Path, path: Path, shared: bool = False) -> Iterator[None]:
    """Hold a lock on a folder. The system releases the lock when the process ends, even if it is killed."""
    handle = os.open(work, os.O_RDONLY)
    try:
        if fcntl is not None:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OutputError("another process uses the folder", where=str(path), fix="wait until it ends") from None
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
    """Turn an OSError into an OutputError; with ``partial``, only an error of that path or of a full disk."""
    try:
        yield
    except OSError as error:
        if partial and error.errno not in _DISK_FULL and not str(error.filename or "").startswith(str(partial)):
            raise
        got, fix = error.strerror or str(error), "choose a path that you may write, on a disk with enough space"
        raise OutputError("cannot write the output", where=str(path), got=got, fix=fix) from None
