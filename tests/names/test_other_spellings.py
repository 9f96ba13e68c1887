"""Names in another alphabet, behind initials, and inside what is derived from them."""

from __future__ import annotations

import numpy as np
import pytest

from relik_ml.names import HUMAN, Learnt, NameIndex, surface_keys
from relik_ml.names import index as names_module
from relik_ml.names.demonyms import irregular
from relik_ml.names.derivation import by_rule
from relik_ml.names.romanization import SPELLINGS, russian_stems
from relik_ml.names.spans import ROMANISED, SURNAMED, Spans
from relik_ml.names.stems import stem
from relik_ml.text import tokens
from relik_ml.types import Entry
from tests.names.test_names import LEMMA, feature

# Latin spellings of Russian names


RUSSIAN = [
    Entry("Q1", "entity", "Владимир Путин", types=(HUMAN,), popularity=4.0),
    Entry("Q2", "entity", "Ельцин, Борис Николаевич", types=(HUMAN,), popularity=3.0),
    Entry("Q3", "entity", "Никита Хрущёв", types=(HUMAN,)),
    Entry("Q4", "entity", "Сергей Лавров", types=(HUMAN,)),
    Entry("Q5", "entity", "Нижний Новгород"),
    Entry("Q6", "entity", "Jennifer Aniston", types=(HUMAN,), lang="en"),
    Entry("Q7", "entity", "Janifer Onnistan", types=(HUMAN,), lang="en", popularity=5.0),
    Entry("Q8", "entity", "банк"),
]
CYRILLIC = NameIndex.build(RUSSIAN, Learnt(), LEMMA)


def named(text: str, index: NameIndex, entries: list[Entry]) -> set[tuple[str, str]]:
    """Surfaces with the ids that they may stand for, where the rows are at hand."""
    words = tokens(text)
    (hits,) = index.find_all([words], entries=entries)
    return {(text[words[hit.first].start : words[hit.last].stop], entries[hit.row].id) for hit in hits}


@pytest.mark.parametrize(("surface", "id"), [
    ("Vladimir Putin", "Q1"), ("Putin", "Q1"), ("V. Putin", "Q1"), ("Yeltsin", "Q2"), ("Boris Yeltsin", "Q2"),
    ("Eltsin", "Q2"), ("Khrushchev", "Q3"), ("Nikita Khrushchev", "Q3"), ("Sergey Lavrov", "Q4"),
    ("Sergei Lavroff", "Q4"), ("Nizhny Novgorod", "Q5"), ("Nizhnii Novgorod", "Q5"), ("Aniston", "Q6"),
])  # fmt: skip
def test_a_latin_spelling_finds_a_russian_name(surface: str, id: str) -> None:
    assert (surface, id) in named(f"Пишет {surface} сегодня.", CYRILLIC, RUSSIAN)


@pytest.mark.parametrize("text", ["putin", "YELTSIN", "Vladimir", "bank", "Sergey", "Novgorod", "Patin", "Anniston"])
def test_what_is_no_latin_spelling_of_a_name_finds_nothing(text: str) -> None:
    assert named(text, CYRILLIC, RUSSIAN) == set()


def test_a_latin_spelling_says_no_more_than_an_alias() -> None:
    (hit,) = [hit for hit in CYRILLIC.find(tokens("Vladimir Putin")) if hit.last == 1 and hit.first == 0]
    assert tuple(feature(hit, name) for name in ("label", "alias", "learnt", "surname")) == (0, 1, 0, 0)


def test_words_are_read_in_the_likeliest_ways_first_and_in_so_many_only() -> None:
    assert russian_stems("Moskva")[0] == stem("Москва")
    for latin in ("Dmitry", "Dmitri", "Dmitriy", "Dmitrii"):
        assert stem("Дмитрий") in russian_stems(latin), latin
    spelt = {
        "Kuzmin": "Кузьмин", "Solovyov": "Соловьёв", "Yury": "Юрий", "Tatiana": "Татьяна", "Maxim": "Максим",
        "Alexander": "Александр", "Tchaikovsky": "Чайковский",
    }  # fmt: skip
    for latin, russian in spelt.items():
        assert stem(russian) in russian_stems(latin), latin
    assert len(russian_stems("h" * 60)) <= SPELLINGS
    assert russian_stems("Путин") == russian_stems("42") == russian_stems("") == russian_stems("Ö-") == []


def test_a_text_without_latin_words_is_asked_for_no_readings() -> None:
    runs = Spans(LEMMA)([tokens("Владимир Путин был в Минске"), tokens("Ельцин")])
    assert not {ROMANISED, SURNAMED} & set(runs.way.tolist())
    assert (Spans(LEMMA)([tokens("Hhhhhhhhhh Hhhhhhhhhh Hhhhhhhhhh")]).way == ROMANISED).sum() <= 3 * 24 + 3 * 512


def test_readings_that_are_no_name_are_never_gathered() -> None:
    text = [tokens("Nizhny Novgorod"), tokens("Sergey Lavrov")]
    every, some = Spans(LEMMA)(text), Spans(LEMMA, lambda keys: keys % np.uint64(3) == 0)(text)
    kept = every.of(np.flatnonzero((every.way != ROMANISED) | (every.key % np.uint64(3) == 0)))
    assert 0 < (kept.way == ROMANISED).sum() < (every.way == ROMANISED).sum()
    assert [column.tolist() for column in some] == [column.tolist() for column in kept]


def test_names_do_not_reach_from_text_to_text_in_latin_letters() -> None:
    found_ = CYRILLIC.find_all([tokens("Nizhny"), tokens("Novgorod")])
    assert found_ == [[], []]


def test_hyphened_words_do_not_reach_from_text_to_text() -> None:
    entries = [Entry("Q60", "entity", "Нью-Йорк")]
    texts = [tokens("Нью-"), tokens("    йоркский")]  # the offsets of the two documents fit together
    assert NameIndex.build(entries, Learnt(), LEMMA).find_all(texts) == [[], []]


def test_a_latin_surname_is_compared_with_the_row_that_it_is_of_and_not_with_another_language() -> None:
    entries = [
        Entry("Q6", "entity", "Дженнифер Энистон", types=(HUMAN,), lang="ru"),
        Entry("Q6", "entity", "Jennifer Aniston", types=(HUMAN,), lang="en"),
    ]
    index = NameIndex.build(entries, Learnt(), LEMMA)
    for word, rows in {"Aniston": [0], "Onnistan": []}.items():
        (hits,) = index.match_all([tokens(f"роль {word}")], firsts=np.zeros_like, entries=entries)
        assert hits.row.tolist() == rows, word


def test_of_many_that_sound_alike_the_likeliest_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "HEARD_MOST", 2)
    bearers = [("Jonsen", 3.0), ("Jonson", 2.0), ("Jonson", 1.0), ("Jonsen", 0.5)]
    entries = [
        Entry(f"Q{row}", "entity", f"Anna {surname}", types=(HUMAN,), popularity=popularity)
        for row, (surname, popularity) in enumerate(bearers)
    ]
    index = NameIndex.build(entries, Learnt(), LEMMA)
    assert named("Jonson пришла, Jonsen нет.", index, entries) == {("Jonson", "Q1"), ("Jonsen", "Q0")}


def test_the_second_half_of_a_latin_surname_is_compared() -> None:
    entries = [Entry("Q7", "entity", "Emma Smith-Jones", types=(HUMAN,), lang="en")]
    index = NameIndex.build(entries, Learnt(), LEMMA)
    assert named("Пишет Smith-Jones.", index, entries) == {("Jones", "Q7")}
    assert named("Пишет Smith-Janes.", index, entries) == set()


def test_a_latin_surname_comes_behind_what_is_spelt_so_and_an_alias_tells_more_than_it() -> None:
    entries = [
        Entry("Q1", "entity", "Anna Vesta", types=(HUMAN,), lang="en", popularity=1.5),
        Entry("Q2", "entity", "LADA", aliases=("Vesta",), lang="en", popularity=1.0),
        Entry("Q3", "entity", "Maria Vesta", types=(HUMAN,), aliases=("Vesta",), lang="en", popularity=0.1),
    ]
    index = NameIndex.build(entries, Learnt(), LEMMA)
    (hits,) = index.find_all([tokens("новая Vesta")], entries=entries)
    assert {entries[hit.row].id: 1 / feature(hit, "rank") for hit in hits} == {"Q2": 1, "Q1": 2, "Q3": 3}
    assert {entries[hit.row].id: feature(hit, "alias") for hit in hits} == {"Q2": 1, "Q1": 0, "Q3": 1}


# Initials

BEARERS = [
    Entry("Q1", "entity", "Владимир Путин", "", "ru", ("Путин, Владимир Владимирович", "Путин"), (HUMAN,), 5.0),
    Entry("Q2", "entity", "Алексей Путин", types=(HUMAN,)),
    Entry("Q3", "entity", "Джон Толкин", types=(HUMAN,)),
    Entry("Q4", "entity", "Эрнст Теодор Гофман", types=(HUMAN,)),
    Entry("Q5", "entity", "Jennifer Aniston", types=(HUMAN,), lang="en"),
]
BEARING = NameIndex.build(BEARERS, Learnt({(key, 0): 50 for key in surface_keys("Путин", LEMMA)}), LEMMA)


@pytest.mark.parametrize(("text", "names"), [
    ("В. В. Путин", {("В. В. Путин", "Q1"), ("Путин", "Q1")}),
    ("В.Путин", {("В.Путин", "Q1"), ("Путин", "Q1")}),
    ("А. Б. Путина", {("А. Б. Путина", "Q2"), ("Путина", "Q2")}),
    ("Путину А. Б.", {("Путину А. Б", "Q2"), ("Путину", "Q2")}),
    ("Путину А.", {("Путину А", "Q2"), ("Путину", "Q2")}),
    ("В. П. Путин", {("Путин", "Q1"), ("Путин", "Q2")}),  # nobody's initials: of whoever it is, the surname stays
    ("Дж. Р. Р. Толкин", {("Дж. Р. Р. Толкин", "Q3"), ("Толкин", "Q3")}),
    ("Э. Т. А. Гофман", {("Э. Т. А. Гофман", "Q4"), ("Гофман", "Q4")}),
    ("Э. Г. Гофман", {("Гофман", "Q4")}),
    ("Д. Энистон", {("Д. Энистон", "Q5"), ("Энистон", "Q5")}),  # across alphabets, too
    ("А. Энистон", {("Энистон", "Q5")}),
    ("A. Putin", {("A. Putin", "Q2"), ("Putin", "Q2")}),
    ("И Путин", {(each, id) for each in ("И Путин", "Путин") for id in ("Q1", "Q2")}),  # a word, without a stop
    ("Путин И ТОЛКИН", {("ТОЛКИН", "Q3"), ("И ТОЛКИН", "Q3"),
                        *((each, id) for each in ("Путин", "Путин И") for id in ("Q1", "Q2"))}),
    ("Путин А. Б., Толкин Д. Р.", {("Путин А. Б", "Q2"), ("Путин", "Q2"), ("А. Б., Толкин", "Q3"), ("Толкин", "Q3"),
                                   ("Толкин Д. Р", "Q3")}),
])  # fmt: skip
def test_initials_name_whom_they_fit(text: str, names: set[tuple[str, str]]) -> None:
    assert named(text, BEARING, BEARERS) == names


def test_whom_initials_fit_comes_before_whom_they_do_not_however_often_he_is_meant() -> None:
    for text, first in {"А. Б. Путин": "Q2", "В. В. Путин": "Q1", "Путин": "Q1"}.items():
        (hits,) = BEARING.find_all([tokens(text)], entries=BEARERS)
        assert BEARERS[max(hits, key=lambda hit: hit.weight).row].id == first, text


def test_an_alias_with_initials_is_a_name_whatever_the_given_name() -> None:
    entries = [
        Entry("Q1", "entity", "Джон Рональд Руэл Толкин", aliases=("Р. Толкин",), types=(HUMAN,)),
        Entry("Q2", "entity", "Роберт Толкин", types=(HUMAN,)),
        Entry("Q3", "entity", "Вася Толкин", types=(HUMAN,)),
    ]
    index = NameIndex.build(entries, Learnt(), LEMMA)
    assert {id for surface, id in named("Р. Толкин", index, entries) if surface == "Р. Толкин"} == {"Q1", "Q2"}


# Places

PLACES = [
    Entry(name, "entity", name) for name in (
        "Германия", "Киев", "Санкт-Петербург", "Москва", "Нью-Йорк", "Лос-Анджелес", "США", "Нидерланды", "Китай",
        "Турция", "Чехия", "Шотландия", "Париж", "Ростов-на-Дону", "Тула", "Пермь", "Сибирь", "Англия", "Франция",
        "Греция", "Новая Зеландия", "Нижний Новгород", "Омск", "Минск", "Рига", "Волга", "Ярославль", "Женева",
        "Тель-Авив",
    )
]  # fmt: skip
ATLAS = NameIndex.build(PLACES, Learnt(), LEMMA)


@pytest.mark.parametrize(("surface", "id"), [
    ("немецкими", "Германия"), ("немцы", "Германия"), ("киевлянина", "Киев"), ("петербуржцы", "Санкт-Петербург"),
    ("москвичами", "Москва"), ("московской", "Москва"), ("санкт-петербургский", "Санкт-Петербург"),
    ("нью-йоркского", "Нью-Йорк"), ("лос-анджелесская", "Лос-Анджелес"), ("американцев", "США"),
    ("голландского", "Нидерланды"), ("китайском", "Китай"), ("турок", "Турция"), ("турецкую", "Турция"),
    ("чешской", "Чехия"), ("шотландский", "Шотландия"), ("парижане", "Париж"), ("ростовчан", "Ростов-на-Дону"),
    ("туляков", "Тула"), ("пермяк", "Пермь"), ("сибиряками", "Сибирь"), ("англичанин", "Англия"),
    ("французы", "Франция"), ("французском", "Франция"), ("греков", "Греция"), ("греческие", "Греция"),
    ("новозеландские", "Новая Зеландия"), ("нижегородцы", "Нижний Новгород"), ("омичи", "Омск"), ("минчане", "Минск"),
    ("рижанин", "Рига"), ("волжская", "Волга"), ("ярославский", "Ярославль"), ("женевского", "Женева"),
    ("тель-авивский", "Тель-Авив"),
])  # fmt: skip
def test_a_place_is_found_by_what_is_derived_from_it(surface: str, id: str) -> None:
    assert (surface, id) in named(f"Это {surface} дом.", ATLAS, PLACES)


@pytest.mark.parametrize("text", ["нью йоркский", "нью- йоркский", "йоркский", "петербург", "рынок", "отец", "банк"])
def test_what_is_derived_from_no_place_finds_none(text: str) -> None:
    assert named(text, ATLAS, PLACES) == set()


def test_the_table_of_irregular_words_holds_none_that_a_rule_reaches() -> None:
    places: dict[str, list[str]] = {}
    for word, place in irregular():
        places.setdefault(word, []).append(place)
    assert len(places) > 150
    for word, names in places.items():
        found_ = {stem(word), *by_rule(stem(word))}
        assert not all(stem(name) in found_ for name in names), word
