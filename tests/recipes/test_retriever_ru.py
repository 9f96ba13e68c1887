"""The retriever's recipe as its user runs it: offline, on our twenty documents, with an E5-shaped encoder."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from relik_ml.data import read_manifest, write_documents
from relik_ml.index import PassageIndex
from relik_ml.names import NameIndex
from relik_ml.retriever import Retriever, TextEncoder
from relik_ml.text import Morphology
from relik_ml.types import Link
from tests.corpus import documents

pytest.importorskip("accelerate", reason="recipes need the extra relik-ml[train]")

SMALL: tuple[object, ...] = (
    "--window", 24, "--stride", 16, "--batch-tokens", 120, "--drawn", 8, "--mined", 3, "--precision", "no",
)  # fmt: skip
LEARNING = ("--preset", "small", *SMALL, "--rate", 0.005, "--epochs", 6, "--batch-tokens", 400, "--temperature", 0.1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve of our documents to train on, eight to measure on, and a table of entities."""
    folder = tmp_path_factory.mktemp("данные")
    write_documents(documents()[:12], folder / "train.jsonl")
    write_documents(documents()[12:], folder / "dev.jsonl")
    table = [{"qid": "Q649", "labels": {"ru": "Москва", "en": "Moscow"}}, {"qid": "Q90", "labels": {"ru": "Париж"}}]
    (folder / "entities.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table), "utf-8")
    return folder


@pytest.fixture(autouse=True)
def offline_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}.items():
        monkeypatch.setenv(name, value)


def arguments(data: Path, out: Path, *flags: object) -> list[str]:
    return list(map(str, (*flags, "--data", data, "--entities", data / "entities.jsonl", "--out", out)))


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "recipes/retriever_ru.py", *arguments]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def run(root: Path, *arguments: str) -> str:
    process = start(root, *arguments)
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    return stdout


def scores(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "scores.json").read_text("utf-8"))
    return found


def weights(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.safetensors")}


@pytest.mark.parametrize("flags", [("--chunk-tokens", 60), ("--lora", 4, "--precision", "bf16", "--prefixes", "none")])
def test_two_steps_of_an_e5_shaped_encoder(
    root: Path, data: Path, checkpoints: Path, tmp_path: Path, flags: tuple[object, ...]
) -> None:
    out, folder = tmp_path / "out", checkpoints / "xlmr"
    given = ("--preset", "small", "--encoder", folder, *SMALL, "--steps", 2, *flags)
    stdout = run(root, *arguments(data, out, *given))
    assert "step 2: coverage " in stdout
    assert len(scores(out)["losses"]) == 2
    encoder, index = TextEncoder.from_pretrained(out), PassageIndex.open(out / "index")
    index.require(encoder)
    assert encoder.query_prefix == ("" if "none" in flags else "query: ")
    before = TextEncoder.from_pretrained(folder)
    assert encoder.model.state_dict().keys() == before.model.state_dict().keys()
    assert encoder.fingerprint != before.fingerprint
    assert len(Retriever(index, None, encoder).lookup("Москва", 3)) == 3
    beside = ["out.adapters"] if "--lora" in flags else []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", *beside]
    assert [path.name for path in tmp_path.glob("out.adapters/*")] == ["retriever"] * len(beside)


def test_an_unbroken_run_and_a_killed_one(root: Path, data: Path, checkpoints: Path, tmp_path: Path) -> None:
    """Killed once there is a checkpoint, it goes on to the same losses, the same weights and the same vectors."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    given = (*LEARNING, "--encoder", checkpoints / "e5-small")
    run(root, *arguments(data, whole, *given, "--checkpoint", 0))
    process = start(root, *arguments(data, cut, *given, "--checkpoint", 1))
    left = tmp_path / "cut.checkpoint"
    while process.poll() is None and not list(left.glob("retriever/step-*")):
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert not cut.exists()
    step = max(int(path.name.partition("-")[2]) for path in left.glob("retriever/step-*"))
    run(root, *arguments(data, cut, *given, "--checkpoint", 1, "--resume"))
    assert step < len(scores(whole)["losses"])
    assert scores(cut)["losses"] == pytest.approx(scores(whole)["losses"], rel=1e-6)
    assert scores(cut)["dev"] == scores(whole)["dev"]
    assert weights(cut) == weights(whole)
    assert not left.exists()
    learnt(whole)


def learnt(out: Path) -> None:
    """The folder that is left is a retriever, and has learnt something."""
    read_manifest(out, import_module("relik_ml.training.indexing").FORMAT)
    found = scores(out)
    assert np.mean(found["losses"][-5:]) < 0.8 * np.mean(found["losses"][:5])
    best = max(each["recall@10"] for each in found["dev"])
    assert best >= found["dev"][0]["recall@10"]
    assert found["dev"][-1]["step"] == len(found["losses"])
    encoder, index = TextEncoder.from_pretrained(out), PassageIndex.open(out / "index")
    index.require(encoder)
    retriever = Retriever(index, NameIndex(index.extra["names"], Morphology().lemma), encoder)
    assert retriever.lookup("Москвы", 1)[0][0].entry.id == "Q649"


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--preset", "huge"), 2, "huge"),
        (("--no-such-flag",), 2, "no-such-flag"),
        (("--window", 8, "--stride", 9), 7, "1 <= stride <= window"),
        (("--batch-tokens", 0, "--rate", -1), 7, "rate, batch_tokens"),
        (("--temperature", "nan"), 7, "temperature"),
        (("--mined", -1), 7, "mined"),
        (("--preset", "small", "--lora", -4), 7, "lora"),
        (("--preset", "compact"), 2, "compact"),
        (("--encoder", "нет/такой папки"), 7, "--encoder"),
        (("--resume",), 7, "begin without --resume"),
    ],
)
def test_bad_settings(
    data: Path, checkpoints: Path, tmp_path: Path, flags: tuple[object, ...], code: int, said: str
) -> None:
    encoder = () if {"--encoder"} & set(map(str, flags)) else ("--encoder", checkpoints / "xlmr")
    refused(arguments(data, tmp_path / "out", *SMALL, *encoder, *flags), code, said)
    assert not list(tmp_path.iterdir())


def refused(arguments: list[str], code: int, said: str) -> None:
    """One message, and nothing has been trained."""
    found = CliRunner().invoke(import_module("relik_ml.recipes.retriever_ru").command, arguments)
    assert found.exit_code == code, found.output
    assert said in found.output
    assert "step " not in found.output
    assert found.output.lower().count("error: ") == 1


def test_bad_data(data: Path, tmp_path: Path) -> None:
    refused(arguments(tmp_path / "nowhere", tmp_path / "out", *SMALL), 3, "nowhere")
    write_documents([], tmp_path / "train.jsonl")
    write_documents(documents()[12:], tmp_path / "dev.jsonl")
    entities = ("--entities", data / "entities.jsonl")
    mine = [str(each) for each in (*SMALL, "--data", tmp_path, *entities, "--out", tmp_path / "out")]
    refused(mine, 7, "the train split is empty")
    bare = [
        replace(d, triples=(), mentions=tuple(replace(m, link=Link()) for m in d.mentions)) for d in documents()[:12]
    ]
    write_documents(bare, tmp_path / "train.jsonl")
    refused(mine, 7, "train names no entity")
    write_documents(documents()[:12], tmp_path / "train.jsonl")
    write_documents(bare, tmp_path / "dev.jsonl")
    refused(mine, 7, "dev names no entity")


def test_nothing_of_others_and_no_interrupted_run_is_written_over(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "cat.jpg").write_bytes(b"cat")
    refused(arguments(data, tmp_path / "mine", *SMALL), 6, "something other than a retriever")
    (tmp_path / "out.checkpoint" / "retriever" / "step-1").mkdir(parents=True)
    refused(arguments(data, tmp_path / "out", *SMALL), 7, "--resume, or remove it")
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "cat.jpg", "mine", "out.checkpoint", "retriever", "step-1",
    ]  # fmt: skip
