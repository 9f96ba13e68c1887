"""Optimiser and schedule."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from relik_ml import Relik
from relik_ml.models import BiEncoder
from relik_ml.training import Optimisation
from relik_ml.training.optim import optimiser


def rates(plan: Optimisation, steps: int) -> list[float]:
    adam, schedule = optimiser(nn.Linear(2, 2), plan, steps)
    found = []
    for _ in range(steps):
        found.append(adam.param_groups[0]["lr"])
        adam.step()
        schedule.step()
    return found


def test_up_then_down_to_the_floor() -> None:
    found = rates(Optimisation(rate=2.0, epochs=1, warmup=0.1, floor=0.25), 100)
    assert found[:10] == pytest.approx([2.0 * min((step + 1) / 10, 1 - step / 100) for step in range(10)])
    assert found[50] == pytest.approx(1.0)
    assert found[90] == found[99] == 0.5
    peak = found.index(max(found))
    assert peak == 9
    assert found == sorted(found[: peak + 1]) + sorted(found[peak + 1 :], reverse=True)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_hardly_any_steps(steps: int) -> None:
    assert all(0 < rate <= 1 for rate in rates(Optimisation(rate=1.0, epochs=1), steps))


def test_matrices_decay_vectors_do_not_and_what_is_frozen_stays_out() -> None:
    model = nn.Sequential(nn.Embedding(3, 4), nn.Linear(4, 5), nn.LayerNorm(5))
    model[0].weight.requires_grad_(False)
    adam, _ = optimiser(model, Optimisation(1e-3, 1, decay=0.3), 10)
    matrices, vectors = adam.param_groups
    assert [tuple(p.shape) for p in matrices["params"]] == [(5, 4)]
    assert [tuple(p.shape) for p in vectors["params"]] == [(5,), (5,), (5,)]
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.3, 0.0)


def test_it_descends() -> None:
    torch.manual_seed(0)
    model, data = nn.Linear(4, 1), torch.randn(32, 4)
    target = data @ torch.tensor([[1.0], [2.0], [-1.0], [0.5]])
    adam, schedule = optimiser(model, Optimisation(0.1, 1), 200)
    for _ in range(200):
        adam.zero_grad()
        loss = (model(data) - target).square().mean()
        loss.backward()
        adam.step()
        schedule.step()
    assert loss.item() < 1e-3


@pytest.mark.parametrize("name", ["xlmr", "mdeberta"])
def test_lower_layers_move_less(checkpoints: Path, name: str) -> None:
    """The heads at the whole rate, embeddings at that below the lowest layer; nothing else changes."""
    encoder = BiEncoder.from_pretrained(checkpoints / name)
    model = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(64, 2)})
    adam, _ = optimiser(model, Optimisation(1.0, 1, warmup=0, layer_decay=0.5), 10)
    rates = {id(weight): group["initial_lr"] for group in adam.param_groups for weight in group["params"]}
    for key, weight in model.named_parameters():
        expected = 0.5 if ".layer.1." in key else 0.25 if ".layer.0." in key else 0.125 if "embeddings" in key else 1.0
        assert rates[id(weight)] == expected, key
    assert {0.01, 0.0} == {group["weight_decay"] for group in adam.param_groups}
    assert len(adam.param_groups) == 8


def test_what_is_new_has_a_rate_of_its_own(tiny: Relik) -> None:
    """All of the pretrained encoder that is trained has the other, its embeddings too."""
    model = tiny.reader.model
    adam, _ = optimiser(model, Optimisation(1.0, 1, warmup=0, encoder_rate=0.5, layer_decay=0.5), 10)
    rates = {id(weight): group["initial_lr"] for group in adam.param_groups for weight in group["params"]}
    found = {key: rates[id(weight)] for key, weight in model.named_parameters()}
    for key, rate in found.items():
        body = key.startswith("encoder.body.")
        expected = 0.25 if ".layers.1." in key else 0.125 if ".layers.0." in key else 0.0625
        assert rate == (expected if body else 1.0), key
    assert {"encoder.cover.positions.weight", "encoder.absent", "encoder.body.norm.weight"} <= found.keys()
    assert not any("words" in key for key in found)
