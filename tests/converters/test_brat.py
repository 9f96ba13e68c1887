"""Brat: its lines, settling references and any folder of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.data import Report, check
from relik_ml.errors import ConfigError, CorpusNotFound
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Entity, Link, Span, Triple


def read(folder: Path, text: str, *lines: str) -> tuple[Document, Report]:
    write(folder, "a.ann", text, lines)
    report = Report()
    (document,) = documents(folder, "all", report).values()
    return document, report


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), data=st.data())
def test_any_surface_survives(tmp_path_factory: pytest.TempPathFactory, text: str, data: Any) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start + 1, len(text)))
    surface = text[start:stop]
    document, report = read(tmp_path_factory.mktemp("brat"), text, f"T1\tLAW {start} {stop}\t{surface}")
    assert document.text == text
    if "\n" in surface or surface.endswith("\r"):  # brat itself never writes these: a mention is one line
        return
    assert [(mention.span, document.surface(mention)) for mention in document.mentions] == [((start, stop), surface)]
    assert report.tally() == {}


@pytest.mark.parametrize(("line", "what"), [
    ("E1\tBirth:T1 Person:T1", "event: no place for it, left out"),
    ("A1\tSure T1", "attribute: no place for it, left out"),
    ("M1\tSure T1", "attribute: no place for it, left out"),
    ("#1\tAnnotatorNotes T1\tда", "note: no place for it, left out"),
    ("*\tFriends T1 T2", "symmetric relation: no place for it, left out"),
    ("*\tEquiv T1", "line that is no annotation: skipped"),
    ("*\tEquiv T1 T9", "equivalence of a mention that is not there: dropped"),
    ("R1\tKNOWS Arg1:T1 Arg2:E1", "relation of a mention that is not there: dropped"),
    ("R1\tKNOWS Who:T1 Whom:T2", "roles of a relation: left out"),
    *((line, "line that is no annotation: skipped") for line in ("Анна", "T2", "T3\tPERSON 0\tА", " ")),
    (f"T3\tPERSON 0 {'9' * 5000}\tАнна", "line that is no annotation: skipped"),
    ("T3\tPERSON ٠ 4\tАнна", "line that is no annotation: skipped"),
    ("T3\tPERSON 0 9\tАнна Ян", "mention whose surface is not in the text: dropped"),
])  # fmt: skip
def test_each_kind_of_loss_has_its_name(tmp_path: Path, line: str, what: str) -> None:
    document, report = read(tmp_path, "Анна Ян", "T1\tPERSON 0 4\tАнна", "", "T2\tPERSON 5 7\tЯн", line)
    assert report.tally() == {what: 1}
    assert report.defects[what].examples[0].split()[0].endswith("a.ann:4")
    assert [mention.id for mention in document.mentions] == ["T1", "T2"]


# Any folder


TEXT = "Анна и Ян. Аня ждёт."
LINES = (
    "T1\tPERSON 0 4\tАнна", "T2\tPERSON 7 9\tЯн", "T3\tPERSON 11 14\tАня", "T4\tGROUP 0 4;7 9\tАнна Ян",
    "N1\tReference T1 Wikidata:Q80440\tАхматова", "N2\tReference T2 Wikidata:NULL",
    "N3\tReference T3 DBpedia:Anna\tАня",
    "N4\tReference T1 Wikidata:Q5\tчеловек", "R1\tKNOWS Arg1:T1 Arg2:T2", "*\tEquiv T1 T3",
    "#1\tAnnotatorNotes T1\tкто?",
)  # fmt: skip


def write(folder: Path, name: str, text: str = TEXT, lines: tuple[str, ...] = LINES) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".txt").write_bytes(text.encode())
    path.with_suffix(".ann").write_bytes("\n".join(lines).encode())


def documents(source: Path, split: str, report: Report | None = None, name: str = "brat") -> dict[str, Document]:
    report = Report() if report is None else report
    return {document.id: document for document in load_converter(name).read(source, split, report)}


def test_a_folder_becomes_documents(tmp_path: Path) -> None:
    write(tmp_path, "один.ann", lines=(*LINES, "R2\tHELPS Arg2:T1 Arg1:T2\t"))  # roles in another order
    report = Report()
    (document,) = documents(tmp_path, "all", report).values()
    assert (document.id, document.text, document.lang) == ("brat/all/один", TEXT, "ru")
    links = {mention.id: mention.link for mention in document.mentions}
    assert links["T1"] == Link("linked", "Q80440", "Ахматова", ("Q5",)), "the earlier line wins"
    assert (links["T2"], links["T3"], links["T4"]) == (Link("nil"), Link(), Link())
    assert document.mentions[3].fragments == (Span(0, 4), Span(7, 9))
    evidence = (Span(0, 10),)
    assert document.triples == (
        Triple("T1", "KNOWS", "T2", None, evidence),
        Triple("T2", "HELPS", "T1", None, evidence),
    )
    assert document.entities == (Entity("E1", ("T1", "T3"), "equiv"),)
    assert document.annotated == Annotated("complete", "complete", "partial", "partial", "partial")
    lost = {
        "note: no place for it, left out": 1,
        "link to another knowledge base: dropped": 1,
        "several QIDs: the likeliest taken": 1,
    }
    assert report.tally() == document.meta["repairs"] == lost
    assert report.defects["link to another knowledge base: dropped"].examples[0].endswith("DBpedia:Anna")
    assert check(document) == []


NIL = "Wikidata:NULL\tАнна Ивановна"


@pytest.mark.parametrize(("references", "link", "tally"), [
    *(
        ([f"Wikidata:{value}\tАнна"], Link("unknown"), {"link to no item: dropped": 1})
        for value in ("q42", "Q9;Q8", "P634", "Q0", "http://www.wikidata.org/entity/Q9")
    ),
    ([NIL], Link("nil", None, "Анна Ивановна"), {}),
    ([NIL, "Wikidata:Q9\t"], Link("linked", "Q9"), {"NULL beside a QID: NULL dropped": 1}),
    (
        ["Wikidata:Q9\t", "Wikidata:Q9\tАнна", "Wikidata:Q9\tАня"],
        Link("linked", "Q9", "Анна"),
        {"link given twice: one kept": 2},
    ),
])  # fmt: skip
def test_references_become_a_link(tmp_path: Path, references: list[str], link: Link, tally: dict[str, int]) -> None:
    lines = [f"N{number}\tReference T1 {reference}" for number, reference in enumerate(references)]
    write(tmp_path, "a.ann", "Анна", ("T1\tPERSON 0 4\tАнна", *lines))
    report = Report()
    (document,) = documents(tmp_path, "all", report).values()
    assert (document.mentions[0].link, report.tally()) == (link, tally)
    assert check(document) == []


@pytest.mark.parametrize("name", ["brat", "rebel"])
@pytest.mark.parametrize("lang", ["RU", "ru-RU", "русский", "", "r", "russ", "ru\n", "ру"])
def test_a_language_is_a_code_of_two_or_three_letters(name: str, lang: str) -> None:
    converter: Any = load_converter(name)
    assert replace(converter, lang="sah").lang == "sah"
    assert "lang" in converter.options
    with pytest.raises(ConfigError, match="language"):
        replace(converter, lang=lang)


def test_splits_are_subfolders_and_the_rest_is_all(tmp_path: Path) -> None:
    for name in ("train/x/a.ann", "train/b.ann", "dev/a.ann", "more/a.ann", "top.ann"):
        write(tmp_path, name)
    (tmp_path / "test").mkdir()
    located = load_converter("brat").locate(tmp_path)
    assert located == {"train": tmp_path / "train", "dev": tmp_path / "dev", "all": tmp_path}
    ids = [id for split in located for id in documents(tmp_path, split)]
    assert ids == ["brat/train/b", "brat/train/x/a", "brat/dev/a", "brat/all/more/a", "brat/all/top"]
    with pytest.raises(CorpusNotFound, match="'test'"):
        documents(tmp_path, "test")


def test_halves_are_skipped_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "a.ann", lines=())
    (tmp_path / "b.txt").write_text("Ян", encoding="utf-8")
    (tmp_path / "c.ann").write_text("", encoding="utf-8")
    report = Report()
    (found,) = documents(tmp_path, "all", report).values()
    assert (found.id, found.annotated) == ("brat/all/a", Annotated()), "layers without annotation are not complete"
    assert [x.split()[0] for x in report.defects["text or annotation alone: skipped"].examples] == ["b", "c"]


@pytest.mark.parametrize("name", ["brat", "nerel"])
def test_a_folder_without_annotation_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.txt").write_text("Анна", encoding="utf-8")
    for folder, got in ((tmp_path, "no .ann file"), (tmp_path / "nowhere", "no such folder")):
        with pytest.raises(CorpusNotFound) as caught:
            load_converter(name).locate(folder)
        assert got in caught.value.got
        assert ("git clone" in caught.value.fix) == (name == "nerel")
