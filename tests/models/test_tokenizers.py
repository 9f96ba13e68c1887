"""Ids of two hundred probes: those of SentencePiece itself, whatever transformers makes of a tokenizer.

AutoTokenizer of transformers 5 leaves out the normaliser of a DeBERTa's SentencePiece model.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from relik_ml.errors import ModelError
from relik_ml.retriever import load_tokenizer, save_tokenizer
from relik_ml.retriever.sentencepiece import read_model
from tests.probes import PROBES
from tests.sentencepiece_models import train

transformers = pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")

GOLDEN = Path(__file__).with_name("golden")
LAYOUTS = pytest.mark.parametrize("file", ["spm.model", "sentencepiece.bpe.model"])
SPECIAL = {
    "spm.model": {"pad": 0, "cls": 1, "sep": 2, "unk": 3, "mask": -1},
    "sentencepiece.bpe.model": {"cls": 0, "pad": 1, "sep": 2, "unk": 3, "mask": -1},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each file name, with a model and the settings that are published beside it."""
    pytest.importorskip("sentencepiece", reason="the reference of these ids")
    folders = {}
    for file in SPECIAL:
        folder = folders[file] = tmp_path_factory.mktemp("spm")
        (folder / file).write_bytes(train(file))
        (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}', "utf-8")
    return folders


def reference(folder: Path, file: str, texts: tuple[str, ...] = PROBES) -> list[list[int]]:
    """The library's ids, moved to where the architecture has them."""
    import sentencepiece

    found = sentencepiece.SentencePieceProcessor(model_file=str(folder / file)).encode(list(texts))
    return found if file == "spm.model" else [[id + 1 if id else 3 for id in ids] for ids in found]


def ids_of(tokenizer: Any, texts: tuple[str, ...] = PROBES) -> list[list[int]]:
    return [tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"] for text in texts]


def test_two_hundred_probes() -> None:
    assert len(PROBES) == len(set(PROBES)) == 200


def test_golden_ids() -> None:
    """Of a small model that lies beside this file; ``tests.sentencepiece_models.write_golden`` made it."""
    tokenizer = load_tokenizer(GOLDEN)
    golden = json.loads((GOLDEN / "ids.json").read_text("utf-8"))
    assert [probe for probe, one, other in zip(PROBES, ids_of(tokenizer), golden, strict=True) if one != other] == []
    assert tokenizer("Москва")["input_ids"] == [1, *ids_of(tokenizer, ("Москва",))[0], 2]


@LAYOUTS
def test_ids_are_sentencepieces_own(models: dict[str, Path], file: str) -> None:
    found = ids_of(load_tokenizer(models[file]))
    wrong = [
        probe
        for probe, *pair in zip(PROBES, found, reference(models[file], file), strict=True)
        if len({*map(tuple, pair)}) > 1
    ]
    assert wrong == []


@LAYOUTS
def test_special_tokens_are_the_architectures(models: dict[str, Path], file: str) -> None:
    tokenizer = load_tokenizer(models[file])
    last = len(tokenizer) - 1
    expected = {name: id if id >= 0 else last for name, id in SPECIAL[file].items()}
    assert {name: getattr(tokenizer, f"{name}_token_id") for name in expected} == expected
    found = tokenizer("поэт", "город")["input_ids"]
    one, other = ids_of(tokenizer, ("поэт", "город"))
    assert found == [expected["cls"], *one, expected["sep"], *other, expected["sep"]]
    assert tokenizer.model_max_length == 10**9


@LAYOUTS
def test_saved_it_gives_the_same_ids_under_any_loader(models: dict[str, Path], file: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(models[file])
    save_tokenizer(tokenizer, tmp_path)
    assert not (tmp_path / file).exists()
    expected = ids_of(tokenizer)
    assert ids_of(load_tokenizer(tmp_path)) == expected
    assert ids_of(transformers.AutoTokenizer.from_pretrained(tmp_path)) == expected


PUBLISHED = {
    "spm.model": (  # as transformers 4 converted DeBERTa's
        [{"type": "Strip", "strip_left": True, "strip_right": True}],
        [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}],
        [],
    ),
    "sentencepiece.bpe.model": ([], [], [{"type": "WhitespaceSplit"}]),  # multilingual-E5's
}


@LAYOUTS
def test_a_published_tokenizer_json_gives_them_too(models: dict[str, Path], file: str, tmp_path: Path) -> None:
    """Normaliser and pre-tokeniser as the published files have them."""
    save_tokenizer(load_tokenizer(models[file]), tmp_path)
    path = tmp_path / "tokenizer.json"
    record = json.loads(path.read_text("utf-8"))
    before, after, split = PUBLISHED[file]
    (rules,) = (each for each in record["normalizer"]["normalizers"] if each["type"] == "Precompiled")
    record["normalizer"] = {"type": "Sequence", "normalizers": [*before, rules, *after]}
    record["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*split, record["pre_tokenizer"]]}
    path.write_text(json.dumps(record), "utf-8")
    found = ids_of(load_tokenizer(tmp_path))
    expected = reference(models[file], file)
    assert [p for p, one, other in zip(PROBES, found, expected, strict=True) if one != other] == []


def test_where_the_libraries_part(models: dict[str, Path]) -> None:
    """``tokenizers`` applies the rules to a letter with its marks at once: a mark upon a replaced character is lost.

    And two marks upon one letter are not composed with it. Of random strings of such characters it is one in sixty.
    """
    letters = "абвМоскваёйЁ «»—-.,0123456789 \u00a0\u00ad\u0301\u0306\u0308\u200b\u200dqwXY½①👩🇷ﬁ"
    draw = random.Random(0)
    texts = tuple("".join(draw.choices(letters, k=draw.randint(1, 8))) for _ in range(5000))
    expected = reference(models["spm.model"], "spm.model", texts)
    found = ids_of(load_tokenizer(models["spm.model"]), texts)
    wrong = [text for text, one, other in zip(texts, found, expected, strict=True) if one != other]
    assert len(wrong) < 100
    mark = "[\u0301\u0306\u0308\u200d]"
    assert [text for text in wrong if not re.search(f"[\u00a0½①ﬁ\u200b]{mark}|.{mark}{mark}", text)] == []


@LAYOUTS
def test_offsets_lead_back_to_the_source(models: dict[str, Path], file: str) -> None:
    """Ranges are in order; each holds what its piece says, and what none holds is blank, invisible or a mark."""
    tokenizer = load_tokenizer(models[file])
    normal = tokenizer.backend_tokenizer.normalizer.normalize_str
    for probe in PROBES:
        encoding = tokenizer(probe, add_special_tokens=False, split_special_tokens=True).encodings[0]
        pieces = [(piece.strip("▁"), *range_) for piece, range_ in zip(encoding.tokens, encoding.offsets, strict=True)]
        stop, left = 0, probe
        for piece, start, end in pieces:
            if piece:
                assert start >= stop or probe[start:end] in "½㎏ﬁ①Ⅳ…", (probe, piece)
                assert piece in normal(probe[start:end] + marks(probe[end:])), (probe, piece)
                stop, left = end, left[:start] + " " * (end - start) + left[end:]
        assert {unicodedata.category(char) for char in left} <= {"Zs", "Cc", "Cf", "Mn"}, probe


def marks(text: str) -> str:
    """The marks that a text begins with: they may have been composed with the letter before them."""
    return "".join(takewhile(unicodedata.combining, text))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x0a\xff\xff", b"\x12\x00"])
def test_a_broken_model_is_a_model_error(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no SentencePiece model"):
        read_model(content)
    (tmp_path / "spm.model").write_bytes(content)
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot load the tokenizer"):
        load_tokenizer(tmp_path)


def test_a_model_of_another_kind_is_refused() -> None:
    pytest.importorskip("sentencepiece")
    with pytest.raises(ModelError, match="only unigram"):
        read_model(train("spm.model", model_type="bpe"))
    with pytest.raises(ModelError, match="only unigram"):
        read_model(train("spm.model", byte_fallback=True))


def test_a_tokenizer_that_changes_the_text_first_is_not_guessed_at(models: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "spm.model").write_bytes((models["spm.model"] / "spm.model").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    with pytest.raises(ModelError, match="cannot load the tokenizer"):
        load_tokenizer(tmp_path)
