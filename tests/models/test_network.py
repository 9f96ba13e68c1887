"""The reader as a whole over given states: which spans it predicts, what it says of them, what it leaves out."""

import pytest
import torch
from torch import Tensor, nn

from relik_ml.config import HeadConfig, Thresholds
from relik_ml.models import Encoder, LossWeights, ReaderModel, TorchNetwork, reader_losses, tensors
from relik_ml.network import (
    IGNORE,
    Described,
    Gold,
    NameHits,
    ReaderBatch,
    ReaderOutput,
    Spans,
    States,
    mapped,
    named,
)
from relik_ml.reader import predicted_spans

from . import slow

WIDTH, REACH, TYPES, FEATURES = 4, 3, 3, 2
CONFIG = HeadConfig(WIDTH, inner=3, max_mention=REACH, hit_features=FEATURES, distances=6)
LENGTHS, CANDIDATES, RELATIONS = (5, 3), (3, 1), (2, 1)


class Given(Encoder):
    """An encoder that already knows the answer: the heads see nothing else, so nothing else is needed."""

    def __init__(self, states: States[Tensor]) -> None:
        super().__init__()
        self.states = states

    def forward(self, batch: ReaderBatch[Tensor]) -> States[Tensor]:
        return self.states


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(11)


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def upto(*lengths: int) -> Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def states() -> States[Tensor]:
    return States(randn(2, 5, WIDTH), randn(2, 3, WIDTH), randn(2, 2, WIDTH), randn(TYPES, WIDTH))


def batch(gold: Gold[Tensor] | None = None) -> ReaderBatch[Tensor]:
    where = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 2], [0, 0, 1, 2], [0, 4, 4, 1]])
    hits: NameHits[Tensor] = NameHits._make([*where.unbind(1), randn(4, FEATURES)])
    return ReaderBatch({}, upto(*LENGTHS), upto(*CANDIDATES), upto(*RELATIONS), hits, gold)


def reader(given: States[Tensor], config: HeadConfig = CONFIG, weights: LossWeights = LossWeights()) -> ReaderModel:
    model = ReaderModel(Given(given), TYPES, config, weights).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.6)
    return model


ANNOTATED, NONE = upto(*LENGTHS), torch.zeros(0, 4).long()


def gold() -> Gold[Tensor]:
    mentions = torch.tensor([[[0, 1], [4, 4], [0, 0]], [[0, 2], [0, 0], [0, 0]]])
    mask = upto(3, 1)
    pairs = mask[:, :, None] & mask[:, None] & ~torch.eye(3, dtype=torch.bool)
    links = torch.tensor([[2, 0, IGNORE], [0, IGNORE, IGNORE]])
    types = nn.functional.one_hot(torch.tensor([[0, 1, 2], [2, 0, 0]]), TYPES).bool()
    triples = torch.tensor([[0, 0, 1, 1]])
    return Gold(mentions, mask, types, links, triples, pairs, ANNOTATED, NONE)


def described(model: ReaderModel, item: ReaderBatch[Tensor], spans: Spans[Tensor]) -> Described[Tensor]:
    return model.describe(model.encode(item).states, item, spans)


def test_what_is_said_of_mentions_equals_the_loop() -> None:
    """Types, links with name hits, and relations over [x_s, x_t], softmax(E^T M) X_ST and the expected type."""
    given, item = states(), batch(gold())
    model = reader(given)
    assert item.gold is not None
    assert model.hits is not None
    output = described(model, item, Spans(*item.gold[:2]))
    for row, mask in enumerate(item.gold.mention_mask):
        tokens, symbols = given.tokens[row, : LENGTHS[row]].tolist(), given.entities[row, : CANDIDATES[row]].tolist()
        spans = [(first, last) for first, last in item.gold.mentions[row, : int(mask.sum())].tolist()]
        features, chances = [], []
        for m, (first, last) in enumerate(spans):
            ends = tokens[first] + tokens[last]
            types = slow.symbol_scores(model.types, ends, given.types.tolist())
            links = slow.symbol_scores(model.links, ends, symbols)
            for window, *span, candidate, values in zip(*(part.tolist() for part in item.hits), strict=True):
                if (window, *span) == (row, first, last):
                    links[candidate] += slow.hit_score(model.hits, values)
            assert output.types[row, m].tolist() == pytest.approx(types)
            assert output.links[row, m, : CANDIDATES[row]].tolist() == pytest.approx(links)
            chances.append(slow.softmax(types))
            linked = slow.weighted(slow.softmax(links), symbols)
            features.append(ends + linked + slow.weighted(chances[-1], given.types.tolist()))
        relations = given.relations[row, : RELATIONS[row]].tolist()
        expected = slow.relation_scores(model.relations, tokens, spans, features, chances, relations)
        for (m, n, k), score in expected.items():
            assert output.relations[row, m, n, k].item() == pytest.approx(-torch.inf if m == n else score)


def test_the_loss_is_the_weighted_sum_over_gold_mentions() -> None:
    given, item = states(), batch(gold())
    model = reader(given, weights=LossWeights(1, 2, 3, 4, 5))
    found = model(item)
    assert item.gold is not None
    spans, encoded = Spans(*item.gold[:2]), model.encode(item)
    output = ReaderOutput(encoded.start, encoded.end, *spans, *described(model, item, spans))
    terms = reader_losses(output, item.gold, item.token_mask)
    assert {name: term.item() for name, term in found.terms.items()} == {name: t.item() for name, t in terms.items()}
    weighted = [weight * terms[name].item() for weight, name in enumerate(terms, 1)]
    assert list(terms) == ["start", "end", "type", "link", "relation"]
    assert found.loss.item() == pytest.approx(sum(weighted))


def test_every_weight_learns_from_the_loss() -> None:
    model = reader(states())
    model(batch(gold())).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def naive(start: Tensor, end: Tensor, lengths: tuple[int, ...], thresholds: Thresholds) -> list[list[list[int]]]:
    found: list[list[list[int]]] = []
    for row, length in enumerate(lengths):
        found.append([])
        for s in range(length):
            for t in range(s, min(s + end.shape[2], length)):
                sure = slow.sigmoid(end[row, s, t - s].item()) > thresholds.end
                if slow.sigmoid(start[row, s].item()) > thresholds.start and sure:
                    found[-1].append([s, t])
    return found


@pytest.mark.parametrize("thresholds", [Thresholds(), Thresholds(0.2, 0.7), Thresholds(0, 0), Thresholds(1, 0)])
@pytest.mark.parametrize("lengths", [(5, 3), (1, 1), (1, 4)])
def test_predicted_spans_are_those_above_both_thresholds(lengths: tuple[int, ...], thresholds: Thresholds) -> None:
    for _ in range(20):
        start, end = randn(len(lengths), max(lengths)), randn(len(lengths), max(lengths), REACH)
        mentions, mask = predicted_spans(start.numpy(), end.numpy(), upto(*lengths).numpy(), thresholds)
        expected = naive(start, end, lengths, thresholds)
        assert [rows[real].tolist() for rows, real in zip(mentions, mask, strict=True)] == expected
        assert mask.shape[1] == max(map(len, expected))
        assert not mentions[~mask].any()


def test_texts_without_any_mention_are_no_error() -> None:
    network, item = TorchNetwork(reader(states())), mapped(batch(), lambda tensor: tensor.numpy())
    encoded = network.encode(item)
    spans = predicted_spans(encoded.start, encoded.end, item.token_mask, Thresholds(start=1.0))
    output = network.describe(encoded.states, item, spans)
    shapes = [spans.mentions.shape, *(array.shape for array in output)]
    assert shapes == [(2, 0, 2), (2, 0, TYPES), (2, 0, 3), (2, 0, 0, 2)]


def test_batch_without_candidates_still_has_mentions() -> None:
    given = states()
    given = given._replace(relations=given.relations[:, :0], entities=given.entities[:, :1])
    item = batch(gold()._replace(triples=torch.zeros(0, 4).long(), links=torch.zeros(2, 3).long()))
    hits = NameHits(*(part[:0] for part in item.hits))
    item = item._replace(relation_mask=torch.zeros(2, 0).bool(), entity_mask=upto(1, 1), hits=hits)
    model = reader(given)
    assert item.gold is not None
    output, found = described(model, item, Spans(*item.gold[:2])), model(item)
    assert output.relations.shape == (2, 3, 3, 0)
    assert output.links.shape == (2, 3, 1)
    assert found.terms["relation"].item() == 0
    assert found.terms["link"].item() == pytest.approx(0)
    assert found.loss.isfinite()


def test_moving_a_batch_moves_everything() -> None:
    arrays = mapped(batch(gold())._replace(given=Spans(*gold()[:2])), lambda tensor: tensor.numpy())
    moved = named(tensors(arrays, "meta"))
    assert {tensor.device.type for tensor in moved.values()} == {"meta"}
    assert len(moved) == len(named(arrays)) == 3 + len(NameHits._fields) + len(Gold._fields) + len(Spans._fields)
