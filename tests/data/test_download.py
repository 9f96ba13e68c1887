"""Fetching a corpus from a server of our own on the loopback: whole, broken, hostile, interrupted."""

import io
import socket
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from relik_ml.data import Archive, cache_folder, cached, content_checksum, fetch
from relik_ml.errors import CorpusNotFound, OutputError
from relik_ml.plugins import load_converter

FILES = {"dev/a.ann": b"", "dev/a.txt": "Чехов".encode(), "train/б.txt": b"1", "train/a.txt": b"2"}


def packed(files: dict[str, bytes], root: str = "NEREL-8f07d3e/NEREL-v1.1/") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(root + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def listing(files: dict[str, bytes], split: str) -> str:
    names = sorted(name.encode() for name in files if name.startswith(split))
    lines = [f"{sha256(files[n.decode()]).hexdigest()}  {n.decode().split('/')[1]}\n" for n in names]
    return sha256("".join(lines).encode()).hexdigest()


@contextmanager
def serving(body: bytes, status: int = 200, length: int | None = None) -> Iterator[str]:
    """A server that answers every request with ``body``; a negative length leaves Content-Length out."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if length is None or length >= 0:
                self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def archive(url: str, files: dict[str, bytes] = FILES) -> Archive:
    checksums = {split: listing(files, split) for split in ("train", "dev")}
    return Archive(url, "8f07d3e", "NEREL-v1.1", checksums, "лицензия", "git clone …")


def attempt(body: bytes, cache: Path, status: int = 200, length: int | None = None) -> str:
    """The message a fetch fails with; and nothing may be left that looks finished."""
    with serving(body, status, length) as url, pytest.raises(CorpusNotFound) as caught:
        fetch("nerel", archive(url), cache)
    assert list((cache / "nerel").iterdir()) == []
    assert cached("nerel", archive(url), cache) is None
    assert "--source" in caught.value.fix
    return str(caught.value)


@pytest.mark.parametrize("length", [None, -1])
def test_a_corpus_is_fetched_once_and_then_found(tmp_path: Path, length: int | None) -> None:
    assert cached("nerel", archive(""), tmp_path) is None
    (tmp_path / "nerel" / ".fetching-abc" / "corpus" / "dev").mkdir(parents=True)  # left by a kill
    assert cached("nerel", archive(""), tmp_path) is None
    seen: list[tuple[int, int | None]] = []
    body = packed({**FILES, "test.txt": b"-", "other/x.txt": b"-", "dev/deep/x.txt": b"-"})
    with serving(body, length=length) as url:
        folder = fetch("nerel", archive(url), tmp_path, lambda size, total: seen.append((size, total)))
    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == FILES
    assert sum(size for size, _ in seen) == len(body)
    assert seen[0][1] == (len(body) if length is None else None)
    assert cached("nerel", archive(url), tmp_path) == folder == tmp_path / "nerel" / "8f07d3e"


def test_a_damaged_cache_is_not_read(tmp_path: Path) -> None:
    with serving(packed(FILES)) as url:
        folder = fetch("nerel", archive(url), tmp_path)
    (folder / "dev" / "a.txt").write_bytes("Чехос".encode())
    with pytest.raises(CorpusNotFound, match="pinned") as caught:
        cached("nerel", archive(url), tmp_path)
    assert f"delete {folder}" in caught.value.fix


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.7])
def test_an_answer_that_breaks_off_is_refused(tmp_path: Path, kept: float) -> None:
    body = packed(FILES)
    cut = body[: int(kept * len(body))]
    assert "broke off" in attempt(cut, tmp_path, length=len(body))
    attempt(cut, tmp_path, length=-1)


@pytest.mark.parametrize("body", [b"", b"<html>", packed(FILES)[:40] + b"x" * 99])
def test_what_is_no_archive_is_refused(tmp_path: Path, body: bytes) -> None:
    assert "damaged" in attempt(body, tmp_path)
    assert "404" in attempt(body, tmp_path, status=404)


@pytest.mark.parametrize("changed", [
    {**FILES, "dev/a.txt": "Чехос".encode()},
    {**FILES, "dev/b.txt": b""},
    {**FILES, "dev/..\\evil": b""},
    {name: content for name, content in FILES.items() if name != "train/a.txt"},
    {},
])  # fmt: skip
def test_other_content_than_was_pinned_is_refused(tmp_path: Path, changed: dict[str, bytes]) -> None:
    assert "pinned" in attempt(packed(changed), tmp_path)


def test_no_network(tmp_path: Path) -> None:
    with serving(b"") as url:
        pass  # closes the server, so that its port refuses connections
    with pytest.raises(CorpusNotFound, match=r"(?s)could not be fetched.*connect to the network.*git clone …"):
        fetch("nerel", archive(url), tmp_path)


def test_a_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relik_ml.data.download.PATIENCE", 0.1)
    said = r"(?s)could not be fetched.*timed out.*git clone …"
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CorpusNotFound, match=said):
        fetch("nerel", archive(f"http://127.0.0.1:{silent.getsockname()[1]}/a.tar.gz"), tmp_path)


@pytest.mark.parametrize("name", ["../../../../evil", "dev/../../../evil", "dev/..", "/evil"])
def test_an_archive_writes_nothing_outside_the_cache(tmp_path: Path, name: str) -> None:
    cache = tmp_path / "deep" / "cache"
    with serving(packed({**FILES, name: b"!"})) as url, suppress(CorpusNotFound, OutputError):
        fetch("nerel", archive(url), cache)
    kept = cache / "nerel" / "8f07d3e"
    assert {path for path in tmp_path.rglob("*") if path.is_file()} <= {kept / name for name in FILES}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_never_made(tmp_path: Path, kind: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        member = tarfile.TarInfo("x/NEREL-v1.1/dev/a.txt")
        member.type, member.linkname = kind, "/etc/passwd"
        made.addfile(member)
    assert "pinned" in attempt(buffer.getvalue(), tmp_path)


@pytest.mark.parametrize(("limit", "what"), [(30, "download"), (400, "archive")])
def test_more_than_any_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, what: str) -> None:
    monkeypatch.setattr("relik_ml.data.download.LARGEST", limit)
    assert f"{what} is too large" in attempt(packed({"dev/a.txt": b"0" * 100_000}), tmp_path)


def test_an_interrupted_download_and_a_full_disk_leave_nothing(tmp_path: Path) -> None:
    def interrupt(size: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with serving(packed(FILES)) as url:
        with pytest.raises(KeyboardInterrupt):
            fetch("nerel", archive(url), tmp_path, interrupt)
        assert list((tmp_path / "nerel").iterdir()) == []
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="RELIK_ML_CACHE"):
            fetch("nerel", archive(url), tmp_path / "file")


def test_where_the_cache_is() -> None:
    assert cache_folder({"RELIK_ML_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/relik-ml")
    assert cache_folder({}) == Path.home() / ".cache" / "relik-ml"


def test_the_pinned_checksums_are_those_of_the_corpus(shared_data: Path) -> None:
    known = load_converter("nerel").archive
    assert known is not None
    for split in ("train", "dev"):
        assert content_checksum(shared_data / "nerel" / split) == known.checksums[split]
    assert known.url.endswith(f"/{known.version}")
