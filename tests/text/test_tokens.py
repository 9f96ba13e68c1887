"""Sentences and tokens: what they cover, where they end, and how long they may be."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given

from relik_ml.text import MAX_PIECE, MAX_TOKEN, sentences, tokens

from .strategies import texts


def cover(ranges: list[tuple[int, int]]) -> list[int]:
    return [place for start, stop in ranges for place in range(start, stop)]


@given(texts)
def test_tokens_cover_every_character_but_blanks_exactly_once(text: str) -> None:
    found = tokens(text)
    assert cover([(t.start, t.stop) for t in found]) == [i for i, char in enumerate(text) if not char.isspace()]
    assert all(text[t.start : t.stop] == t.text for t in found)


@given(texts)
def test_sentences_cover_all_but_blanks_and_never_overlap(text: str) -> None:
    found = list(sentences(text))
    assert all(a.stop <= b.start for a, b in pairwise(found))
    assert set(cover(list(found))) >= {i for i, char in enumerate(text) if not char.isspace()}
    assert all(text[start:stop] == text[start:stop].strip() != "" for start, stop in found)


@pytest.mark.parametrize(("text", "expected"), [
    ("Нью-Йорк", ["Нью", "-", "Йорк"]),
    ("8,1", ["8", ",", "1"]),
    ("«экс-президент»", ["«", "экс", "-", "президент", "»"]),
    ("за\u0301мок", ["за\u0301мок"]),
    ("и\u0306од", ["и\u0306од"]),
    ("сло\xadво\xad", ["сло\xadво", "\xad"]),
    ("5км", ["5", "км"]),
    ("snake_case", ["snake", "_", "case"]),
    ("हिन्दी", ["हिन्दी"]),
    ("100\xa0000", ["100", "000"]),
    ("👩‍🚀", ["👩", "\u200d", "🚀"]),
    ("", []),
    (" \n\u2028", []),
])  # fmt: skip
def test_what_a_token_is(text: str, expected: list[str]) -> None:
    assert [token.text for token in tokens(text)] == expected


def test_offsets_of_a_part_are_the_whole_texts() -> None:
    text = "Анна живёт в Минске."
    assert tokens(text, 5, 12) == tokens(text)[1:3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x0c"])
def test_every_kind_of_line_break_ends_a_sentence(end: str) -> None:
    text = f"Новости дня{end}Анна приехала"
    assert [text[start:stop] for start, stop in sentences(text)] == ["Новости дня", "Анна приехала"]


def test_a_sentence_across_a_cut_stays_whole() -> None:
    sentence = "Анна приехала из Минска в Гродно, чтобы увидеть свою сестру."
    text = " ".join([sentence] * 500)
    assert len(text) > 5 * MAX_PIECE
    assert {text[start:stop] for start, stop in sentences(text)} == {sentence}


@pytest.mark.parametrize("unit", ["а. ", "я", ".", ") ", "а\u0301\xad", " ", "1. ", '"'])
def test_runs_on_which_razdel_is_quadratic_are_cut(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    assert max((len(token.text) for token in tokens(text)), default=0) <= MAX_TOKEN
    assert max((stop - start for start, stop in sentences(text)), default=0) <= MAX_PIECE


def test_tokens_agree_with_the_boundaries_of_nerel(shared_data: Path) -> None:
    right = total = 0
    for path in sorted(shared_data.glob("nerel/dev/*.ann")):
        text = path.with_suffix(".txt").read_bytes().decode()
        found = tokens(text)
        edges = {t.start for t in found}, {t.stop for t in found}
        fields = [line.split("\t")[1] for line in path.read_bytes().decode().split("\n") if line.startswith("T")]
        ranges = [pair.split() for field in fields for pair in field.split(" ", 1)[1].split(";")]
        total += 2 * len(ranges)
        right += sum((int(start) in edges[0]) + (int(stop) in edges[1]) for start, stop in ranges)
    assert total > 11_000
    assert right / total >= 0.9998
