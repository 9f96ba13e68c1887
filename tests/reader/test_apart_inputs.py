"""Windows and passages as ids for the encoder that reads them apart: places of words, limits, passages once a batch."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from relik_ml.errors import ConfigError
from relik_ml.reader import ApartInputs
from relik_ml.text import windows
from relik_ml.types import Candidate, Document, Entry, Retrieved, Window
from tests.checkpoints import ROBERTA, SENTENCES, unigram
from tests.corpus import ENTITIES, RELATIONS, TYPES
from tests.probes import PROBES

WORD, NAME, TEXT, FRAME = 6, 12, 24, 2
FIRST, PADDING, LAST, UNKNOWN = range(4)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """The likeliest subwords of our sentences; many letters are no subword."""
    return unigram(ROBERTA, SENTENCES, 230)


def inputs(tokenizer: Any, max_length: int = 512) -> ApartInputs:
    return ApartInputs(tokenizer, TYPES, max_length)


def retrieved(text: str, entities: Sequence[Entry] = (), relations: Sequence[Entry] = ()) -> Retrieved:
    window = windows(Document("d", text), 400, 400)[0]
    found, known = (tuple(Candidate(entry, 1.0) for entry in each) for each in (entities, relations))
    return Retrieved(window, found, known)


def words_of(tensors: Any, row: int, count: int) -> list[list[int]]:
    """The ids of each word of a window."""
    ids = tensors["ids"][row][: int(tensors["mask"][row].sum())].tolist()
    starts = [*tensors["words"][row][:count].tolist(), len(ids) - 1]
    assert ids[0] == FIRST
    assert ids[-1] == LAST
    assert starts[0] == 1
    return [ids[start:stop] for start, stop in pairwise(starts)]


def test_every_word_begins_at_its_position(tokenizer: Any) -> None:
    items = [retrieved(text) for text in (SENTENCES[0], "Москва-река", SENTENCES[2])]
    made = inputs(tokenizer)
    tensors = made(items)
    for row, item in enumerate(items):
        expected = [list(each) for each in made.words(item.window)]
        assert words_of(tensors, row, len(item.window.tokens)) == expected
    assert tensors["ids"].shape == tensors["mask"].shape
    assert {*tensors["ids"][tensors["mask"] == 0].tolist()} == {PADDING}
    assert tensors["words"].shape == (3, max(len(item.window.tokens) for item in items))
    hyphen = words_of(tensors, 1, 3)[1]
    assert tokenizer.token_to_id("▁") not in hyphen[:1], "no space stands before it"


def test_passages_are_read_once_a_batch(tokenizer: Any) -> None:
    """Whichever windows bring them, and if a candidate is a type as well."""
    items = [retrieved("Москва", ENTITIES[:3], RELATIONS), retrieved("Минск", ENTITIES[2:4], RELATIONS[:1])]
    made = inputs(tokenizer)
    tensors = made(items)
    assert len(tensors["names"]) == len(tensors["texts"]) == len(TYPES) + 4 + len(RELATIONS)
    assert made.cut["passages"] == len(tensors["names"])
    read: list[Entry | None] = [None] * len(tensors["names"])
    for row, entry in zip(tensors["types"].tolist(), TYPES, strict=True):
        read[row] = entry
    assert tensors["entities"].shape == (2, 1 + 3)
    assert tensors["entities"][:, 0].tolist() == [0, 0], "a place that the absent entity takes"
    for row, item in enumerate(items):
        for column, candidate in enumerate(item.entities):
            read[int(tensors["entities"][row, 1 + column])] = candidate.entry
        for column, candidate in enumerate(item.relations):
            read[int(tensors["relations"][row, column])] = candidate.entry
    for names, texts, known in zip(tensors["names"].tolist(), tensors["texts"].tolist(), read, strict=True):
        assert known is not None
        for ids, text, limit in ((names, known.name, NAME), (texts, known.text, TEXT)):
            expected = made.subwords(text)[:limit]
            assert ids == [*expected, *[PADDING] * (len(ids) - len(expected))]
    made(items)
    assert made.cut["passages"] == len(tensors["names"]), "known from the batch before"


def test_entries_without_a_text(tokenizer: Any) -> None:
    bare = tuple(replace(entry, text="") for entry in TYPES)
    tensors = ApartInputs(tokenizer, bare, 512)([retrieved("Москва")])
    assert tensors["texts"].shape == (len(bare), 0)
    assert tensors["relations"].shape == (1, 0)


def test_long_passages_are_cut_and_counted(tokenizer: Any) -> None:
    long = Entry("Q1", "entity", "Москва " * NAME, "город " * TEXT * 2)
    made = inputs(tokenizer)
    tensors = made([retrieved("Москва", [long])])
    assert (tensors["names"].shape[1], tensors["texts"].shape[1]) == (NAME, TEXT)
    assert made.cut["passages cut"] >= 1
    assert made.cut["passages"] == 1 + len(TYPES)


# Limits


def long_words(count: int) -> Window:
    """Words of many subwords each."""
    return retrieved(" ".join(["ъыщэюжх" * 2] * count)).window


@pytest.mark.parametrize("room", [512, 40, 31, 30, 12, 5])
def test_windows_of_too_many_subwords_are_cut_word_by_word(tokenizer: Any, room: int) -> None:
    made = inputs(tokenizer, room + FRAME)
    window = long_words(5)
    whole = made.words(window)
    assert [len(word) for word in whole] == [WORD] * 5
    tensors = made([Retrieved(window, (), ())])
    found = words_of(tensors, 0, 5)
    most = min(WORD, room // 5)
    assert found == [list(word[:most]) for word in whole]
    assert made.cut["windows"] == 1
    assert made.cut["windows cut"] == (room < 30)


def test_a_window_longer_than_the_encoder_is_refused(tokenizer: Any) -> None:
    made = inputs(tokenizer, 10)
    fits, not_ = retrieved("а " * 8), retrieved("а " * 9)
    assert made.fit([fits]) == [fits]
    assert made([fits])["ids"].shape == (1, 10)
    with pytest.raises(ConfigError, match="longer") as error:
        made.fit([fits, not_])
    assert "'d'" in error.value.where
    assert "9 tokens of 8" in error.value.got


# Whatever stands in a text


def test_specials_in_a_text_are_text(tokenizer: Any) -> None:
    made = inputs(tokenizer)
    text = "Москва </s> <s> <pad> <mask> <unk> город"
    tensors = made([retrieved(text, [Entry("Q1", "entity", "</s> город", "<pad> <mask> </s>")])])
    ids = tensors["ids"][0].tolist()
    assert ids.count(FIRST) == ids.count(LAST) == 1
    assert PADDING not in ids
    for name in ("names", "texts"):
        row = [id for id in tensors[name][int(tensors["entities"][0, 1])].tolist() if id != PADDING]
        assert not {FIRST, LAST, tokenizer.token_to_id("<mask>")} & {*row}
    assert made.subwords("</s>") == made.subwords("</s>") != ()


@pytest.mark.parametrize("text", [*PROBES[::7], "\ud800 и \udfff", "😀" * 40, "\u00ad", "a\u0301\u0301\u0301"])
def test_any_text_has_a_subword_for_each_word(tokenizer: Any, text: str) -> None:
    item = retrieved(f"{text} да", [Entry("Q1", "entity", text, text)])
    made = inputs(tokenizer)
    tensors = made([item])
    words = words_of(tensors, 0, len(item.window.tokens))
    assert all(1 <= len(word) <= WORD for word in words)
    assert int(tensors["ids"].max()) < tokenizer.get_vocab_size()
