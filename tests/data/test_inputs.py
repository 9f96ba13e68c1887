"""What may be annotated: which files are found, in which order, and which documents they hold."""

import gzip
import lzma
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from relik_ml.data import find_inputs, write_documents
from relik_ml.errors import ConfigError, DataError
from relik_ml.types import Document


def ids(name: str | Path) -> list[str]:
    """The ids of all documents, each of which is decoded as well."""
    records = [record for found in find_inputs(str(name)) for record in found.records()]
    documents = [record.document("ru") for record in records]
    assert [record.id for record in records] == [document.id for document in documents]
    return [document.id for document in documents]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.txt", "a/z.txt", "a/y.TXT", "a.txt", "a/note.md", "c/deep/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("Тула", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("name", "wanted"), [
    ("", ["a/y", "a/z", "a", "b", "c/deep/x"]),
    ("*.txt", ["a", "b"]),
    ("**/*.txt", ["a/z", "a", "b", "c/deep/x"]),
    ("c/*/?.txt", ["deep/x"]),
    ("c/deep/x.txt", ["x"]),
])  # fmt: skip
def test_an_id_is_the_path_below_the_folder_or_pattern(folder: Path, name: str, wanted: list[str]) -> None:
    assert ids(folder / name) == wanted


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_lines_may_be_compressed(tmp_path: Path, suffix: str) -> None:
    write_documents([Document("1", "Тула"), Document("2", "Орёл")], tmp_path / "plain")
    data = (tmp_path / "plain").read_bytes()
    pack: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}
    if suffix == ".zst":
        pack[suffix] = pytest.importorskip("backports.zstd").compress
    (tmp_path / f"d.jsonl{suffix}").write_bytes(pack[suffix](data))
    assert ids(tmp_path) == ["1", "2"]
    (found,) = find_inputs(str(tmp_path))
    assert sum(record.size for record in found.records()) <= len(pack[suffix](data))


def test_the_rows_of_a_parquet_file_are_texts(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(arrow.table({"text": ["Тула", "Орёл"], "id": [7, 8], "more": [0, 0]}), path)
    assert ids(path) == ["7", "8"]
    binary = arrow.array([b"\xff", None, "Омск".encode()], arrow.binary())
    parquet.write_table(arrow.table({"text": binary, "id": ["a", "b", None]}), path)
    for record, reason in zip(next(find_inputs(str(path))).records(), ["UTF-8", "empty", "empty"], strict=True):
        with pytest.raises(DataError, match=reason):
            record.document("ru")
    parquet.write_table(arrow.table({"text": ["Тула"]}), path)
    with pytest.raises(DataError, match="column"):
        ids(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot read"):
        ids(path)


@pytest.mark.parametrize(("module", "name", "extra"), [
    ("pyarrow.parquet", "a.parquet", "parquet"), ("backports.zstd", "a.jsonl.zst", "zst"),
])  # fmt: skip
def test_a_missing_package_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).touch()
    with pytest.raises(ConfigError) as error:
        list(find_inputs(str(tmp_path)))
    assert f"relik-ml[{extra}]" in error.value.fix


@pytest.mark.parametrize("name", ["none.txt", "*.html", "note.md"])
def test_what_is_not_there_is_an_error(folder: Path, name: str) -> None:
    with pytest.raises(DataError) as error:
        ids(folder / "a" / name)
    assert name in error.value.where
