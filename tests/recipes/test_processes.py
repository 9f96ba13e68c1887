"""Two processes take the steps that one takes: the same losses and weights, one model, one checkpoint."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from relik_ml import Relik
from relik_ml.errors import ConfigError
from tests.corpus import documents
from tests.recipes.test_cie_ru import data
from tests.recipes.test_interruption import one_thread
from tests.recipes.two import run

pytest.importorskip("accelerate", reason="recipes need the extra relik-ml[train]")
from accelerate import Accelerator, DistributedType

from relik_ml.training import accelerated

__all__ = ["data", "one_thread"]  # fixtures of other recipes' tests

SETTINGS = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}


def two(root: Path, out: Path, plan: object) -> list[list[list[float]]]:
    """What both of two processes find, started as ``accelerate launch --multi_gpu --num_processes 2`` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = os.environ | SETTINGS | {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    running = []
    for rank in ("0", "1"):
        command = [sys.executable, "tests/recipes/two.py", str(out / f"losses.{rank}"), json.dumps(plan)]
        own = shared | {"RANK": rank, "LOCAL_RANK": rank, "MASTER_PORT": port, "PYTHONPATH": str(root)}
        running.append(subprocess.Popen(command, cwd=root, env=own, stderr=subprocess.PIPE, encoding="utf-8"))
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said[-3000:]
    return [json.loads((out / f"losses.{rank}").read_text("utf-8")) for rank in (0, 1)]


def still(folder: Path, into: Path) -> Path:
    """A copy of a tiny encoder, without dropout."""
    into.mkdir(parents=True)
    for file in folder.iterdir():
        (into / file.name).write_bytes(file.read_bytes())
    config = json.loads((into / "config.json").read_text("utf-8"))
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (into / "config.json").write_text(json.dumps(config | dropout), "utf-8")
    return into


def runs(data: Path, encoders: Path, out: Path) -> list[tuple[str, list[str]]]:
    """Closed IE of both presets, whose batches leave one process without a window now and then; and the retriever."""
    shared = ["--window", "24", "--stride", "16", "--data", str(data), "--entities", str(data / "entities.jsonl")]
    folders = ["--preset", "full", "--retriever", str(encoders / "xlmr"), "--reader", str(encoders / "mdeberta")]
    closed = [
        "--retriever-epochs", "1", "--retriever-batch", "5", "--negatives", "7", "--reader-epochs", "1",
        "--reader-tokens", "30", "--reader-chunk", "14", "--candidates", "4", "--dense", "4", "--relations", "5",
    ]  # fmt: skip
    small = [
        "--preset", "small", "--encoder", str(data / "encoder"), "--layers", "2", "--vocabulary", "200",
        "--dropout", "0", "--reader-epochs", "1", "--reader-tokens", "30", "--reader-chunk", "14", "--candidates", "8",
        "--relations", "5",
    ]  # fmt: skip
    contrast = [
        "--encoder", str(encoders / "xlmr"), "--batch-tokens", "90", "--chunk-tokens", "100", "--drawn", "6",
        "--mined", "2", "--steps", "4", "--precision", "no", "--temperature", "0.05", "--reduction", "mean",
    ]  # fmt: skip
    return [
        ("cie_ru", [*shared, *folders, *closed, "--out", str(out / "cie")]),
        ("cie_ru", [*shared, *small, "--out", str(out / "small")]),
        ("retriever_ru", [*shared, *contrast, "--out", str(out / "retriever")]),
    ]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    files = (path for path in folder.rglob("*.safetensors") if "index" not in path.parts)
    return {f"{path.parent.name} {name}": value for path in files for name, value in load_file(path).items()}


def test_two_processes_are_one(root: Path, data: Path, checkpoints: Path, tmp_path: Path) -> None:
    for name in ("xlmr", "mdeberta"):
        still(checkpoints / name, tmp_path / name)
    (tmp_path / "two").mkdir()
    both = two(root, tmp_path / "two", runs(data, tmp_path, tmp_path / "two"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Dropout, "forward", lambda _, input: input)
        one = [run(name, flags) for name, flags in runs(data, tmp_path, tmp_path / "one")]
    assert [len(losses) for losses in one] == [7, 7, 4]
    for losses in (losses for rank in both for losses in zip(rank, one, strict=True)):
        assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    for name in ("cie", "small", "retriever"):
        expected, own = weights(tmp_path / "one" / name), weights(tmp_path / "two" / name)
        assert expected.keys() == own.keys()
        apart = torch.cat([(own[each] - value).abs().flatten() for each, value in expected.items()])
        # Adam's first steps make a whole step even of a gradient that is nothing but rounding.
        assert (apart > 1e-5).float().mean() < 1e-4
        assert apart.max() < 1e-4
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "cie", "cie.index", "cie.scores.json", "losses.0", "losses.1", "retriever", "small", "small.encoder",
        "small.index", "small.scores.json",
    ]  # fmt: skip
    assert Relik.from_pretrained(tmp_path / "two" / "cie").annotate([documents()[12]])


def test_processes_that_accelerate_did_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What its launcher sets when it is asked for two processes on a CPU, and starts one."""
    config = SimpleNamespace(tracker="none", seed=1, out=tmp_path / "out")
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "no")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(ConfigError, match="one process") as error:
        accelerated(config)
    assert "--multi_gpu" in error.value.fix
    monkeypatch.delenv("MASTER_ADDR")
    assert accelerated(config).num_processes == 1


def test_models_in_pieces_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Accelerator, "distributed_type", DistributedType.FSDP)
    with pytest.raises(ConfigError, match="shard") as error:
        accelerated(SimpleNamespace(tracker="none", seed=1, out=tmp_path / "out"))
    assert error.value.got == "FSDP"
