"""Every recipe from real documents to what it leaves, by the commands alone; a slow test asks how good that gets."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from relik_ml import Relik
from relik_ml.cli import main
from relik_ml.data import read_documents, write_documents
from relik_ml.index import PassageIndex
from tests.checkpoints import save_bert

pytest.importorskip("accelerate", reason="recipes need the extra relik-ml[train]")

ONE_EPOCH = {
    "cie_ru": ("--reader-epochs", 1, "--layers", 2, "--vocabulary", 1000),
    "el_ru": ("--reader-epochs", 1, "--layers", 2, "--vocabulary", 1000),
    "re_ru": ("--reader-epochs", 1, "--layers", 2, "--vocabulary", 1000),
    "retriever_ru": ("--epochs", 1, "--precision", "no"),
}


@pytest.fixture(scope="module")
def nerel(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole, piece = tmp_path_factory.mktemp("nerel"), tmp_path_factory.mktemp("piece")
    convert = ["convert", "nerel", "--source", str(shared_data / "nerel"), "--split", "dev", "--out", str(whole)]
    assert CliRunner().invoke(main, convert).exit_code == 0
    documents = list(read_documents(whole / "dev.jsonl"))
    write_documents(documents[:10], piece / "train.jsonl")
    write_documents(documents[10:13], piece / "dev.jsonl")
    save_bert(piece / "encoder", [document.text for document in documents[:10]], 2000)
    return piece


@pytest.mark.parametrize("name", ONE_EPOCH)
def test_a_recipe_on_documents_of_nerel(nerel: Path, tmp_path: Path, name: str) -> None:
    flags = ["--preset", "small", "--encoder", nerel / "encoder", "--data", nerel, "--out", tmp_path / "out"]
    flags += ONE_EPOCH[name]
    done = CliRunner().invoke(import_module(f"relik_ml.recipes.{name}").command, [*map(str, flags)])
    assert done.exit_code == 0, done.output
    if name == "retriever_ru":
        assert len(PassageIndex.open(tmp_path / "out" / "index").entries) > 49
    else:
        found = list(Relik.from_pretrained(tmp_path / "out").annotate(read_documents(nerel / "dev.jsonl")))
        assert [document.text for document in found] == [d.text for d in read_documents(nerel / "dev.jsonl")]
