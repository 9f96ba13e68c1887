"""Files and folders that are there whole or not at all, and their checksums.

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
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from relik_ml.errors import DataError, OutputError

try:
    import fcntl
except ImportError:  # Windows has none: there two builds in one place are the user's to avoid
    fcntl = None  # type: ignore[assignment]

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)

Ours = Callable[[Path], bool]
"""Says of a folder that holds something whether it is of the kind that is being written: see `Format.wrote`."""


def nobodys(folder: Path) -> bool:
    """Of no kind at all: only an empty folder is replaced."""
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
    try:
        with _output_errors(path, partial):
            yield partial
        with _output_errors(path):
            _flush(partial)
            os.replace(partial, target)
            _flush(target.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, ours: Ours = nobodys) -> Iterator[Path]:
    """A temporary folder beside ``path``: flushed to disk and put in its place on success, removed on failure.

    An older folder is replaced only if it is empty or ``ours``, so that a slip of the hand never removes
    somebody's files. On Linux old and new change places in one step.
    """
    target = Path(os.path.realpath(path))
    with _output_errors(path):
        _refuse_foreign(target, path, ours)
        partial = _partial(target)
        partial.mkdir()
    try:
        with _output_errors(path, partial):
            yield partial
        with _output_errors(path):
            _put_in_place(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


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
        _refuse_foreign(target, path, ours)
        kept.mkdir(parents=True, exist_ok=True)
    with _alone(work, path):
        try:
            with _output_errors(path, work):
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                yield partial, kept
            with _output_errors(path):
                _put_in_place(partial, target)
            shutil.rmtree(work, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            if work.exists() and not any(kept.iterdir()):
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


def _partial(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{secrets.token_hex(8)}.part")


def _refuse_foreign(target: Path, path: Path, ours: Ours) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError("the output is not a folder", where=str(path), fix="name a folder")
    first = next(target.iterdir(), None)
    if first is not None and not ours(target):
        fix = "name a new or empty folder, or empty this one yourself"
        raise OutputError("the folder holds other files", where=str(path), got=first.name, fix=fix)


def _put_in_place(partial: Path, target: Path) -> None:
    for file in [*partial.rglob("*"), partial]:
        _flush(file)
    _swap(partial, target)
    _flush(target.parent)


@contextmanager
def _alone(work: Path, path: Path) -> Iterator[None]:
    """Hold a lock on a folder, which ends with the process however it ends."""
    handle = os.open(work, os.O_RDONLY)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OutputError("another process is building here", where=str(path), fix="wait for its end") from None
    finally:
        os.close(handle)


def _swap(new: Path, target: Path) -> None:
    if not target.exists():
        os.rename(new, target)
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
    """Let two paths change places in one step (Linux ``renameat2``); False where that cannot be had."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return renameat2 is not None and renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


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
