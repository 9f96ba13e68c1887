"""Adapters: nothing at first, alone in training, and gone when they are merged."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from relik_ml.models import (
    BiEncoder,
    JointEncoder,
    adapted,
    add_adapters,
    merge_adapters,
    merged,
    recompute_layers,
    save_adapters,
)

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


def test_merging_keeps_the_class_and_the_vectors(model: BiEncoder, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("name", ["xlmr", "mdeberta"])
def test_of_a_joint_encoder_the_symbols_are_trained_too(checkpoints: Path, tmp_path: Path, name: str) -> None:
    """The copy for saving has the original's keys and vectors; the adapters alone can be put on the base again."""
    from peft import PeftModel

    torch.manual_seed(0)
    model = JointEncoder.from_pretrained(checkpoints / name, types=3, entities=2, relations=2)
    keys, first = list(model.state_dict()), model.config.first_symbol
    base = merged(model)
    assert base is model
    base = JointEncoder.from_config(vars(model.config))
    base.load_state_dict(model.state_dict())
    add_adapters(model, 4, range(first, first + model.config.symbols))
    whole: Any = model.encoder
    table = whole.get_input_embeddings()
    assert sum(weight.numel() for weight in table.parameters() if weight.requires_grad) == model.config.symbols * 64
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                nn.init.normal_(weight, std=0.1)
    model.eval()
    ids = torch.tensor([[1, 9, first, first + 4, 2]])
    states = model.encoder(input_ids=ids).last_hidden_state
    copy = merged(model)
    assert adapted(model)
    assert list(copy.state_dict()) == keys
    assert torch.allclose(copy.encoder(input_ids=ids).last_hidden_state, states, atol=1e-4)
    save_adapters(model, tmp_path)
    again = PeftModel.from_pretrained(base.encoder, tmp_path).eval()
    assert torch.allclose(again(input_ids=ids).last_hidden_state, states, atol=1e-4)
    assert list(load_file(tmp_path / "heads.safetensors")) == ["types"]


@pytest.mark.parametrize("rank", [0, 4])
def test_recomputed_layers_have_the_same_gradients(checkpoints: Path, rank: int) -> None:
    """Dropout included."""
    found = []
    for recomputed in (False, True):
        torch.manual_seed(0)
        model = BiEncoder.from_pretrained(checkpoints / "mdeberta")
        if rank:
            add_adapters(model, rank)
        if recomputed:
            recompute_layers(model)
        model.train()(*INPUT)[0, 0].backward()
        found.append({name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None})
    assert found[0].keys() == found[1].keys()
    assert all(torch.allclose(found[1][name], gradient, atol=1e-6) for name, gradient in found[0].items())
