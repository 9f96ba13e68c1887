"""The retriever's recipe, offline, on our twenty documents, with E5-shaped encoders."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relik_ml.data import read_manifest, write_documents
from relik_ml.encoders import TextEncoder
from relik_ml.index import PassageIndex
from relik_ml.names import NameIndex
from relik_ml.retriever import Retriever
from relik_ml.text import Morphology
from relik_ml.types import Link
from tests.corpus import documents
from tests.recipes.running import recipe, refused, run, weights

SMALL = (
    "--preset", "small", "--window", 24, "--stride", 16, "--tokens-per-step", 120, "--negatives", 8,
    "--hard-negatives", 3, "--precision", "no",
)  # fmt: skip
LEARNING = (*SMALL, "--learning-rate", 0.005, "--num-epochs", 6, "--tokens-per-step", 400, "--temperature", 0.1)


@pytest.fixture
def given(data: Path) -> tuple[object, ...]:
    return ("--data", data, "--entities", data / "entities.jsonl")


def scores(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "scores.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize(
    "flags", [("--chunk-tokens", 60), ("--lora-rank", 4, "--precision", "bf16", "--prefixes", "none")]
)
def test_two_steps_leave_a_retriever_with_its_index(
    given: tuple[object, ...], checkpoints: Path, tmp_path: Path, flags: tuple[object, ...]
) -> None:
    out, folder = tmp_path / "out", checkpoints / "xlmr"
    done = run("retriever_ru", *SMALL, *given, "--encoder", folder, "--max-steps", 2, *flags, "--out", out)
    assert done.code == 0, done.output
    assert "step 2: coverage " in done.output
    assert len(scores(out)["losses"]) == 2
    encoder, index = TextEncoder.from_pretrained(out), PassageIndex.open(out / "index")
    index.require(encoder)
    assert encoder.query_prefix == ("" if "none" in flags else "query: ")
    before = TextEncoder.from_pretrained(folder)
    assert encoder.model.state_dict().keys() == before.model.state_dict().keys()
    assert encoder.fingerprint != before.fingerprint
    assert len(Retriever(index, None, encoder).lookup("Москва", 3)) == 3
    beside = ["out.adapters"] if "--lora-rank" in flags else []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", *beside]
    assert [path.name for path in tmp_path.glob("out.adapters/*")] == ["retriever"] * len(beside)


def test_killed_it_goes_on_to_the_same_weights(
    root: Path, given: tuple[object, ...], checkpoints: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    flags = (*LEARNING, *given, "--encoder", checkpoints / "e5-small")
    assert run("retriever_ru", *flags, "--checkpoint-steps", 0, "--out", whole).code == 0
    mine, left = (*flags, "--checkpoint-steps", 1, "--out", cut), tmp_path / "cut.checkpoint"
    process = subprocess.Popen([sys.executable, "recipes/retriever_ru.py", *map(str, mine)], cwd=root)
    while process.poll() is None and not list(left.glob("retriever/step-*")):
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert not cut.exists()
    assert list(left.glob("retriever/step-*"))
    assert run("retriever_ru", *mine, "--resume").code == 0
    assert scores(cut)["losses"] == pytest.approx(scores(whole)["losses"], rel=1e-6)
    assert scores(cut)["dev"] == scores(whole)["dev"]
    assert weights(cut) == weights(whole)
    assert not left.exists()
    read_manifest(whole, recipe("retriever_ru").FORMAT)
    learnt(whole)


def learnt(out: Path) -> None:
    """The folder is a retriever, and has learnt something."""
    found = scores(out)
    assert np.mean(found["losses"][-5:]) < 0.8 * np.mean(found["losses"][:5])
    assert max(each["recall@10"] for each in found["dev"]) >= found["dev"][0]["recall@10"]
    assert found["dev"][-1]["step"] == len(found["losses"])
    encoder, index = TextEncoder.from_pretrained(out), PassageIndex.open(out / "index")
    index.require(encoder)
    retriever = Retriever(index, NameIndex(index.extra["names"], Morphology().lemma), encoder)
    assert retriever.lookup("Москвы", 1)[0][0].entry.id == "Q649"


@pytest.mark.parametrize(("flags", "code", "said"), [
    (("--preset", "huge"), 2, "huge"),
    (("--window", 8, "--stride", 9), 7, "1 <= stride <= window"),
    (("--tokens-per-step", 0), 7, "tokens-per-step"),
    (("--encoder", "нет/такой папки"), 7, "--encoder"),
    (("--resume",), 7, "begin without --resume"),
    (("--data", "nowhere"), 3, "nowhere"),
])  # fmt: skip
def test_bad_settings(
    given: tuple[object, ...], tmp_path: Path, flags: tuple[object, ...], code: int, said: str
) -> None:
    mine = given[2:] if "--data" in flags else given
    refused(run("retriever_ru", *SMALL, *mine, *flags, "--out", tmp_path / "out"), code, said)
    assert not list(tmp_path.iterdir())


def test_data_without_anything_to_find(given: tuple[object, ...], tmp_path: Path) -> None:
    mine = (*SMALL, *given[2:], "--data", tmp_path, "--out", tmp_path / "out")
    bare = [
        replace(d, triples=(), mentions=tuple(replace(m, link=Link()) for m in d.mentions)) for d in documents()[:12]
    ]
    for train, dev, said in (
        ([], documents()[12:], "the train split is empty"),
        (bare, documents()[12:], "train names no entity"),
        (documents()[:12], bare, "dev names no entity"),
    ):
        write_documents(train, tmp_path / "train.jsonl")
        write_documents(dev, tmp_path / "dev.jsonl")
        refused(run("retriever_ru", *mine), 7, said)


def test_nothing_of_others_is_written_over(given: tuple[object, ...], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "cat.jpg").write_bytes(b"cat")
    refused(run("retriever_ru", *SMALL, *given, "--out", tmp_path / "mine"), 6, "other files")
    (tmp_path / "out.checkpoint" / "retriever" / "step-1").mkdir(parents=True)
    refused(run("retriever_ru", *SMALL, *given, "--out", tmp_path / "out"), 7, "--resume, or remove it")
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "cat.jpg", "mine", "out.checkpoint", "retriever", "step-1",
    ]  # fmt: skip
