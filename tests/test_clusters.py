"""A corpus on a local Ray cluster: the bytes of actors are those of processes, also after a kill. And on Spark."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.errors import DataError
from relik_ml.types import Document
from tests.test_corpus import annotate, content, parts, texts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Ray is tested on Linux only"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers, of which one has a GPU."""
    ray = pytest.importorskip("ray", reason="needs the extra relik-ml[ray]")
    pytest.importorskip("ray.data", reason="needs the extra relik-ml[ray]")
    ray.init(num_cpus=2, num_gpus=1, include_dashboard=False)  # the model of these tests needs no real GPU
    yield ray
    ray.shutdown()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Texts of which one kills the process that reads it first, and one is bad."""
    monkeypatch.chdir(tmp_path)
    folder = texts(tmp_path / "in", 20)
    (folder / "010.txt").write_text("умри раз", encoding="utf-8")
    (folder / "003.txt").write_bytes(b"\xff")
    return Path("in")


def test_actors_write_the_bytes_of_processes_after_a_kill(cluster: Any, source: Path, tmp_path: Path) -> None:
    tally = annotate(source, Path("ray"), engine="ray", jobs=2)
    assert Path("010").exists(), "the kill"
    assert (tally.counts["document"], tally.counts["bad"]) == (19, 1)
    annotate(source, Path("processes"), jobs=2)
    assert content(Path("ray")) == content(Path("processes"))


def test_a_run_goes_on_with_the_other_engine(cluster: Any, source: Path) -> None:
    Path("010").touch()
    with pytest.raises(DataError, match="UTF-8") as error:
        annotate(source, Path("out"), engine="ray", fail_fast=True, jobs=None)
    assert error.value.where.startswith("in/003.txt")
    before = len([*Path("out").glob("part-*")])
    tally = annotate(source, Path("out"), engine="ray", resume=True, jobs=None)
    assert tally.notes["shards finished before"] == before
    annotate(source, Path("whole"))
    assert content(Path("out")) == content(Path("whole"))
    annotate(source, Path("gpu"), engine="ray", jobs=None, device="cuda")
    assert [(Path("gpu") / part).read_bytes() for part in parts(Path("gpu"))] == [
        (Path("whole") / part).read_bytes() for part in parts(Path("whole"))
    ]


def test_the_example_for_spark_finds_the_same(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    if not shutil.which("java"):
        pytest.skip("Spark needs Java")
    guide = (root / "docs" / "guides" / "annotate.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(import os.*?)```", guide, re.DOTALL)
    documents = [
        Document(path.stem, path.read_text("utf-8")) for path in sorted((root / "examples" / "ru").glob("*.txt"))
    ]
    columns = {"id": [each.id for each in documents], "text": [each.text for each in documents]}
    parquet.write_table(arrow.table(columns), tmp_path / "news.parquet")
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", example], cwd=tmp_path, env=environment, capture_output=True, check=True)
    found = [each for part in (tmp_path / "annotated").glob("part-*") for each in part.read_bytes().splitlines(True)]
    (tmp_path / "found.jsonl").write_bytes(b"".join(found))
    assert [*read_documents(tmp_path / "found.jsonl")] == [*Relik.from_pretrained("fast").annotate(documents)]
