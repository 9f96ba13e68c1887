"""Documents of several data sets, and what they hold of a task."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from relik_ml.errors import ConfigError, DataError
from relik_ml.io import write_documents
from relik_ml.training.data import read_data
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
