"""Words as numbers: forms, lemmas, shapes and grammemes, from any surface that the tokenizer can give."""

from __future__ import annotations

import pytest
from hypothesis import given

from relik_ml.text.lexicon import RESERVED, SHAPES, UNKNOWN, Lexicon, Word, fold, shape
from relik_ml.text.tokens import tokens

from .strategies import texts

WORDS = ("в", "москве", "москва", "ёлка", "елка", "париж")
LEXICON = Lexicon(WORDS, ("в", "москва", "елка"), ("NOUN", "Geox", "PREP", "plur"))


def test_a_form_a_base_form_a_lemma_a_shape_and_grammemes() -> None:
    assert LEXICON.word("Москве") == Word(form=3, base=4, lemma=3, shape=SHAPES.index("title"), grammemes=(0, 1))
    assert LEXICON.word("в") == Word(form=2, base=2, lemma=2, shape=SHAPES.index("lower"), grammemes=(2,))


def test_a_form_without_a_vector_takes_its_base_forms() -> None:
    """«Парижем» has no vector, «париж» has."""
    assert LEXICON.word("Парижем")[:3] == (7, 7, UNKNOWN)


def test_words_that_nobody_knows_are_unknown_not_padding() -> None:
    assert LEXICON.word("Гхбзык")[:3] == (UNKNOWN, UNKNOWN, UNKNOWN)
    assert LEXICON.word("[")[:3] == (UNKNOWN, UNKNOWN, UNKNOWN)


def test_case_and_yo_make_no_difference_to_the_form() -> None:
    assert fold("ЁЛКА") == fold("ёлка") == "елка"
    assert {LEXICON.word(word)[:3] for word in ("ЁЛКА", "Ёлка", "елка")} == {(6, 6, 4)}


@pytest.mark.parametrize(("surface", "name"), [
    ("слово", "lower"), ("Слово", "title"), ("США", "upper"), ("ВКонтакте", "mixed"), ("В", "initial"),
    ("я", "lower"), ("2024", "digits"), ("٣", "digits"), ("Google", "latin"), ("x", "latin"), ("«", "quote"),
    ("”", "quote"), ("(", "bracket"), ("—", "dash"), ("-", "dash"), (".", "other"), ("🚀", "other"), ("%", "other"),
    ("\ud800", "other"), ("\u0301", "other"), ("за\u0301мок", "lower"), ("Сло\xadво", "title"),
    ("Пу\u0301тин", "title"), ("ПУ\u0301ТИН", "upper"), ("漢", "mixed"), ("½", "other"),
])  # fmt: skip
def test_shapes(surface: str, name: str) -> None:
    assert SHAPES[shape(surface)] == name


def test_padding_is_no_shape_of_a_word() -> None:
    assert SHAPES[0] == "padding"


@given(texts)
def test_every_token_of_every_text_has_its_numbers(text: str) -> None:
    for token in tokens(text):
        word = LEXICON.word(token.text)
        assert UNKNOWN <= word.form < RESERVED + len(LEXICON.words)
        assert UNKNOWN <= word.base < RESERVED + len(LEXICON.words)
        assert UNKNOWN <= word.lemma < RESERVED + len(LEXICON.lemmas)
        assert 0 < word.shape < len(SHAPES)
        assert set(word.grammemes) <= set(range(len(LEXICON.grammemes)))
        assert list(word.grammemes) == sorted(set(word.grammemes))


@given(texts)
def test_a_passage_is_its_known_words_in_order(text: str) -> None:
    rows = LEXICON.forms(text, 5)
    folded = [token.text.casefold().replace("ё", "е") for token in tokens(text)]
    known = [len(WORDS) - 1 - WORDS[::-1].index(word) + RESERVED for word in folded if word in WORDS]
    assert rows == known[:5]


def test_a_passage_is_cut_after_its_limit_of_known_words() -> None:
    assert LEXICON.forms("Город: Москва, в Париж! В Москве.", 3) == [4, 2, 7]
    assert LEXICON.forms("", 3) == LEXICON.forms("[SEP] <ST_1>", 3) == []


def test_it_comes_back_from_json_as_it_was() -> None:
    again = Lexicon.from_json(LEXICON.to_json())
    assert (again.words, again.lemmas, again.grammemes) == (LEXICON.words, LEXICON.lemmas, LEXICON.grammemes)
    assert again.word("Москве") == LEXICON.word("Москве")


def test_learning_keeps_what_is_seen_often_enough_in_a_fixed_order() -> None:
    seen = ["Анна живёт в Москве.", "Москва — город в России."]
    learnt = Lexicon.learn(seen, WORDS)
    assert learnt.words == WORDS
    assert learnt.lemmas == (".", "в", "москва")
    assert list(learnt.grammemes) == sorted(set(learnt.grammemes))
    assert {"Name", "Geox", "PREP", "PNCT"} <= set(learnt.grammemes)
    assert all(type(grammeme) is str for grammeme in learnt.grammemes)  # JSON needs no other kind
    assert Lexicon.learn(seen[::-1], WORDS).to_json() == learnt.to_json()
    assert "город" in Lexicon.learn(seen, WORDS, minimum=1).lemmas
