"""Every recipe from real documents to what it leaves, by the commands alone; a slow test asks how good that gets."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from relik_ml import Relik
from relik_ml.cli import main
from relik_ml.io import read_documents, write_documents
from relik_ml.retriever.index import PassageIndex
from tests.recipes.test_cie_ru import vectors_or_skip

ONE_EPOCH = {
    "cie_ru": ("--retriever-epochs", 1, "--reader-epochs", 1),
    "el_ru": ("--retriever-epochs", 1, "--reader-epochs", 1),
    "re_ru": ("--reader-epochs", 1),
    "retriever_ru": ("--epochs", 1),
}


@pytest.fixture(scope="module")
def nerel(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole, piece = tmp_path_factory.mktemp("nerel"), tmp_path_factory.mktemp("piece")
    convert = ["convert", "nerel", "--source", str(shared_data / "nerel"), "--split", "dev", "--out", str(whole)]
    assert CliRunner().invoke(main, convert).exit_code == 0
    documents = list(read_documents(whole / "dev.jsonl"))
    write_documents(documents[:10], piece / "train.jsonl")
    write_documents(documents[10:13], piece / "dev.jsonl")
    return piece


@pytest.mark.parametrize("name", ONE_EPOCH)
def test_a_recipe_on_documents_of_nerel(nerel: Path, tmp_path: Path, name: str) -> None:
    vectors_or_skip()
    flags = ["--preset", "compact", "--data", nerel, *ONE_EPOCH[name], "--words", 5000, "--out", tmp_path / "out"]
    done = CliRunner().invoke(import_module(f"relik_ml.recipes.{name}").command, [*map(str, flags)])
    assert done.exit_code == 0, done.output
    if name == "retriever_ru":
        assert len(PassageIndex.open(tmp_path / "out" / "index").entries) > 49
    else:
        found = list(Relik.from_pretrained(tmp_path / "out").annotate(read_documents(nerel / "dev.jsonl")))
        assert [document.text for document in found] == [d.text for d in read_documents(nerel / "dev.jsonl")]
