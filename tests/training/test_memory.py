"""The memory planner against what a CPU really keeps of the same tiny networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from relik_ml.errors import ConfigError
from relik_ml.models import BiEncoder, add_adapters
from relik_ml.training import Optimisation, Way, table
from relik_ml.training.memory import PUBLISHED, need
from relik_ml.training.optim import optimiser

pytest.importorskip("peft", reason="LoRA needs the extra relik-ml[train]")


def measured(folder: Path, way: Way, texts: int, length: int) -> tuple[int, int, int]:
    """Numbers and bytes of a real step on the CPU: parameters, AdamW's state and gradients, what was kept between."""
    model = BiEncoder.from_pretrained(folder)
    if way.lora:
        add_adapters(model, way.lora)
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    ids = torch.randint(5, 50, (texts, length))
    adam, _ = optimiser(model, Optimisation(0.1, 1), 1)
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=way.bf16),
    ):
        vectors = model.train()(ids, torch.ones_like(ids))
    size = sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own)
    vectors.sum().backward()
    adam.step()
    moments = [tensor for state in adam.state.values() for tensor in state.values() if tensor.dim()]
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    state = sum(tensor.nbytes for tensor in [*moments, *gradients])
    return sum(weight.numel() for weight in model.parameters()), state, size


@pytest.mark.parametrize("name", ["mdeberta", "xlmr"])
@pytest.mark.parametrize("way", [Way(), Way(bf16=False), Way(lora=4)])
@pytest.mark.parametrize(("texts", "length"), [(1, 64), (3, 100)])
def test_what_is_planned_is_what_a_cpu_keeps(checkpoints: Path, name: str, way: Way, texts: int, length: int) -> None:
    config: dict[str, Any] = json.loads((checkpoints / name / "config.json").read_text("utf-8"))
    found = need(config, way, texts, length)
    parameters, state, kept = measured(checkpoints / name, way, texts, length)
    assert found.parameters == parameters
    assert found.gradients + found.adam == pytest.approx(state, rel=0.02)
    assert found.activations == pytest.approx(kept, rel=0.05)


def test_ways_of_needing_less() -> None:
    config = {**PUBLISHED["microsoft/mdeberta-v3-base"], "num_hidden_layers": 4}
    whole, checkpointed = (need(config, Way(checkpointing=each), 2, 128) for each in (False, True))
    assert checkpointed.activations < whole.activations / 2
    assert checkpointed.parameters == whole.parameters
    lora = need(config, Way(lora=8), 2, 128)
    assert lora.trained < whole.trained / 20
    assert lora.total < whole.total


def test_published_sizes() -> None:
    """Parameters of the published models, without a pooler, by their cards: in millions."""
    assert need(PUBLISHED["microsoft/mdeberta-v3-base"], Way(), 1, 8).parameters / 1e6 == pytest.approx(278, abs=1)
    assert need(PUBLISHED["intfloat/multilingual-e5-base"], Way(), 1, 8).parameters / 1e6 == pytest.approx(278, abs=1)
    assert need(PUBLISHED["intfloat/multilingual-e5-small"], Way(), 1, 8).parameters / 1e6 == pytest.approx(118, abs=1)


def test_a_table_says_what_fits(checkpoints: Path, tmp_path: Path) -> None:
    said = table(str(checkpoints / "xlmr"), 0.001, 256, 128, 4)
    assert "an estimate" in said
    assert said.count("does not fit") == 4
    assert table(str(checkpoints / "xlmr"), 24, 256, 128, 4).count(": fits") == 4
    with pytest.raises(ConfigError, match="sizes of the encoder"):
        table(str(tmp_path), 24, 256, 128, 4)
    with pytest.raises(ConfigError, match="planned"):
        need(
            {"model_type": "xlm-roberta", "hidden_size": 65, "num_attention_heads": 4, "num_hidden_layers": 2},
            Way(),
            1,
            8,
        )
