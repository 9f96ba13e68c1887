"""Sequences of the joint encoder: symbols and words at their places, nothing parsed out of text, a limit kept."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from relik_ml.config import JointConfig
from relik_ml.encoders import load_tokenizer
from relik_ml.errors import ConfigError, ModelError
from relik_ml.reader import JointInputs
from relik_ml.text import windows
from relik_ml.types import Candidate, Document, Entry, Hit, Retrieved, Token, Window
from tests.checkpoints import BERT

transformers = pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")
tokenizers = pytest.importorskip("tokenizers")

BERT_IDS = {token: id for id, token in enumerate(BERT.values())}

ALL = pytest.mark.parametrize("name", ["mdeberta", "xlmr", "e5-small", "modernbert", "mmbert"])
ENTITIES = (
    Entry("Q649", "entity", "Москва", "столица России"),
    Entry("Q2280", "entity", "Минск", "город"),
    Entry("Q1874", "entity", "Одесса"),
)
RELATIONS = (
    Entry("PLACE_OF_BIRTH", "relation", "место рождения", "где родился человек"),
    Entry("WORKS_AS", "relation", "место работы", "где работает человек"),
)


def candidates(entries: tuple[Entry, ...]) -> tuple[Candidate, ...]:
    return tuple(Candidate(entry, 1.0 - place / 100) for place, entry in enumerate(entries))


def retrieved(text: str, entities: tuple[Entry, ...] = ENTITIES, relations: tuple[Entry, ...] = RELATIONS) -> Retrieved:
    window = windows(Document("d", text), 100, 100)[0]
    return Retrieved(window, candidates(entities), candidates(relations))


class Sequence(NamedTuple):
    """One row of a batch as pieces, to be read."""

    ids: list[int]
    words: list[int]
    entities: list[int]
    relations: list[int]


class Setup:
    def __init__(self, folder: Path, max_length: int = 400, entities: int = 6, relations: int = 4) -> None:
        self.tokenizer: Any = load_tokenizer(folder)
        self.config = JointConfig(
            {}, types=2, entities=entities, relations=relations, first_symbol=len(self.tokenizer) + 7,
            max_length=max_length,
        )  # fmt: skip

    @cached_property
    def inputs(self) -> JointInputs:
        return JointInputs(self.tokenizer, self.config)

    def row(self, item: Retrieved) -> Sequence:
        made = self.inputs([item])
        assert made["attention_mask"].all()
        return Sequence(*(made[name][0].tolist() for name in ("input_ids", "words", "entities", "relations")))

    def plain(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def pieces(self, item: Retrieved) -> list[list[int]]:
        """The pieces of each word, out of the sequence."""
        row = self.row(item)
        stop = row.ids.index(self.tokenizer.sep_token_id)
        return [row.ids[a:b] for a, b in zip(row.words, [*row.words[1:], stop], strict=True)]


@ALL
def test_the_sequence_is_the_formula(checkpoints: Path, name: str) -> None:
    setup = Setup(checkpoints / name)
    row = setup.row(retrieved("Анна жила в Москве", ENTITIES[:2]))
    cls, sep, symbol = setup.tokenizer.cls_token_id, setup.tokenizer.sep_token_id, setup.config.first_symbol
    assert row.ids == [
        cls, *setup.plain(" Анна"), *setup.plain(" жила"), *setup.plain(" в"), *setup.plain(" Москве"), sep,
        symbol, symbol + 1, *setup.plain("Москва: столица России"), symbol + 2, *setup.plain("Минск: город"), sep,
        symbol + 7, *setup.plain("место рождения: где родился человек"),
        symbol + 8, *setup.plain("место работы: где работает человек"), sep,
    ]  # fmt: skip
    assert [row.ids[place] for place in row.entities] == [symbol, symbol + 1, symbol + 2]
    assert [row.ids[place] for place in row.relations] == [symbol + 7, symbol + 8]
    assert row.words[0] == 1


def test_shapes_of_an_uneven_batch(checkpoints: Path) -> None:
    setup = Setup(checkpoints / "xlmr")
    batch = [retrieved("Анна жила в Москве"), retrieved("Минск", (), ())]
    made = setup.inputs(batch)
    length = made["input_ids"].shape[1]
    assert {name: tuple(tensor.shape) for name, tensor in made.items()} == {
        "input_ids": (2, length), "attention_mask": (2, length),
        "words": (2, 4), "entities": (2, 4), "relations": (2, 2),
    }  # fmt: skip
    padded = made["attention_mask"] == 0
    assert np.array_equal(made["input_ids"] == setup.tokenizer.pad_token_id, padded)
    assert padded.any()
    assert setup.inputs(batch[1:])["relations"].shape == (1, 0)


@ALL
@pytest.mark.parametrize(
    "text",
    ["<ST_1> и <ST_0> [SEP] [CLS] </s> <s> <pad> [PAD] <mask> [MASK] --NME-- [E-3]", "＜/s＞ ［SEP］ <ST_7>", "[SEP]"],
)
def test_no_symbol_is_read_out_of_text(checkpoints: Path, name: str, text: str) -> None:
    setup = Setup(checkpoints / name)
    item = retrieved(text, (Entry("Q1", "entity", text, text),), ())
    row = setup.row(item)
    marks = {id for id in setup.tokenizer.all_special_ids if id != setup.tokenizer.unk_token_id}
    places = [place for place, id in enumerate(row.ids) if id in marks or id >= setup.config.first_symbol]
    last = len(row.ids) - 1
    assert places == [0, row.entities[0] - 1, *row.entities, last - 1, last]
    assert len(row.words) == len(item.window.tokens)


@ALL
@pytest.mark.parametrize("text", [
    "5\u00a0мая в\u00a0Москве",  # no-break spaces
    "Мос\u00adква \u00ad и поэт",  # soft hyphens, one of them alone
    "и\u0306од, поэ\u0301т, \u0301",  # combining marks, composed by NFKC or left over
    "👩‍👩‍👧 жила в 🇷🇺 Москве 👍🏽",
    "«Москва», (г. Одесса).",
    "А\ud800Б",
])  # fmt: skip
def test_words_are_aligned_exactly(checkpoints: Path, name: str, text: str) -> None:
    setup = Setup(checkpoints / name)
    item = retrieved(text)
    pieces = setup.pieces(item)
    assert len(pieces) == len(item.window.tokens)
    assert all(pieces)
    bare = setup.tokenizer.convert_tokens_to_ids("▁")
    stop = -1
    for token, ids in zip(item.window.tokens, pieces, strict=True):
        spaced = " " if stop < token.start else ""
        own = [id for id in setup.plain(spaced + token.text.replace("\ud800", "?")) if id != bare]
        assert [id for id in ids if id != bare] == (own[:6] or [setup.tokenizer.unk_token_id])
        stop = token.stop


def test_unknown_subword_is_not_taken_for_a_mark_of_spaces() -> None:
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece({**BERT_IDS, "поэт": 5}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    names = {f"{name}_token": token for name, token in BERT.items()}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)
    config = JointConfig({}, types=2, entities=6, relations=4, first_symbol=9, max_length=100)
    words = (Token(0, 4, "поэт"), Token(4, 9, "!поэт"))
    row = JointInputs(tokenizer, config)([Retrieved(Window(Document("d", "поэт!поэт"), 0, 9, words), (), ())])
    assert row["input_ids"][0, :5].tolist() == [BERT_IDS["[CLS]"], 5, BERT_IDS["[UNK]"], 5, BERT_IDS["[SEP]"]]


def test_candidates_that_do_not_fit_are_dropped_and_counted(checkpoints: Path) -> None:
    whole = retrieved("Анна жила в Москве")
    hits = (Hit(12, 18, 0, (1.0,)), Hit(12, 18, 2, (0.5,)))
    whole = replace(whole, hits=hits)
    setup = Setup(checkpoints / "mdeberta")
    length = len(setup.row(whole).ids)
    assert setup.inputs.fit([whole]) == [whole]
    assert (setup.inputs.cut["entities dropped"], setup.inputs.cut["relations dropped"]) == (0, 0)

    short = Setup(checkpoints / "mdeberta", max_length=length - 1)
    with pytest.raises(ConfigError, match="fit"):
        short.inputs([whole])
    (fitted,) = short.inputs.fit([whole])
    assert fitted == replace(whole, entities=whole.entities[:2], hits=hits[:1])
    assert (short.inputs.cut["entities dropped"], short.inputs.cut["relations dropped"]) == (1, 0)
    assert short.inputs.fit([fitted]) == [fitted]
    assert short.inputs.cut["entities dropped"] == 1
    assert len(short.row(fitted).ids) <= length - 1


@pytest.mark.parametrize("cut", range(1, 90, 7))
def test_fitted_windows_fit_the_encoder(checkpoints: Path, cut: int) -> None:
    whole = retrieved("Анна")
    setup = Setup(checkpoints / "xlmr")
    words = len(setup.plain("Анна"))
    setup = Setup(checkpoints / "xlmr", max_length=max(words + 5, len(setup.row(whole).ids) - cut))
    (fitted,) = setup.inputs.fit([whole])
    assert len(setup.row(fitted).ids) <= setup.config.max_length
    assert setup.inputs.cut["entities dropped"] == 3 - len(fitted.entities)
    assert setup.inputs.cut["relations dropped"] == 2 - len(fitted.relations)
    more = [replace(fitted, entities=whole.entities[: len(fitted.entities) + 1])]
    if len(fitted.relations) < 2:
        more.append(replace(fitted, entities=(), relations=whole.relations[: len(fitted.relations) + 1]))
    for one_more in more if setup.inputs.cut["entities dropped"] else ():
        with pytest.raises(ConfigError):
            setup.row(one_more)


def test_no_more_candidates_than_symbols(checkpoints: Path) -> None:
    setup = Setup(checkpoints / "xlmr", entities=2, relations=1)
    item = retrieved("Анна")
    with pytest.raises(ConfigError, match="more candidates"):
        setup.inputs([item])
    (fitted,) = setup.inputs.fit([item])
    assert (len(fitted.entities), len(fitted.relations)) == (2, 1)
    row = setup.row(fitted)
    assert max(row.ids) == setup.config.first_symbol + setup.config.symbols - 1


def test_a_window_that_is_too_long_is_a_configuration_error(checkpoints: Path) -> None:
    setup = Setup(checkpoints / "xlmr", max_length=20)
    with pytest.raises(ConfigError, match="longer") as caught:
        setup.inputs.fit([retrieved("поэт " * 50)])
    assert "50 tokens" in str(caught.value)
    assert "room for 15" in str(caught.value)


def test_long_passages_are_cut_and_counted_once(checkpoints: Path) -> None:
    setup = Setup(checkpoints / "xlmr")
    item = retrieved("Анна", (Entry("Q1", "entity", "Москва", "город " * 200),), ())
    for _ in range(2):
        row = setup.row(setup.inputs.fit([item])[0])
    assert len(row.ids) == 5 + len(setup.plain("Анна")) + 1 + 24
    assert setup.inputs.cut["passages cut"] == 1


def test_another_encoders_tokenizer_is_refused(checkpoints: Path) -> None:
    setup = Setup(checkpoints / "xlmr")
    with pytest.raises(ModelError, match="not the encoder's"):
        JointInputs(setup.tokenizer, replace(setup.config, first_symbol=9))


# The whole reader
