"""Text to vectors: prefixes, truncation, special tokens in user text, and a tokenizer that stays what it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from relik_ml.encoders import TextEncoder
from relik_ml.errors import ModelError
from relik_ml.models import BiEncoder
from tests.models.slow_xlmr import random_xlmr

transformers = pytest.importorskip("transformers", reason="the transformer encoder needs the extra relik-ml[train]")
tokenizers = pytest.importorskip("tokenizers")

CORPUS = [
    "query: Владимир Владимирович родился в Ленинграде и учился в университете.",
    "passage: Москва — столица России, город на реке Москве.",
    "Анна\u00a0Ахматова писала стихи; поэт жил в\u00a0Петербурге <100 лет назад>.",
]
SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}


def make_tokenizer() -> Any:
    """A unigram tokenizer over three Russian sentences, with XLM-R's special tokens; NBSP is a piece of its own."""
    made = tokenizers.Tokenizer(tokenizers.models.Unigram())
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    trainer = tokenizers.trainers.UnigramTrainer(
        vocab_size=130, special_tokens=list(SPECIAL.values()), unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(CORPUS, trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=24, **SPECIAL)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture
def make(tokenizer: Any) -> Callable[..., TextEncoder]:
    return lambda **settings: TextEncoder(BiEncoder(random_xlmr(len(tokenizer))), tokenizer, **settings)


def test_prefixes_are_put_before_the_text(make: Callable[..., TextEncoder]) -> None:
    plain = make(query_prefix="", passage_prefix="")
    assert np.allclose(make().queries(["Москва"]), plain.queries(["query: Москва"]))
    assert np.allclose(make().passages(["Москва"]), plain.queries(["passage: Москва"]))
    assert not np.allclose(make().queries(["Москва"]), make().passages(["Москва"]), atol=1e-6)


def test_batching_and_order_change_nothing(make: Callable[..., TextEncoder]) -> None:
    texts = ["Москва", "Анна писала стихи", "", "поэт", "город на реке"]
    together = make(batch_size=2).queries(texts)
    alone = np.concatenate([make().queries([text]) for text in texts])
    assert together.dtype == np.float32
    assert np.allclose(together, alone, atol=1e-6)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert make().queries([]).shape == (0, 16)


def test_truncation_is_counted(make: Callable[..., TextEncoder]) -> None:
    encoder = make(max_length=16, query_prefix="")
    encoder.queries(["поэт", "поэт " * 100, "Москва"])
    assert encoder.truncated == 1
    encoder.queries(["Москва " * 100])
    assert encoder.truncated == 2
    assert encoder.tokens(["поэт " * 100])[0].shape == (1, 16)
    assert make(max_length=9999).max_length == 24  # never longer than the tokenizer's own limit


def test_special_tokens_cannot_be_written_by_a_user(make: Callable[..., TextEncoder], tokenizer: Any) -> None:
    assert 2 in tokenizer("</s>", split_special_tokens=True, add_special_tokens=False)["input_ids"]  # the trap
    ids, mask = make().tokens(["</s> <mask> <pad> <s> город</s>", "поэт"])
    for row, keep in zip(ids.tolist(), mask.bool().tolist(), strict=True):
        kept = [token for token, kept in zip(row, keep, strict=True) if kept]
        assert (kept[0], kept[-1]) == (0, 2)
        assert not {0, 1, 2, tokenizer.mask_token_id} & set(kept[1:-1])


def test_fingerprint_names_weights_tokenizer_and_settings(make: Callable[..., TextEncoder], tmp_path: Path) -> None:
    encoder = make()
    encoder.save_pretrained(tmp_path)
    again = TextEncoder.from_pretrained(tmp_path)
    assert encoder.fingerprint == make().fingerprint == again.fingerprint
    assert np.array_equal(encoder.queries(CORPUS), again.queries(CORPUS))
    assert make(query_prefix="вопрос: ").fingerprint != encoder.fingerprint
    with torch.no_grad():
        next(again.model.parameters())[0, 0] += 1e-3
    assert again.fingerprint != encoder.fingerprint
    path = tmp_path / "tokenizer.json"
    settings = json.loads(path.read_text("utf-8"))
    settings["model"]["vocab"][9][1] -= 1
    path.write_text(json.dumps(settings), "utf-8")
    assert TextEncoder.from_pretrained(tmp_path).fingerprint != encoder.fingerprint


def test_prefixes_and_length_are_saved(make: Callable[..., TextEncoder], tmp_path: Path) -> None:
    encoder = make(query_prefix="", passage_prefix="строка: ", max_length=9)
    encoder.save_pretrained(tmp_path)
    again = TextEncoder.from_pretrained(tmp_path)
    assert (again.query_prefix, again.passage_prefix, again.max_length) == ("", "строка: ", 9)
    assert TextEncoder.from_pretrained(tmp_path, max_length=7).max_length == 7
    (tmp_path / "text_encoder.json").write_text("{}")
    with pytest.raises(ModelError, match="settings"):
        TextEncoder.from_pretrained(tmp_path)
    (tmp_path / "text_encoder.json").unlink()
    assert TextEncoder.from_pretrained(tmp_path).passage_prefix == "passage: "


def test_lengths_are_those_of_the_tokens(make: Callable[..., TextEncoder]) -> None:
    encoder = make()
    texts = ["Москва", "", "</s> поэт", "поэт " * 100, "\ud800"]
    queries, passages = encoder.prefixed(texts, "query"), encoder.prefixed(texts, "passage")
    for prefixed, prefix in ((queries, "query: "), (passages, "passage: ")):
        assert prefixed == [prefix + text for text in texts]
        assert encoder.lengths(prefixed) == encoder.tokens(prefixed)[1].sum(1).tolist()


def test_an_e5_shaped_folder_against_a_slow_reference(checkpoints: Path) -> None:
    """The tokenizer's own library, the weights as they lie in the file, XLM-R by hand: no code of ours, no padding."""
    from safetensors.torch import load_file

    from tests.models.slow_xlmr import slow

    folder = checkpoints / "xlmr"
    encoder = TextEncoder.from_pretrained(folder)
    made, weights = (
        tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")),
        load_file(folder / "model.safetensors"),
    )
    texts = ["Анна Ахматова", "Москва — столица России, город на реке Москве; " * 4, "", "поэт\u00a0жил"]
    for prefix, encode in (("query: ", encoder.queries), ("passage: ", encoder.passages)):
        expected = torch.stack([slow(weights, made.encode(prefix + text).ids, heads=4) for text in texts])
        assert torch.allclose(torch.from_numpy(encode(texts)).double(), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["mdeberta", "e5-small", "modernbert", "mmbert"])
def test_other_architectures_there_and_back(checkpoints: Path, tmp_path: Path, name: str) -> None:
    """Unit vectors that do not depend on what else is in the batch, and the same ones from a folder of our own."""
    encoder = TextEncoder.from_pretrained(checkpoints / name)
    texts = ["Анна Ахматова", "Москва — столица России, город на реке Москве; " * 4, "", "поэт\u00a0жил"]
    vectors = encoder.passages(texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.allclose(vectors, np.concatenate([encoder.passages([text]) for text in texts]), atol=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    encoder.save_pretrained(tmp_path)
    assert (TextEncoder.from_pretrained(tmp_path).passages(texts) == vectors).all()


# The tokenizer
