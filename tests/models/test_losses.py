"""Every term of the loss against its definition, pair by pair, and what must take no part in it."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from relik_ml.models import IGNORE, Gold, ReaderOutput, reader_losses

from . import slow

TOKEN_MASK = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
NONE = torch.zeros(0, 4).long()
REACH, CANDIDATES, RELATIONS, TYPES = 3, 4, 2, 5


class Case(NamedTuple):
    output: ReaderOutput
    gold: Gold


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
    gold = Gold(mentions, mask, torch.tensor([[0, 4, 2], [1, 1, 0]]), links, triples, pairs, TOKEN_MASK, NONE)
    scores = randn(2, 3, CANDIDATES)
    relations = randn(2, 3, 3, RELATIONS).masked_fill(torch.eye(3, dtype=torch.bool)[..., None], -torch.inf)
    scores[1, :, 3] = -torch.inf
    output = ReaderOutput(randn(2, 6), randn(2, 6, REACH), mentions, mask, randn(2, 3, TYPES), scores, relations)
    return Case(output, gold)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def term(name: str, case: Case, logits: Tensor | None = None, **gold: Tensor) -> Tensor:
    """One term of the loss as a sum, of other logits or other targets than the case's."""
    field = {"link": "links", "type": "types", "relation": "relations"}.get(name, name)
    output = case.output if logits is None else case.output._replace(**{field: logits})
    changed = case.gold._replace(**gold)
    return reader_losses(output, changed, TOKEN_MASK)[name] * changed.mention_mask.sum().clamp(min=1)


def gold_spans(gold: Gold, window: int) -> set[tuple[int, int]]:
    found = zip(gold.mentions[window].tolist(), gold.mention_mask[window].tolist(), strict=True)
    return {(first, last) for (first, last), real in found if real}


def test_start_loss_is_one_decision_a_real_token(case: Case) -> None:
    expected = 0.0
    for window, length in enumerate((6, 4)):
        begun = {first for first, _ in gold_spans(case.gold, window)}
        for token in range(length):
            expected += slow.surprise(case.output.start[window, token].item(), token in begun)
    assert term("start", case).item() == pytest.approx(expected)


def test_end_loss_decides_each_end_that_a_gold_start_can_reach(case: Case) -> None:
    expected = decisions = 0.0
    for window, length in enumerate((6, 4)):
        spans = gold_spans(case.gold, window)
        for s in {first for first, _ in spans}:
            for t in range(s, min(s + REACH, length)):
                expected += slow.surprise(case.output.end[window, s, t - s].item(), (s, t) in spans)
                decisions += 1
    assert decisions == 3 + 2 + 3 + 1
    assert term("end", case).item() == pytest.approx(expected)


def test_a_mention_longer_than_the_network_can_say_is_no_error(case: Case) -> None:
    expected = sum(slow.surprise(case.output.end[0, 0, length].item(), False) for length in range(REACH))
    mentions, mask = case.gold.mentions.clone(), torch.tensor([[True, False, False], [False] * 3])
    mentions[0, 0] = torch.tensor([0, 5])
    assert term("end", case, mentions=mentions, mention_mask=mask).item() == pytest.approx(expected)


def test_link_loss_is_one_choice_for_each_annotated_link(case: Case) -> None:
    scores = case.output.links
    expected = slow.choice(scores[0, 0].tolist(), 2) + slow.choice(scores[0, 2].tolist(), 0)
    expected += slow.choice(scores[1, 0].tolist()[:3], 1)
    assert term("link", case).item() == pytest.approx(expected)


def test_a_gold_entity_that_is_no_candidate_pulls_towards_nme(case: Case) -> None:
    """Target 0 is a choice like any other: the loss falls when NME rises, never when all of them fall."""
    logits = case.output.links.clone().requires_grad_()
    term("link", case, logits).backward()
    assert logits.grad is not None
    assert logits.grad[0, 2, 0] < 0
    assert (logits.grad[0, 2, 1:] > 0).all()
    assert logits.grad[0, 2].sum().item() == pytest.approx(0)


def test_relation_loss_decides_each_annotated_pair_and_relation(case: Case) -> None:
    stated = {tuple(row) for row in case.gold.triples.tolist()}
    expected = 0.0
    for window, mentions in enumerate((3, 2)):
        for m in range(mentions):
            for n in range(mentions):
                for k in range(RELATIONS):
                    if m != n:
                        logit = case.output.relations[window, m, n, k].item()
                        expected += slow.surprise(logit, (window, m, n, k) in stated)
    assert term("relation", case).item() == pytest.approx(expected)


def test_pairs_that_nobody_annotated_take_no_part(case: Case) -> None:
    whole = term("relation", case)
    pairs = case.gold.pair_mask.clone()
    pairs[1] = False
    part = term("relation", case, pair_mask=pairs)
    second = sum(
        slow.surprise(case.output.relations[1, m, 1 - m, k].item(), (m, k) == (0, 1)) for m in (0, 1) for k in (0, 1)
    )
    assert (whole - part).item() == pytest.approx(second)
    assert term("relation", case, pair_mask=torch.zeros_like(pairs)).item() == 0


def test_tokens_and_types_that_nobody_annotated_take_no_part(case: Case) -> None:
    """Window 1 has no bounds, window 0 no second type."""
    starts = TOKEN_MASK & torch.tensor([[True], [False]])
    gold = case.gold._replace(start_mask=starts, types=torch.tensor([[0, IGNORE, 2], [1, 1, 0]]))
    terms, whole = (reader_losses(case.output, each, TOKEN_MASK) for each in (gold, case.gold))
    start, end = (logits.clone().requires_grad_() for logits in (case.output.start, case.output.end))
    (term("start", case, start, start_mask=starts) + term("end", case, end, start_mask=starts)).backward()
    assert start.grad is not None
    assert end.grad is not None
    assert start.grad[0].abs().gt(0).all()
    assert end.grad[0].any()
    assert not start.grad[1].any()
    assert not end.grad[1].any()
    dropped = slow.choice(case.output.types[0, 1].tolist(), 4) / 5
    assert (whole["type"] - terms["type"]).item() == pytest.approx(dropped)
    assert terms["link"] == whole["link"]


def test_what_may_be_said_or_not_takes_no_part(case: Case) -> None:
    unsure = torch.tensor([[0, 1, 2, 1], [1, 1, 0, 0]])
    part = term("relation", case, unsure=unsure)
    dropped = sum(slow.surprise(case.output.relations[tuple(each)].item(), False) for each in unsure.tolist())
    assert (term("relation", case) - part).item() == pytest.approx(dropped)


def test_relations_absent_from_a_window_take_no_part(case: Case) -> None:
    logits = case.output.relations.clone()
    logits[1, ..., 0] = -torch.inf
    dropped = sum(slow.surprise(case.output.relations[1, m, 1 - m, 0].item(), False) for m in (0, 1))
    difference = term("relation", case) - term("relation", case, logits)
    assert difference.item() == pytest.approx(dropped)


def test_terms_are_sums_by_gold_mention(case: Case) -> None:
    terms = reader_losses(case.output, case.gold, TOKEN_MASK)
    assert list(terms) == ["start", "end", "type", "link", "relation"]
    types = [(0, 0, 0), (0, 1, 4), (0, 2, 2), (1, 0, 1), (1, 1, 1)]
    expected = sum(slow.choice(case.output.types[window, m].tolist(), type_) for window, m, type_ in types)
    assert terms["type"].item() == pytest.approx(expected / 5)


def test_padding_gets_no_gradient(case: Case) -> None:
    logits = [tensor.clone().requires_grad_() for tensor in case.output[:2] + case.output[4:7]]
    start, end, types, links, relations = logits
    output = case.output._replace(start=start, end=end, types=types, links=links, relations=relations)
    sum(reader_losses(output, case.gold, TOKEN_MASK).values()).backward()
    grads = [tensor.grad for tensor in logits]
    assert all(grad is not None and grad.isfinite().all() and grad.abs().sum() > 0 for grad in grads)
    assert not start.grad[1, 4:].any()
    assert not end.grad[1, 4:].any()
    assert not types.grad[1, 2].any()
    assert not links.grad[1, 2].any()
    assert not links.grad[0, 1].any()  # nobody looked it up
    assert not relations.grad[1, 2].any()
    assert not relations.grad[1, :, 2].any()


def test_windows_without_mentions_train_the_starts(case: Case) -> None:
    none = torch.zeros(2, 0, dtype=torch.long)
    pairs = torch.zeros(2, 0, 0).bool()
    gold = Gold(none[..., None].expand(2, 0, 2), none.bool(), none, none, NONE, pairs, TOKEN_MASK, NONE)
    start = case.output.start.clone().requires_grad_()
    output = ReaderOutput(
        start, case.output.end, gold.mentions, gold.mention_mask,
        randn(2, 0, TYPES), randn(2, 0, CANDIDATES), randn(2, 0, 0, RELATIONS),
    )  # fmt: skip
    terms = reader_losses(output, gold, TOKEN_MASK)
    expected = sum(slow.surprise(logit, False) for logit in case.output.start[TOKEN_MASK].tolist())
    assert terms["start"].item() == pytest.approx(expected)
    assert [terms[name].item() for name in ("end", "type", "link", "relation")] == [0, 0, 0, 0]
    sum(terms.values()).backward()
    assert start.grad is not None
    assert start.grad[TOKEN_MASK].gt(0).all()
