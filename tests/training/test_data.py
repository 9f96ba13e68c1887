"""Documents of several data sets, and what they hold of a task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from relik_ml.errors import ConfigError, DataError
from relik_ml.io import write_documents
from relik_ml.reader.encode import BatchEncoder, Inputs
from relik_ml.text.windows import windows
from relik_ml.training.data import read_data
from relik_ml.types import Candidate, Retrieved
from tests.corpus import documents


def folder(path: Path, *splits: tuple[str, int, int]) -> Path:
    for split, start, stop in splits:
        write_documents(documents()[start:stop], path / f"{split}.jsonl")
    return path


def test_train_of_all_and_dev_of_the_first(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", ("train", 0, 3), ("dev", 3, 5))
    two = folder(tmp_path / "two", ("train", 5, 9), ("dev", 9, 10))
    data = read_data((one, two), None)
    assert [document.id for document in data.train] == [d.id for d in (*documents()[:3], *documents()[5:9])]
    assert [document.id for document in data.dev] == [d.id for d in documents()[3:5]]
    assert {entry.id for entry in read_data((one,), None).own} < {entry.id for entry in data.own}
    with pytest.raises(DataError, match="dev") as error:
        read_data((folder(tmp_path / "three", ("train", 0, 1)), two), None)
    assert "three" in str(error.value)
    write_documents([], two / "train.jsonl")
    with pytest.raises(ConfigError, match="train split is empty") as empty:
        read_data((one, two), None)
    assert empty.value.where == str(two / "train.jsonl")


def test_what_is_there_and_not_annotated_is_no_gold(tmp_path: Path) -> None:
    one = folder(tmp_path, ("train", 0, 3), ("dev", 3, 5))
    data = read_data((one,), None)
    data.require("train", "mentions", "links", "triples")
    silent = [replace(d, annotated=replace(d.annotated, triples="none")) for d in data.train]
    with pytest.raises(ConfigError, match="no gold triples"):
        replace(data, train=silent).require("train", "mentions", "triples")


def test_what_is_of_no_type_and_no_relation_of_ours_is_no_gold_either(tmp_path: Path) -> None:
    data = read_data((folder(tmp_path, ("train", 0, 3), ("dev", 3, 5)),), None)
    foreign = [replace(d, triples=tuple(replace(t, relation="P19") for t in d.triples)) for d in data.train]
    with pytest.raises(ConfigError, match="no gold triples") as error:
        replace(data, train=foreign).require("train", "triples")
    assert "P19" in str(error.value)
    foreign = [replace(d, mentions=tuple(replace(m, type="FOO") for m in d.mentions)) for d in data.train]
    with pytest.raises(ConfigError, match="no gold mentions") as error:
        replace(data, train=foreign).require("train", "mentions")
    assert "FOO" in str(error.value)
    untyped = [replace(d, annotated=replace(d.annotated, types="none")) for d in foreign]
    replace(data, train=untyped).require("train", "mentions", "links", "triples")


def test_a_folder_given_twice_is_a_slip(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", ("train", 0, 3), ("dev", 3, 5))
    with pytest.raises(ConfigError, match="twice") as error:
        read_data((one, tmp_path / "one" / ".." / "one"), None)
    assert "one" in str(error.value.got)


def test_without_links_it_is_still_known_which_mentions_stand_for_one_thing(tmp_path: Path) -> None:
    """Else ``--repeated ignored`` would ignore nothing where links are taken out."""
    data = read_data((folder(tmp_path, ("train", 1, 2), ("dev", 3, 4)),), None).relating()
    (chekhov,) = data.train
    assert [entity.mentions for entity in chekhov.entities] == [("T1", "T6")]
    assert not any(mention.link.id for mention in chekhov.mentions)
    relations = tuple(Candidate(relation, 1.0) for relation in data.relations)
    encode = BatchEncoder(cast(Inputs, None), data.types, 12, 0)
    item = Retrieved(windows(chekhov, 64, 64)[0], (), relations)
    names = [relations[relation].entry.id for *_, relation in encode.repeats([item]).tolist()]
    assert sorted(names) == ["DATE_OF_BIRTH", "PLACE_OF_BIRTH", "WORKS_AS", "WORKS_AS"]
