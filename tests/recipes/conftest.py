"""Twenty documents to train on, tiny encoders, and a machine without network or graphics card."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from relik_ml.data import write_documents
from tests.corpus import documents

pytest.importorskip("accelerate", reason="recipes need the extra relik-ml[train]")
from tests.recipes.running import run

WINDOWS = ("--window", 24, "--stride", 16)
FURTHER = ("--preset", "small", *WINDOWS, "--num-epochs", 2, "--held-out", 0.2, "--average-epochs", 1)
SMALL = (*FURTHER, "--layers", 2, "--vocabulary", 200)
FULL = ("--preset", "full", *WINDOWS, "--num-epochs", 1)
RETRIEVER = (
    "--retriever-num-epochs", 1, "--retriever-batch-size", 64, "--negatives", 20, "--candidates", 4, "--dense", 4,
)  # fmt: skip


@pytest.fixture(scope="package", autouse=True)
def offline_cpu() -> Iterator[None]:
    """Sums depend on the number of threads."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}.items():
            patch.setenv(name, value)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)


@pytest.fixture(scope="package")
def data(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve of our documents to train on, eight to measure on, a table of entities, and encoders."""
    folder = tmp_path_factory.mktemp("данные")
    write_documents(documents()[:12], folder / "train.jsonl")
    write_documents(documents()[12:], folder / "dev.jsonl")
    table = [{"qid": "Q649", "labels": {"ru": "Москва", "en": "Moscow"}}, {"qid": "Q90", "labels": {"ru": "Париж"}}]
    (folder / "entities.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table), "utf-8")
    shutil.copytree(checkpoints / "e5-small", folder / "encoder")
    return folder


@pytest.fixture(scope="package")
def places(data: Path) -> tuple[object, ...]:
    """The flags that name the data and the encoder of a small model."""
    return ("--data", data, "--entities", data / "entities.jsonl", "--encoder", data / "encoder")


@pytest.fixture(scope="package")
def encoders(data: Path, checkpoints: Path) -> tuple[object, ...]:
    """The flags that name the data and the encoders of a full model."""
    folders = ("--retriever", checkpoints / "xlmr", "--reader", checkpoints / "mdeberta")
    return ("--data", data, "--entities", data / "entities.jsonl", *folders)


@pytest.fixture(scope="package")
def small(places: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``--preset small`` leaves behind."""
    out = tmp_path_factory.mktemp("runs") / "first"
    done = run("cie_ru", *SMALL, "--candidates", 12, *places, "--out", out)
    assert done.code == 0, done.output
    return out
