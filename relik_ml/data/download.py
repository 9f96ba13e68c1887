"""Download corpora into a cache, ``CACHE/NAME/VERSION/SPLIT/…``, and verify them against pinned checksums.

A corpus is renamed to its final name after its content was checked, and is checked again at every use. So an
interrupted download never looks complete, and a damaged copy is never read.
"""

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

from relik_ml.errors import CorpusNotFound, OutputError

Progress = Callable[[int, int | None], object]
"""Called with the size of each chunk of a download, and with the total size if the server stated it."""

CHUNK = 1 << 16
LARGEST = 1 << 29  # bytes, packed or unpacked; no corpus is larger, so more is an attack or a mistake
TIMEOUT = 60  # seconds without a byte
PATIENCE = 4  # seconds until the server answers at all


@dataclass(frozen=True, slots=True)
class Archive:
    """A corpus that can be fetched: a .tar.gz, the folder of the splits in it, and the checksums of its content.

    ``checksums`` holds for each split the sha256 of the output of ``sha256sum *`` in its folder, names sorted bytewise.
    Unlike the archive's own checksum it does not depend on the server's compressor.
    """

    url: str
    version: str
    folder: str
    checksums: Mapping[str, str]
    notice: str
    by_hand: str


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The folder of downloaded corpora: $RELIK_ML_CACHE, else $XDG_CACHE_HOME/relik-ml, else ~/.cache/relik-ml.

    >>> cache_folder({"RELIK_ML_CACHE": "/data/cache"}).as_posix()
    '/data/cache'
    """
    if own := environ.get("RELIK_ML_CACHE"):
        return Path(own)
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "relik-ml"


def data_folder(environ: Mapping[str, str]) -> Path:
    """The folder of what the user adds: $RELIK_ML_DATA, else $XDG_DATA_HOME/relik-ml, else ~/.local/share/relik-ml."""
    if own := environ.get("RELIK_ML_DATA"):
        return Path(own)
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "relik-ml"


def cached(name: str, archive: Archive, cache: Path) -> Path | None:
    """The folder of a corpus in the cache. None when it is not there, CorpusNotFound when it is damaged."""
    folder = cache / name / archive.version
    if not folder.is_dir():
        return None
    _verify(folder, archive, str(folder), f"delete {folder} and run again")
    return folder


def fetch(name: str, archive: Archive, cache: Path, progress: Progress = lambda size, total: None) -> Path:
    """Download, unpack and check a corpus, and return its folder of splits.

    Raises:
        CorpusNotFound: the corpus cannot be fetched, or its checksums do not match.
        OutputError: the cache cannot be written.
    """
    folder = cache / name / archive.version
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as scratch:
            packed, unpacked = Path(scratch, "archive.tar.gz"), Path(scratch, "corpus")
            _download(archive, packed, progress)
            _unpack(packed, archive, unpacked)
            _verify(unpacked, archive, archive.url, _by_hand(archive))
            os.replace(unpacked, folder)
    except OSError as error:
        fix = "free disk space, or name a folder that you may write in $RELIK_ML_CACHE"
        raise OutputError("the cache cannot be written", where=str(folder), got=str(error), fix=fix) from error
    return folder


def content_checksum(folder: Path) -> str:
    """The sha256 of the output of ``sha256sum *`` in a folder, names sorted bytewise."""
    names = sorted(os.fsencode(path.name) for path in folder.iterdir())
    digests = ((hashlib.sha256((folder / os.fsdecode(name)).read_bytes()).hexdigest(), name) for name in names)
    return hashlib.sha256(b"".join(b"%s  %s\n" % (digest.encode(), name) for digest, name in digests)).hexdigest()


def _verify(folder: Path, archive: Archive, where: str, fix: str) -> None:
    for split, expected in archive.checksums.items():
        found = content_checksum(folder / split) if (folder / split).is_dir() else "no such folder"
        if found != expected:
            got = f"{split}: {found} instead of {expected}"
            raise CorpusNotFound("the corpus does not match its pinned checksum", where=where, got=got, fix=fix)


def _by_hand(archive: Archive) -> str:
    return f"connect to the network and run again, or fetch it elsewhere ({archive.by_hand}) and give --source DIR"


def _failure(what: str, archive: Archive, got: object) -> CorpusNotFound:
    return CorpusNotFound(what, where=archive.url, got=str(got), fix=_by_hand(archive))


def _download(archive: Archive, path: Path, progress: Progress) -> None:
    with path.open("wb") as file:
        for chunk in _chunks(archive, progress):
            file.write(chunk)
            if file.tell() > LARGEST:
                raise _failure("the download is too large", archive, f"more than {LARGEST:,} bytes")


def _chunks(archive: Archive, progress: Progress) -> Iterator[bytes]:
    """The content of the URL. Errors of the network, not those of the caller, become CorpusNotFound."""
    read, total = 0, None
    try:
        _reach(archive.url)
        with urlopen(archive.url, timeout=TIMEOUT) as response:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            while chunk := response.read(CHUNK):
                read += len(chunk)
                progress(len(chunk), total)
                yield chunk
    except (OSError, HTTPException) as error:
        what = "the download broke off" if read else "the corpus could not be fetched"
        raise _failure(what, archive, repr(error) if read else error) from error
    if total is not None and read != total:
        raise _failure("the download broke off", archive, f"{read:,} of {total:,} bytes")


def _reach(url: str) -> None:
    """OSError if the server of a URL does not answer soon; an archive may take it longer."""
    try:
        urlopen(Request(urljoin(url, "/"), method="HEAD"), timeout=PATIENCE).close()
    except HTTPError as error:
        error.close()


def _unpack(packed: Path, archive: Archive, folder: Path) -> None:
    """Write the files of the splits. All other members of the archive are ignored."""
    size = 0
    try:
        with tarfile.open(packed, "r:gz") as members:
            for member in members:
                size += member.size
                if size > LARGEST:
                    raise _failure("the archive is too large", archive, f"more than {LARGEST:,} bytes")
                match PurePosixPath(member.name).parts:
                    case (_, archive.folder, split, name) if split in archive.checksums and member.isfile():
                        members.extract(member.replace(name=f"{split}/{name}"), folder, filter="data")
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _failure("the archive is damaged", archive, error) from error
