"""``relik-ml export``: what it writes, what it says, and what it leaves alone."""

import sys
from pathlib import Path

import pytest

from relik_ml.data import write_documents
from relik_ml.errors import install
from relik_ml.types import Document, Link, Mention, Triple
from tests.cli.conftest import refused, run

TEXT = "Анна живёт в Туле"
ANNA, TULA = Mention("T1", 0, 4, "PERSON"), Mention("T2", 13, 17, "CITY", link=Link("linked", "Q2770", "Тула"))
LIVES = Triple("T1", "LIVES_IN", "T2", score=0.5)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "documents.jsonl"
    document = Document("ours/dev/один", TEXT, "ru", (ANNA, TULA), (), (LIVES,), meta={"dataset": "ours"})
    write_documents([document, Document("два", "")], path)
    return path


def test_documents_become_files_and_losses_are_said(stored: Path, tmp_path: Path) -> None:
    done = run("export", "brat", stored, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert found == {"dev/один.txt", "dev/один.ann", "два.txt", "два.ann"}
    assert done.stdout == ""
    assert "out: 2 documents; meta and annotated left out" in done.stderr
    assert [line.split() for line in done.stderr.splitlines()[1:]] == [["triples.score", "left", "out", "1"]]


def test_a_folder_that_holds_anything_is_left_alone(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert run("export", "brat", stored, "--out", tmp_path / "out").exit_code == 0, "an empty one is used"
    (tmp_path / "out" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "out" / "два.ann").write_text("T1\tPERSON 0 1\tя", encoding="utf-8")
    refused(run("export", "brat", stored, "--out", tmp_path / "out"), 6, "holds other files")
    assert (tmp_path / "out" / "два.ann").read_text(encoding="utf-8") == "T1\tPERSON 0 1\tя"


def test_a_bad_line_leaves_nothing_behind(stored: Path, tmp_path: Path) -> None:
    with stored.open("a", encoding="utf-8") as file:
        file.write("{\n")
    refused(run("export", "brat", stored, "--out", tmp_path / "new" / "out"), 3, "line 3")
    assert list((tmp_path / "new").iterdir()) == []


def test_several_inputs_become_one_output_and_none_is_overwritten(stored: Path, tmp_path: Path) -> None:
    write_documents([Document("три", "Три")], tmp_path / "more.jsonl")
    done = run("export", "utf16", stored, tmp_path / "more.jsonl", "--out", tmp_path / "out")
    assert (done.stdout, done.stderr.splitlines()[0]) == ("", f"{tmp_path / 'out'}: 3 documents")
    assert len((tmp_path / "out").read_bytes().splitlines()) == 3
    before = stored.read_bytes()
    refused(run("export", "csv", stored, "--out", stored.parent / "." / stored.name), 7)
    assert stored.read_bytes() == before


def test_unknown_formats_and_options_are_wrong_usage(stored: Path, tmp_path: Path) -> None:
    done = run("export", "docx", stored, "--out", tmp_path / "out")
    assert (done.exit_code, "graphml" in done.stderr) == (2, True)
    assert run("export", "csv", stored, "--out", tmp_path / "out", "--base", "urn:x:").exit_code == 2
    assert "  mermaid   A mind map" in run("export", "--help").stdout


def test_a_base_is_used_or_refused(stored: Path, tmp_path: Path) -> None:
    run("export", "jsonld", stored, "--out", tmp_path / "out", "--base", "https://texts.example/")
    assert '"@id": "https://texts.example/ours%2Fdev%2F' in (tmp_path / "out").read_text(encoding="utf-8")
    refused(run("export", "jsonld", stored, "--out", tmp_path / "out", "--base", "a b"), 7)


def test_a_missing_extra_says_how_to_install_it(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("rdflib", "networkx", "spacy"):
        monkeypatch.setitem(sys.modules, package, None)
    for format, extra in {"turtle": "export", "graphml": "export", "spacy": "spacy"}.items():
        refused(run("export", format, stored, "--out", tmp_path / "out"), 7, install(extra))
        assert not (tmp_path / "out").exists()
