"""AIDA-CoNLL: the table and the records of KILT, on sentences of our own. The corpus was not at hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, TolerantReport, check
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Link

TVER = "Tver\tB\tTver\tTver\thttp://en.wikipedia.org/wiki/Tver\t31623\t/m/01z2sf"
ROWS = [
    TVER, "(", "Petrova\tB\tPetrova\t--NME--", ")", "",
    "North\tB\tNorth Bank\tNorth_Bank_\\u0028Omsk\\u0029", "Bank\tI\tNorth Bank\tNorth_Bank_\\u0028Omsk\\u0029",
    # Without the page id, and with another order of columns.
    "Omsk\tB\tOmsk\tOmsk\t/m/0f04v\thttp://en.wikipedia.org/wiki/Omsk%2C_Russia", ".", "",
]  # fmt: skip
TEXT = "Tver ( Petrova ) North Bank Omsk ."
LINKS = {"Tver": "Tver", "Petrova": None, "North Bank": "North Bank (Omsk)", "Omsk": "Omsk, Russia"}


def table(*names: str, rows: list[str] = ROWS) -> str:
    return "\n".join(line for name in names for line in (f"-DOCSTART- ({name})", "", *rows)) + "\n"


def question(name: str = "1 TVER", start: int = 0, stop: int = 1, *titles: str, number: int = 0) -> dict[str, Any]:
    words = TEXT.split()
    left, inside, right = (" ".join(part) for part in (words[:start], words[start:stop], words[stop:]))
    answers = [{"answer": title, "provenance": [{"title": title}]} for title in titles]
    context = {"left_context": left, "mention": inside, "right_context": right}
    return {"id": f"0a-1b_{name}:{number}", "input": "", "output": answers, "meta": context}


def read(source: Path, split: str = "train", report: Report | None = None, **settings: Any) -> list[Document]:
    converter: Any = load_converter("aida")
    return list(replace(converter, **settings).read(source, split, report or Report()))


def test_a_table_has_names_links_and_nil(tmp_path: Path) -> None:
    path = tmp_path / "AIDA-YAGO2-dataset.tsv"
    path.write_text(table("1 TVER", "947testa OMSK", "1163testb TVER"), encoding="utf-8")
    (document,) = read(tmp_path)
    assert (document.id, document.text, check(document)) == ("aida/train/1 TVER", TEXT, [])
    assert document.annotated == Annotated("complete", "none", "complete", "none", "none")
    found = {document.surface(mention): mention.link for mention in document.mentions}
    assert found == {name: Link("linked", id, id) if id else Link("nil") for name, id in LINKS.items()}
    assert [d.id for split in ("dev", "test") for d in read(path, split)] == [
        "aida/dev/947testa OMSK", "aida/test/1163testb TVER",
    ]  # fmt: skip
    assert read(path, natural=True)[0].text == "Tver (Petrova) North Bank Omsk."


def test_a_table_of_titles_gives_items(tmp_path: Path) -> None:
    path, titles, report = tmp_path / "aida.tsv", tmp_path / "titles", Report()
    path.write_text(table("1 TVER"), encoding="utf-8")
    titles.write_text("Tver\tQ2\nNorth_Bank_(Omsk)\tQ3\n", encoding="utf-8")
    (document,) = read(path, report=report, titles=str(titles))
    assert [m.link for m in document.mentions] == [
        Link("linked", "Q2", "Tver"), Link("nil"), Link("linked", "Q3", "North Bank (Omsk)"),
        Link(label="Omsk, Russia"),
    ]  # fmt: skip
    assert dict(report.tally()) == {"title without an item: unknown": 1}
    titles.write_text("Tver Q2\n", encoding="utf-8")
    with pytest.raises(CorpusNotFound, match="titles:1"):
        read(path, titles=str(titles))


def test_mentions_of_kilt_are_put_together(tmp_path: Path) -> None:
    path, report = tmp_path / "aidayago2-dev-kilt.jsonl", Report()
    records = [question("5 A", 4, 6, "North Bank"), question("7 B", 0, 1), question("5 A", 0, 1, "Tver", "Tver Oblast")]
    records.append(question("5 A", 0, 1, "Tver", number=3))
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    first, second = read(tmp_path, "dev", report)
    assert (first.id, first.text, check(first)) == ("aida/dev/5 A", TEXT, [])
    assert [(first.surface(m), m.link.id, m.link.alternatives) for m in first.mentions] == [
        ("Tver", "Tver", ()), ("North Bank", "North Bank", ()),
    ]  # fmt: skip
    assert first.annotated == Annotated("partial", "none", "complete", "none", "none")
    assert (second.mentions[0].link, second.annotated.links) == (Link(), "none"), "held back"
    assert dict(report.tally()) == {"mention listed twice: one kept": 1}


def test_records_of_one_document_have_one_text(tmp_path: Path) -> None:
    path, other = tmp_path / "train.jsonl", question("5 A", 0, 1, "Tver")
    other["meta"]["right_context"] += " More ."
    path.write_text("".join(f"{json.dumps(each)}\n" for each in (question("5 A"), other, question("6 B"))), "utf-8")
    with pytest.raises(DataError, match=r"train\.jsonl:2"):
        read(path)
    assert [document.id for document in read(path, report=TolerantReport())] == ["aida/train/6 B"]


BAD = ["Omsk\tB", "Omsk\tX\tOmsk\tOmsk", "Omsk\tB\tOmsk\t", "Om\ud800sk"]


@pytest.mark.parametrize("row", BAD)
def test_a_bad_row_is_an_error_at_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "aida.tsv"
    path.write_bytes((table("1 A") + table("2 B", rows=["Tver", row]) + table("3 C")).encode("utf-8", "surrogatepass"))
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.where == "aida.tsv:16"
    assert [document.id for document in read(path, report=TolerantReport())] == ["aida/train/1 A", "aida/train/3 C"]


def test_what_is_odd_is_counted(tmp_path: Path) -> None:
    path, report = tmp_path / "aida.tsv", Report()
    rows = [" \tB\t \tTver", "", TVER.replace("B\tTver", "I\tTwer", 1)]
    path.write_text(table("1 A", rows=rows), encoding="utf-8")
    (document,) = read(path, report=report)
    assert [document.surface(mention) for mention in document.mentions] == ["Tver"]
    assert dict(report.tally()) == {
        "mention without text: dropped": 1, "mention unlike its tokens: theirs taken": 1,
    }  # fmt: skip


def test_where_the_splits_lie(tmp_path: Path) -> None:
    converter = load_converter("aida")
    for name in ("aidayago2-train-kilt.jsonl", "aidayago2-dev-kilt.jsonl"):
        (tmp_path / name).write_text("", encoding="utf-8")
    assert set(converter.locate(tmp_path)) == {"train", "dev"}
    (tmp_path / "aida.tsv").write_text("Tver\n", encoding="utf-8")
    assert set(converter.locate(tmp_path)) == {"train", "dev", "test"}
    with pytest.raises(DataError, match="DOCSTART"):
        read(tmp_path)
    (tmp_path / "AIDA2.tsv.gz").write_bytes(b"")
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CorpusNotFound):
            converter.locate(source)
