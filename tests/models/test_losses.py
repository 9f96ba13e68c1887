"""Every term of the loss against its definition, pair by pair, and what must take no part in it."""

from math import exp, log
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from relik_ml.models import Soft, reader_losses
from relik_ml.network import IGNORE, Gold, ReaderOutput

from . import slow

TOKEN_MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
NONE = torch.zeros(0, 4).long()
REACH, CANDIDATES, RELATIONS, TYPES = 3, 4, 2, 5


class Case(NamedTuple):
    output: ReaderOutput[Tensor]
    gold: Gold[Tensor]


@pytest.fixture
def case() -> Case:
    """Two windows. In the first one token starts two mentions; the second has a padded mention and no candidate 3."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    mentions = torch.tensor([[[0, 0], [0, 2], [4, 5]], [[1, 3], [3, 3], [0, 0]]])
    mask = torch.tensor([[True, True, True], [True, True, False]])
    links = torch.tensor([[2, IGNORE, 0], [1, IGNORE, IGNORE]])
    triples = torch.tensor([[0, 0, 2, 1], [0, 2, 0, 0], [0, 0, 2, 0], [1, 0, 1, 1]])
    pairs = mask[:, :, None] & mask[:, None] & ~torch.eye(3, dtype=torch.bool)
    gold = Gold(mentions, mask, allowed([[0], [4], [2]], [[1], [1], [0]]), links, triples, pairs, TOKEN_MASK, NONE)
    scores = randn(2, 3, CANDIDATES)
    relations = randn(2, 3, 3, RELATIONS).masked_fill(torch.eye(3, dtype=torch.bool)[..., None], -torch.inf)
    scores[1, :, 3] = -torch.inf
    output = ReaderOutput(randn(2, 6), randn(2, 6, REACH), mentions, mask, randn(2, 3, TYPES), scores, relations)
    return Case(output, gold)


def allowed(*windows: list[list[int]]) -> Tensor:
    """The types that each mention may have, as a mask."""
    return torch.tensor([[[type in known for type in range(TYPES)] for known in mentions] for mentions in windows])


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def slow_losses(output: ReaderOutput[Tensor], gold: Gold[Tensor], tokens: Tensor) -> dict[str, float]:
    """Every term decision by decision, by the number of gold mentions; what is not annotated is no decision."""
    total = dict.fromkeys(("start", "end", "type", "link", "relation"), 0.0)
    triples, unsure = ({tuple(row) for row in rows.tolist()} for rows in (gold.triples, gold.unsure))
    for window, length in enumerate(tokens.sum(1).tolist()):
        real = gold.mention_mask[window].nonzero().flatten().tolist()
        spans = {tuple(gold.mentions[window, m].tolist()) for m in real}
        starts = {first for first, _ in spans}
        for s in range(length):
            if gold.start_mask[window, s]:
                total["start"] += slow.surprise(output.start[window, s].item(), s in starts)
                for t in range(s, min(s + REACH, length) if s in starts else s):
                    total["end"] += slow.surprise(output.end[window, s, t - s].item(), (s, t) in spans)
        for m in real:
            if gold.links[window, m] != IGNORE:
                total["link"] += slow.choice(output.links[window, m].tolist(), int(gold.links[window, m]))
            surprises = [
                slow.choice(output.types[window, m].tolist(), int(type)) for type in gold.types[window, m].nonzero()
            ]
            total["type"] -= log(sum(exp(-each) for each in surprises)) if surprises else 0.0
        for m, n in gold.pair_mask[window].nonzero().tolist():
            for k, logit in enumerate(output.relations[window, m, n].tolist()):
                if (window, m, n, k) not in unsure and logit > -torch.inf:
                    total["relation"] += slow.surprise(logit, (window, m, n, k) in triples)
    return {name: value / max(1, int(gold.mention_mask.sum())) for name, value in total.items()}


def losses(case: Case) -> dict[str, float]:
    terms = reader_losses(case.output, case.gold, TOKEN_MASK)
    return {name: term.item() for name, term in terms.items()}


@pytest.mark.parametrize("changed", [
    {},
    # A mention longer than the network can predict, and mentions that are not annotated.
    {"mentions": torch.tensor([[[0, 5], [0, 2], [4, 5]], [[1, 3], [3, 3], [0, 0]]])},
    {"mention_mask": torch.tensor([[True, False, False], [False] * 3])},
    # Starts, types, links, pairs and single relations that are not annotated.
    {"start_mask": TOKEN_MASK & torch.tensor([[True], [False]])},
    {"types": allowed([[0], [], [2]], [[1], [1], [0]])}, {"links": torch.full((2, 3), IGNORE)},
    # Mentions that may have several types.
    {"types": allowed([[0, 3], [], [2]], [[0, 1, 2, 3, 4], [1], [0]])},
    {"pair_mask": torch.zeros(2, 3, 3).bool()},
    {"unsure": torch.tensor([[0, 1, 2, 1], [1, 1, 0, 0]])},
])  # fmt: skip
def test_terms_are_the_decisions_of_their_definition(case: Case, changed: dict[str, Tensor]) -> None:
    case = Case(case.output, case.gold._replace(**changed))
    assert losses(case) == pytest.approx(slow_losses(*case, TOKEN_MASK))


def test_relations_absent_from_a_window_take_no_part(case: Case) -> None:
    relations = case.output.relations.clone()
    relations[1, ..., 0] = -torch.inf
    absent = Case(case.output._replace(relations=relations), case.gold)
    assert losses(absent) == pytest.approx(slow_losses(*absent, TOKEN_MASK))
    assert losses(absent)["relation"] < losses(case)["relation"]


def test_a_gold_entity_that_is_no_candidate_pulls_towards_nme(case: Case) -> None:
    """Target 0 is a choice like any other: the loss falls when NME rises, never when all of them fall."""
    logits = case.output.links.clone().requires_grad_()
    reader_losses(case.output._replace(links=logits), case.gold, TOKEN_MASK)["link"].backward()
    assert logits.grad is not None
    assert logits.grad[0, 2, 0] < 0
    assert (logits.grad[0, 2, 1:] > 0).all()
    assert logits.grad[0, 2].sum().item() == pytest.approx(0)


def test_padding_gets_no_gradient(case: Case) -> None:
    logits = [tensor.clone().requires_grad_() for tensor in case.output[:2] + case.output[4:7]]
    start, end, types, links, relations = logits
    output = case.output._replace(start=start, end=end, types=types, links=links, relations=relations)
    torch.stack([*reader_losses(output, case.gold, TOKEN_MASK).values()]).sum().backward()
    grads = [tensor.grad for tensor in logits if tensor.grad is not None]
    assert all(grad.isfinite().all() and grad.abs().sum() > 0 for grad in grads)
    start, end, types, links, relations = grads
    assert not start[1, 4:].any()
    assert not end[1, 4:].any()
    assert not types[1, 2].any()
    assert not links[1, 2].any()
    assert not links[0, 1].any()  # not looked up
    assert not relations[1, 2].any()
    assert not relations[1, :, 2].any()


def test_windows_without_mentions_train_the_starts(case: Case) -> None:
    none = torch.zeros(2, 0, dtype=torch.long)
    pairs = torch.zeros(2, 0, 0).bool()
    types = none[..., None].expand(2, 0, TYPES).bool()
    gold = Gold(none[..., None].expand(2, 0, 2), none.bool(), types, none, NONE, pairs, TOKEN_MASK, NONE)
    rows = (randn(2, 0, TYPES), randn(2, 0, CANDIDATES), randn(2, 0, 0, RELATIONS))
    empty = Case(ReaderOutput(*case.output[:2], gold.mentions, gold.mention_mask, *rows), gold)
    assert losses(empty) == pytest.approx(slow_losses(*empty, TOKEN_MASK))
    assert [name for name, value in losses(empty).items() if value] == ["start"]


def test_a_teacher_moves_each_target(case: Case) -> None:
    """Sure of the gold it changes nothing; otherwise the loss is least where the student says what it says."""
    output, gold = case
    target = torch.zeros_like(output.start)
    target[0, [0, 4]] = target[1, [1, 3]] = 1.0
    sure = output._replace(start=(2 * target - 1) * 60)
    taught = reader_losses(output, gold, TOKEN_MASK, Soft(sure, 0.5))
    assert taught["start"].item() == pytest.approx(losses(case)["start"])
    alone = reader_losses(output, gold, TOKEN_MASK, Soft(output, 1.0))
    for name in ("types", "links", "relations", "start", "end"):
        other = output._replace(**{name: getattr(output, name) * 1.3})
        terms = reader_losses(other, gold, TOKEN_MASK, Soft(output, 1.0))
        assert terms[name.removesuffix("s")].item() > alone[name.removesuffix("s")].item()


def test_soft_targets_are_a_mean_of_two_losses(case: Case) -> None:
    output, gold = case
    torch.manual_seed(4)
    teacher = output._replace(relations=output.relations + 1, types=randn(2, 3, TYPES), links=output.links * 0.5)
    ends, middle = ((reader_losses(output, gold, TOKEN_MASK, Soft(teacher, share))) for share in (1.0, 0.25))
    for name, hard in losses(case).items():
        assert middle[name].item() == pytest.approx(0.75 * hard + 0.25 * ends[name].item())
        assert torch.isfinite(middle[name])
