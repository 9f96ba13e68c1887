"""What may be annotated: which files are found, in which order, and which documents they hold."""

import gzip
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from relik_ml.data import Fields, find_inputs, write_documents
from relik_ml.errors import ConfigError, DataError, install
from relik_ml.types import Document


def ids(name: str | Path) -> list[str]:
    """The ids of all documents, each of which is decoded as well."""
    records = [record for found in find_inputs(str(name)) for record in found.records()]
    documents = [record.document("ru") for record in records]
    assert [record.id for record in records] == [document.id for document in documents]
    return [document.id for document in documents]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.txt", "a/z.txt", "a/y.TXT", "a.txt", "a/note.pdf", "c/deep/x.txt"):
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


PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_every_kind_of_text_may_be_compressed(tmp_path: Path, suffix: str) -> None:
    write_documents([Document("1", "Тула"), Document("2", "Орёл")], tmp_path / "plain")
    files = {"d.jsonl": (tmp_path / "plain").read_bytes(), "t.TXT": "Омск".encode(), "r.csv": b"text\nUfa\n"}
    pack = pytest.importorskip("backports.zstd").compress if suffix == ".zst" else PACK[suffix]
    for name, data in files.items():
        (tmp_path / f"{name}{suffix}").write_bytes(pack(data))
    assert ids(tmp_path) == ["1", "2", "r.csv:2", "t"]
    found = next(find_inputs(str(tmp_path)))
    assert sum(record.size for record in found.records()) <= len(pack(files["d.jsonl"]))


def read(path: Path, fields: Fields = Fields()) -> list[Document]:
    return [record.document("ru") for found in find_inputs(str(path)) for record in found.records(fields)]


@pytest.mark.parametrize(("line", "id", "meta"), [
    ('{"text": "Тула"}', "a.jsonl:1", {}),
    ('{"text": "Тула", "id": null, "schema2": {"b": []}, "meta": 1}', "a.jsonl:1", {"schema2": {"b": []}, "meta": 1}),
    ('{"text": "Тула", "id": "7", "mentions": [], "meta": {"x": 1}}', "7", {"mentions": [], "x": 1}),
])  # fmt: skip
def test_a_line_of_any_program_needs_only_a_text(tmp_path: Path, line: str, id: str, meta: dict[str, Any]) -> None:
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    assert ids(tmp_path) == [id]
    assert read(tmp_path) == [Document(id, "Тула", meta=meta)]


@pytest.mark.parametrize("line", ['{"text": "Тула", "id": 1.5}', '{"text": null}', "{}", "[]", '{"text": "\\ud800"}'])
def test_a_line_without_text_or_a_good_id_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(DataError) as error:
        read(tmp_path)
    assert "a.jsonl, line 1" in error.value.where


@pytest.mark.parametrize(
    ("name", "separator", "mark"), [("a.csv", ",", ""), ("a.csv", ";", "\ufeff"), ("a.tsv", "\t", "")]
)
def test_the_rows_of_a_table_are_texts(tmp_path: Path, name: str, separator: str, mark: str) -> None:
    text = "\r\n".join(["url|body|more", '7|"Тула\nи Орёл,;| ""город"""|x', "", "8|Омск", "|Уфа|", ""])
    (tmp_path / name).write_text(mark + text.replace("|", separator), encoding="utf-8", newline="")
    records = list(next(find_inputs(str(tmp_path))).records(Fields("body", "url")))
    assert [record.id for record in records] == ["7", None, f"{name}:6"]
    cell = f'Тула\nи Орёл,;{separator} "город"'
    assert records[0].document("ru") == Document("7", cell, meta={"more": "x"})
    assert records[2].document("ru") == Document(f"{name}:6", "Уфа", meta={"more": ""})
    with pytest.raises(DataError, match="columns"):
        records[1].document("ru")
    assert sum(record.size for record in records) == (tmp_path / name).stat().st_size


def test_a_table_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text\nTula\nТула".encode("cp1251"))
    with pytest.raises(DataError) as error:
        read(tmp_path)
    assert "a.csv, line 3" in error.value.where


def test_the_rows_of_a_parquet_file_are_texts(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(arrow.table({"text": ["Тула", "Орёл"], "id": [7, None], "more": [0, 0]}), path)
    assert ids(path) == ["7", "a.parquet:2"]
    assert [document.id for document in read(path, Fields(id="more"))] == ["0", "0"]
    parquet.write_table(arrow.table({"text": arrow.array([b"\xff", None], arrow.binary())}), path)
    for record, reason in zip(next(find_inputs(str(path))).records(), ["UTF-8", "no text"], strict=True):
        with pytest.raises(DataError, match=reason):
            record.document("ru")
    with pytest.raises(DataError, match="column"):
        read(path, Fields("body"))
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot read"):
        ids(path)


HTML = """<!doctype html><title>Нет</title><script>нет</script>
<h1>Тула</h1><p>Лев <b>Тол</b>стой&nbsp;жил\n здесь.<!-- нет --><br>Да<ul><li>раз<li>два</ul>
<table><tr><th>а <th>б</tr><tr><td>в</td><td></td></tr></table>конец"""
TEXT = "Тула\nЛев Толстой\xa0жил здесь.\nДа\nраз\nдва\nа\tб\nв\nконец"
MARKDOWN = "# Тула\n\nЛев *Тол*стой\xa0жил\n[здесь](http://a).\n\nДа\n\n- раз\n- два\n\n|а|б|\n|-|-|\n|в||\n\nконец"
CODED = '<meta charset="windows-1251">'


@pytest.mark.parametrize(("name", "data"), [
    ("a.html", HTML.encode()), ("a.HTM", CODED.encode() + HTML.replace("\n ", " ").encode("cp1251")),
    ("a.md", MARKDOWN.encode()), ("a.markdown.gz", gzip.compress(MARKDOWN.encode())),
])  # fmt: skip
def test_the_text_of_a_page_has_a_line_for_each_block(tmp_path: Path, name: str, data: bytes) -> None:
    pytest.importorskip("lxml.html")
    (tmp_path / name).write_bytes(data)
    kind = name.removesuffix(".gz").partition(".")[2].lower()
    assert read(tmp_path) == [Document(name.removesuffix(".gz"), TEXT, meta={"extracted": kind})]


@pytest.mark.parametrize(("page", "text"), [
    ("", ""), ("<!-- нет -->", ""), ("\0<p>а\0", "\ufffd\nа\ufffd"), ("<p>а<!-- -->б<?п?>в<svg>нет</svg>г", "абвг"),
])  # fmt: skip
def test_a_page_may_be_broken(tmp_path: Path, page: str, text: str) -> None:
    pytest.importorskip("lxml.html")
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    assert [document.text for document in read(tmp_path)] == [text]


def test_the_text_of_a_word_file(tmp_path: Path) -> None:
    pytest.importorskip("mammoth")
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    paragraphs = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in ("Тула", "Орёл"))
    with ZipFile(tmp_path / "a.docx", "w") as file:
        file.writestr("word/document.xml", f'<w:document xmlns:w="{word}"><w:body>{paragraphs}</w:body></w:document>')
    assert [document.text for document in read(tmp_path)] == ["Тула\nОрёл"]
    (tmp_path / "a.docx").write_bytes(b"PK")
    with pytest.raises(DataError, match="Word"):
        read(tmp_path)


@pytest.mark.parametrize(("module", "name", "extra"), [
    ("pyarrow.parquet", "a.parquet", "parquet"), ("lxml.html", "a.md", "formats"), ("mammoth", "a.docx", "formats"),
    ("backports.zstd", "a.jsonl.zst", "zst"),
])  # fmt: skip
def test_a_missing_package_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).touch()
    with pytest.raises(ConfigError) as error:
        list(find_inputs(str(tmp_path)))
    assert install(extra) in error.value.fix


@pytest.mark.parametrize("name", ["none.txt", "*.html", "note.pdf"])
def test_what_is_not_there_is_an_error(folder: Path, name: str) -> None:
    with pytest.raises(DataError) as error:
        ids(folder / "a" / name)
    assert name in error.value.where
