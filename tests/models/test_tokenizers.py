"""Ids of two hundred probes: those of SentencePiece itself, whatever transformers makes of a tokenizer.

AutoTokenizer of transformers 5 leaves out the normaliser of a DeBERTa's SentencePiece model.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from relik_ml.encoders import load_tokenizer, save_tokenizer
from relik_ml.errors import ModelError
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


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x0a\xff\xff", b"\x12\x00"])
def test_a_broken_model_is_a_model_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "spm.model").write_bytes(content)
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ModelError, match="tokenizer"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("settings", [{"model_type": "bpe"}, {"byte_fallback": True}])
def test_a_model_of_another_kind_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    (tmp_path / "spm.model").write_bytes(train("spm.model", **settings))
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ModelError) as caught:
        load_tokenizer(tmp_path)
    assert "only unigram" in caught.value.got
