"""The encoder that reads windows and passages apart: shapes, windows that do not see each other, names over words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from relik_ml import Relik
from relik_ml.config import ApartConfig, TransformerConfig
from relik_ml.models import ApartEncoder, CoverEncoder, tensors
from relik_ml.network import NameHits, ReaderBatch
from relik_ml.text import windows
from relik_ml.training import model_of
from relik_ml.types import Document, Entry, Retrieved
from tests.corpus import RELATIONS, documents

BODY = TransformerConfig(vocabulary=50, width=64, layers=2, heads=4, inner=128, positions=32)
PADDING, FEATURES = 1, 3


@pytest.fixture
def encoder() -> ApartEncoder:
    torch.manual_seed(0)
    made = ApartEncoder(ApartConfig(BODY, PADDING, FEATURES)).eval()
    made.body.words.pack(torch.randn(50, 64))
    return made


def train_cover(encoder: ApartEncoder) -> None:
    """As if it had been trained: an untrained one adds nothing."""
    assert encoder.cover is not None
    torch.nn.init.normal_(encoder.cover.project.weight, std=0.5)
    torch.nn.init.normal_(encoder.cover.project.bias)


def hits(*rows: tuple[int, int, int, int], features: int = FEATURES) -> NameHits[Tensor]:
    """Window, first, last and candidate of each, with some features."""
    columns = torch.tensor(rows, dtype=torch.long).view(-1, 4).unbind(1)
    torch.manual_seed(3)
    return NameHits._make([*columns, torch.randn(len(rows), features)])


def batch_of(found: NameHits[Tensor]) -> ReaderBatch[Tensor]:
    """Windows of four and two words; three candidates and one; seven passages, of which the last has no text."""
    inputs = {
        "ids": torch.tensor([[0, 5, 6, 7, 8, 9, 2], [0, 5, 6, 2, 1, 1, 1]]),
        "mask": torch.tensor([[1] * 7, [1] * 4 + [0] * 3]),
        "words": torch.tensor([[1, 2, 4, 5], [1, 2, 0, 0]]),
        "names": torch.tensor([[10, 11], [12, 1], [13, 14], [15, 1], [16, 17], [18, 1], [19, 1]]),
        "texts": torch.tensor([[20, 1, 1], [21, 22, 1], [23, 24, 25], [26, 1, 1], [27, 28, 1], [29, 1, 1], [1, 1, 1]]),
        "types": torch.tensor([0, 1]),
        "entities": torch.tensor([[0, 2, 3, 4], [0, 3, 0, 0]]),
        "relations": torch.tensor([[5, 6], [6, 0]]),
    }
    words = torch.tensor([[True] * 4, [True, True, False, False]])
    entities = torch.tensor([[True] * 4, [True, True, False, False]])
    return ReaderBatch(inputs, words, entities, torch.tensor([[True, True], [True, False]]), found)


def alone(batch: ReaderBatch[Tensor], row: int) -> ReaderBatch[Tensor]:
    """One window of a batch, without its padding; passages stay where they are."""
    counts = {name: int(mask[row].sum()) for name, mask in zip("ter", batch[1:4], strict=True)}
    length = int(batch.inputs["mask"][row].sum())
    sizes = {"ids": length, "mask": length, "words": counts["t"], "entities": counts["e"], "relations": counts["r"]}
    inputs = {
        name: tensor[row : row + 1, : sizes[name]] if name in sizes else tensor for name, tensor in batch.inputs.items()
    }
    mine = batch.hits.window == row
    found = NameHits(*(each[mine] for each in batch.hits))._replace(
        window=torch.zeros(int(mine.sum()), dtype=torch.long)
    )
    tokens, entities, relations = (torch.ones(1, counts[name], dtype=torch.bool) for name in "ter")
    return ReaderBatch(inputs, tokens, entities, relations, found)


HITS = hits((0, 0, 0, 1), (0, 1, 3, 2), (0, 1, 1, 3), (1, 0, 1, 1))


def test_shapes(encoder: ApartEncoder) -> None:
    states = encoder(batch_of(HITS))
    assert [tuple(each.shape) for each in states] == [(2, 4, 64), (2, 4, 64), (2, 2, 64), (2, 64)]
    assert all(torch.equal(row, encoder.absent) for row in states.entities[:, 0])
    empty = encoder(batch_of(hits()))
    assert [each.shape for each in empty] == [each.shape for each in states]


@torch.inference_mode()
def test_a_window_does_not_depend_on_the_others(encoder: ApartEncoder) -> None:
    train_cover(encoder)
    batch = batch_of(HITS)
    together = encoder(batch)
    for row in (0, 1):
        single = encoder(alone(batch, row))
        for name, mask in (("tokens", batch.token_mask), ("entities", batch.entity_mask), ("relations", batch[3])):
            ours, its = getattr(together, name)[row][mask[row]], getattr(single, name)[0]
            torch.testing.assert_close(ours, its, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(together.types, single.types)


@torch.inference_mode()
def test_a_passage_is_one_wherever_it_is_a_candidate(encoder: ApartEncoder) -> None:
    states = encoder(batch_of(HITS))
    assert torch.equal(states.entities[0, 2], states.entities[1, 1])
    assert torch.equal(states.relations[0, 1], states.relations[1, 0])
    assert not torch.allclose(states.entities[0, 1], states.entities[0, 2])


@torch.inference_mode()
def test_order_and_padding_of_subwords_do_not_change_a_passage(encoder: ApartEncoder) -> None:
    batch = batch_of(hits())
    texts = torch.nn.functional.pad(batch.inputs["texts"].flip(1), (1, 2), value=PADDING)
    turned = batch._replace(inputs={**batch.inputs, "texts": texts})
    for one, other in zip(encoder(batch), encoder(turned), strict=True):
        torch.testing.assert_close(one, other)


# Names over words


def test_an_untrained_cover_adds_nothing_and_learns(encoder: ApartEncoder) -> None:
    without = replace(encoder.config, hit_features=0)
    plain = ApartEncoder(without).eval()
    plain.load_state_dict({name: each for name, each in encoder.state_dict().items() if "cover" not in name})
    assert plain.cover is None
    for ours, its in zip(encoder(batch_of(HITS)), plain(batch_of(hits(features=0))), strict=True):
        assert torch.equal(ours, its)
    encoder(batch_of(HITS)).tokens.square().sum().backward()
    assert encoder.cover is not None
    assert encoder.cover.project.weight.grad is not None
    assert encoder.cover.project.weight.grad.any()


def slow_cover(cover: CoverEncoder, found: NameHits[Tensor], entities: Tensor, shape: torch.Size) -> Tensor:
    """Word by word, hit by hit."""
    made = torch.zeros(*shape, entities.shape[-1])
    for window in range(shape[0]):
        for word in range(shape[1]):
            told, weights = [], []
            for row in range(len(found.window)):
                first, last = int(found.first[row]), int(found.last[row])
                if int(found.window[row]) == window and first <= word <= last:
                    place = 3 if first == last else 1 if word == first else 2 if word == last else 0
                    passage = entities[window, int(found.candidate[row])]
                    told.append(passage + cover.features(found.features[row]) + cover.positions.weight[place])
                    weights.append(cover.weight(found.features[row]).exp())
            if told:
                mean = sum(w * each for w, each in zip(weights, told, strict=True)) / sum(weights)
                made[window, word] = cover.project(torch.nn.functional.gelu(mean))
    return made


@torch.inference_mode()
def test_the_cover_is_a_weighted_mean(encoder: ApartEncoder) -> None:
    train_cover(encoder)
    assert encoder.cover is not None
    batch = batch_of(HITS)
    entities = encoder(batch).entities
    found = encoder.cover(batch.hits, entities, batch.token_mask)
    torch.testing.assert_close(found, slow_cover(encoder.cover, HITS, entities, batch.token_mask.shape))


# The model that knows our twenty documents


def retrieved(relik: Relik, texts: Sequence[str]) -> list[Retrieved]:
    views = [windows(Document(f"d{number}", text), 48, 32)[0] for number, text in enumerate(texts)]
    return relik.retriever(views)


@torch.inference_mode()
def test_a_trained_model_sees_names(tiny: Relik) -> None:
    (item,) = retrieved(tiny, ["Вчера Москва проснулась рано."])
    assert item.hits
    encoder, encode = model_of(tiny).encoder, tiny.reader.encode
    seen, unseen = (encoder(tensors(encode([each]))).tokens[0] for each in (item, replace(item, hits=())))
    assert (seen[1] - unseen[1]).norm() > 0.1 * unseen[1].norm()


# New types and relations by their descriptions


def answers(relik: Relik) -> tuple[set[tuple[str, int, int, str, str | None]], set[tuple[str, str, str, str]]]:
    mentions, facts = set(), set()
    for document in relik.annotate([Document(each.id, each.text) for each in documents()]):
        spans = {mention.id: document.surface(mention) for mention in document.mentions}
        mentions |= {(document.id, *m.span, m.type, m.link.id) for m in document.mentions}
        facts |= {(document.id, spans[t.subject], t.relation, spans[t.object]) for t in document.triples}
    return mentions, facts


def told_anew(entry: Entry, words: Mapping[str, tuple[str, str]]) -> Entry:
    """Another id, name and text, if it has one of these ids."""
    if entry.id not in words:
        return entry
    name, text = words[entry.id]
    return replace(entry, id=f"NEW_{entry.id}", name=name, text=text)


def with_relations(relik: Relik, relations: Sequence[Any], folder: Any) -> Relik:
    """The same weights over an index with other relations."""
    from relik_ml.index import PassageIndex
    from relik_ml.names import NameIndex
    from relik_ml.retriever import Retriever

    old = relik.retriever
    assert old.names is not None
    rows = [old.index.entries[row] for row in old.index.by_kind("entity")]
    extra = {"names": old.index.extra["names"]}
    index = PassageIndex.build([*rows, *relations], None, folder, extra=extra)
    retriever = Retriever(index, NameIndex(extra["names"], old.names.lemma), None, old.config)
    return Relik(retriever, relik.reader, relik.settings)


def test_a_relation_is_what_its_description_says(tiny: Relik, tmp_path: Any) -> None:
    told = {"PLACE_OF_BIRTH": ("место рождения", "где родился"), "WORKS_AS": ("профессия", "работает кем человек")}
    relations = [told_anew(entry, told) for entry in RELATIONS]
    before, after = answers(tiny)[1], answers(with_relations(tiny, relations[::-1], tmp_path / "index"))[1]
    for id in told:
        old = {(document, subject, object_) for document, subject, name, object_ in before if name == id}
        new = {(document, subject, object_) for document, subject, name, object_ in after if name == f"NEW_{id}"}
        assert len(old) > 4
        assert len(old & new) >= 0.8 * len(old), id
    assert not {name for *_, name, _ in after} & told.keys()
