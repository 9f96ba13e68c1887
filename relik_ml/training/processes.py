"""Several processes that train one model: each computes its share of a step, and all of them take the same step.

Every process reads the same data and knows what a step is made of; only its share goes through its network. Gradients
are summed, once for each step, for the loss of a share is divided by what the whole step counts: the sum is the
gradient that one process would have found. DistributedDataParallel averages instead, which is right if all shares
count alike, and sums up after each backward pass, of which a cached contrastive step (``gradcache``) has many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, distributed, nn

if TYPE_CHECKING:
    from accelerate import Accelerator

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """How many there are, and which of them this is. With one every method does nothing."""

    count: int = 1
    rank: int = 0

    @classmethod
    def of(cls, accelerator: Accelerator) -> Processes:
        """Those that accelerate has started."""
        return cls(accelerator.num_processes, accelerator.process_index)

    @property
    def first(self) -> bool:
        """Whether this is the one that measures and writes."""
        return self.rank == 0

    def idle(self, items: int) -> bool:
        """Whether there are so few items that none is left for this process."""
        return self.rank >= items

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Every ``count``-th item. An ``idle`` process takes the first, too, to compute something that counts nothing.

        >>> [Processes(2, rank).share("абв") for rank in (0, 1)]
        ['ав', 'б']
        >>> Processes(2, 1).share("а"), Processes(2, 1).idle(1)
        ('а', True)
        """
        return items[:1] if self.idle(len(items)) else items[self.rank :: self.count]

    def rows(self, own: Tensor, total: int) -> Tensor:
        """The rows (``total``, D) of all items: those of this process's ``share`` with their graph, others without."""
        if self.count == 1:
            return own
        most = -(-total // self.count)
        padded = own.new_zeros(most, own.shape[1])
        padded[: len(own)] = own.detach()
        parts = [torch.empty_like(padded) for _ in range(self.count)]
        distributed.all_gather(parts, padded)
        everything = torch.stack(parts, dim=1).flatten(0, 1)[:total]  # item i is row i // count of process i % count
        if self.idle(total):
            return everything + 0 * own.sum()
        places = torch.arange(self.rank, total, self.count, device=own.device)
        return everything.index_copy(0, places, own)

    def total(self, value: Tensor) -> Tensor:
        """The sum of what all processes bring."""
        if self.count > 1:
            distributed.all_reduce(value)
        return value

    def sum_gradients(self, model: nn.Module) -> None:
        """Give each weight the sum of its gradients in all processes; where none has one, it stays without."""
        if self.count == 1:
            return
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        there = torch.tensor([float(weight.grad is not None) for weight in weights], device=weights[0].device)
        for weight, known in zip(weights, self.total(there).tolist(), strict=True):
            if known:
                weight.grad = self.total(torch.zeros_like(weight) if weight.grad is None else weight.grad.contiguous())

    def make_alike(self, model: nn.Module) -> None:
        """Give all processes the weights of the first."""
        for weight in model.parameters() if self.count > 1 else ():
            distributed.broadcast(weight.data, src=0)

    def once(self, what: Callable[[], T]) -> T:
        """What the first process finds, which the others wait for; it must be small."""
        if self.count == 1:
            return what()
        found = [what() if self.first else None]
        distributed.broadcast_object_list(found, src=0)
        return found[0]  # type: ignore[return-value]


ALONE = Processes()
