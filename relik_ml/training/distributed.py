"""Data-parallel training with sums of gradients.

Every process reads the same data and computes its share of each step. Gradients are summed once per step: the loss of a
share is divided by the size of the whole step, so the sum is the gradient that a single process would compute.
DistributedDataParallel averages instead, which is right only for shares of equal size, and reduces after every backward
pass, of which a step of ``cached_backward`` has many.
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
    """Number of processes and rank of this one. With one process every method is an identity."""

    count: int = 1
    rank: int = 0

    @classmethod
    def of(cls, accelerator: Accelerator) -> Processes:
        """The processes of an accelerator."""
        return cls(accelerator.num_processes, accelerator.process_index)

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that evaluates and writes."""
        return self.rank == 0

    def idle(self, items: int) -> bool:
        """Whether there are too few items for this process to get one."""
        return self.rank >= items

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Every ``count``-th item. An ``idle`` process gets the first one, whose loss gets weight 0.

        >>> [Processes(2, rank).share("абв") for rank in (0, 1)]
        ['ав', 'б']
        >>> Processes(2, 1).share("а"), Processes(2, 1).idle(1)
        ('а', True)
        """
        return items[:1] if self.idle(len(items)) else items[self.rank :: self.count]

    def gather_rows(self, own: Tensor, total: int) -> Tensor:
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
        indices = torch.arange(self.rank, total, self.count, device=own.device)
        return everything.index_copy(0, indices, own)

    def all_reduce(self, value: Tensor) -> Tensor:
        """The sum of the values of all processes, in place."""
        if self.count > 1:
            distributed.all_reduce(value)
        return value

    def sum_gradients(self, model: nn.Module) -> None:
        """Replace each gradient by its sum over processes. A weight without a gradient in any process gets none."""
        if self.count == 1:
            return
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        present = torch.tensor([float(weight.grad is not None) for weight in weights], device=weights[0].device)
        for weight, known in zip(weights, self.all_reduce(present).tolist(), strict=True):
            if known:
                own = torch.zeros_like(weight) if weight.grad is None else weight.grad.contiguous()
                weight.grad = self.all_reduce(own)

    def broadcast_parameters(self, model: nn.Module) -> None:
        """Copy the weights of the first process to all others."""
        for weight in model.parameters() if self.count > 1 else ():
            distributed.broadcast(weight.data, src=0)

    def run_once(self, function: Callable[[], T]) -> T:
        """Run a function in the first process and broadcast its result, which must be small."""
        if self.count == 1:
            return function()
        found = [function() if self.is_first else None]
        distributed.broadcast_object_list(found, src=0)
        return found[0]  # type: ignore[return-value]


SINGLE = Processes()
