"""Gradients by chunks against gradients of the whole batch."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from relik_ml.models import BiEncoder, multi_label_nce
from relik_ml.training import Embed, cached_backward

QUERIES, PASSAGES = 5, 11


def chunks(model: nn.Module, count: int, size: int, seed: int) -> list[Embed]:
    """Random token ids of several lengths, in chunks that are padded apart."""
    generator = torch.Generator().manual_seed(seed)
    made: list[Embed] = []
    for start in range(0, count, size):
        lengths = torch.randint(3, 12, (min(size, count - start), 1), generator=generator)
        mask = (torch.arange(int(lengths.max())) < lengths).long()
        ids = torch.randint(5, 40, mask.shape, generator=generator) * mask + (1 - mask)
        made.append(partial(model, ids, mask))
    return made


def whole(groups: Sequence[Sequence[Embed]], loss: Callable[..., Tensor]) -> Tensor:
    """The same chunks in the same order, but all in one graph."""
    value = loss(*(torch.cat([chunk() for chunk in group]) for group in groups))
    value.backward()
    return value.detach()


def loss(queries: Tensor, passages: Tensor) -> Tensor:
    positive = torch.rand(QUERIES, PASSAGES, generator=torch.Generator().manual_seed(3)) < 0.3
    return multi_label_nce(queries, passages, positive, 0.05, reduction="sum")


def gradients(model: nn.Module, run: Callable[[], Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad()
    torch.manual_seed(7)
    value = run()
    found = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    return value, found


@pytest.fixture(scope="module")
def model(checkpoints: Path) -> BiEncoder:
    return BiEncoder.from_pretrained(checkpoints / "xlmr")


@pytest.fixture
def groups(model: BiEncoder) -> list[list[Embed]]:
    return [chunks(model, QUERIES, 2, seed=1), chunks(model, PASSAGES, 4, seed=2)]


@pytest.mark.parametrize("dropout", [False, True])
def test_the_gradient_is_that_of_the_whole_batch(model: BiEncoder, groups: list[list[Embed]], dropout: bool) -> None:
    """With dropout the same units are dropped, and random numbers go on as after one pass."""
    model.train(dropout)
    expected, exact = gradients(model, lambda: whole(groups, loss))
    after = torch.rand(3)
    found, cached = gradients(model, lambda: cached_backward(groups, loss, Tensor.backward))
    assert torch.equal(torch.rand(3), after)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert exact.keys() == cached.keys() == dict(model.named_parameters()).keys()
    assert max(gradient.abs().max().item() for gradient in exact.values()) > 0.1
    for name, gradient in exact.items():
        assert torch.allclose(cached[name], gradient, rtol=1e-5, atol=1e-5), name
    model.train(not dropout)
    other, _ = gradients(model, lambda: cached_backward(groups, loss, Tensor.backward))
    assert other.item() != pytest.approx(found.item(), rel=1e-3), "dropout has changed nothing"


def test_mixed_precision_gives_every_weight_its_gradient(model: BiEncoder, groups: list[list[Embed]]) -> None:
    """A cast that autocast kept from the pass without a graph would cut the weights off."""
    model.eval()

    def cast(chunk: Embed) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return chunk().float()

    low = [[partial(cast, chunk) for chunk in group] for group in groups]
    _, exact = gradients(model, lambda: whole(low, loss))
    _, cached = gradients(model, lambda: cached_backward(low, loss, Tensor.backward))
    assert exact.keys() == cached.keys() == dict(model.named_parameters()).keys()
    for name, gradient in exact.items():
        assert torch.nn.functional.cosine_similarity(cached[name].flatten(), gradient.flatten(), 0) > 0.98, name


def test_only_one_chunk_at_a_time_has_a_graph(groups: list[list[Embed]]) -> None:
    seen: list[bool] = []

    def watched(chunk: Embed) -> Tensor:
        vectors = chunk()
        seen.append(vectors.requires_grad)
        return vectors

    cached_backward([[partial(watched, chunk) for chunk in groups[0]]], lambda vectors: vectors.sum(), Tensor.backward)
    assert seen == [False, False, False, True, True, True]
