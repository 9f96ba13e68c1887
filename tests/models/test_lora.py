"""Adapters: nothing at first, alone in training, and gone when they are merged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from relik_ml.models.lora import add_adapters, merge_adapters
from relik_ml.models.retriever import BiEncoder

pytest.importorskip("peft", reason="adapters need the extra relik-ml[train]")

INPUT = torch.tensor([[0, 7, 9, 2], [0, 5, 2, 1]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


@pytest.fixture
def model(checkpoints: Path) -> BiEncoder:
    return BiEncoder.from_pretrained(checkpoints / "xlmr")


def test_an_adapter_begins_as_nothing_and_is_all_that_is_trained(model: BiEncoder) -> None:
    before, frozen = model(*INPUT), sum(weight.numel() for weight in model.parameters())
    add_adapters(model, rank=4)
    assert torch.allclose(model.eval()(*INPUT), before, atol=1e-6)
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained
    assert all("lora" in name for name in trained)
    assert sum(weight.numel() for weight in trained.values()) < frozen / 2
    assert model.dimension == 64


def test_merged_it_is_the_encoders_own_class_with_the_same_vectors(model: BiEncoder, tmp_path: Path) -> None:
    before = model(*INPUT)
    names = list(model.state_dict())
    add_adapters(model, rank=4)
    for name, weight in model.named_parameters():
        if "lora" in name:
            torch.nn.init.normal_(weight, std=0.1)
    adapted = model.eval()(*INPUT)
    assert not torch.allclose(adapted, before, atol=1e-3)
    merge_adapters(model)
    assert torch.allclose(model(*INPUT), adapted, atol=1e-5)
    assert list(model.state_dict()) == names
    model.save_pretrained(tmp_path)
    assert torch.allclose(BiEncoder.from_pretrained(tmp_path)(*INPUT), adapted, atol=1e-5)


def test_without_adapters_there_is_nothing_to_merge(model: BiEncoder) -> None:
    before = model.encoder
    merge_adapters(model)
    assert model.encoder is before
