"""CoNLL04: both layouts on sentences of our own, counts on the files where they are at hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, check
from relik_ml.errors import DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Property, Span

TOKENS = [
    "Anna", "Petrova", ",", "a", "clerk", "of", "the", "North", "Bank", "in", "Omsk", ",", "lives", "in", "Tver", ".",
]  # fmt: skip
TAGS = ["B-Peop", "L-Peop", "O", "O", "O", "O", "O", "B-Org", "L-Org", "O", "U-Loc", "O", "O", "O", "U-Loc", "O"]
ENTITIES = [("Peop", 0, 2), ("Org", 7, 9), ("Loc", 10, 11), ("Loc", 14, 15)]
RELATIONS = [("Work_For", 0, 1), ("OrgBased_In", 1, 2), ("Live_In", 0, 3)]


def tagged_sentence(id: str = "7") -> dict[str, Any]:
    relations = [{"type": type, "head": head, "tail": tail} for type, head, tail in RELATIONS]
    return {"tokens": TOKENS, "tags": TAGS, "relations": relations, "orig_id": id}


def sentence(id: str = "7") -> dict[str, Any]:
    """The same sentence in the other layout."""
    record = tagged_sentence(id)
    del record["tags"]
    return {**record, "entities": [{"type": type, "start": start, "end": end} for type, start, end in ENTITIES]}


def read(source: Path, *records: Any, report: Report | None = None, **settings: bool) -> list[Document]:
    path = source / "conll04_train.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    converter: Any = load_converter("conll04")
    return list(replace(converter, **settings).read(path, "train", report or Report()))


def test_both_layouts_are_read_alike(tmp_path: Path) -> None:
    (document,), (other,) = read(tmp_path, sentence()), read(tmp_path, tagged_sentence())
    assert document == other
    assert (document.id, check(document)) == ("conll04/train/7", [])
    assert document.annotated == Annotated("complete", "complete", "none", "none", "complete")
    assert [(document.surface(m), m.type) for m in document.mentions] == [
        ("Anna Petrova", "Peop"), ("North Bank", "Org"), ("Omsk", "Loc"), ("Tver", "Loc"),
    ]  # fmt: skip
    assert [(t.subject, t.relation, t.object) for t in document.triples] == [
        ("T1", "Work_For", "T2"), ("T2", "OrgBased_In", "T3"), ("T1", "Live_In", "T4"),
    ]  # fmt: skip
    assert [t.property for t in document.triples] == [Property("P108"), Property("P159"), Property("P551")]
    assert {t.evidence for t in document.triples} == {(Span(0, len(document.text)),)}


def test_a_killer_is_the_object_of_the_property(tmp_path: Path) -> None:
    record = {**sentence(), "relations": [{"type": "Kill", "head": 0, "tail": 1}]}
    assert read(tmp_path, record)[0].triples[0].property == Property("P157", inverse=True)


def test_blanks_as_in_ordinary_text(tmp_path: Path) -> None:
    (document,) = read(tmp_path, sentence(), natural=True)
    assert document.text == "Anna Petrova, a clerk of the North Bank in Omsk, lives in Tver."
    assert document.surface(document.mentions[3]) == "Tver"


def test_what_is_odd_is_counted(tmp_path: Path) -> None:
    tags, spans, report = tagged_sentence(), sentence("8"), Report()
    tags["tags"] = ["B-Peop", "I-Peop", *TAGS[2:10], "L-Loc", *TAGS[11:]]
    spans["entities"] += [{"type": "Loc", "start": 14, "end": 15}, {"type": "Loc", "start": 15, "end": 99}]
    spans["relations"] += [{"type": "Live_In", "head": 0, "tail": tail} for tail in (4, 5, 6, -1, 0)]
    first, second = read(tmp_path, tags, spans, report=report)
    assert (check(first), check(second)) == ([], [])
    assert (first.mentions, len(first.triples)) == (second.mentions, 3)
    assert dict(report.tally()) == {
        "tags out of order: read as a mention": 2, "mention listed twice: one kept": 1,
        "mention outside the text: dropped": 1, "relation of an entity without a mention: dropped": 3,
        "relation of an entity to itself: dropped": 1, "duplicate relation: dropped": 1,
    }  # fmt: skip


BAD: list[dict[str, Any]] = [
    {"tokens": None}, {"tokens": [1]}, {"tags": ["O"]}, {"tags": ["X-Loc"] * len(TOKENS)}, {"tags": None},
    {"orig_id": "\x07"}, {"orig_id": []}, {"relations": [{"type": "", "head": 0, "tail": 1}]}, {"relations": [{}]},
    {"entities": [{"type": "Loc", "start": 0.5, "end": 1}]},
]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD)
def test_a_wrong_shape_is_an_error_at_its_record(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, tagged_sentence(), {**tagged_sentence("8"), **wrong})
    assert caught.value.where == "conll04_train.json, record 2"


@pytest.mark.parametrize(("split", "counts"), [("train", (922, 898, 3_377, 1_283)), ("dev", (231, 228, 893, 343))])
def test_counts_of_the_corpus(shared_data: Path, split: str, counts: tuple[int, ...]) -> None:
    if not (source := shared_data / "english" / f"conll04_{split}.json.gz").is_file():
        pytest.skip(f"real-data test: {source} is not here")
    report = Report()
    found = list(load_converter("conll04").read(source, split, report))
    assert [fault for document in found for fault in check(document)] == []
    assert not report.tally()
    texts = {document.text for document in found}
    assert (len(found), len(texts), report.counts["mentions"], report.counts["triples"]) == counts
