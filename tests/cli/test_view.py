from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from relik_ml.cli import main
from relik_ml.data import write_documents
from relik_ml.types import Document


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    path = tmp_path / "out.jsonl"
    write_documents([Document(f"d{n}", f"Анна {n}.") for n in range(5)], path)
    return path


def test_a_page_is_written(documents: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = CliRunner().invoke(main, ["view", str(documents), "--out", str(out)])
    assert (result.exit_code, result.stderr) == (0, f"{out}: 5 documents, 0 left out (--limit)\n")
    assert "Анна 4." in out.read_text(encoding="utf-8")


def test_what_the_page_cannot_hold_is_counted(documents: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = CliRunner().invoke(main, ["view", str(documents), "--out", str(out), "--limit", "2"])
    assert "2 documents, 3 left out" in result.stderr
    assert '"left_out":3' in out.read_text(encoding="utf-8")


def test_bad_documents_leave_no_page(documents: Path, tmp_path: Path) -> None:
    documents.write_text(documents.read_text(encoding="utf-8") + "{", encoding="utf-8")
    out = tmp_path / "report.html"
    assert CliRunner().invoke(main, ["view", str(documents), "--out", str(out)]).exit_code == 3
    assert not out.exists()


def test_the_input_is_never_overwritten(documents: Path) -> None:
    before = documents.read_bytes()
    result = CliRunner().invoke(main, ["view", str(documents), "--out", str(documents)])
    assert result.exit_code == 7
    assert documents.read_bytes() == before
