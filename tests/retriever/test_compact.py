"""The compact bi-encoder over texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from relik_ml.errors import ModelError
from relik_ml.models.compact import BagEncoder
from relik_ml.models.weights import packed
from relik_ml.retriever.compact import PASSAGE_WORDS, QUERY_WORDS, CompactTextEncoder
from relik_ml.retriever.encode import PassageEncoder
from relik_ml.text.lexicon import Lexicon

WORDS = ("москва", "столица", "россии", "минск", "город", "река", "елка")


@pytest.fixture
def encoder() -> CompactTextEncoder:
    return make()


def make(words: tuple[str, ...] = WORDS, seed: int = 0) -> CompactTextEncoder:
    torch.manual_seed(seed)
    vectors = torch.nn.Embedding(len(words) + 2, 8, padding_idx=0)
    return CompactTextEncoder(BagEncoder(vectors, 4), Lexicon(words, (), ()))


def test_it_is_an_encoder_of_unit_vectors(encoder: CompactTextEncoder) -> None:
    assert isinstance(encoder, PassageEncoder)
    assert encoder.dimension == 4
    for encode in (encoder.queries, encoder.passages):
        found = encode(["Москва — столица России", "Минск", "", "неизвестные слова", " \n", "\ud800"])
        assert found.shape == (6, 4)
        assert found.dtype == np.float32
        assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
        assert encode([]).shape == (0, 4)


def test_the_formula_by_hand(encoder: CompactTextEncoder) -> None:
    """softmax(w · x) weighs the words of a bag; one linear layer each for queries and passages; length one."""
    model = encoder.model
    rows = model.vectors.weight[[2, 3, 4]].double()
    weights = torch.softmax(rows @ model.weight.weight[0].double() + model.weight.bias.double(), 0)
    bag = (weights[:, None] * rows).sum(0)
    for encode, layer in ((encoder.queries, model.query), (encoder.passages, model.passage)):
        expected = layer.weight.double() @ bag + layer.bias.double()
        expected = expected / expected.norm()
        assert encode(["Москва — это столица России!"])[0] == pytest.approx(expected.detach().numpy(), abs=1e-5)


def test_queries_and_passages_have_a_last_layer_each(encoder: CompactTextEncoder) -> None:
    assert not np.allclose(encoder.queries(["Москва"]), encoder.passages(["Москва"]))


def test_case_yo_and_unknown_words_do_not_matter(encoder: CompactTextEncoder) -> None:
    same = encoder.queries(["ёлка", "ЕЛКА", "Елка", "так называемая Ёлка"])
    assert same == pytest.approx(np.tile(same[:1], (4, 1)), abs=1e-6)


def test_company_and_padding_do_not_matter(encoder: CompactTextEncoder) -> None:
    texts = ["Минск", "Москва столица России город река", "", "река " * 900] * 150
    together = encoder.queries(texts)
    assert len(texts) > 512
    alone = np.concatenate([encoder.queries([text]) for text in texts[:4]])
    assert together == pytest.approx(np.tile(alone, (150, 1)), abs=1e-5)


def test_texts_are_cut_after_so_many_known_words(encoder: CompactTextEncoder) -> None:
    for encode, limit in ((encoder.queries, QUERY_WORDS), (encoder.passages, PASSAGE_WORDS)):
        texts = ["Минск " * limit, "Минск и " * limit + "река " * 9, "Минск " * (limit - 1) + "река"]
        whole, more, less = encode(texts)
        assert whole == pytest.approx(more, abs=1e-6)
        assert not np.allclose(whole, less, atol=1e-6)


def test_gradients_reach_all_but_the_words(encoder: CompactTextEncoder) -> None:
    encoder.model.vectors.weight.requires_grad_(False)
    queries, passages = encoder.embed_queries(["Москва река"]), encoder.embed_passages(["Минск город", ""])
    (queries @ passages.T).sum().backward()
    for name, parameter in encoder.model.named_parameters():
        assert (parameter.grad is None) == (name == "vectors.weight"), name
        assert parameter.grad is None or parameter.grad.isfinite().all()


def test_encoding_keeps_no_graph_and_the_numbers_of_training(encoder: CompactTextEncoder) -> None:
    assert encoder.queries(["Москва"]) == pytest.approx(encoder.embed_queries(["Москва"]).detach().numpy(), abs=1e-6)


def test_the_fingerprint_knows_every_weight_and_word() -> None:
    encoder = make()
    before = encoder.fingerprint
    assert before == make().fingerprint
    assert before != make(("другое", *WORDS[1:])).fingerprint
    for parameter in encoder.model.parameters():
        with torch.no_grad():
            parameter.view(-1)[-1] += 1e-3
        after = encoder.fingerprint
        assert after != before
        before = after


def test_saved_and_loaded(encoder: CompactTextEncoder, tmp_path: Path) -> None:
    encoder.model.vectors.weight.data.copy_(packed(encoder.model.vectors.weight))
    encoder.save_pretrained(tmp_path)
    again = CompactTextEncoder.from_pretrained(tmp_path)
    texts = ["Москва — столица России", "", "река"]
    assert again.fingerprint == encoder.fingerprint
    assert np.array_equal(again.queries(texts), encoder.queries(texts))
    assert np.array_equal(again.passages(texts), encoder.passages(texts))
    assert not again.model.vectors.weight.requires_grad


@pytest.mark.parametrize("name", ["words.json", "words.safetensors", "retriever.safetensors"])
def test_what_is_no_compact_encoder(encoder: CompactTextEncoder, tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="no compact encoder") as error:
        CompactTextEncoder.from_pretrained(tmp_path)
    assert error.value.where == str(tmp_path)
    encoder.save_pretrained(tmp_path)
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ModelError, match="no compact encoder"):
        CompactTextEncoder.from_pretrained(tmp_path)


def test_lengths_and_deferred_vectors(encoder: CompactTextEncoder) -> None:
    texts = ["Москва — столица", "", "Минск " * 900]
    assert encoder.query_lengths(texts) == [2, 0, QUERY_WORDS]
    assert encoder.passage_lengths(texts) == [2, 0, PASSAGE_WORDS]
    assert torch.equal(encoder.defer_queries(texts)(), encoder.embed_queries(texts))
    assert torch.equal(encoder.defer_passages(texts)(), encoder.embed_passages(texts))
