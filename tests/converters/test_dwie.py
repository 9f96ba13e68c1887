"""DWIE: articles of our own in the layout of the corpus, whose texts are fetched apart and were not at hand."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, TolerantReport, check
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Entity, Link, Property

TEXT = "Petrova in Omsk\nA visit\nAnna Petrova came to Tver. The Russian\u00a0city greeted Petrova on Monday."
TVER, ANNA, MONDAY, OMSK, RUSSIAN, RUSSIA = range(6)


def mark(text: str, concept: int, nth: int = 0) -> dict[str, Any]:
    begin = -1
    for _ in range(nth + 1):
        begin = TEXT.index(text, begin + 1)
    return {"begin": begin, "end": begin + len(text), "text": text, "concept": concept, "candidates": [], "scores": []}


def concept(number: int, *tags: str, **link: str | None) -> dict[str, Any]:
    return {"concept": number, "text": "", "keyword": False, "count": 1, "tags": [f"type::{t}" for t in tags], **link}


def article(id: str = "DW_1") -> dict[str, Any]:
    """An article whose last concept has no mention."""
    mentions = [
        mark("Petrova", ANNA), mark("Omsk", OMSK), mark("Anna Petrova", ANNA), mark("Tver", TVER),
        {**mark("Russian\u00a0city", RUSSIAN), "text": "Russian c\u200bity"}, mark("Petrova", ANNA, 2),
        mark("Monday", MONDAY),
    ]  # fmt: skip
    concepts = [
        concept(TVER, "entity", "gpe", "gpe2", "location", link="Tver "),
        concept(ANNA, "entity", "politician", "person", link=None),
        concept(MONDAY, "time", "value"), concept(OMSK, "entity", "location", link="Omsk%2C_Russia"),
        concept(RUSSIAN, "gpe0-x", "other"), concept(RUSSIA, link="Russia"),
    ]  # fmt: skip
    facts = [(ANNA, "citizen_of", TVER), (TVER, "in0-x", RUSSIAN), (RUSSIAN, "gpe0", RUSSIA)]
    relations = [{"s": s, "p": p, "o": o} for s, p, o in facts]
    record = {"id": id, "content": TEXT, "tags": ["all", "train"], "mentions": mentions, "concepts": concepts}
    return {**record, "relations": relations, "frames": [], "iptc": ["02000000"]}


def write(folder: Path, *records: dict[str, Any]) -> Path:
    """A clone of the corpus with texts, and with their checksums."""
    data = folder / "data" / "annos_with_content"
    data.mkdir(parents=True, exist_ok=True)
    for record in records:
        (data / f"{record['id']}.json").write_text(json.dumps(record, indent=4), encoding="utf-8")
    sums = [{"id": r["id"], "url": "", "hash": hashlib.sha1(TEXT.encode()).hexdigest()} for r in records]
    (folder / "data" / "article_id_to_url.json").write_text(json.dumps(sums), encoding="utf-8")
    return folder


def read(source: Path, split: str = "train", report: Report | None = None, **settings: str) -> list[Document]:
    converter: Any = load_converter("dwie")
    return list(replace(converter, **settings).read(source, split, report or Report()))


def test_entities_types_links_and_relations(tmp_path: Path) -> None:
    report = Report()
    (document,) = read(write(tmp_path, article(), {**article("DW_2"), "tags": ["test"]}), report=report)
    assert (document.id, document.text, check(document)) == ("dwie/train/DW_1", TEXT, [])
    assert document.annotated == Annotated(
        "complete", "complete", "complete", "complete", "complete", entity_triples=True
    )  # fmt: skip
    assert document.entities[1] == Entity("E2", ("T1", "T3", "T6"))
    assert document.meta["tags"][0] == ["type::entity", "type::gpe", "type::gpe2", "type::location"]
    found = {document.surface(mention): (mention.type, mention.link) for mention in document.mentions}
    assert found == {
        "Petrova": ("person", Link("nil")), "Anna Petrova": ("person", Link("nil")),
        "Omsk": ("location", Link("linked", "Omsk, Russia", "Omsk, Russia")),
        "Tver": ("location", Link("linked", "Tver", "Tver")), "Russian\u00a0city": ("gpe0-x", Link()),
        "Monday": ("time", Link("unlinkable")),
    }  # fmt: skip
    facts = [(t.subject, t.relation, t.object, t.property, t.evidence) for t in document.triples]
    assert facts == [("T3", "citizen_of", "T4", Property("P27"), ()), ("T4", "in0-x", "T5", None, ())]
    assert document.meta["unreachable"] == [[RUSSIAN, "gpe0", RUSSIA]]
    assert dict(report.tally()) == {
        "link with blanks or escapes: cleaned": 2, "concept without a mention: dropped": 1,
        "relation of an entity without a mention: dropped": 1,
    }  # fmt: skip
    assert [each.id for each in read(tmp_path / "data", "test")] == ["dwie/test/DW_2"]


def test_a_table_of_titles_gives_items(tmp_path: Path) -> None:
    (tmp_path / "titles").write_text("Tver\tQ2\n", encoding="utf-8")
    (document,) = read(write(tmp_path, article()), titles=str(tmp_path / "titles"))
    assert {mention.link.id for mention in document.mentions} == {"Q2", None}


def test_what_is_odd_is_counted(tmp_path: Path) -> None:
    record, report = article(), Report()
    record["mentions"] += [mark("Tver", TVER), mark("Tver", 99), {**mark("Tver", TVER), "text": "Twer"}]
    record["mentions"].append({**mark("Tver", TVER), "begin": -3})
    record["concepts"][OMSK]["tags"] = ["meta::invalid"]
    record["concepts"][TVER]["tags"] = ["meta::todo"]
    record["relations"] += [record["relations"][0], {"s": ANNA, "p": "vs", "o": ANNA}]
    (document,) = read(write(tmp_path, record), report=report)
    assert {document.surface(m): m.type for m in document.mentions}["Tver"] == "entity"
    assert dict(report.tally()) == {
        "concept that its annotators call invalid: dropped": 1, "mention of no concept that is kept: dropped": 2,
        "mention twice in an entity: one kept": 1, "mention that is not in the text: dropped": 2,
        "link with blanks or escapes: cleaned": 1, "concept without a mention: dropped": 1,
        "concept without a type: called entity": 1, "relation of an entity without a mention: dropped": 1,
        "duplicate relation: dropped": 1, "relation of an entity to itself: dropped": 1,
    }  # fmt: skip


def test_a_text_must_be_the_annotated_one(tmp_path: Path) -> None:
    write(tmp_path, article(), {**article("DW_2"), "content": f"{TEXT} "})
    with pytest.raises(DataError, match="SHA-1") as caught:
        read(tmp_path)
    assert caught.value.where == "DW_2.json"
    report = TolerantReport()
    assert [document.id for document in read(tmp_path, report=report)] == ["dwie/train/DW_1"]
    (tmp_path / "data" / "article_id_to_url.json").unlink()
    assert len(read(tmp_path, report=report)) == 2
    assert report.counts["texts without a SHA-1 to check"] == 2


BAD: list[dict[str, Any]] = [
    {"content": ""}, {"content": None}, {"tags": None}, {"mentions": [{}]},
    {"concepts": [{"concept": "1", "tags": []}]},
    {"relations": [{"s": 1, "p": "", "o": 2}]},
]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD)
def test_a_wrong_shape_is_an_error_at_its_file(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, article(), {**article("DW_2"), **wrong}))
    assert caught.value.where == "DW_2.json"


def test_another_folder_is_refused(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CorpusNotFound, match="dwie_download"):
            load_converter("dwie").locate(source)
