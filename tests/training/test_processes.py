"""What several processes share and gather, without starting any; tests/recipes/test_processes.py starts two."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
import torch
from torch import Tensor, distributed, nn

from relik_ml.training.processes import ALONE, Processes


class Threads:
    """Collectives of torch.distributed among threads of one process."""

    def __init__(self, count: int) -> None:
        self.barrier, self.brought = Barrier(count), dict[int, Tensor]()

    def exchange(self, rank: int, own: Tensor) -> list[Tensor]:
        self.brought[rank] = own.detach().clone()
        self.barrier.wait()
        found = [self.brought[each] for each in sorted(self.brought)]
        self.barrier.wait()
        return found


def together(count: int, what: Callable[[Processes], Tensor], monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What ``count`` processes find."""
    threads, ranks, found = Threads(count), dict[str, int](), dict[int, Tensor]()

    def rank() -> int:
        from threading import current_thread

        return ranks[current_thread().name]

    def all_gather(parts: list[Tensor], own: Tensor) -> None:
        for part, brought in zip(parts, threads.exchange(rank(), own), strict=True):
            part.copy_(brought)

    def all_reduce(own: Tensor) -> None:
        own.copy_(sum(threads.exchange(rank(), own), torch.zeros_like(own)))

    monkeypatch.setattr(distributed, "all_gather", all_gather)
    monkeypatch.setattr(distributed, "all_reduce", all_reduce)
    running = []
    for each in range(count):
        run = Thread(target=lambda each=each: found.update({each: what(Processes(count, each))}), name=f"rank {each}")
        ranks[run.name] = each
        running.append(run)
    for run in running:
        run.start()
    for run in running:
        run.join(20)
    return [found[each] for each in range(count)]


@pytest.mark.parametrize("total", [1, 2, 5, 6])
@pytest.mark.parametrize("count", [2, 3])
def test_rows_of_all_and_the_gradient_of_each(count: int, total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process sees all rows; gradients, summed, are those of one process."""
    items, weight = torch.randn(total, 3), torch.randn(3, 2)

    def loss(rows: Tensor) -> Tensor:
        return (rows @ rows.T).logsumexp(1).sum()

    def step(processes: Processes) -> Tensor:
        layer = nn.Linear(3, 2, bias=False)
        layer.weight.data.copy_(weight.T)
        own = torch.stack(list(processes.share(list(items))))
        loss(processes.rows(layer(own), total)).backward()
        processes.sum_gradients(layer)
        assert layer.weight.grad is not None
        return layer.weight.grad

    expected = step(ALONE)
    for found in together(count, step, monkeypatch):
        assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_weight_that_nobody_moved_has_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(processes: Processes) -> Tensor:
        model = nn.ModuleList([nn.Linear(1, 1, bias=False) for _ in range(3)])
        if processes.rank == 1:
            (model[1].weight.sum() * 2).backward()
        model[2].weight.sum().backward()
        processes.sum_gradients(model)
        assert model[0].weight.grad is None
        return torch.cat([model[1].weight.grad, model[2].weight.grad])

    assert [found.flatten().tolist() for found in together(2, step, monkeypatch)] == [[2.0, 2.0]] * 2


def test_alone_nothing_is_exchanged() -> None:
    own = torch.randn(2, 3, requires_grad=True)
    assert ALONE.rows(own, 2) is own
    assert ALONE.total(own) is own
    assert ALONE.once(lambda: 7) == 7
    assert ALONE.share("абв") == "абв"
