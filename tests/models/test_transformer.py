"""The encoder that is read in parts is BERT, and its word embeddings in 4 bits are a table that does not change."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from relik_ml.config import TransformerConfig
from relik_ml.errors import ModelError
from relik_ml.models import QuantizedEmbedding, Transformer, from_bert

BLOCK = 32
CONFIG = TransformerConfig(vocabulary=40, width=64, layers=2, heads=4, inner=128, positions=32)


def quantized(rows: int, width: int, seed: int = 0) -> Tensor:
    """A table as Q4_0 has it: (nibble - 8) * scale, where the largest of each block is -8 of its scale."""
    random = torch.Generator().manual_seed(seed)
    levels = torch.randint(-7, 8, (rows, width // BLOCK, BLOCK), generator=random)
    levels.scatter_(2, torch.randint(0, BLOCK, (rows, width // BLOCK, 1), generator=random), -8)
    scales = torch.randn(rows, width // BLOCK, 1, generator=random).half().float() / 50
    return (levels * scales.half().float()).flatten(1)


def packed(table: Tensor) -> QuantizedEmbedding:
    embedding = QuantizedEmbedding(*table.shape)
    embedding.pack(table)
    return embedding


# Word embeddings


def test_what_was_in_4_bits_is_kept_exactly() -> None:
    table = quantized(50, 96)
    assert torch.equal(packed(table)(torch.arange(50)), table)


def test_another_table_is_rounded_by_at_most_a_step() -> None:
    """A step is an eighth of the largest value of a block; at the far end, where 8 is missing, it may be whole."""
    torch.manual_seed(0)
    table = torch.randn(30, 64)
    largest = table.view(30, -1, BLOCK).abs().amax(2, keepdim=True)
    apart = (packed(table)(torch.arange(30)) - table).view(30, -1, BLOCK).abs()
    assert (apart <= largest / 8 * 1.01).all()
    assert (apart <= largest / 16 * 1.01).float().mean() > 0.95


def test_they_are_a_quarter_of_an_eighth_and_never_trained() -> None:
    model = Transformer(CONFIG)
    assert not list(model.words.parameters())
    assert {name for name in model.state_dict() if name.startswith("words.")} == {"words.nibbles", "words.scales"}
    size = sum(buffer.numel() * buffer.element_size() for buffer in model.words.buffers())
    assert size == CONFIG.vocabulary * CONFIG.width * 18 // BLOCK
    model.words.pack(torch.randn(CONFIG.vocabulary, CONFIG.width))
    before = {name: buffer.clone() for name, buffer in model.words.named_buffers()}
    adam = torch.optim.Adam(model.parameters(), 0.1)
    for _ in range(2):
        model(torch.arange(9)[None], torch.ones(1, 9)).square().sum().backward()
        adam.step()
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.words.named_buffers())
    assert all(parameter.grad is not None for parameter in model.parameters())


# Layers


@pytest.fixture(scope="module")
def bert(checkpoints: Path) -> Any:
    """Transformers' own, its word embeddings in 4 bits beforehand, with weights that are not nearly nothing."""
    from transformers import AutoModel

    torch.manual_seed(1)
    model = AutoModel.from_pretrained(checkpoints / "e5-small").eval()
    for parameter in model.parameters():
        parameter.data = torch.randn_like(parameter) * 0.2 if parameter.dim() > 1 else parameter + torch.randn(1) / 9
    table = model.get_input_embeddings().weight
    table.data = packed(table.data)(torch.arange(len(table)))
    return model


def ours(bert: Any, layers: int) -> Transformer:
    config = TransformerConfig.from_bert(bert.config.to_dict(), layers, 0.1)
    return from_bert(bert.state_dict(), config).eval()


def batch_of(bert: Any) -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    ids = torch.randint(5, bert.config.vocab_size, (3, 17))
    return ids, (torch.arange(17) < torch.tensor([17, 9, 1])[:, None]).long()


@pytest.mark.parametrize("layers", [1, 2])
@torch.inference_mode()
def test_the_lowest_layers_are_those_of_transformers(bert: Any, layers: int) -> None:
    ids, mask = batch_of(bert)
    expected = bert(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    model = ours(bert, layers)
    found = model(ids, mask)
    assert found.std() > 0.1
    torch.testing.assert_close(found[mask.bool()], expected[layers][mask.bool()], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(model.embed(ids), expected[0], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(model.contextualise(model.embed(ids), mask), found)


# Configuration


BERT = {
    "model_type": "bert", "vocab_size": 9, "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2,
    "intermediate_size": 99, "max_position_embeddings": 40, "layer_norm_eps": 1e-6,
}  # fmt: skip


@pytest.mark.parametrize(("changes", "layers", "got"), [
    ({"model_type": "xlm-roberta"}, 1, "xlm-roberta"),
    ({"hidden_act": "relu"}, 1, "relu"),
    ({}, 4, "4 of 3"),
    ({}, 0, "0 of 3"),
])  # fmt: skip
def test_what_it_cannot_be(changes: dict[str, str], layers: int, got: str) -> None:
    with pytest.raises(ModelError) as error:
        TransformerConfig.from_bert({**BERT, **changes}, layers, 0.1)
    assert got in error.value.got
    assert error.value.fix
