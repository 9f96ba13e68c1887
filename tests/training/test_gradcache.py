"""Gradients by chunks against gradients of the whole batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from relik_ml.models import BiEncoder, multi_label_nce
from relik_ml.training.gradcache import Embed, cached_backward

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


@pytest.mark.parametrize("dropout", [False, True])
def test_the_gradient_is_that_of_the_whole_batch(model: BiEncoder, dropout: bool) -> None:
    model.train(dropout)
    groups = [chunks(model, QUERIES, 2, seed=1), chunks(model, PASSAGES, 4, seed=2)]
    expected, exact = gradients(model, lambda: whole(groups, loss))
    found, cached = gradients(model, lambda: cached_backward(groups, loss, Tensor.backward))
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert exact.keys() == cached.keys() == dict(model.named_parameters()).keys()
    assert max(gradient.abs().max().item() for gradient in exact.values()) > 0.1
    for name, gradient in exact.items():
        assert torch.allclose(cached[name], gradient, rtol=1e-5, atol=1e-5), name


def test_dropout_is_on_in_the_test_above(model: BiEncoder) -> None:
    model.train()
    groups = [chunks(model, QUERIES, 2, seed=1), chunks(model, PASSAGES, 4, seed=2)]
    one, _ = gradients(model, lambda: cached_backward(groups, loss, Tensor.backward))
    model.eval()
    other, _ = gradients(model, lambda: cached_backward(groups, loss, Tensor.backward))
    assert one.item() != pytest.approx(other.item(), rel=1e-3)


def test_in_mixed_precision_weights_get_their_gradient(model: BiEncoder) -> None:
    """A cast that autocast kept from the pass without a graph would cut the weights off."""
    model.eval()

    def cast(chunk: Embed) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return chunk().float()

    plain = [chunks(model, QUERIES, 2, seed=1), chunks(model, PASSAGES, 4, seed=2)]
    groups = [[partial(cast, chunk) for chunk in group] for group in plain]
    _, exact = gradients(model, lambda: whole(groups, loss))
    _, cached = gradients(model, lambda: cached_backward(groups, loss, Tensor.backward))
    assert exact.keys() == cached.keys() == dict(model.named_parameters()).keys()
    for name, gradient in exact.items():
        assert torch.nn.functional.cosine_similarity(cached[name].flatten(), gradient.flatten(), 0) > 0.98, name


def test_random_numbers_go_on_as_after_one_pass(model: BiEncoder) -> None:
    model.train()
    groups = [chunks(model, QUERIES, 2, seed=1), chunks(model, PASSAGES, 4, seed=2)]
    gradients(model, lambda: whole(groups, loss))
    expected = torch.rand(3)
    gradients(model, lambda: cached_backward(groups, loss, Tensor.backward))
    assert torch.equal(torch.rand(3), expected)


def test_no_more_than_one_chunk_has_a_graph(model: BiEncoder) -> None:
    """What saves memory: the vectors of the first pass come without a graph."""
    seen: list[bool] = []

    def watched(chunk: Embed) -> Tensor:
        vectors = chunk()
        seen.append(vectors.requires_grad)
        return vectors

    groups = [[partial(watched, chunk) for chunk in chunks(model, QUERIES, 2, seed=1)]]
    cached_backward(groups, lambda vectors: vectors.sum(), Tensor.backward)
    assert seen == [False, False, False, True, True, True]
