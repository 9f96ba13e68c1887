"""``relik-ml convert``: from a folder, from the cache and from a server, and what it says when it cannot."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from relik_ml import plugins
from relik_ml.data import content_checksum, read_documents
from relik_ml.plugins import CONVERTERS, load_converter
from tests.cli.conftest import refused
from tests.cli.conftest import run as relik_ml

CORPUS = Path(__file__).parent.parent / "converters" / "nerel"


run = partial(relik_ml, "convert")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of our own, and an archive that no server has, with the checksums of our own corpus."""
    monkeypatch.setenv("RELIK_ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    _pin(monkeypatch, "http://127.0.0.1:9/nothing")


def _pin(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    converter: Any = load_converter("nerel")
    checksums = {split: content_checksum(CORPUS / split) for split in ("train", "dev")}
    pinned = replace(converter, archive=replace(converter.archive, url=url, checksums=checksums))
    monkeypatch.setattr("relik_ml.cli.convert.load_converter", lambda name: pinned)


def test_a_folder_becomes_one_file_a_split_and_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("nerel", "--source", CORPUS)
    out = tmp_path / "data" / "nerel"
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.iterdir()} == {"train.jsonl", "dev.jsonl", "report.json"}
    assert [d.id for d in read_documents(out / "dev.jsonl")] == ["nerel/dev/404_text"]
    assert len(list(read_documents(out / "train.jsonl"))) == 3
    assert done.stdout == ""
    assert "not converted: test" in done.stderr
    assert "duplicate triple: dropped" in done.stderr
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["splits"]["train"]["defects"]["duplicate triple: dropped"] == {
        "count": 1,
        "percent": 14.286,
        "of": "relation lines",
        "examples": ["train/101_text.ann:15  PLACE_OF_BIRTH T3 T5"],
    }
    assert report["total"]["counts"]["mentions"] == 22
    assert report["pinned"] == {"train": False, "dev": False}
    assert report["switches"] == {"wikinews_only": False}


def test_chosen_splits_and_switches(tmp_path: Path) -> None:
    done = run("nerel", "--source", CORPUS, "--split", "train", "--wikinews-only", "--out", tmp_path)
    assert (done.exit_code, [path.name for path in sorted(tmp_path.iterdir())]) == (0, ["report.json", "train.jsonl"])
    assert len(list(read_documents(tmp_path / "train.jsonl"))) == 2
    assert "left out by --wikinews-only" in done.stderr


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["nerel", "--source", CORPUS, "--split", "test"], 4, "choose from: train, dev"),
    (["nerel", "--source", CORPUS, "--strict"], 3, "train/101_text.ann:20"),
    (["nerel", "--source", CORPUS.parent.parent / "cli"], 4, "no .ann file"),
    (["nerel", "--source", CORPUS, "--strict", "--skip-bad"], 2, "--skip-bad"),
    (["nerel", "--source", CORPUS, "--out", Path(__file__)], 6, "test_convert.py"),
    (["nerol"], 2, "nerol"),
    (["rebel"], 2, "--source"),
])  # fmt: skip
def test_what_cannot_be_converted_ends_with_its_code(
    tmp_path: Path, arguments: list[object], code: int, said: str
) -> None:
    done = run(*arguments, *(() if "--out" in arguments or arguments == ["nerol"] else ("--out", tmp_path)))
    assert (done.exit_code, list(tmp_path.iterdir())) == (code, [])
    assert said in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.usefixtures("offline")
def test_offline_without_a_cache_says_what_to_do(tmp_path: Path) -> None:
    done = run("nerel", "--out", tmp_path / "out")
    refused(done, 4, "git clone https://github.com/nerel-ds/NEREL", "--source DIR")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("offline")
def test_without_a_source_the_archive_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _serving_the_corpus(tmp_path) as url:
        _pin(monkeypatch, url)
        done = run("nerel", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "NEREL states no licence" in done.stderr
    assert f"Downloading {url}" in done.stderr
    assert json.loads((tmp_path / "out" / "report.json").read_text())["pinned"] == {"train": True, "dev": True}
    again = run("nerel", "--out", tmp_path / "again")
    assert (again.exit_code, "Downloading" in again.stderr) == (0, False), "the server is gone, the cache is there"
    for name in ("train.jsonl", "dev.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@contextmanager
def _serving_the_corpus(folder: Path) -> Iterator[str]:
    served = folder / "served"
    shutil.copytree(CORPUS, served / "NEREL-8f07d3e" / "NEREL-v1.1")
    shutil.make_archive(str(served / "archive"), "gztar", served, "NEREL-8f07d3e")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=served))
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/archive.tar.gz"
    finally:
        server.shutdown()
        server.server_close()


def _rebel(path: Path, count: int) -> list[bytes]:
    """REBEL records about towns of our own making, each with an id of its own."""
    omsk = {"uri": "Q898", "boundaries": [0, 4], "surfaceform": "Omsk", "annotator": "Me"}
    russia = {"uri": "Q159", "boundaries": [11, 17], "surfaceform": "Russia", "annotator": "Me"}
    triple = {"subject": omsk, "predicate": {"uri": "P17"}, "object": russia, "sentence_id": 0}
    page = {"title": "Omsk", "text": "Omsk is in Russia.", "entities": [omsk, russia], "triples": [triple]}
    lines = [json.dumps({"docid": f"Q{n}", "uri": f"Q{n}", **page}).encode() + b"\n" for n in range(count)]
    path.write_bytes(b"".join(lines))
    return lines


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_lines_stop_the_conversion_or_are_counted(tmp_path: Path, workers: int) -> None:
    lines = _rebel(tmp_path / "train.jsonl", 3)
    (tmp_path / "train.jsonl").write_bytes(lines[0] + b"{broken\n" + lines[1] + b"\xff\n" + lines[2])
    options = ["--source", tmp_path / "train.jsonl", "--out", tmp_path / "out", "--workers", workers]
    refused(run("rebel", *options), 3, "train.jsonl:2")
    assert not (tmp_path / "out" / "train.jsonl").exists()
    done = run("rebel", *options, "--skip-bad")
    assert done.exit_code == 0, done.output
    assert len(list(read_documents(tmp_path / "out" / "train.jsonl"))) == 3
    defects = json.loads((tmp_path / "out" / "report.json").read_text())["total"]["defects"]
    assert sum(found["count"] for what, found in defects.items() if what.startswith("bad: ")) == 2


@pytest.mark.parametrize(("names", "born", "lacks"), [
    ("properties", "P19", "a relation without a property keeps its name"),
    ("nerel", "PLACE_OF_BIRTH", "two relations have P710, so it stays"),
])  # fmt: skip
def test_relations_can_be_named_by_their_properties(tmp_path: Path, names: str, born: str, lacks: str) -> None:
    done = run("nerel", "--source", CORPUS, "--split", "train", "--relations", names, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    pages = {document.id: document for document in read_documents(tmp_path / "train.jsonl")}
    triples = {(t.subject, t.relation, t.object) for t in pages["nerel/train/101_text"].triples}
    inverse, bare = ("T7", "P710", "T10"), ("T7", "SUBORDINATE_OF", "T3")
    assert triples >= {("T3", born, "T5"), inverse, bare}, lacks
    assert "relations without a property: name kept" in done.stderr


def test_settings_are_options_with_values(tmp_path: Path) -> None:
    _rebel(tmp_path / "train.jsonl", 1)
    options = ["rebel", "--source", tmp_path / "train.jsonl", "--out", tmp_path / "out"]
    assert run(*options, "--lang", "de").exit_code == 0
    assert [d.lang for d in read_documents(tmp_path / "out" / "train.jsonl")] == ["de"]
    assert json.loads((tmp_path / "out" / "report.json").read_text())["settings"] == {"lang": "de"}
    (tmp_path / "train.jsonl").rename(tmp_path / "ru_train.jsonl")
    refused(run("rebel", "--source", tmp_path, "--out", tmp_path / "out"), 4, "give --lang ru")


def test_the_corpus_itself_is_never_overwritten(tmp_path: Path) -> None:
    lines = _rebel(tmp_path / "train.jsonl", 2)
    refused(run("rebel", "--source", tmp_path, "--out", tmp_path), 6)
    assert (tmp_path / "train.jsonl").read_bytes() == b"".join(lines)
    assert run("rebel", "--source", tmp_path / "train.jsonl", "--out", tmp_path / "x" / "..").exit_code == 6


def test_a_corpus_of_which_nothing_can_be_read_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(b'{"another": "layout"}\n' * 3)
    refused(run("rebel", "--source", tmp_path, "--out", tmp_path / "out", "--skip-bad"), 3, "docid")
    assert not (tmp_path / "out" / "train.jsonl").exists()
    (tmp_path / "train.jsonl").write_bytes(b"")
    done = run("rebel", "--source", tmp_path, "--out", tmp_path / "out")
    assert (done.exit_code, "no documents" in done.stderr) == (0, True)


def test_one_broken_package_hides_no_other_converter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entry = EntryPoint("broken", "relik_ml.plugins:nothing", CONVERTERS)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [entry])
    listed = run("--help")
    assert (listed.exit_code, "nerel" in listed.output, "(does not load)" in listed.output) == (0, True, True)
    assert run("broken", "--source", tmp_path).exit_code == 7
    assert run("nerel", "--source", CORPUS, "--out", tmp_path).exit_code == 0


def test_a_killed_worker_is_one_clear_error(tmp_path: Path) -> None:
    with _working(tmp_path) as (parent, children):
        os.kill(children[-1], signal.SIGKILL)
        _, said = parent.communicate(timeout=30)
    assert (parent.returncode, (tmp_path / "out" / "train.jsonl").exists()) == (1, False)
    assert "a worker process was killed" in said
    assert "Traceback" not in said


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    with _working(tmp_path) as (parent, children):
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 20
        while (left := [pid for pid in children if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not left


@contextmanager
def _working(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A conversion in the midst of its work, with the resource tracker and two workers as its children."""
    _rebel(folder / "train.jsonl", 30_000)
    command = [sys.executable, "-m", "relik_ml", "convert", "rebel", "--source", str(folder / "train.jsonl")]
    command += ["--workers", "2", "--out", str(folder / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as parent:
        listed = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        while not list(folder.glob("out/.*")) and parent.poll() is None:
            time.sleep(0.02)
        while len(listed.read_text().split()) < 3 and parent.poll() is None:
            time.sleep(0.02)
        time.sleep(0.3)  # workers have to start before they can watch anybody
        yield parent, [int(pid) for pid in listed.read_text().split()]
        parent.kill()
