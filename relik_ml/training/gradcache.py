"""Gradients of a contrastive batch of any size in the memory of one chunk (GradCache: Gao et al. 2021).

"Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup": the loss sees vectors only. So all vectors
are computed without a graph, the loss gives the gradient of each, and every chunk is then computed once more, with a
graph, to propagate its share of that gradient to the weights. The result is the gradient of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Embed = Callable[[], Tensor]
"""Computes the vectors (n, D) of one chunk, each time it is called, with a graph where torch keeps one."""

RngState = tuple[Tensor, list[Tensor]]
"""The states of torch's random generators, which decide dropout: of the CPU and of every GPU."""


def rng_state() -> RngState:
    """The states at this moment."""
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def set_rng_state(state: RngState) -> None:
    """Draw the same random numbers again as after ``rng_state``."""
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])


def cached_backward(
    groups: Sequence[Sequence[Embed]], loss: Callable[..., Tensor], backward: Callable[[Tensor], None]
) -> Tensor:
    """Add the gradient of ``loss`` to the weights behind the chunks; returns the loss, detached.

    Args:
        groups: the chunks of each argument of ``loss``, such as those of the queries and those of the passages.
        loss: a scalar of one tensor (N, D) for each group, its chunks concatenated.
        backward: called with a scalar instead of ``scalar.backward()``, such as ``accelerator.backward``.

    >>> weight = torch.ones(2, requires_grad=True)
    >>> chunks = [lambda x=x: (weight * x)[None] for x in (1.0, 2.0, 3.0)]
    >>> cached_backward([chunks], lambda vectors: vectors.square().sum(), torch.Tensor.backward).item()
    28.0
    >>> weight.grad
    tensor([28., 28.])
    """
    states: list[list[RngState]] = []
    leaves: list[Tensor] = []
    for chunks in groups:
        states.append([])
        leaves.append(torch.cat([_embed_detached(chunk, states[-1]) for chunk in chunks]).requires_grad_())
    value = loss(*leaves)
    gradients = torch.autograd.grad(value, leaves)
    after = rng_state()
    for chunks, before, gradient in zip(groups, states, gradients, strict=True):
        start = 0
        for chunk, state in zip(chunks, before, strict=True):
            set_rng_state(state)
            vectors = chunk()
            backward((vectors * gradient[start : start + len(vectors)]).sum())
            start += len(vectors)
    set_rng_state(after)
    return value.detach()


def _embed_detached(chunk: Embed, states: list[RngState]) -> Tensor:
    states.append(rng_state())
    with torch.no_grad():
        return chunk()
