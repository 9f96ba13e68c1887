"""A corpus in shards, with a model made of one rule: its bytes depend on neither processes nor interruptions."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from relik_ml.config import MinScores
from relik_ml.corpus import annotate_corpus
from relik_ml.data import open_lines, read_documents, write_documents
from relik_ml.errors import ConfigError, DataError, OutputError, RelikError
from relik_ml.shards import CorpusConfig, ModelSource, Tally
from relik_ml.types import Document, Link, Mention

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="this model is shared with workers by fork")


class FirstLetters:
    """The first letter is a mention. Some texts are commands."""

    settings = SimpleNamespace(languages=("ru",))

    def annotate(self, documents: Iterable[Document], *, min_score: MinScores, candidates: int) -> Iterator[Document]:
        for document in documents:
            match document.text.split():
                case ["умри"]:
                    os.kill(os.getpid(), signal.SIGKILL)
                case ["умри", "раз"] if not Path(document.id).exists():
                    Path(document.id).touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                case ["полно"]:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
                case ["жди", seconds, *_]:
                    time.sleep(float(seconds))
            yield replace(document, mentions=(Mention("T1", 0, 1, "PERSON", link=Link("nil"), score=0.5),))


def annotate(
    source: Path | str | list[str], out: Path, *, jobs: int | None = 1, resume: bool = False, fail_fast: bool = False,
    checksum: str = "m", device: str = "cpu", engine: str = "processes", **options: Any,
) -> Tally:  # fmt: skip
    names = source if isinstance(source, list) else [str(source)]
    config = CorpusConfig(**{"shard_size": 100, **options})
    model: Any = ModelSource(FirstLetters, checksum, device)  # type: ignore[arg-type]
    return annotate_corpus(names, out, config, model, jobs=jobs, resume=resume, fail_fast=fail_fast, engine=engine)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("part-*"))


def texts(folder: Path, number: int, text: str = "Тула и Пермь") -> Path:
    folder.mkdir()
    for each in range(number):
        (folder / f"{each:03}.txt").write_text(f"{text} {each}", encoding="utf-8")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return texts(tmp_path / "in", 20)


# What is written


ONE_THREAD = """
import os
from relik_ml.shards import use_one_thread
use_one_thread()
from relik_ml import Relik
Relik.from_pretrained("fast")("Тула")
print(len(os.listdir("/proc/self/task")))
"""


def test_a_model_for_workers_has_one_thread_and_can_be_forked(root: Path, tmp_path: Path) -> None:
    threads = subprocess.run([sys.executable, "-c", ONE_THREAD], cwd=root, capture_output=True, check=True).stdout
    assert threads == b"1\n"
    command = [sys.executable, "-m", "relik_ml", "annotate", "examples/ru", "--model", "fast", "--shard-size", "0.0005"]
    for jobs in ("1", "2"):
        out = ["--out", str(tmp_path / jobs), "--jobs", jobs]
        assert subprocess.run([*command, *out], cwd=root, capture_output=True, check=False).returncode == 0
    assert len(parts(tmp_path / "1")) > 2
    assert content(tmp_path / "1") == content(tmp_path / "2")


def test_the_bytes_do_not_depend_on_the_number_of_processes(source: Path, tmp_path: Path) -> None:
    write_documents((Document(f"d{number}", "Орёл " * number) for number in range(1, 20)), source / "d.jsonl")
    tally = annotate(source, tmp_path / "one")
    assert (tally.counts["document"], tally.counts["nil"]) == (39, 39)
    annotate(source, tmp_path / "three", jobs=3)
    assert content(tmp_path / "one") == content(tmp_path / "three")
    found = [document.id for part in parts(tmp_path / "one") for document in read_documents(tmp_path / "one" / part)]
    assert found == [*(f"{number:03}" for number in range(20)), *(f"d{number}" for number in range(1, 20))]
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_bytes())
    assert sum(shard["documents"] for shard in manifest["shards"]) == manifest["counts"]["document"] == 39
    assert manifest["shards"][1]["first"] == str(source / "005.txt")
    assert set(manifest["files"]) == {shard["name"] for shard in manifest["shards"]}


def test_workers_that_load_their_own_model_write_the_same(source: Path, tmp_path: Path) -> None:
    annotate(source, tmp_path / "shared")
    annotate(source, tmp_path / "own", jobs=2, device="cuda")
    assert [(tmp_path / "own" / part).read_bytes() for part in parts(tmp_path / "own")] == [
        (tmp_path / "shared" / part).read_bytes() for part in parts(tmp_path / "shared")
    ]


def test_the_formats_hold_the_same_documents(source: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for format in ("jsonl", "jsonl.zst", "parquet"):
        annotate(source, tmp_path / format, format=format, shard_size=10**6)
    plain, packed = (
        [json.loads(line) for _, line in open_lines(tmp_path / format / f"part-00000.{format}")]
        for format in ("jsonl", "jsonl.zst")
    )
    rows = parquet.read_table(tmp_path / "parquet" / "part-00000.parquet").to_pylist()
    for row in rows:
        row["meta"] = json.loads(row["meta"])
        assert row["mentions"][0].pop("value") is None
        assert not row["mentions"][0]["link"].pop("candidates")
        assert not row["annotated"].pop("entity_triples")
    assert len(plain) == 20
    assert plain == packed == rows


# Bad documents


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    folder = texts(tmp_path / "damaged", 3)
    (folder / "001.txt").write_bytes("Тула\n".encode() + b"\xff")
    write_documents(
        [Document("good", "Орёл"), Document("000", "Омск"), Document("en", "Tula", "en")], folder / "d.jsonl"
    )
    lines = [b'{"id":"x","text":', b'{"schema":"relik-ml/1","id":"y"}', b'"\xff"', b""]
    with (folder / "d.jsonl").open("ab") as file:
        file.writelines(line + b"\n" for line in lines)
    (folder / "e.jsonl.gz").write_bytes(b"no gzip")
    (folder / "f.txt").write_text("The governor came to Tula and opened a new factory.", encoding="utf-8")
    return folder


@pytest.mark.parametrize("jobs", [1, 2])
def test_bad_documents_are_recorded_and_skipped(damaged: Path, tmp_path: Path, jobs: int) -> None:
    tally = annotate(damaged, tmp_path / "out", jobs=jobs)
    bad = [json.loads(line) for line in (tmp_path / "out" / "bad.jsonl").read_bytes().splitlines()]
    places = [each["where"].removeprefix(f"{damaged}/").partition(",")[::2] for each in bad]
    assert places == [
        ("001.txt", " line 2, byte 9 of the file"),
        *(("d.jsonl", f" line {number}{more}") for number, more in [(2, ""), (3, "")]),
        *(("d.jsonl", f" line {number}{more}") for number, more in [(4, ""), (5, ", document 'y'"), (6, ""), (7, "")]),
        ("e.jsonl.gz", ""),
        ("f.txt", ""),
    ]
    reasons = ["UTF-8", "id", "language", "JSON", "shape", "UTF-8", "JSON", "read", "language"]
    for reason, each in zip(reasons, bad, strict=True):
        assert reason in each["reason"]
    assert bad[-1]["got"].startswith("en, ")
    assert (tally.counts["document"], tally.counts["bad"]) == (3, 9)
    assert str(tally).endswith("; 9 bad documents skipped (75 %)")


def test_lines_and_tables_of_any_program_are_documents(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = [
        '{"body": "Тула", "url": 7, "date": "1913"}',
        '{"body": "Орёл"}',
        '{"url": 8}',
        '{"body": "Омск", "url": "7"}',
    ]
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "in" / "b.csv").write_text("url,body\n9,Уфа\n1,2,3\n", encoding="utf-8")
    annotate(tmp_path / "in", tmp_path / "out", jobs=2, text_field="body", id_field="url", format="jsonl")
    found = [each for part in parts(tmp_path / "out") for each in read_documents(tmp_path / "out" / part)]
    assert [(each.id, each.meta) for each in found] == [("7", {"date": "1913"}), ("a.jsonl:2", {}), ("9", {})]
    bad = [json.loads(line) for line in (tmp_path / "out" / "bad.jsonl").read_bytes().splitlines()]
    assert [each["where"].rpartition("/")[2] for each in bad] == ["a.jsonl, line 3", "a.jsonl, line 4", "b.csv, line 3"]


def test_fail_fast_stops_at_a_bad_document_and_can_go_on(damaged: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="UTF-8"):
        annotate(damaged, tmp_path / "out", fail_fast=True)
    annotate(damaged, tmp_path / "out", resume=True)
    annotate(damaged, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_corpus_without_a_good_document_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff")
    (tmp_path / "b.jsonl").touch()
    for path, got in (("a.txt", "1 bad"), ("b.jsonl", "0 bad")):
        with pytest.raises(DataError, match="nothing") as error:
            annotate(tmp_path / path, tmp_path / f"out {path}")
        assert got in error.value.got
    with pytest.raises(ConfigError, match="language"):
        annotate(tmp_path / "a.txt", tmp_path / "out", lang="en")


# The folder


def change_file(source: Path) -> None:
    (source / "003.txt").write_text("Омск", encoding="utf-8")


def add_file(source: Path) -> None:
    (source / "new.txt").touch()


@pytest.mark.parametrize(("change", "options", "got"), [
    (change_file, {}, "bytes"), (add_file, {}, "files 21 instead of 20"), (None, {"checksum": "n"}, "model"),
    (None, {"min_score": MinScores(link=0.5)}, "min_score link 0.5 instead of 0.0"),
    (None, {"shard_size": 200}, "shard_size"),
])  # fmt: skip
@pytest.mark.parametrize("finished", [True, False])
def test_resuming_another_run_is_refused(
    source: Path, tmp_path: Path, change: Callable[[Path], None] | None, options: Mapping[str, Any], got: str,
    finished: bool,
) -> None:  # fmt: skip
    if not finished:
        (source / "010.txt").write_bytes(b"\xff")
    try:
        annotate(source, tmp_path / "out", fail_fast=True)
    except DataError:
        assert not finished
    before = content(tmp_path / "out")
    if change:
        change(source)
    with pytest.raises(ConfigError, match="otherwise") as error:
        annotate(source, tmp_path / "out", resume=True, **options)
    assert got in error.value.got
    assert content(tmp_path / "out") == before


def test_a_folder_that_is_not_empty_is_refused(source: Path, tmp_path: Path) -> None:
    annotate(source, tmp_path / "out")
    with pytest.raises(OutputError, match="annotated corpus") as error:
        annotate(source, tmp_path / "out")
    assert "--resume" in error.value.fix
    for resume in (True, False):
        with pytest.raises(OutputError, match="other files"):
            annotate(source, source, resume=resume)
    with pytest.raises(ConfigError, match="inside"):
        annotate(source, source / "out")
    with pytest.raises(ConfigError, match="again"):
        annotate("-", tmp_path / "new")


def test_resuming_a_finished_run_changes_nothing(source: Path, tmp_path: Path) -> None:
    annotate(source, tmp_path / "out", resume=True)
    before = content(tmp_path / "out")
    tally = annotate(source, tmp_path / "out", resume=True)
    assert (tally.counts["document"], tally.notes["shards finished before"]) == (0, 5)
    assert content(tmp_path / "out") == before


# Failures


def test_a_full_disk_leaves_the_finished_shards(source: Path, tmp_path: Path) -> None:
    (source / "010.txt").write_text("полно", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot write"):
        annotate(source, tmp_path / "out")
    assert parts(tmp_path / "out") == ["part-00000.jsonl", "part-00001.jsonl"]
    assert not list(tmp_path.rglob("*.part"))


def test_the_shard_of_a_killed_worker_is_repeated_once(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (source / "010.txt").write_text("умри раз", encoding="utf-8")
    annotate(source, tmp_path / "out", jobs=2)
    assert "shard 2" in capfd.readouterr().err
    annotate(source, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    (source / "010.txt").write_text("умри", encoding="utf-8")
    with pytest.raises(RelikError, match="killed again") as error:
        annotate(source, tmp_path / "dead")
    assert "010.txt" not in error.value.got
    assert "--resume" in error.value.fix
    assert parts(tmp_path / "dead") == ["part-00000.jsonl", "part-00001.jsonl"]


RUN = """
import signal, sys
from pathlib import Path
from tests.test_corpus import annotate
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell ignores it
source, out, jobs = sys.argv[1:]
print("started", flush=True)
annotate(source, Path(out), jobs=int(jobs), resume=True)
"""


def start(root: Path, source: Path, out: Path, jobs: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, str(source), str(out), str(jobs)]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"started\n"
    return process


@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_ends_as_if_unbroken(root: Path, tmp_path: Path, kills: int) -> None:
    source, out, moments = texts(tmp_path / "in", 60, "жди 0.004"), tmp_path / "out", random.Random(kills)
    out.mkdir()
    (source / "033.txt").write_bytes(b"\xff")
    annotate(source, tmp_path / "whole")
    wanted, killed, seen = content(tmp_path / "whole"), 0, set[int]()
    while killed < kills:
        process, before = start(root, source, out, moments.choice([1, 2])), len(parts(out))
        more = moments.choice([0, 1, 3])
        while process.poll() is None and len(parts(out)) < before + more:
            time.sleep(0.002)
        time.sleep(moments.random() * 0.1)
        process.kill()
        said = process.communicate(timeout=30)[1]  # its workers, which hold the pipe, have ended as well
        assert (process.returncode, said) in ((0, b""), (-signal.SIGKILL, b""))
        killed += process.returncode == -signal.SIGKILL
        finished = {name: (out / name).read_bytes() for name in parts(out)}
        assert finished.items() <= wanted.items(), "a shard is not whole"
        seen.add(len(finished))
        if process.returncode == 0:
            assert content(out) == wanted
            out = tmp_path / f"out {killed}"
            out.mkdir()
    assert len(seen) > 2
    process = start(root, source, out, 2)
    assert process.communicate(timeout=60)[1] == b""
    assert content(out) == wanted


def test_ctrl_c_leaves_finished_shards_and_no_process(root: Path, tmp_path: Path) -> None:
    source = texts(tmp_path / "in", 12)
    (source / "008.txt").write_text("жди 60", encoding="utf-8")
    process = start(root, source, tmp_path / "out", 2)
    while len(parts(tmp_path / "out")) < 2 or not list(tmp_path.rglob("*.part")):
        time.sleep(0.01)
    time.sleep(0.1)  # until it waits
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert said.endswith(b"KeyboardInterrupt\n")
    assert said.count(b"Traceback") == 1, "workers say nothing"
    assert not list(tmp_path.rglob("*.part"))
