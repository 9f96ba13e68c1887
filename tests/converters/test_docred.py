"""DocRED, Re-DocRED and DocRED-IE: repairs on sentences of our own, counts on the files where they are at hand."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report, TolerantReport, check, document_from_json, document_to_json
from relik_ml.errors import CorpusNotFound, DataError
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Entity, Link, LinkCandidate, Property

PERSON, BORN, TVER, OMSK, MOVED = range(5)
SENTENCES = [
    "Anna Petrova ( born 3 May 1913 in Tver ) was a poet .",
    "In 1940 her family moved to Omsk .",
    "Petrova died there ; Petrova was 80 .",
]


def mark(sentence: int, start: int, stop: int, type: str, qid: str | None = None) -> dict[str, Any]:
    name = " ".join(SENTENCES[sentence].split()[start:stop])
    return {"name": name, "sent_id": sentence, "pos": [start, stop], "type": type, "wikidata_qcode": qid}


def page(title: str = "Anna Petrova") -> dict[str, Any]:
    """A record whose third relation has its arguments in two sentences."""
    entities = [
        [mark(0, 0, 2, "PER", "Q900001"), mark(2, 4, 5, "PER"), mark(2, 0, 1, "PER", "Q900001")],
        [mark(0, 4, 7, "TIME")],
        [mark(0, 8, 9, "LOC", "Q900002")],
        [mark(1, 6, 7, "LOC")],
        [mark(1, 1, 2, "TIME")],
    ]
    labels = [
        {"h": PERSON, "t": BORN, "r": "P569", "evidence": [0]},
        {"h": PERSON, "t": TVER, "r": "P19", "evidence": []},
        {"h": PERSON, "t": OMSK, "r": "P20", "evidence": [2, 1]},
    ]
    return {"title": title, "sents": [text.split() for text in SENTENCES], "vertexSet": entities, "labels": labels}


def read(
    source: Path, name: str = "docred", split: str = "train", report: Report | None = None, **settings: bool
) -> list[Document]:
    converter: Any = load_converter(name)
    return list(replace(converter, **settings).read(source, split, report or Report()))


def write(folder: Path, *records: Any, name: str = "train_annotated.json") -> Path:
    (folder / name).write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return folder


def test_relations_are_carried_by_the_nearest_mentions_in_the_evidence(tmp_path: Path) -> None:
    (document,) = read(write(tmp_path, page()))
    assert check(document) == []
    assert document_from_json(document_to_json(document), "here") == document
    assert document.annotated == Annotated("complete", "complete", "none", "complete", "partial", entity_triples=True)
    assert document.entities[0] == Entity("E1", ("T1", "T2", "T3"))
    assert [len(entity.mentions) for entity in document.entities] == [3, 1, 1, 1, 1]
    spans = {mention.id: f"{document.surface(mention)} {mention.start}" for mention in document.mentions}
    found = [(spans[t.subject], t.relation, spans[t.object], t.property) for t in document.triples]
    assert found == [
        ("Anna Petrova 0", "P569", "3 May 1913 20", Property("P569")),
        ("Anna Petrova 0", "P19", "Tver 34", Property("P19")),
        ("Petrova 89", "P20", "Omsk 82", Property("P20")),
    ]
    stated = [[document.text[start:stop] for start, stop in triple.evidence] for triple in document.triples]
    assert stated == [SENTENCES[:1], [], SENTENCES[1:]]
    assert [document.text[start:stop] for start, stop in document.meta["sentences"]] == SENTENCES


def test_blanks_as_in_ordinary_text_move_every_span(tmp_path: Path) -> None:
    (plain,), (natural,) = (read(write(tmp_path, page()), natural=natural) for natural in (False, True))
    assert natural.text.startswith(
        "Anna Petrova (born 3 May 1913 in Tver) was a poet. In 1940 her family moved to Omsk."
    )
    assert [natural.surface(m) for m in natural.mentions] == [plain.surface(m) for m in plain.mentions]
    assert [replace(t, evidence=()) for t in natural.triples] == [replace(t, evidence=()) for t in plain.triples]


def test_an_entity_has_one_type_and_the_item_of_most_of_its_mentions(tmp_path: Path) -> None:
    record, report = page(), Report()
    record["vertexSet"][PERSON][1] |= {"type": "ORG", "wikidata_qcode": "Q900009"}
    record["vertexSet"][OMSK][0]["wikidata_qcode"] = "Q900002"
    (document,) = read(write(tmp_path, record), "docred_ie", report=report)
    assert [mention.type for mention in document.mentions[:3]] == ["PER"] * 3
    assert document.annotated.links == "silver"
    both = (LinkCandidate("Q900001", score=2 / 3), LinkCandidate("Q900009", score=1 / 3))
    assert [mention.link for mention in document.mentions] == [
        *[Link("linked", "Q900001", candidates=both)] * 3, Link("unlinkable"), *[Link("linked", "Q900002")] * 2,
        Link("unlinkable"),
    ]  # fmt: skip
    assert dict(report.tally()) == {
        "several items in an entity: the most frequent taken": 1, "type unlike most of its entity: theirs taken": 1,
        "item of two entities: kept": 1,
    }  # fmt: skip


def test_what_is_odd_is_counted(tmp_path: Path) -> None:
    record, report = page(), Report()
    people, dates = record["vertexSet"][PERSON], record["vertexSet"][BORN]
    people += [deepcopy(people[0]), mark(0, 8, 9, "PER"), {**people[0], "sent_id": -1}, {**people[0], "pos": [9, 99]}]
    dates[:] = [{**dates[0], "pos": [5, 5]}]
    same, lost = deepcopy(record["labels"][2]), {"h": 99, "t": 0, "r": "P1"}
    record["labels"] += [same, lost, {"h": TVER, "t": TVER, "r": "P47", "evidence": [7]}]
    (document, _) = read(write(tmp_path, record, page("B"), page("B")), report=report)
    assert check(document) == []
    assert (len(document.mentions), len(document.entities), len(document.triples)) == (7, 4, 2)
    assert dict(report.tally()) == {
        "mention twice in an entity: one kept": 1, "mention outside the text: dropped": 3,
        "mention in two entities: kept in both": 1, "relation of an entity without a mention: dropped": 2,
        "relation of an entity to itself: dropped": 1, "evidence that is no sentence: dropped": 1,
        "duplicate relation: dropped": 1, "repeated document: dropped": 1,
    }  # fmt: skip


def test_relations_that_are_held_back_are_not_annotated(tmp_path: Path) -> None:
    record = page()
    del record["labels"]
    (document,) = read(write(tmp_path, record, name="test.json"), split="test")
    assert (document.triples, document.annotated.triples) == ((), "none")


BAD: list[tuple[str, Any]] = [
    ("title", 7), ("title", ""), ("title", "\x07"), ("sents", [["a", 1]]), ("sents", None), ("vertexSet", {}),
    ("vertexSet", [[{"sent_id": 0, "pos": [0], "type": "PER"}]]), ("vertexSet", [[{"sent_id": 0, "pos": [0, 1]}]]),
    ("vertexSet", [[{"sent_id": "0", "pos": [0, 1], "type": "PER"}]]), ("labels", [{"h": 0, "t": 1, "r": "country"}]),
    ("labels", [{"h": 0, "t": None, "r": "P1"}]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_wrong_shape_is_an_error_at_its_record(tmp_path: Path, field: str, value: Any) -> None:
    source = write(tmp_path, page(), {**page("B"), field: value}, page("C"))
    with pytest.raises(DataError) as caught:
        read(source)
    assert caught.value.where == "train_annotated.json, record 2"
    assert "docs/converters/docred.md" in caught.value.fix
    report = TolerantReport()
    assert [document.meta["title"] for document in read(source, report=report)] == ["Anna Petrova", "C"]


def test_files_are_lists_or_lines_packed_or_not(tmp_path: Path) -> None:
    lists = json.dumps([page(), page("B")], indent=1).encode()
    lines = b"\n\n".join(json.dumps(page(title)).encode() for title in ("Anna Petrova", "B"))
    for name, content in (
        ("a.json", lists),
        ("a.jsonl", lines),
        ("b.json", lines),
        ("a.json.gz", gzip.compress(lists)),
    ):
        (tmp_path / name).write_bytes(content)
        assert [d.meta["title"] for d in read(tmp_path / name, split="all")] == ["Anna Petrova", "B"]
    (tmp_path / "a.json").write_bytes(lists[:-9])
    with pytest.raises(DataError, match=r"a\.json"):
        read(tmp_path / "a.json", split="all")


def test_splits_go_by_words_in_file_names(tmp_path: Path) -> None:
    converter = load_converter("docred")
    for name in ("train_annotated.json", "train_distant.json", "dev_joint_qcode.json", "rel_info.json"):
        write(tmp_path, page(), name=name)
    found = {split: path.name for split, path in converter.locate(tmp_path).items()}
    assert found == {"train": "train_annotated.json", "distant": "train_distant.json", "dev": "dev_joint_qcode.json"}
    assert read(tmp_path, split="distant")[0].annotated.triples == "silver"
    write(tmp_path, name="dev.json")
    for source in (tmp_path, tmp_path / "nowhere", Path(__file__).parent):
        with pytest.raises(CorpusNotFound):
            converter.locate(source)
    with pytest.raises(CorpusNotFound, match="test"):
        read(tmp_path / "dev.json", split="test")


COUNTS: Mapping[str, Mapping[str, int]] = {  # as their cards have them
    "redocred": {
        "documents": 500, "mentions listed": 13_189, "mentions": 13_154, "mentions unlinkable": 2_685,
        "relations": 17_284, "relations without evidence": 9_811, "triples": 17_284,
        "mention twice in an entity: one kept": 35, "mention in two entities: kept in both": 1,
        "type unlike most of its entity: theirs taken": 11, "entities": 9_684, "entities of one mention": 7_803,
        "carriers in one sentence of the evidence": 3_966, "in several of its sentences": 2_931,
        "not both in the evidence": 576,
    },
    "docred_ie": {
        "documents": 263, "mentions listed": 6_734, "mentions": 6_702, "mentions linked": 5_081,
        "mentions unlinkable": 1_069, "mentions unknown": 552, "entities linked": 3_563, "relations": 3_234,
        "relations without evidence": 95, "triples": 3_234, "mention twice in an entity: one kept": 32,
        "mention in two entities: kept in both": 1, "several items in an entity: the most frequent taken": 106,
        "item of two entities: kept": 155, "entities": 5_068, "triples linked": 2_749,
    },
}  # fmt: skip


def tally(documents: list[Document]) -> Iterator[str]:
    """What the cards count besides what reports do, a name for each thing."""
    for document in documents:
        yield from ["entities"] * len(document.entities)
        yield from ["entities of one mention"] * sum(len(entity.mentions) == 1 for entity in document.entities)
        mentions = {mention.id: mention for mention in document.mentions}
        for triple in document.triples:
            ends = [mentions[triple.subject], mentions[triple.object]]
            if all(mention.link.id for mention in ends):
                yield "triples linked"
            inside = [{span for span in triple.evidence if span.start <= m.start < span.stop} for m in ends]
            if triple.evidence and inside[0] & inside[1]:
                yield "carriers in one sentence of the evidence"
            elif triple.evidence:
                yield "in several of its sentences" if all(inside) else "not both in the evidence"


@pytest.mark.parametrize("name", COUNTS)
def test_counts_of_the_corpus(shared_data: Path, name: str) -> None:
    if not (source := shared_data / "english" / f"{name}_dev.json.gz").is_file():
        pytest.skip(f"real-data test: {source} is not here")
    report = Report()
    documents = read(source, name, "dev", report)
    assert [fault for document in documents for fault in check(document)] == []
    counted = report.counts + report.tally() + Counter(tally(documents))
    assert {what: counted[what] for what in COUNTS[name]} == COUNTS[name]
    assert report.tally().keys() <= COUNTS[name].keys()
