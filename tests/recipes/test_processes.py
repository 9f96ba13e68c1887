"""Two processes take the steps that one takes: the same losses and weights, one model, one checkpoint."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from relik_ml import Relik
from tests.corpus import documents
from tests.recipes.running import without_dropout

Plan = list[tuple[str, list[str]]]


def two(root: Path, out: Path, plan: Plan) -> list[list[list[float]]]:
    """The losses in both of two processes, started as ``accelerate launch --multi_gpu --num_processes 2`` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = os.environ | {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    running = []
    for rank in ("0", "1"):
        command = [sys.executable, "tests/recipes/running.py", str(out / f"losses.{rank}"), json.dumps(plan)]
        own = shared | {"RANK": rank, "LOCAL_RANK": rank, "PYTHONPATH": str(root)}
        running.append(subprocess.Popen(command, cwd=root, env=own, stderr=subprocess.PIPE, encoding="utf-8"))
    for process in running:
        _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said[-3000:]
    return [json.loads((out / f"losses.{rank}").read_text("utf-8")) for rank in (0, 1)]


def without_attention_dropout(folder: Path, into: Path) -> Path:
    """A copy of a tiny encoder."""
    into.mkdir(parents=True)
    for file in folder.iterdir():
        (into / file.name).write_bytes(file.read_bytes())
    config = json.loads((into / "config.json").read_text("utf-8"))
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (into / "config.json").write_text(json.dumps(config | dropout), "utf-8")
    return into


def runs(data: Path, encoders: Path, out: Path) -> Plan:
    """Closed IE of both presets, whose batches leave one process without a window now and then; and the retriever."""
    shared = ("--window", 24, "--stride", 16, "--data", data, "--entities", data / "entities.jsonl")
    reader = ("--num-epochs", 1, "--tokens-per-step", 30, "--chunk-tokens", 14, "--relations", 5)
    full = (
        "--preset", "full", "--retriever", encoders / "xlmr", "--reader", encoders / "mdeberta", "--candidates", 4,
        "--dense", 4, "--retriever-num-epochs", 1, "--retriever-batch-size", 5, "--negatives", 7,
    )  # fmt: skip
    small = (
        "--preset", "small", "--encoder", data / "encoder", "--layers", 2, "--vocabulary", 200, "--dropout", 0,
        "--candidates", 8,
    )  # fmt: skip
    contrast = (
        "--preset", "base", "--encoder", encoders / "xlmr", "--tokens-per-step", 90, "--chunk-tokens", 100,
        "--negatives", 6, "--hard-negatives", 2, "--max-steps", 4, "--precision", "no", "--temperature", 0.05,
        "--reduction", "mean",
    )  # fmt: skip
    return [
        (name, [*map(str, (*shared, *flags, "--out", out / folder))])
        for name, folder, flags in (
            ("cie_ru", "cie", (*full, *reader)), ("cie_ru", "small", (*small, *reader)),
            ("retriever_ru", "retriever", contrast),
        )
    ]  # fmt: skip


def weights(folder: Path) -> dict[str, torch.Tensor]:
    files = (path for path in folder.rglob("*.safetensors") if "index" not in path.parts)
    return {f"{path.parent.name} {name}": value for path in files for name, value in load_file(path).items()}


def test_two_processes_are_one(
    root: Path, data: Path, checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("xlmr", "mdeberta"):
        without_attention_dropout(checkpoints / name, tmp_path / name)
    (tmp_path / "two").mkdir()
    both = two(root, tmp_path / "two", runs(data, tmp_path, tmp_path / "two"))
    monkeypatch.setattr(torch.nn.Dropout, "forward", torch.nn.Dropout.forward)  # puts it back afterwards
    one = without_dropout(runs(data, tmp_path, tmp_path / "one"))
    assert [len(losses) for losses in one] == [7, 7, 4]
    for found, expected in (pair for rank in both for pair in zip(rank, one, strict=True)):
        assert found == pytest.approx(expected, abs=1e-5)
    for name in ("cie", "small", "retriever"):
        alone, own = weights(tmp_path / "one" / name), weights(tmp_path / "two" / name)
        assert alone.keys() == own.keys()
        apart = torch.cat([(own[each] - value).abs().flatten() for each, value in alone.items()])
        # Adam's first steps make a whole step even of a gradient that is nothing but rounding.
        assert (apart > 1e-5).float().mean() < 1e-4
        assert apart.max() < 1e-4
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "cie", "cie.index", "cie.scores.json", "losses.0", "losses.1", "retriever", "small", "small.encoder",
        "small.index", "small.scores.json",
    ]  # fmt: skip
    assert Relik.from_pretrained(tmp_path / "two" / "cie").annotate([documents()[12]])
