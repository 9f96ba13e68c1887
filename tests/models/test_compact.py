"""The compact encoder against loops, and that a window means the same alone, in company and in any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from relik_ml.models.batch import Hits, ReaderBatch, ReaderOutput
from relik_ml.models.compact import (
    BagEncoder,
    BiLSTM,
    CompactConfig,
    CompactEncoder,
    CoverEncoder,
    PassageEncoder,
)
from relik_ml.models.config import HeadConfig, Thresholds
from relik_ml.models.reader import ReaderModel

from . import slow

FEATURES, GRAMMEMES, PASSAGES, TYPES = 3, 4, 9, 2
CONFIG = CompactConfig(
    words=20, lemmas=15, grammemes=GRAMMEMES, shapes=6, word_width=5, lemma_width=4, shape_width=3, hidden=6,
    hit_features=FEATURES,
)  # fmt: skip
ALL = Thresholds(0, 0)
"""Believe every span, so that all of them are compared."""


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(5)


class Text(NamedTuple):
    """One window in numbers: passages by place, hits as (first, last, candidate from 1)."""

    words: Tensor
    lemmas: Tensor
    shapes: Tensor
    grammemes: Tensor
    entities: list[int]
    relations: list[int]
    hits: list[tuple[int, int, int]]
    features: Tensor


def text(tokens: int, entities: int = 3, relations: int = 2, hits: Sequence[tuple[int, int, int]] = ()) -> Text:
    return Text(
        torch.randint(1, 20, (tokens, 2)),
        torch.randint(1, 15, (tokens,)),
        torch.randint(1, 6, (tokens,)),
        torch.randint(0, 2, (tokens, GRAMMEMES)).float(),
        torch.randint(0, PASSAGES, (entities,)).tolist(),
        torch.randint(0, PASSAGES, (relations,)).tolist(),
        list(hits),
        torch.randn(len(hits), FEATURES),
    )


def filled(rows: Sequence[Tensor], length: int) -> Tensor:
    return torch.stack([torch.cat([row, row.new_zeros(length - len(row), *row.shape[1:])]) for row in rows])


def upto(lengths: Sequence[int], most: int) -> Tensor:
    return torch.arange(most) < torch.tensor(lengths)[:, None]


def together(texts: Sequence[Text], passages: tuple[Tensor, Tensor], padding: int = 0) -> ReaderBatch:
    tokens = max(len(each.words) for each in texts) + padding
    candidates = max(len(each.entities) for each in texts) + padding
    relations = max(len(each.relations) for each in texts) + padding
    rows = [(place, *hit) for place, each in enumerate(texts) for hit in each.hits]
    inputs = {name: filled([getattr(each, name) for each in texts], tokens) for name in Text._fields[:4]}
    inputs |= {
        "names": passages[0],
        "texts": passages[1],
        "types": torch.arange(TYPES),
        "entities": filled([torch.tensor([0, *each.entities]) for each in texts], 1 + candidates),
        "relations": filled([torch.tensor(each.relations, dtype=torch.long) for each in texts], relations),
    }
    return ReaderBatch(
        inputs,
        upto([len(each.words) for each in texts], tokens),
        upto([1 + len(each.entities) for each in texts], 1 + candidates),
        upto([len(each.relations) for each in texts], relations),
        Hits(
            *torch.tensor(rows, dtype=torch.long).view(-1, 4).unbind(1), torch.cat([each.features for each in texts])
        ),
    )


def passages() -> tuple[Tensor, Tensor]:
    """Word rows of names and texts, some with nothing in them."""
    names, texts = torch.randint(1, 20, (PASSAGES, 3)), torch.randint(1, 20, (PASSAGES, 6))
    names[3, 1:], texts[3], texts[5, 2:], names[7] = 0, 0, 0, 0
    return names, texts


def model() -> ReaderModel:
    config = HeadConfig(CONFIG.width, inner=8, max_mention=3, hit_features=FEATURES)
    made = ReaderModel(CompactEncoder(CONFIG), TYPES, config).eval()
    for name, parameter in made.named_parameters():
        if parameter.requires_grad and "norm" not in name:
            nn.init.normal_(parameter, std=0.3)
    return made


TEXTS = (
    lambda: text(6, hits=[(0, 1, 1), (0, 1, 2), (1, 1, 3), (3, 5, 1)]),
    lambda: text(1, entities=1, relations=1, hits=[(0, 0, 1)]),
    lambda: text(4, entities=0),
    lambda: text(5, entities=2, relations=0),
    lambda: text(3, hits=()),
)
"""Ordinary; one token; no candidates; no relations; candidates but no name of theirs."""

PER_WINDOW = ("start", "end", "mentions", "types", "links", "relations")


def described(output: ReaderOutput, row: int, one: Text) -> dict[str, Tensor]:
    """What an output says of one window, without what pads it."""
    count, tokens = int(output.mention_mask[row].sum()), len(one.words)
    reach = [[t, w] for t in range(tokens) for w in range(3) if t + w < tokens]
    return {
        "start": output.start[row, :tokens],
        "end": torch.stack([output.end[row, t, w] for t, w in reach]),
        "mentions": output.mentions[row, :count],
        "types": output.types[row, :count],
        "links": output.links[row, :count, : 1 + len(one.entities)],
        "relations": output.relations[row, :count, :count, : len(one.relations)],
    }


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    for name in PER_WINDOW:
        assert one[name].shape == other[name].shape, name
        assert torch.allclose(one[name].float(), other[name].float(), rtol=0, atol=1e-5), name


@pytest.mark.parametrize("padding", [0, 1, 7])
def test_a_window_means_the_same_alone_and_padded_among_others(padding: int) -> None:
    reader, shared, texts = model(), passages(), [make() for make in TEXTS]
    with torch.no_grad():
        batch = reader(together(texts, shared, padding), ALL)
        for row, one in enumerate(texts):
            alone = reader(together([one], shared), ALL)
            assert_same(described(alone, 0, one), described(batch, row, one))
    spans = [sum(min(3, len(one.words) - t) for t in range(len(one.words))) for one in texts]
    assert batch.mention_mask.sum(1).tolist() == spans


def test_the_order_of_a_batch_changes_nothing() -> None:
    reader, shared, texts = model(), passages(), [make() for make in TEXTS]
    with torch.no_grad():
        there, back = reader(together(texts, shared), ALL), reader(together(texts[::-1], shared), ALL)
    for row, one in enumerate(texts):
        assert_same(described(there, row, one), described(back, len(texts) - 1 - row, one))


def test_a_window_without_candidates_is_all_nme_and_disturbs_nobody() -> None:
    reader, shared = model(), passages()
    one, empty = text(4, hits=[(1, 2, 2)]), text(4, entities=0, relations=0)
    with torch.no_grad():
        alone, both = reader(together([one], shared), ALL), reader(together([empty, one], shared), ALL)
        nothing = reader(together([empty], shared), ALL)
    assert both.links[0].softmax(-1)[..., 0].eq(1).all()
    assert nothing.links.shape[-1] == 1
    assert nothing.relations.shape[-1] == 0
    assert_same(described(alone, 0, one), described(both, 1, one))


def test_a_name_over_a_token_reaches_the_window_before_the_network() -> None:
    """Moving a hit changes the spans that are found: window and passages meet in the one pass."""
    reader, shared, one = model(), passages(), text(5, hits=[(0, 1, 2)])
    with torch.no_grad():
        found = reader(together([one], shared), ALL)
        moved = reader(together([one._replace(hits=[(2, 3, 2)])], shared), ALL)
        other = reader(together([one._replace(hits=[(0, 1, 1)])], shared), ALL)
    assert not torch.allclose(found.start, moved.start)
    assert not torch.allclose(found.start, other.start)


def loop(ahead: nn.LSTM, behind: nn.LSTM, states: Tensor) -> Tensor:
    """Each direction read token by token, one window."""
    sides = []
    for layer, order in ((ahead, range(len(states))), (behind, range(len(states) - 1, -1, -1))):
        memory, said = None, {}
        for place in order:
            said[place], memory = layer(states[None, place : place + 1], memory)
        sides.append(torch.cat([said[place][0] for place in range(len(states))]))
    return torch.cat(sides, dim=-1)


def test_both_directions_start_at_the_ends_of_each_window() -> None:
    layer, states, lengths = BiLSTM(4, 3).double(), torch.randn(4, 6, 4, dtype=torch.float64), [6, 1, 4, 5]
    found = layer(states, upto(lengths, 6))
    for row, length in enumerate(lengths):
        expected = loop(layer.ahead, layer.behind, states[row, :length])
        assert torch.allclose(found[row, :length], expected, atol=1e-12)


def test_passages_are_two_bags_of_words() -> None:
    encoder, (names, texts) = PassageEncoder(5, 6, 0.5).double().eval(), passages()
    vectors = torch.randn(20, 5, dtype=torch.float64)
    vectors[0] = 0
    found = encoder(vectors[names], vectors[texts])
    for row in range(PASSAGES):
        bags = []
        for words in (names[row], texts[row]):
            real = [vectors[word].tolist() for word in words.tolist() if word]
            bags += slow.weighted([1 / len(real)] * len(real), real) if real else [0.0] * 5
        hidden = slow.gelu(slow.linear(encoder.network[1], bags))
        expected = slow.linear(encoder.network[3], hidden)
        mean = sum(expected) / 6
        spread = (sum((x - mean) ** 2 for x in expected) / 6 + 1e-5) ** 0.5
        assert found[row].tolist() == pytest.approx([(x - mean) / spread for x in expected])


def test_a_token_is_covered_by_the_weighted_mean_of_what_is_named_over_it() -> None:
    encoder = CoverEncoder(5, FEATURES).double()
    rows = [(0, 0, 2, 1), (0, 2, 2, 2), (0, 1, 2, 2), (1, 0, 1, 1), (1, 0, 1, 1)]
    index, features = torch.tensor(rows), torch.randn(len(rows), FEATURES, dtype=torch.float64)
    features[0] *= 100  # beyond the clamp
    entities = torch.randn(2, 3, 5, dtype=torch.float64)
    found = encoder(Hits(*index.unbind(1), features), entities, torch.ones(2, 4, dtype=torch.bool))
    for window in range(2):
        for token in range(4):
            total, norm = [0.0] * 5, 0.0
            for (row, first, last, candidate), values in zip(rows, features.tolist(), strict=True):
                if row == window and first <= token <= last:
                    place = (token == first) + 2 * (token == last)
                    weight = torch.tensor(slow.linear(encoder.weight, values)).clamp(-8, 8).exp().item()
                    said = zip(
                        entities[window, candidate].tolist(), slow.linear(encoder.features, values),
                        encoder.places.weight[place].tolist(), strict=True,
                    )  # fmt: skip
                    total, norm = [t + weight * sum(each) for t, each in zip(total, said, strict=True)], norm + weight
            mean = [value / norm for value in total] if norm else None
            expected = slow.linear(encoder.project, slow.gelu(mean)) if mean else [0.0] * 5
            assert found[window, token].tolist() == pytest.approx(expected)


def test_nothing_named_covers_nothing() -> None:
    encoder, none = CoverEncoder(5, FEATURES), torch.zeros(0, dtype=torch.long)
    found = encoder(Hits(none, none, none, none, torch.zeros(0, FEATURES)), torch.randn(2, 3, 5), upto([4, 2], 4))
    assert torch.equal(found, torch.zeros(2, 4, 5))


def test_nme_is_learnt_and_no_passage() -> None:
    encoder, batch = CompactEncoder(CONFIG).eval(), together([text(3), text(2, entities=0)], passages())
    entities = encoder(batch).entities
    assert torch.equal(entities[:, 0], encoder.absent.expand(2, -1))
    first = batch.inputs["entities"][0, 1]
    passages_ = encoder.passages(encoder.vectors(batch.inputs["names"]), encoder.vectors(batch.inputs["texts"]))
    assert torch.allclose(entities[0, 1], passages_[first])


def test_word_vectors_stay_frozen_and_everything_else_learns() -> None:
    reader, batch = model().train(), together([make() for make in TEXTS], passages())
    output = reader(batch, ALL)
    logits = [getattr(output, name) for name in PER_WINDOW if name != "mentions"]
    sum(each[each.isfinite()].square().sum() for each in logits).backward()
    for name, parameter in reader.named_parameters():
        if name == "encoder.vectors.weight":
            assert parameter.grad is None
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name


def test_lemmas_are_hidden_in_training_only_and_padding_never() -> None:
    encoder, lemmas = CompactEncoder(CONFIG), torch.randint(0, 15, (50, 40))
    hidden = encoder.train()._hide(lemmas)
    changed = hidden != lemmas
    assert hidden[changed].eq(1).all()
    assert not changed[lemmas == 0].any()
    assert changed[lemmas > 1].float().mean().item() == pytest.approx(CONFIG.lemma_dropout, abs=0.03)
    assert torch.equal(encoder.eval()._hide(lemmas), lemmas)


def test_an_encoder_without_name_features_needs_no_hits() -> None:
    config = CompactConfig(20, 15, GRAMMEMES, 6, 5, 4, 3, 6)
    reader = ReaderModel(CompactEncoder(config), TYPES, HeadConfig(config.width, inner=8, max_mention=3)).eval()
    none = torch.zeros(0, dtype=torch.long)
    batch = together([text(4)], passages())._replace(hits=Hits(none, none, none, none, torch.zeros(0, 0)))
    assert reader(batch, ALL).links.shape == (1, 4 + 3 + 2, 4)


def test_half_precision_of_a_training_run_reaches_every_part() -> None:
    """accelerate's mixed precision: scattered additions must not meet two kinds of numbers."""
    reader, batch = model(), together([make() for make in TEXTS], passages())
    whole = reader(batch, ALL)
    with torch.autocast("cpu", torch.bfloat16):
        half = reader(batch, ALL)
    for name in PER_WINDOW:
        exact, rough = getattr(whole, name).double(), getattr(half, name).double()
        real = exact.isfinite()
        assert torch.equal(real, rough.isfinite()), name
        assert (exact - rough)[real].abs().max() < 0.05 * exact[real].abs().max(), name


def test_a_bag_is_a_weighted_mean_of_words() -> None:
    vectors = nn.Embedding(20, 5)
    encoder = BagEncoder(vectors, 4).double()
    rows = torch.tensor([[3, 4, 5], [6, 0, 0], [0, 0, 0]])
    found, queries = encoder.passages(rows), encoder.queries(rows)
    for row, words in enumerate(rows.tolist()):
        real = [vectors.weight[word].tolist() for word in words if word]
        weights = slow.softmax([slow.linear(encoder.weight, vector)[0] for vector in real]) if real else []
        bag = slow.weighted(weights, real) if real else vectors.weight[0].tolist()
        for layer, vector in ((encoder.passage, found[row]), (encoder.query, queries[row])):
            expected = slow.linear(layer, bag)
            length = slow.dot(expected, expected) ** 0.5
            assert vector.tolist() == pytest.approx([value / length for value in expected])
    padded = torch.cat([rows, torch.zeros(3, 4, dtype=torch.long)], 1)
    assert torch.allclose(encoder.passages(padded), found)
