"""Documents of several data sets, and what they hold of a task."""

import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from relik_ml.data import write_documents
from relik_ml.errors import ConfigError, DataError
from relik_ml.reader import BatchEncoder, Inputs
from relik_ml.retriever import RetrieverConfig
from relik_ml.text import windows
from relik_ml.training import EntityTable, annotated_relations, read_data, untrained
from relik_ml.types import Candidate, Retrieved
from tests.corpus import documents


def folder(path: Path, *splits: tuple[str, int, int]) -> Path:
    for split, start, stop in splits:
        write_documents(documents()[start:stop], path / f"{split}.jsonl")
    return path


def test_train_of_all_and_dev_of_the_first(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", ("train", 0, 3), ("dev", 3, 5))
    two = folder(tmp_path / "two", ("train", 5, 9), ("dev", 9, 10))
    data = read_data((one, two))
    assert [document.id for document in data.train] == [d.id for d in (*documents()[:3], *documents()[5:9])]
    assert [document.id for document in data.dev] == [d.id for d in documents()[3:5]]
    assert {entry.id for entry in read_data((one,)).own} < {entry.id for entry in data.own}
    with pytest.raises(DataError, match="dev") as error:
        read_data((folder(tmp_path / "three", ("train", 0, 1)), two))
    assert error.value.where == str(tmp_path / "three/dev.jsonl")
    assert f"relik-ml convert nerel --out {tmp_path / 'three'}" in str(error.value)
    write_documents([], two / "train.jsonl")
    with pytest.raises(ConfigError, match="empty") as empty:
        read_data((one, two))
    assert empty.value.where == str(two / "train.jsonl")


def test_gold_of_other_names_is_no_gold(tmp_path: Path) -> None:
    data = read_data((folder(tmp_path, ("train", 0, 3), ("dev", 3, 5)),))
    data.require("train", "mentions", "links", "triples")
    silent = [replace(d, annotated=replace(d.annotated, triples="none")) for d in data.train]
    unrelated = [replace(d, triples=tuple(replace(t, relation="P19") for t in d.triples)) for d in data.train]
    mistyped = [replace(d, mentions=tuple(replace(m, type="FOO") for m in d.mentions)) for d in data.train]
    for train, layer, got in ((silent, "triples", "0"), (unrelated, "triples", "P19"), (mistyped, "mentions", "FOO")):
        with pytest.raises(ConfigError, match=f"no gold {layer}") as error:
            replace(data, train=train).require("train", layer)  # type: ignore[arg-type]
        assert got in str(error.value.got)
    untyped = [replace(d, annotated=replace(d.annotated, types="none")) for d in mistyped]
    replace(data, train=untyped).require("train", "mentions", "links", "triples")


def test_silver_documents_teach_the_reader_alone(tmp_path: Path) -> None:
    """They are never held out, have no links, and add no names, entities or vocabulary."""
    one = folder(tmp_path, ("train", 0, 4), ("dev", 4, 6), ("silver", 6, 10))
    plain, data = read_data((one,)), read_data((one,), silver=[tmp_path / "silver.jsonl"])
    assert [document.id for document in data.silver] == [document.id for document in documents()[6:10]]
    assert any(document.triples for document in data.silver)
    assert not any(mention.link.id for document in data.silver for mention in document.mentions)
    assert {document.annotated.links for document in data.silver} == {"none"}
    halved = data.holding_out(0.5)
    assert (len(halved.held_out), len(halved.train), halved.silver) == (2, 2, data.silver)
    assert (data.entries, [*data.texts([])]) == (plain.entries, [*plain.texts([])])
    assert not any(document.triples for document in data.for_task("el").silver)


def test_a_folder_given_twice_is_refused(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", ("train", 0, 3), ("dev", 3, 5))
    with pytest.raises(ConfigError, match="twice") as error:
        read_data((one, tmp_path / "one" / ".." / "one"))
    assert "one" in str(error.value.got)


def test_without_links_documents_keep_their_entities(tmp_path: Path) -> None:
    """Else ``--repeated ignored`` would ignore nothing where links are taken out."""
    data = read_data((folder(tmp_path, ("train", 1, 2), ("dev", 3, 4)),)).for_task("re")
    (chekhov,) = data.train
    assert [entity.mentions for entity in chekhov.entities] == [("T1", "T6")]
    assert not any(mention.link.id for mention in chekhov.mentions)
    relations = tuple(Candidate(relation, 1.0) for relation in data.relations)
    encode = BatchEncoder(cast(Inputs, None), data.types, 12, 0)
    item = Retrieved(windows(chekhov, 64, 64)[0], (), relations)
    names = [relations[relation].entry.id for *_, relation in encode.repeats([item]).tolist()]
    assert sorted(names) == ["DATE_OF_BIRTH", "PLACE_OF_BIRTH", "WORKS_AS", "WORKS_AS"]


def table(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_entity_tables_are_joined(tmp_path: Path) -> None:
    one = folder(tmp_path, ("train", 0, 1), ("dev", 3, 5))
    first = table(tmp_path / "a.jsonl", {"qid": "Q80440", "labels": {"ru": "Ахматова"}, "sources": ["x"]})
    second = table(
        tmp_path / "b.jsonl", {"qid": "Q80440", "labels": {"en": "Akhmatova"}, "sources": ["y"]},
        {"qid": "Q1874", "labels": {"ru": "Одесса"}, "sources": ["x"], "label_sources": {"ru": "rule"}},
    )  # fmt: skip
    assert EntityTable().entries() == []
    assert {entry.id for entry in read_data((one,)).own} == {"Q80440", "Q1874"}
    data = read_data((one,), EntityTable((first, second)))
    assert [(entry.id, entry.aliases) for entry in data.known] == [("Q80440", ("Akhmatova",)), ("Q1874", ())]
    assert data.own == []
    halved = EntityTable((first, second), derived="rule").entries()
    assert halved[0] == data.known[0]
    assert halved[1].popularity == pytest.approx(data.known[1].popularity / 2, abs=0.01)
    data = read_data((one,), EntityTable((first, second), skip="x"))
    assert [entry.id for entry in data.known] == ["Q80440"]
    assert [entry.id for entry in data.own] == ["Q1874"]


def test_all_that_a_reader_will_read(tmp_path: Path) -> None:
    data = read_data((folder(tmp_path, ("train", 0, 1), ("dev", 3, 5)),))
    (tmp_path / "corpus.txt").write_text("одна\nдве\n", "utf-8")
    (tmp_path / "corpus.txt.xz").write_bytes(lzma.compress("три\n".encode()))
    texts = [*data.texts([tmp_path / "corpus.txt", tmp_path / "corpus.txt.xz"])]
    assert texts[0] == data.train[0].text
    assert texts[-3:] == ["одна\n", "две\n", "три\n"]
    assert len(texts) == 1 + len(data.entries) + len(data.types) + 3
    (tmp_path / "broken.txt.xz").write_bytes(b"x" * 40)
    (tmp_path / "latin.txt").write_bytes(b"\xff\n")
    for name in ("none.txt", "broken.txt.xz", "latin.txt"):
        with pytest.raises(DataError) as error:
            list(data.texts([tmp_path / name]))
        assert str(tmp_path / name) in error.value.where


def test_relations_of_other_corpora_join_those_of_nerel(tmp_path: Path) -> None:
    """A property has its name of the table, and is learnt only where its corpus and its language annotate it."""
    one, other = folder(tmp_path / "one", ("train", 0, 3), ("dev", 3, 5)), tmp_path / "other"
    english = [
        replace(
            document, lang="en", meta={"dataset": "names"},
            triples=tuple(replace(triple, relation="P734") for triple in document.triples),
        )
        for document in documents()[5:7]
    ]  # fmt: skip
    write_documents(english, other / "train.jsonl")
    table = tmp_path / "properties.jsonl"
    table.write_text('{"pid": "P734", "labels": {"en": "family name"}, "descriptions": {"en": "a part of a name"}}\n')
    data = read_data((one, other), properties=table)
    (added,) = data.relations[len(read_data((one,)).relations) :]
    assert (added.id, added.name, added.text) == ("P734", "family name", "a part of a name")
    assert read_data((one, other)).relations[-1].name == "P734"
    settings = untrained(data, RetrieverConfig(), 64, 48)
    assert settings.languages == ("en", "ru")
    assert settings.retriever.labels["en"] == ("P734",)
    assert "P734" not in settings.retriever.labels["ru"]
    both = tuple(Candidate(entry, 0.0) for entry in data.relations)
    items = [Retrieved(windows(document, 64, 64)[0], (), both) for document in (english[0], data.train[0])]
    known = annotated_relations(items, data.labels(lambda document: document.corpus))
    assert [candidate.entry.id for candidate in known[0].relations] == ["P734"]
    assert "P734" not in {candidate.entry.id for candidate in known[1].relations}
    table.write_text("{}\n")
    with pytest.raises(DataError, match="properties") as error:
        read_data((one, other), properties=table)
    assert error.value.where == f"{table}, line 1"
