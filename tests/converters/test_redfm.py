"""RED-FM and SRED-FM: both layouts, and every defect, on sentences of our own."""

import gzip
import json
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import REPEATED, Report, TolerantReport, check, document_from_json, document_to_json, read_documents
from relik_ml.errors import ConfigError, CorpusNotFound, DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Link, Property, Span, Value
from tests.cli.conftest import run

DECIMAL = "^^http://www.w3.org/2001/XMLSchema#decimal"
TIME = "^^http://www.w3.org/2001/XMLSchema#dateTime"
NAMES = {"P19": "place of birth", "P569": "date of birth", "P1082": "population"}
TEXT = "Анна Белова родилась в 1913 году в Казани. Население города — 1,25 млн человек."
Record = dict[str, Any]


def entity(text: str, surface: str, uri: str, type: str) -> Record:
    start = text.index(surface)
    return {"uri": uri, "surfaceform": surface, "type": type, "boundaries": [start, start + len(surface)]}


def relation(subject: Record, property: str, object: Record, confidence: float = 0.9) -> Record:
    predicate = {"uri": property, "surfaceform": NAMES.get(property, "?")}
    return {"subject": subject, "predicate": predicate, "object": object, "confidence": confidence, "sentence_id": 0}


def record(docid: str = "7", text: str = TEXT) -> Record:
    anna, city = entity(text, "Анна Белова", "Q1001", "PER"), entity(text, "Казани", "Q900", "LOC")
    year = entity(text, "1913", "1913-01-01T00:00:00Z" + TIME, "DATE")
    number = entity(text, "1,25", "+1.25" + DECIMAL, "NUMBER")
    relations = [relation(anna, "P19", city, 0.99), relation(anna, "P569", year), relation(city, "P1082", number, 0.8)]
    entities = [anna, year, city, number]
    page = {"docid": docid, "title": "Белова, Анна", "uri": "Q1001", "lan": "ru", "text": text}
    return deepcopy({**page, "entities": entities, "relations": relations})


def hub(raw: Record, predicate: Callable[[str], Any] = NAMES.__getitem__) -> Record:
    """A raw record as the Hub has it: as the published loader rewrites it."""
    kept = ("uri", "surfaceform", "type")
    entities = [
        {**{name: e[name] for name in kept}, "start": e["boundaries"][0], "end": e["boundaries"][1]}
        for e in raw["entities"]
    ]
    index = raw["entities"].index
    relations = [
        {"subject": index(r["subject"]), "predicate": predicate(r["predicate"]["uri"]), "object": index(r["object"])}
        for r in raw["relations"]
    ]
    page = {name: raw[name] for name in ("docid", "title", "uri", "text")}
    return {**page, "entities": entities, "relations": relations}


def write(folder: Path, *records: Record | bytes, name: str = "train.ru.jsonl") -> Path:
    lines = [r if isinstance(r, bytes) else json.dumps(r, ensure_ascii=False).encode() for r in records]
    (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
    return folder


def write_names(folder: Path) -> None:
    rows = (f"{id}\t{name}\tdescription\t12\n" for id, name in NAMES.items())
    (folder / "relations.tsv").write_text("".join(rows), encoding="utf-8")


def write_parquet(folder: Path, records: list[Record], classes: list[str] | None = None) -> None:
    arrow = pytest.importorskip("pyarrow", reason="parquet needs the extra relik-ml[train]")
    from importlib import import_module

    table = arrow.Table.from_pylist(records)
    if classes is not None:
        features = {"relations": [{"predicate": {"names": classes, "_type": "ClassLabel"}}]}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    (folder / "ru" / "train").mkdir(parents=True)
    half = len(records) // 2
    for shard, part in enumerate((table.slice(0, half), table.slice(half))):
        import_module("pyarrow.parquet").write_table(part, folder / "ru" / "train" / f"000{shard}.parquet")


def read(source: Path, report: Report | None = None, name: str = "sredfm", **settings: Any) -> list[Document]:
    converter: Any = replace(load_converter(name), **settings)
    documents = list(converter.read(source, "train", Report() if report is None else report))
    assert [check(document) for document in documents] == [[] for _ in documents]
    return documents


def bare(document: Document) -> Document:
    """A document without what only one of the layouts has."""
    triples = tuple(replace(triple, score=None) for triple in document.triples)
    meta = {name: value for name, value in document.meta.items() if name not in ("layout", "source")}
    return replace(document, triples=triples, meta=meta)


def test_a_raw_record(tmp_path: Path) -> None:
    report = Report()
    (document,) = read(write(tmp_path, record()), report)
    assert (document.id, document.lang, document.text) == ("sredfm/ru/train/7", "ru", TEXT)
    anna, year, city, number = document.mentions
    assert [document.surface(m) for m in document.mentions] == ["Анна Белова", "1913", "Казани", "1,25"]
    assert (anna.link, anna.type, city.link) == (Link("linked", "Q1001"), "PER", Link("linked", "Q900"))
    assert (year.link, year.value) == (Link("unlinkable"), Value("dateTime", "1913", "1913", "year"))
    assert number.value == Value("decimal", "1,25", "+1.25", "0.01")  # in Russian the comma is the decimal mark
    first, *_, last = document.triples
    assert (first.subject, first.relation, first.object, first.score) == (anna.id, "P19", city.id, 0.99)
    assert first.property == Property("P19")
    assert first.evidence == (Span(0, 42),)
    assert last.evidence == (Span(0, 42), Span(43, len(TEXT)))
    assert document.annotated == Annotated("silver", "silver", "silver", "none", "silver")
    meta = {"layout": "raw", "licence": "CC BY-SA 4.0", "page": "Q1001", "split": "train"}
    assert meta.items() <= document.meta.items()
    assert report.counts["records in the raw layout"] == 1
    assert document_from_json(document_to_json(document), "here") == document


@pytest.mark.parametrize("classes", [None, list(NAMES.values())])
def test_both_layouts_give_the_same_documents(tmp_path: Path, classes: list[str] | None) -> None:
    raws = [record(str(number)) for number in range(4)]
    (raw := tmp_path / "raw").mkdir()
    (parquet := tmp_path / "parquet").mkdir()
    write(raw, *raws)
    write_names(parquet)
    numbers = list(NAMES).index if classes else NAMES.__getitem__
    write_parquet(parquet, [hub(r, numbers) for r in raws], classes)
    report = Report()
    documents = read(parquet, report)
    assert [bare(d) for d in documents] == [bare(d) for d in read(raw)]
    assert all(triple.score is None for document in documents for triple in document.triples)
    assert report.counts["records in the Hub layout"] == 4
    assert report.counts["relations looked up in relations.tsv"] == 4 * 3
    assert load_converter("sredfm").locate(parquet) == {"train": parquet / "ru" / "train"}, "rows are no lines"


def test_the_hubs_layout_as_json_lines_and_a_table_elsewhere(tmp_path: Path) -> None:
    (tables := tmp_path / "tables").mkdir()
    write_names(tables)
    write(tmp_path, hub(record()))
    (document,) = read(tmp_path, relations=tables / "relations.tsv")
    assert [triple.relation for triple in document.triples] == ["P19", "P569", "P1082"]
    with pytest.raises(ConfigError, match=r"put relations\.tsv"):
        read(tmp_path)


def test_parquet_without_pyarrow_and_broken_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "train.ru.parquet"
    path.write_bytes(b"PAR1 cut")
    with pytest.raises(DataError, match="parquet"):
        read(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install .relik-ml\[train\]"):
        read(tmp_path)


def test_confidence_repeated_ids_and_documents_without_relations(tmp_path: Path) -> None:
    sure, unsure = record("1"), record("2")
    sure["relations"][2]["confidence"] = 0.75
    for stated in unsure["relations"]:
        stated["confidence"] = 0.5
    write(tmp_path, sure, unsure, record("1"), {**record("3"), "relations": []})
    report = Report()
    (document,) = read(tmp_path, report)
    assert [triple.relation for triple in document.triples] == ["P19", "P569"]
    assert report.counts["relations of confidence up to 0.75: left out"] == 4
    assert report.counts["documents without a relation: left out"] == 2
    assert report.tally()[REPEATED] == 1
    assert report.counts["records"] == 4
    assert [d.id[-1] for d in read(tmp_path, min_confidence=0.0)] == ["1", "2"]


def test_defects_of_a_record_are_repaired_and_counted(tmp_path: Path) -> None:
    broken = record()
    anna, _, city, _ = broken["entities"]
    missing = entity(TEXT, "Население", "Q33829", "Concept")
    shifted = {**city, "boundaries": [30, 36]}
    strange = {**entity(TEXT, "города", "wd:7", "LOC")}
    broken["entities"] += [dict(anna), shifted, strange, {**entity(TEXT, "человек", "None", "MISC")}]
    more = [relation(anna, "P19", city), relation(anna, "P1343", missing), relation(anna, "P19", shifted)]
    broken["relations"] += [*more, relation(anna, "wohnt in", city)]
    report = Report()
    (document,) = read(write(tmp_path, broken), report)
    expected = {
        "argument not among the entities: added": 1,
        "date more precise than its surface: cut to what the surface says": 1,
        "duplicate triple: dropped": 1,
        "entity listed twice: one kept": 1,
        "entity whose surface is not in the text: dropped": 1,
        "link to no item: dropped": 1,
        "relation of a mention that is not there: dropped": 1,
        "relation that is no property: dropped": 1,
    }
    tally = report.tally()
    assert tally == expected
    assert document.surface(document.mentions[-1]) == "Население"
    assert document.meta["repairs"] == dict(tally)


def test_relations_that_lead_nowhere_are_dropped(tmp_path: Path) -> None:
    write_names(tmp_path)
    other, far = record("1"), hub(record("2"))
    other["relations"][0]["predicate"]["uri"] = "P7"
    far["relations"][0]["object"], far["relations"][1]["object"] = 4, -1
    report = Report()
    first, second = read(write(tmp_path, other, far), report)
    assert (len(first.triples), [triple.relation for triple in second.triples]) == (2, ["P1082"])
    assert report.tally()["relation outside relations.tsv: dropped"] == 1
    assert report.tally()["relation of a mention that is not there: dropped"] == 2


def test_an_unknown_layout_says_what_it_saw_and_what_it_expected(tmp_path: Path) -> None:
    strange = record()
    strange["entities"] = [{"span": [0, 4], "label": "PER"}]
    with pytest.raises(DataError, match=r"(?s)train\.ru\.jsonl:1.*'span'.*expected are raw: boundaries.*Hub: end"):
        read(write(tmp_path, strange))
    with pytest.raises(DataError, match=r"(?s)no docid, title, uri.*\['triples', 'text'\]"):
        read(write(tmp_path, {"triples": [], "text": TEXT}))


BAD: list[bytes] = [
    json.dumps(record("\ud800")).encode(), json.dumps({**record(), "title": "\udc00"}).encode(), b"", b"{",
    b"[]", b"7", b"\xff{}", b"{}", b"[" * 100_000, b'{"docid": NaN}', b'{"docid": 1' + b"0" * 5000 + b"}",
    *(json.dumps({**record(), field: [7]}).encode() for field in ("docid", "title", "uri", "text", "entities", "lan")),
    *(
        json.dumps({**record(), "relations": [{**record()["relations"][0], field: [None]}]}).encode()
        for field in ("subject", "predicate", "object", "confidence")
    ),
]  # fmt: skip


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_bad_records_are_errors_or_counted(tmp_path: Path, line: bytes) -> None:
    write(tmp_path, line, record("1"), line, record("2"))
    with pytest.raises(DataError):
        read(tmp_path)
    report = TolerantReport()
    assert [document.id[-1] for document in read(tmp_path, report)] == ["1", "2"]
    assert sum(report.tally()[what] for what in report.defects if what.startswith("bad: ")) == 2


def test_a_damaged_join_costs_one_record(tmp_path: Path) -> None:
    rows = "P19\tplace of birth\nP1\tplace of birth\nP569\tdate of birth\nP1082\tpopulation\n"
    (tmp_path / "relations.tsv").write_text(rows, encoding="utf-8")
    sound = hub(record("2"))
    del sound["relations"][0]
    with pytest.raises(DataError, match="two properties"):
        read(write(tmp_path, hub(record("1"))))
    report = TolerantReport()
    assert [d.id[-1] for d in read(write(tmp_path, hub(record("1")), sound), report)] == ["2"]
    assert report.tally()["bad: a name of two properties: skipped"] == 1


@pytest.mark.parametrize("name", ["redfm", "sredfm"])
def test_workers_and_repeated_documents_change_nothing(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relik_ml.cli._stream.CHUNK", 9_000)  # a handful of records
    pages = [{**record(str(number)), "lan": ""} for number in range(30)]
    left_out = {**record("31"), "lan": "", "relations": []}
    (source := tmp_path / "source").mkdir()
    lang = "en" if name == "redfm" else "ru"
    write(source, *pages, pages[3], left_out, b"{", pages[3], pages[29], name=f"train.{lang}.jsonl")
    write_names(source)
    for workers in ("1", "2"):
        out = ["--out", tmp_path / workers, "--workers", workers]
        done = run("convert", name, "--source", source, "--skip-bad", *out)
        assert done.exit_code == 0, done.output
    for file in ("train.jsonl", "report.json"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
    documents = list(read_documents(tmp_path / "2" / "train.jsonl"))
    found = json.loads((tmp_path / "2" / "report.json").read_text())["total"]
    assert (len(documents), found["defects"][REPEATED]["count"]) == (30, 3)
    expected = {
        "records": 35, "documents read": 34, "documents": 30, "characters": 30 * len(TEXT), "mentions": 30 * 4,
        "mentions linked": 30 * 2, "mentions unlinkable": 30 * 2, "triples": 30 * 3,
        "documents without a relation: left out": 1,
    }  # fmt: skip
    assert expected.items() <= found["counts"].items()
    again = TolerantReport()
    read(source, again, name)
    assert again.json() == found, "the library counts as the command does"


def test_languages(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)'ru'.*sredfm"):
        read(tmp_path, name="redfm", lang="ru")
    with pytest.raises(ConfigError, match="min_confidence"):
        read(tmp_path, min_confidence=7.0)
    report = Report()
    write(tmp_path, record("1"), {**record("2"), "lan": "de"})
    assert len(read(tmp_path, report)) == 1
    assert report.counts["documents in another language: left out"] == 1
    with pytest.raises(CorpusNotFound, match="split"):
        read(tmp_path, lang="fr")


def test_where_splits_lie(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    line = json.dumps(record()).encode() + b"\n"
    (tmp_path / "data" / "dev.ru.jsonl.gz").write_bytes(gzip.compress(line))
    (tmp_path / "data" / "test.de.jsonl").write_bytes(line)
    converter = load_converter("sredfm")
    assert converter.locate(tmp_path) == {"dev": tmp_path / "data" / "dev.ru.jsonl.gz"}
    assert converter.locate(tmp_path / "data" / "dev.ru.jsonl.gz").keys() == {"dev"}
    (document,) = converter.read(tmp_path, "dev", Report())
    assert document.id == "sredfm/ru/dev/7"
    with pytest.raises(CorpusNotFound, match="split"):
        list(converter.read(tmp_path, "train", Report()))
