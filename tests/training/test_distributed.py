"""What several processes share and gather, without starting any; tests/recipes/test_processes.py starts two."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread, current_thread

import pytest
import torch
from torch import Tensor, distributed, nn

from relik_ml.training import Processes


def in_threads(count: int, what: Callable[[Processes], Tensor], monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What ``count`` processes compute: threads of this one, whose collectives exchange tensors in memory."""
    barrier, brought, found = Barrier(count, timeout=20), dict[str, Tensor](), dict[int, Tensor]()

    def exchange(own: Tensor) -> list[Tensor]:
        brought[current_thread().name] = own.detach().clone()
        barrier.wait()
        gathered = [brought[name] for name in sorted(brought)]
        barrier.wait()
        return gathered

    def all_gather(parts: list[Tensor], own: Tensor) -> None:
        for part, each in zip(parts, exchange(own), strict=True):
            part.copy_(each)

    monkeypatch.setattr(distributed, "all_gather", all_gather)
    monkeypatch.setattr(distributed, "all_reduce", lambda own: own.copy_(sum(exchange(own), torch.zeros_like(own))))
    threads = [
        Thread(target=lambda rank=rank: found.update({rank: what(Processes(count, rank))}), name=f"rank {rank}")
        for rank in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return [found[rank] for rank in range(count)]


@pytest.mark.parametrize("total", [1, 2, 5, 6])
@pytest.mark.parametrize("count", [2, 3])
def test_summed_gradients_are_those_of_one_process(count: int, total: int, monkeypatch: pytest.MonkeyPatch) -> None:
    items, weight = torch.randn(total, 3), torch.randn(3, 2)

    def step(processes: Processes) -> Tensor:
        layer = nn.Linear(3, 2, bias=False)
        layer.weight.data.copy_(weight.T)
        own = torch.stack(list(processes.share(list(items))))
        rows = processes.gather_rows(layer(own), total)
        (rows @ rows.T).logsumexp(1).sum().backward()
        processes.sum_gradients(layer)
        assert layer.weight.grad is not None
        return layer.weight.grad

    expected = step(Processes())
    for found in in_threads(count, step, monkeypatch):
        assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_weight_without_gradient_anywhere_stays_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(processes: Processes) -> Tensor:
        model = nn.ModuleList([nn.Linear(1, 1, bias=False) for _ in range(3)])
        if processes.rank == 1:
            (model[1].weight.sum() * 2).backward()
        model[2].weight.sum().backward()
        processes.sum_gradients(model)
        assert model[0].weight.grad is None
        return torch.cat([model[1].weight.grad, model[2].weight.grad])

    assert [found.flatten().tolist() for found in in_threads(2, step, monkeypatch)] == [[2.0, 2.0]] * 2


def test_one_process_exchanges_nothing() -> None:
    own, single = torch.randn(2, 3, requires_grad=True), Processes()
    assert single.gather_rows(own, 2) is own
    assert single.all_reduce(own) is own
    assert single.run_once(lambda: 7) == 7
    assert single.share("абв") == "абв"
