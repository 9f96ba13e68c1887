"""Every head against loops over float64, its gradients against finite differences, and what is cheap about it."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from relik_ml.models import HitHead, RelationHead, SpanHead, SymbolHead
from relik_ml.network import NameHits

from . import slow

WIDTH, INNER, REACH, TYPES, BUCKETS = 5, 4, 3, 3, 8


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(7)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def lively(head: nn.Module) -> Any:
    """In double precision, without dropout, and with no weight left at the quiet value that training starts from."""
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.7)
    return head.double().eval()


def spans() -> SpanHead:
    head: SpanHead = lively(SpanHead(WIDTH, INNER, REACH, 0.3))
    return head


def relations(buckets: int = BUCKETS) -> RelationHead:
    head: RelationHead = lively(RelationHead(WIDTH, 4 * WIDTH, TYPES, INNER, buckets, 0.3))
    return head


def close(a: float, b: float) -> bool:
    return a == pytest.approx(b, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_spans_equal_the_loop(length: int) -> None:
    head, tokens = spans(), randn(2, length, WIDTH)
    start, end = head(tokens)
    assert start.shape == (2, length)
    assert end.shape == (2, length, REACH)
    for row in range(2):
        assert start[row].tolist() == pytest.approx(slow.starts(head, tokens[row].tolist()), rel=1e-9)
        for (s, t), logit in slow.ends(head, tokens[row].tolist()).items():
            assert close(end[row, s, t - s].item(), logit)


def test_links_equal_the_loop() -> None:
    head = lively(SymbolHead(WIDTH, INNER, 0.3))
    ends, own, shared = randn(2, 3, 2 * WIDTH), randn(2, 4, WIDTH), randn(6, WIDTH)
    scores, types = head(ends, own), head(ends, shared)
    for row in range(2):
        for m in range(3):
            pair = ends[row, m].tolist()
            assert scores[row, m].tolist() == pytest.approx(slow.symbol_scores(head, pair, own[row].tolist()), rel=1e-9)
            assert types[row, m].tolist() == pytest.approx(slow.symbol_scores(head, pair, shared.tolist()), rel=1e-9)


def hits(*rows: tuple[int, int, int, int], features: int = 3) -> NameHits[Tensor]:
    """Rows of window, first, last, candidate."""
    index = torch.tensor(rows, dtype=torch.long).view(-1, 4)
    return NameHits._make([*index.unbind(1), randn(len(rows), features)])


def test_hits_count_for_their_own_span_and_candidate_only() -> None:
    head = lively(HitHead(3, inner=4))
    mentions = torch.tensor([[[0, 1], [3, 3], [0, 0]], [[2, 4], [0, 1], [1, 1]]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    found = hits((0, 0, 1, 1), (0, 0, 1, 1), (0, 3, 3, 2), (1, 0, 1, 2), (0, 0, 0, 1), (1, 3, 3, 1))
    expected = torch.zeros(2, 3, 4, dtype=torch.float64)
    for window, first, last, candidate, features in zip(*(part.tolist() for part in found), strict=True):
        for m, span in enumerate(mentions[window].tolist()):
            if mask[window, m] and span == [first, last]:
                expected[window, m, candidate] += slow.hit_score(head, features)
    added = head(found, mentions, mask, 4)
    assert torch.allclose(added, expected, atol=1e-12)
    assert int((added != 0).sum()) == 3  # one span hit twice; a padded mention and a stray hit get nothing


MENTIONS = [(0, 0), (0, 2), (1, 2), (2, 4), (6, 8), (11, 11), (11, 13)]
"""Equal starts, nested, crossing, neighbouring and far ones."""


def described(tokens: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mentions = torch.tensor([MENTIONS, MENTIONS[::-1]])
    features, types = randn(2, len(MENTIONS), 4 * WIDTH), randn(2, len(MENTIONS), TYPES).softmax(-1)
    return mentions, features, types, randn(2, 3, WIDTH)


def test_relations_equal_the_naive_tensor_in_every_term() -> None:
    head, tokens = relations(), randn(2, 14, WIDTH)
    mentions, features, types, symbols = described(tokens)
    logits = head(tokens, mentions, features, types, symbols)
    assert logits.shape == (2, 7, 7, 3)
    for row in range(2):
        pairs = [(int(first), int(last)) for first, last in mentions[row]]
        lists = (features[row].tolist(), types[row].tolist(), symbols[row].tolist())
        for cell, score in slow.relation_scores(head, tokens[row].tolist(), pairs, *lists).items():
            assert close(logits[(row, *cell)].item(), score), cell


def test_every_term_of_a_relation_matters() -> None:
    """The comparison above could pass on a term that is zero on both sides."""
    head, tokens = relations(), randn(2, 14, WIDTH)
    inputs = described(tokens)
    before = head(tokens, *inputs)
    for name, parameter in head.named_parameters():
        saved = parameter.detach().clone()
        with torch.no_grad():
            parameter.add_(0.5)
        assert not torch.allclose(head(tokens, *inputs), before), name
        parameter.data = saved


@pytest.mark.parametrize("buckets", [2, 8, 24])
def test_distance_buckets_are_exact_at_powers_of_two(buckets: int) -> None:
    """log2 in float32 could fall just short of a whole number there."""
    head = relations(buckets)
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    head.relation.bias.data.fill_(30.0)  # GELU leaves it as it is
    head.distance.weight.data = torch.arange(buckets)[:, None].expand(buckets, INNER).double() / 30 / INNER
    starts = torch.arange(600)
    mentions = torch.stack([starts, starts], -1)[None]
    features, types = torch.zeros(1, 600, 4 * WIDTH).double(), torch.zeros(1, 600, TYPES).double()
    found = head(torch.zeros(1, 600, WIDTH).double(), mentions, features, types, torch.zeros(1, 1, WIDTH).double())
    for start in (0, 77, 599):
        assert found[0, start, :, 0].round().tolist() == [slow.bucket(stop - start, buckets) for stop in range(600)]


def test_gradients_are_those_of_the_function() -> None:
    tokens, mentions = randn(1, 3, WIDTH), torch.tensor([[[0, 0], [2, 2]]])
    inputs = (tokens, randn(1, 2, 4 * WIDTH), randn(1, 2, TYPES), randn(1, 2, WIDTH))
    head, links = relations(), lively(SymbolHead(WIDTH, INNER, 0.0))
    for tensor in inputs:
        tensor.requires_grad_()
    assert gradcheck(spans(), tokens)
    assert gradcheck(links, (randn(1, 2, 2 * WIDTH).requires_grad_(), randn(1, 2, WIDTH).requires_grad_()))
    assert gradcheck(lambda t, f, y, r: head(t, mentions, f, y, r), inputs)


class Largest(TorchDispatchMode):
    """The number of elements of the largest tensor that any operation made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        made = [each for each in (result if isinstance(result, tuple | list) else [result]) if isinstance(each, Tensor)]
        self.elements = max([self.elements, *(each.numel() for each in made)])
        return result


def test_no_tensor_of_pairs_times_relations_times_width_exists() -> None:
    m, r, inner = 40, 24, 64
    head = RelationHead(WIDTH, 4 * WIDTH, TYPES, inner, BUCKETS, 0.0)
    mentions = torch.arange(m)[None, :, None].expand(1, m, 2)
    inputs = (torch.randn(1, m, WIDTH), mentions, torch.randn(1, m, 4 * WIDTH), torch.randn(1, m, TYPES))
    with Largest() as largest, torch.no_grad():
        head(*inputs, torch.randn(1, r, WIDTH))
    assert largest.elements <= max(m * m * r, m * r * 2 * inner)
    with Largest() as naive:
        torch.einsum("bmd,bnd,bkd->bmnkd", torch.ones(1, m, 8), torch.ones(1, m, 8), torch.ones(1, r, 8)).sum(-1)
    assert naive.elements == m * m * r * 8  # the measure sees what it is there for
