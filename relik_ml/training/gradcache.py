"""Gradients of a contrastive batch of any size in the memory of one chunk (GradCache: Gao et al. 2021).

"Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup": the loss sees vectors only. So all vectors
are computed without a graph, the loss gives the gradient of each, and every chunk is then computed once more, with a
graph, and takes its share of that gradient down to the weights. The result is the gradient of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

Embed = Callable[[], Tensor]
"""Computes the vectors (n, D) of one chunk, each time it is called, with a graph where torch keeps one."""


class Noise(NamedTuple):
    """What decides dropout: the states of torch's random generators, of the CPU and of every GPU in use."""

    cpu: Tensor
    gpus: tuple[Tensor, ...]

    @classmethod
    def now(cls) -> Noise:
        """The states at this moment."""
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return cls(torch.get_rng_state(), tuple(gpus))

    def restore(self) -> None:
        """Let what is drawn next be what was drawn after ``now``."""
        torch.set_rng_state(self.cpu)
        if self.gpus:
            torch.cuda.set_rng_state_all(list(self.gpus))


def cached_backward(
    groups: Sequence[Sequence[Embed]], loss: Callable[..., Tensor], backward: Callable[[Tensor], None]
) -> Tensor:
    """Add the gradient of ``loss`` to the weights behind the chunks; returns the loss, detached.

    Args:
        groups: the chunks of each argument of ``loss``, such as those of the queries and those of the passages.
        loss: a scalar of one tensor (N, D) for each group, its chunks one below the other.
        backward: what is to be done with a scalar instead of ``scalar.backward()``, such as ``accelerator.backward``.

    >>> weight = torch.ones(2, requires_grad=True)
    >>> chunks = [lambda x=x: (weight * x)[None] for x in (1.0, 2.0, 3.0)]
    >>> cached_backward([chunks], lambda vectors: vectors.square().sum(), torch.Tensor.backward).item()
    28.0
    >>> weight.grad
    tensor([28., 28.])
    """
    noises: list[list[Noise]] = []
    leaves: list[Tensor] = []
    for chunks in groups:
        noises.append([])
        leaves.append(torch.cat([_detached(chunk, noises[-1]) for chunk in chunks]).requires_grad_())
    value = loss(*leaves)
    gradients = torch.autograd.grad(value, leaves)
    with _after():
        for chunks, before, gradient in zip(groups, noises, gradients, strict=True):
            place = 0
            for chunk, noise in zip(chunks, before, strict=True):
                noise.restore()
                vectors = chunk()
                share = gradient[place : place + len(vectors)]
                backward((vectors * share).sum())
                place += len(vectors)
    return value.detach()


def _detached(chunk: Embed, noises: list[Noise]) -> Tensor:
    noises.append(Noise.now())
    with torch.no_grad():
        return chunk()


@contextmanager
def _after() -> Iterator[None]:
    """Leave the random generators as they were found."""
    noise = Noise.now()
    try:
        yield
    finally:
        noise.restore()
