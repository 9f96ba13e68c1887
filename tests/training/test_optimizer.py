"""Batches, optimizer and learning rate schedule."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from relik_ml import Relik
from relik_ml.models import BiEncoder
from relik_ml.training import OptimizerConfig, create_optimizer, model_of, shuffled_batches


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(1, 1000), st.integers(0, 9))
def test_every_window_once_and_no_batch_too_large(lengths: list[int], tokens: int, seed: int) -> None:
    found = shuffled_batches(lengths, tokens, Random(seed))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= tokens for batch in found)
    assert found == shuffled_batches(lengths, tokens, Random(seed))


def test_similar_lengths_share_a_batch_in_random_order() -> None:
    random = Random(0)
    lengths = [random.randrange(1, 1000) for _ in range(500)]
    first, second = (shuffled_batches(lengths, 4000, Random(seed)) for seed in (1, 2))
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}
    assert all(max(lengths[i] for i in batch) - min(lengths[i] for i in batch) < 200 for batch in first)
    longest = [max(lengths[index] for index in batch) for batch in first]
    assert longest != sorted(longest)


def learning_rates(plan: OptimizerConfig, steps: int) -> list[float]:
    adam, schedule = create_optimizer(nn.Linear(2, 2), plan, steps)
    found = []
    for _ in range(steps):
        found.append(adam.param_groups[0]["lr"])
        adam.step()
        schedule.step()
    return found


def test_warmup_then_decay_to_the_floor() -> None:
    found = learning_rates(OptimizerConfig(2.0, 1, warmup_ratio=0.1, min_ratio=0.25), 100)
    assert found[:10] == pytest.approx([2.0 * min((step + 1) / 10, 1 - step / 100) for step in range(10)])
    assert found[50] == pytest.approx(1.0)
    assert found[90] == found[99] == 0.5
    assert found[9:] == sorted(found[9:], reverse=True)
    for steps in (0, 1, 2):
        assert all(0 < rate <= 1 for rate in learning_rates(OptimizerConfig(1.0, 1), steps))


def test_matrices_decay_vectors_and_frozen_weights_do_not() -> None:
    model = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 5), nn.LayerNorm(5))
    model[0].weight.requires_grad_(False)
    adam, _ = create_optimizer(model, OptimizerConfig(1e-3, 1, weight_decay=0.3), 10)
    matrices, vectors = adam.param_groups
    assert [tuple(p.shape) for p in matrices["params"]] == [(5, 4)]
    assert [tuple(p.shape) for p in vectors["params"]] == [(5,), (5,), (5,)]
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.3, 0.0)


def rates_by_name(model: nn.Module, plan: OptimizerConfig) -> dict[str, float]:
    groups = create_optimizer(model, plan, 10)[0].param_groups
    found = {id(weight): group["initial_lr"] for group in groups for weight in group["params"]}
    return {name: found[id(weight)] for name, weight in model.named_parameters()}


@pytest.mark.parametrize("name", ["xlmr", "mdeberta"])
def test_lower_layers_have_lower_learning_rates(checkpoints: Path, name: str) -> None:
    encoder = BiEncoder.from_pretrained(checkpoints / name)
    model = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(64, 2)})
    for key, rate in rates_by_name(model, OptimizerConfig(1.0, 1, 0, layer_decay=0.5)).items():
        assert rate == (
            0.5 if ".layer.1." in key else 0.25 if ".layer.0." in key else 0.125 if "embeddings" in key else 1.0
        ), key


def test_a_pretrained_encoder_has_its_own_learning_rate(tiny: Relik) -> None:
    plan = OptimizerConfig(1.0, 1, 0, encoder_learning_rate=0.5, layer_decay=0.5)
    found = rates_by_name(model_of(tiny), plan)
    for key, rate in found.items():
        body = 0.25 if ".layers.1." in key else 0.125 if ".layers.0." in key else 0.0625
        assert rate == (body if key.startswith("encoder.body.") else 1.0), key
    assert {"encoder.cover.positions.weight", "encoder.absent", "encoder.body.norm.weight"} <= found.keys()
