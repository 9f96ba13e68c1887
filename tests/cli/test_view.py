"""``relik-ml view``."""

import re
from pathlib import Path

import pytest

from relik_ml.data import write_documents
from relik_ml.types import Document, Link, Mention
from tests.cli.conftest import refused, run


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    write_documents([Document(f"d{n}", f"Анна {n}.") for n in range(5)], tmp_path / "out.jsonl")
    return tmp_path / "out.jsonl"


@pytest.mark.parametrize(("options", "shown"), [((), 5), (("--limit", "2"), 2)])
def test_a_page_is_written_and_says_what_it_cannot_hold(documents: Path, options: tuple[str, ...], shown: int) -> None:
    out = documents.with_name("report.html")
    result = run("view", documents, "--out", out, *options)
    counts = f"{out}: {shown} documents, {5 - shown} left out (--limit)\n"
    assert (result.exit_code, result.stderr) == (0, counts)
    page = out.read_text(encoding="utf-8")
    assert (f"Анна {shown - 1}." in page, f"Анна {shown}." in page) == (True, False)
    assert f'"left_out":{5 - shown}' in page


def test_the_page_is_opened_in_the_browser(documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    out = documents.with_name("report.html")
    assert "no browser was found" in run("view", documents, "--out", out, "--open").stderr
    assert opened == [out.as_uri()]


def test_cards_have_the_descriptions_of_the_index(tmp_path: Path) -> None:
    link = Link("linked", "Q649", "Москва")
    write_documents([Document("d", "Москва", "ru", (Mention("T1", 0, 6, "CITY", link=link),))], tmp_path / "out.jsonl")
    run("view", tmp_path / "out.jsonl", "--out", tmp_path / "report.html")
    (found,) = re.findall(
        r'"descriptions":\{"Q649":"([^"]+)"\}', (tmp_path / "report.html").read_text(encoding="utf-8")
    )
    assert "город" in found or "столица" in found


def test_bad_documents_leave_no_page_and_the_input_as_it_was(documents: Path) -> None:
    refused(run("view", documents, "--out", documents), 7)
    before = documents.read_text(encoding="utf-8")
    assert before.count("\n") == 5
    documents.write_text(before + "{", encoding="utf-8")
    refused(run("view", documents, "--out", documents.with_name("report.html")), 3)
    assert [path.name for path in documents.parent.iterdir()] == ["out.jsonl"]
