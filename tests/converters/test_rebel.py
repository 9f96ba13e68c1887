"""The REBEL converter: every repair on sentences of our own, every count on the sample where it is at hand."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, TolerantReport, check, document_from_json, document_to_json
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Link, Property, Value

CORPUS = Path(__file__).parent / "rebel"


def read(source: Path = CORPUS, split: str = "dev", report: Report | None = None, **settings: str) -> list[Document]:
    converter: Any = load_converter("rebel")
    return list(replace(converter, **settings).read(source, split, Report() if report is None else report))


@pytest.fixture(scope="module")
def page() -> Document:
    return read()[0]


@pytest.fixture
def record() -> dict[str, Any]:
    line = (CORPUS / "en_val.jsonl").read_text(encoding="utf-8").splitlines()[0]
    return dict(json.loads(line))


def write(folder: Path, *records: Any, name: str = "en_train.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return folder


def test_ids_meta_and_how_far_each_layer_can_be_trusted(page: Document) -> None:
    assert (page.id, page.lang) == ("rebel/dev/11", "en")
    assert page.annotated == Annotated("partial", "none", "silver", "none", "silver")
    expected = {"title": "Anna Petrova", "uri": "Q900001", "source": "en_val.jsonl:1", "licence": "CC BY-NC-SA 4.0"}
    assert expected.items() <= page.meta.items()
    assert check(page) == []
    assert document_from_json(document_to_json(page), "here") == page


def test_shifted_spans_are_put_back(page: Document) -> None:
    surfaces = [page.surface(mention) for mention in page.mentions]
    assert surfaces == [
        "Tver", "204,000", "letters", "Old Hall, Tver", "Tver", "Anna Petrova", "1913", "April 1950", "8 October 1951",
    ]  # fmt: skip
    starts = [mention.start for mention in page.mentions]
    assert starts == [page.text.index(s) for s in surfaces[:4]] + [page.text.rindex("Tver")] + [
        page.text.index(s) for s in surfaces[5:]
    ]


def test_a_span_without_its_surface_goes_with_its_triples(record: Any, tmp_path: Path) -> None:
    record["text"] = record["text"].replace("Tver in", "Omsk in")
    report = Report()
    (document,) = read(write(tmp_path, record), "train", report)
    assert (len(document.mentions), len(document.triples)) == (8, 3)
    assert report.defects["span without its surface near: dropped"].count == 1
    assert report.defects["triple of a span that was dropped: dropped"].count == 1


def test_links_and_values(page: Document) -> None:
    found = {page.surface(mention): mention for mention in page.mentions}
    assert found["Anna Petrova"].link == Link("linked", "Q900001")
    assert found["Old Hall, Tver"].link == found["letters"].link == Link("unknown")
    assert (found["1913"].type, found["1913"].link) == ("DATE", Link("unlinkable"))
    assert found["1913"].value == Value("dateTime", "1913", "1913", "year")
    assert found["204,000"].value == Value("decimal", "204,000", "+204000", "1")
    assert {"Anna Petrova": "ENTITY", "204,000": "NUMBER"}.items() <= {s: m.type for s, m in found.items()}.items()


def test_numbers_are_read_in_the_language_of_the_text(tmp_path: Path, record: dict[str, Any]) -> None:
    german = read(write(tmp_path, record, name="val.jsonl"), lang="de")
    assert next(m.value.value for m in german[0].mentions if m.value) == "+204.000"
    assert [m.value.value for m in read()[1].mentions if m.value] == ["+1939", "1931", "+25000.00"]


def test_annotators_are_kept_in_order(page: Document) -> None:
    annotators = page.meta["annotators"]
    assert annotators["mentions"] == [*["Me", "Value_Linker"], *["Me"] * 4, *["Date_Linker"] * 3]
    assert Counter(annotators["triples"]) == {"Simple-Aligner": 2, "NoSubject-Triple-aligner": 2}


def test_triples_carry_property_score_and_evidence(page: Document) -> None:
    stated = [page.text[start:stop] for triple in page.triples for start, stop in triple.evidence]
    born, wrote, opened = (page.text[a:b] for a, b in ((0, 39), (40, 81), (82, len(page.text))))
    assert stated == [born, born, opened, wrote]
    assert [triple.relation for triple in page.triples] == ["P19", "P569", "P131", "P800"]
    assert page.triples[0].property == Property("P19")
    assert [triple.score for triple in page.triples] == [0.5, None, None, None]


def test_what_is_odd_is_counted(record: Any, tmp_path: Path) -> None:
    record["triples"].append(record["triples"][0])
    record["entities"].append(record["entities"][0])
    lost = record["entities"].pop(3)
    record["entities"][0 + 1]["uri"] = "Help:Numbers"
    report = Report()
    (document,) = read(write(tmp_path, record, record), "train", report)
    assert {what: defect.count for what, defect in report.defects.items() if "date" not in what} == {
        "span shifted by deleted brackets: put back": 2 * 8,
        "entity listed twice: one kept": 2,
        "argument not among the entities: added": 2,
        "duplicate triple: dropped": 2,
        "arguments that overlap: kept": 2,
        "link to no item: dropped": 2,
        "repeated document: dropped": 1,
    }
    assert lost["surfaceform"] in [document.surface(mention) for mention in document.mentions]


BAD: list[tuple[str, Any]] = [
    ("text", None), ("text", "\ud800"), ("docid", 7), ("docid", "\x07"), ("title", []),
    ("entities", {}), ("entities", ["Tver"]), ("triples", None),
    ("entities", [{"uri": "Q1", "boundaries": [0, "4"], "surfaceform": "Anna"}]),
    ("entities", [{"uri": "Q1", "boundaries": [0], "surfaceform": "Anna"}]),
    ("entities", [{"uri": 1, "boundaries": [0, 4], "surfaceform": "Anna"}]),
    ("entities", [{"uri": "Q1", "boundaries": [0, 4], "surfaceform": ""}]),
    ("entities", [{"uri": "Q1", "boundaries": [0, 4], "surfaceform": "Anna", "annotator": 3}]),
    ("triples", [{}]), ("triples", [{"predicate": {"uri": "sport"}}]), ("triples", [{"predicate": "P19"}]),
    ("triples", [{"predicate": {"uri": "P19"}, "sentence_id": "0"}]),
    ("triples", [{"predicate": {"uri": "P19"}, "sentence_id": 0, "confidence": 7}]),
    ("triples", [{"predicate": {"uri": "P19"}, "sentence_id": 0, "subject": None}]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_wrong_shape_is_an_error_at_its_line(record: Any, tmp_path: Path, name: str, value: Any) -> None:
    good = {**record, "docid": "99"}
    source = write(tmp_path, good, {**record, name: value})
    with pytest.raises(DataError) as caught:
        read(source, "train")
    assert caught.value.where == "en_train.jsonl:2"
    report = TolerantReport()
    assert [document.id for document in read(source, "train", report)] == ["rebel/train/99"]
    assert sum(defect.count for what, defect in report.defects.items() if what.startswith("bad")) == 1


def test_splits_go_by_file_names(tmp_path: Path, record: Any) -> None:
    converter = load_converter("rebel")
    assert converter.locate(CORPUS) == converter.locate(CORPUS / "en_val.jsonl") == {"dev": CORPUS / "en_val.jsonl"}
    write(write(write(tmp_path, record), name="en_test.jsonl"), name="sample.jsonl")
    assert {s: p.name for s, p in converter.locate(tmp_path).items()} == {
        "train": "en_train.jsonl", "test": "en_test.jsonl", "all": "sample.jsonl",
    }  # fmt: skip
    write(tmp_path, name="other.jsonl")
    for missing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CorpusNotFound):
            converter.locate(missing)
    with pytest.raises(CorpusNotFound):
        read(CORPUS, "test")


def test_the_sample_is_read_whole(shared_data: Path) -> None:
    if not (folder := shared_data / "samples" / "rebel").is_dir():
        pytest.skip(f"real-data test: {folder} is not here")
    report = Report()
    documents = read(folder, "all", report)
    assert not [fault for document in documents for fault in check(document)]
    assert len(documents) == 1000
    assert sum(len(document.mentions) for document in documents) == 10_977
    assert sum(len(document.triples) for document in documents) == 2_868
    lines = (folder / "sample_1000.jsonl").read_text(encoding="utf-8").splitlines()
    for document, raw in zip(documents, map(json.loads, lines), strict=True):
        assert [document.surface(m) for m in document.mentions] == [e["surfaceform"] for e in raw["entities"]]
    assert {what: defect.count for what, defect in report.defects.items()} == {
        "span shifted by deleted brackets: put back": 1711,
        "date more precise than its surface: cut to what the surface says": 1393,
        "arguments that overlap: kept": 105,
        "hyphen read as a minus: undone": 66,
        "thousands mark read as a decimal mark: undone": 18,
        "date whose year is not on its surface: kept as it is": 1,
        "number misread: the surface's taken": 1,
    }
