"""An extracted dump: killed anywhere and started again, it equals the one that was written in one go."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, TolerantReport
from relik_ml.errors import ConfigError, DataError, OutputError
from relik_ml.plugins import load_index
from tests.dump import entities, json_line, write_json, write_truthy

WIKIDATA: Any = load_index("wikidata")
NUMBER, SHARD = 40, 6


class Killed(Exception):
    """Stands for a kill."""


@pytest.fixture(scope="module", params=["dump.json", "dump.json.bz2", "truthy.nt.gz"])
def dump(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, made = tmp_path_factory.mktemp("dump"), list(entities(NUMBER))
    if ".nt" in request.param:
        return write_truthy(folder / request.param, made)
    lines = [json_line(each) for each in made]
    return write_json(folder / request.param, [*lines[:20], b'{"type":"item","id":', *lines[20:]])


@pytest.fixture(scope="module")
def whole(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of an extraction that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    extract(dump, folder)
    return files(folder)


def extract(dump: Path, folder: Path, reached: Callable[[int], object] = lambda line: None, **settings: Any) -> Report:
    report = TolerantReport()
    type(WIKIDATA)(**settings).extract(dump, folder, report, SHARD, reached)
    return report


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_folder_gives_the_rows_of_the_dump(dump: Path, tmp_path: Path) -> None:
    report = extract(dump, tmp_path / "out")
    assert report.counts["entities"] >= NUMBER + 8
    direct = list(WIKIDATA.entries(dump, TolerantReport()))
    assert list(WIKIDATA.entries(tmp_path / "out")) == direct
    assert len(direct) > 20


def test_stopped_between_shards_it_goes_on(dump: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    done: list[int] = []

    def stop(line: int) -> None:
        done.append(line)
        if len(done) == 4:
            raise Killed

    with pytest.raises(Killed):
        extract(dump, tmp_path / "out", stop)
    with pytest.raises(DataError, match="not finished"):
        list(WIKIDATA.entries(tmp_path / "out"))
    flip(tmp_path / "out" / "records-00001.jsonl.gz")
    more: list[int] = []
    extract(dump, tmp_path / "out", more.append)
    assert files(tmp_path / "out") == whole, "the damaged shard was written again, too"
    assert not set(done) & set(more)
    report = extract(dump, tmp_path / "out", more.append)
    assert report.json() == json.loads(whole["manifest.json"])["report"]
    assert not set(done) & set(more), "a finished folder is left as it is"


SCRIPT = """
import sys, time
from pathlib import Path
from relik_ml.data import TolerantReport
from relik_ml.plugins import load_index
def slowly(line): print(line, flush=True); time.sleep(0.2)
load_index("wikidata").extract(Path(sys.argv[1]), Path(sys.argv[2]), TolerantReport(), 6, slowly)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a signal of POSIX")
def test_killed_several_times_it_ends_the_same(tmp_path: Path) -> None:
    dump = write_json(tmp_path / "dump.json", [json_line(each) for each in entities(NUMBER)])
    extract(dump, tmp_path / "whole")
    killed = 0
    for delay in (0.0, 0.2, 0.207):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(dump), str(tmp_path / "out")], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        killed += process.wait() == -signal.SIGKILL
    assert killed == 3
    (tmp_path / "out" / ".0123456789abcdef.part").write_bytes(b"left by a kill in the middle of a shard")
    extract(dump, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_another_dump_or_other_settings_are_refused(dump: Path, tmp_path: Path) -> None:
    extract(dump, tmp_path / "out")
    with pytest.raises(ConfigError, match="extraction") as error:
        extract(dump, tmp_path / "out", langs="en")
    assert "settings" in error.value.got
    other = dump.with_name(f"other-{dump.name}")
    other.write_bytes(dump.read_bytes())
    with pytest.raises(ConfigError, match="extraction") as error:
        extract(other, tmp_path / "out")
    assert "dump" in error.value.got


def test_extraction_of_a_cut_dump_goes_on_with_the_whole(dump: Path, tmp_path: Path) -> None:
    again, content = tmp_path / dump.name, dump.read_bytes()
    done: list[int] = []
    again.write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(DataError):
        extract(again, tmp_path / "out", done.append)
    for other in (b"x" + content[1:], content[: len(content) // 2]):
        again.write_bytes(other)
        with pytest.raises(ConfigError, match="extraction"):
            extract(again, tmp_path / "out")
    again.write_bytes(content)
    more: list[int] = []
    extract(again, tmp_path / "out", more.append)
    extract(again, tmp_path / "whole")
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert not set(done) & set(more)
    again.write_bytes(content + b"\n")
    with pytest.raises(ConfigError, match="extraction"):
        extract(again, tmp_path / "out")


@pytest.mark.skipif(os.name != "posix", reason="the lock is one of POSIX")
def test_busy_or_foreign_folder_is_refused(dump: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    def second(line: int) -> None:
        (partial := tmp_path / "out" / ".0123456789abcdef.part").touch()
        with pytest.raises(OutputError, match="another process"):
            extract(dump, tmp_path / "out")
        partial.unlink()

    extract(dump, tmp_path / "out", second)
    assert files(tmp_path / "out") == whole
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        extract(dump, tmp_path)


@pytest.mark.parametrize(("damage", "shards"), [(flip, (2, 4)), (Path.unlink, (0, 7))])
def test_only_damaged_shards_are_written_again(
    dump: Path, whole: dict[str, bytes], tmp_path: Path, damage: Callable[[Path], None], shards: tuple[int, ...]
) -> None:
    extract(dump, tmp_path / "out")
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    broken = [f"records-{shard:05}.jsonl.gz" for shard in shards]
    for name in broken:
        damage(tmp_path / "out" / name)
    with pytest.raises(DataError, match="shard") as error:
        list(WIKIDATA.entries(tmp_path / "out"))
    assert error.value.where.endswith(broken[0])
    assert "only what is damaged" in error.value.fix
    report = extract(dump, tmp_path / "out")
    assert files(tmp_path / "out") == whole
    assert report.counts.pop("damaged shards: made anew") == len(shards)
    assert report.json() == json.loads(whole["manifest.json"])["report"]
    after = {path.name for path in (tmp_path / "out").iterdir() if path.stat().st_mtime_ns != times[path.name]}
    assert after == set(broken)


@pytest.mark.parametrize(("old", "new"), [
    (b'"file": "records-00001', b'"name": "records-00001'),
    (b'"records": 6', b'"records": "6"'),
    (b'"langs": [', b'"lang": ['),
    (b'"complete": true', b'"complete": 1'),
    (b'"counts": {', b'"count": {'),
])  # fmt: skip
def test_manifest_of_another_form_is_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    extract(write_json(tmp_path / "dump.json", [json_line(each) for each in entities(NUMBER)]), tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(DataError, match="manifest") as error:
        list(WIKIDATA.entries(tmp_path / "out"))
    assert "another sha256" in error.value.got
    for other in ("{", "[]", '{"format": "other/1"}', '{"format": "relik-ml-wikidata/1"}'):
        path.write_text(other)
        with pytest.raises(DataError, match="manifest"):
            list(WIKIDATA.entries(tmp_path / "out"))


def test_languages_are_those_extracted_or_some_of_them(dump: Path, tmp_path: Path) -> None:
    extract(dump, tmp_path / "out", langs="be,de")
    assert {row.lang for row in WIKIDATA.entries(tmp_path / "out")} == {"be", "de"}
    once, twice = ([*type(WIKIDATA)(langs=langs, rows="language").entries(path, TolerantReport())]
                   for langs, path in (("de", tmp_path / "out"), ("de,de", dump)))  # fmt: skip
    assert once == twice
    assert {row.lang for row in once} == {"de"}
    with pytest.raises(ConfigError, match="not extracted") as error:
        list(type(WIKIDATA)(langs="de,ru").entries(tmp_path / "out"))
    assert "be, de" in error.value.fix


def test_classes_that_pass_no_filter_still_name_others(tmp_path: Path) -> None:
    dump = write_json(tmp_path / "dump.json", [json_line(each) for each in entities(300, seed=2)])
    extract(dump, tmp_path / "out", langs="ru", min_sitelinks=1)
    rows = list(type(WIKIDATA)(classes="Q486972").entries(tmp_path / "out"))
    assert {row.id for row in rows}.isdisjoint({"Q515", "Q1549591", "Q532"})
    assert {row.text.split(",")[0] for row in rows} == {"город", "большой город", "деревня"}


def test_extraction_without_entities_is_refused(dump: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ConfigError, match="no entity") as error:
            extract(dump, tmp_path / "out", langs="xx,yy")
        assert "xx,yy" in error.value.got
        assert "entities without a name in the languages" in error.value.got
    with pytest.raises(DataError, match="no entities"):
        extract(write_json(tmp_path / "dump.json", []), tmp_path / "none")
