"""Names in any inflection find their rows, what is held out leaves no trace, and nothing depends on chance."""

import math
from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relik_ml.names import (  # fmt: skip
    FEATURES,
    HUMAN,
    NIL_ROW,
    Found,
    Learnt,
    NameIndex,
    NameTable,
    sound,
    stem,
    surface_keys,
)
from relik_ml.text import Morphology, tokens
from relik_ml.types import Entry

LEMMA = Morphology().lemma
ENTRIES = [
    Entry("Q7747", "entity", "Владимир Путин", "", "ru", ("Путин, Владимир Владимирович",), (HUMAN,), 4.0),
    Entry("Q159", "entity", "Россия", aliases=("Российская Федерация", "РФ"), popularity=5.0),
    Entry("Q22686", "entity", "Торез, Морис", types=(HUMAN,), popularity=1.0),
    Entry("Q43274", "entity", "Павел", types=("Q202444",)),
    Entry("Q95", "entity", "Google", aliases=("Гугл",), popularity=3.0),
    Entry("Q2280", "entity", "Минск", popularity=3.5),
    Entry("Q9", "entity", "Минск (трактор)", popularity=0.5),
    Entry("Q30", "entity", "США", aliases=("Соединённые Штаты Америки",), popularity=5.0),
    Entry("Q5", "entity", "Великая Отечественная война советского народа против захватчиков"),
    Entry("Q6", "entity", "Ёлка", aliases=("—", "я", "")),
    Entry("Q7", "entity", "кафе «Ёлка»"),
]
ROW = {entry.id: row for row, entry in enumerate(ENTRIES)}
INDEX = NameIndex.build(ENTRIES, Learnt(), LEMMA)


def found(text: str, index: NameIndex = INDEX, **settings: Any) -> set[tuple[str, str]]:
    """Surfaces with the ids that they may stand for."""
    words = tokens(text)
    return {
        (text[words[hit.first].start : words[hit.last].stop], ENTRIES[hit.row].id)
        for hit in index.find(words, **settings)
    }


def feature(hit: Found, name: str) -> float:
    return hit.features[FEATURES.index(name)]


def only(text: str, index: NameIndex = INDEX) -> Found:
    (hit,) = index.find(tokens(text))
    return hit


@pytest.mark.parametrize(("text", "surface", "id"), [
    ("Встреча с Владимиром Путиным прошла.", "Владимиром Путиным", "Q7747"),
    ("Указ Путина.", "Путина", "Q7747"),
    ("Сказал Путину", "Путину", "Q7747"),
    ("речь ПУТИНА", "ПУТИНА", "Q7747"),
    ("Путина Владимира Владимировича", "Путина Владимира Владимировича", "Q7747"),
    ("Население России растёт", "России", "Q159"),
    ("граница с Россией", "Россией", "Q159"),
    ("в Российской Федерации", "Российской Федерации", "Q159"),
    ("институт Мориса Тореза", "Мориса Тореза", "Q22686"),
    ("труды Тореза", "Тореза", "Q22686"),
    ("Торез, Морис", "Торез, Морис", "Q22686"),
    ("письмо Павла друзьям", "Павла", "Q43274"),
    ("письмо Павлу", "Павлу", "Q43274"),
    ("офис Google", "Google", "Q95"),
    ("офис GOOGLE", "GOOGLE", "Q95"),
    ("в Гугле", "Гугле", "Q95"),
    ("«Минск»", "Минск", "Q2280"),
    ("в «Минске»", "Минске", "Q9"),
    ("власти США", "США", "Q30"),
    ("из Соединенных Штатов Америки", "Соединенных Штатов Америки", "Q30"),
    ("у елки", "елки", "Q6"),
    ("Ёлкой", "Ёлкой", "Q6"),
    ("Кафе «Ёлка» и кафе", "Ёлка", "Q6"),  # the marks around the name are not of it
    ("в кафе «Ёлка» тихо", "кафе «Ёлка»", "Q7"),  # but those around a part of it are
    ('в кафе "Ёлка", тихо', 'кафе "Ёлка"', "Q7"),
    ("население Рос\N{LATIN SMALL LETTER C}ии", "Рос\N{LATIN SMALL LETTER C}ии", "Q159"),
])  # fmt: skip
def test_a_name_is_found_in_any_inflection(text: str, surface: str, id: str) -> None:
    assert (surface, id) in found(text)


def test_what_is_not_named_is_not_found() -> None:
    assert found("Сегодня тихо, и никого нет.") == set()
    assert found("") == found("—") == found("я") == found("« »") == set()


def test_names_do_not_reach_over_lines_and_gaps() -> None:
    assert ("Владимир\nПутин", "Q7747") in found("Владимир\nПутин")  # one line break may lie inside a name
    assert ("Владимир — Путин", "Q7747") in found("Владимир — Путин")
    assert {surface for surface, _ in found("Владимир\n\n\n\nПутин")} == {"Путин"}
    assert {surface for surface, _ in found("Владимир Иванович Путин")} == {"Путин"}


def test_a_name_of_eight_words_is_too_long_to_look_up() -> None:
    assert found("Великая Отечественная война советского народа против захватчиков") != set()
    eight = "один два три четыре пять шесть семь восемь"
    index = NameIndex.build([Entry("Q1", "entity", eight)], Learnt(), LEMMA)
    assert index.find(tokens(eight)) == []


# Spelling


@given(st.text())
def test_a_stem_is_a_beginning_of_its_word(word: str) -> None:
    folded = word.casefold().replace("ё", "е")
    assert folded.startswith(stem(word))
    assert len(stem(word)) >= min(3, len(folded))


@pytest.mark.parametrize(("russian", "latin"), [
    ("Дженнифером", "Jennifer"), ("Энистон", "Aniston"), ("Теру", "Theroux"), ("Уильямс", "Williams"),
    ("Ельцин", "Yeltsin"), ("Плуммер", "Plummer"), ("Джорджем", "George"),
])  # fmt: skip
def test_russian_and_latin_spellings_sound_alike(russian: str, latin: str) -> None:
    assert sound(russian) == sound(latin) != ""


def test_names_without_letters_have_no_key_and_take_no_row() -> None:
    assert not any(surface_keys(name, LEMMA) for name in ("", "—", "«»", "я", "👩‍🚀"))
    assert surface_keys("РФ", LEMMA) == surface_keys("«рф»", LEMMA) != set()
    nameless = [Entry("Q1", "entity", "—"), Entry("Q2", "entity", ""), Entry("Q3", "entity", "!", aliases=("я", "?"))]
    index = NameIndex.build(nameless, Learnt({(0, 1): 3}), LEMMA)
    assert len(index.table.keys) == 0
    assert index.find(tokens("— ! я ?")) == []
    assert 0 not in INDEX.table.keys.tolist()


def test_lone_surrogates_are_no_letters() -> None:
    index = NameIndex.build([Entry("Q1", "entity", "Мин\ud800ск"), Entry("Q2", "entity", "\ud800")], Learnt(), LEMMA)
    assert [hit.row for hit in index.find(tokens("в Мин\ud800ск"))] == [0]
    assert surface_keys("\ud800", LEMMA) == set()
    assert found("Путин\ud800") == {("Путин", "Q7747")}


@given(st.lists(st.sampled_from(["Павла", "Путина", "в", "США", "—", "«", "Google", "\ud800"]), max_size=4))
def test_annotated_surfaces_are_found_by_their_keys(words: list[str]) -> None:
    """Keys of a surface are those that the same words would try."""
    surface = " ".join(words)
    keys, found_ = surface_keys(surface, LEMMA), tokens(surface)
    index = NameIndex.build([Entry("Q1", "entity", "")], Learnt({(key, 0): 1 for key in keys}), LEMMA)
    solid = [index for index, word in enumerate(found_) if word.text[0].isalnum()]
    assume(all(found_[right].start - found_[left].stop <= 3 for left, right in pairwise(solid)))
    spans = [(hit.first, hit.last) for hit in index.find(found_)]
    assert ((solid[0], solid[-1]) in spans) if keys else not spans


# Features


@pytest.mark.parametrize(("text", "expected"), [
    ("Россия", {"label": 1, "alias": 0, "learnt": 0, "surname": 0, "upper": 0, "title": 1, "words": 0.25, "human": 0}),
    ("РФ", {"label": 0, "alias": 1, "learnt": 0, "surname": 0, "upper": 1, "title": 0}),
    ("Тореза", {"label": 0, "alias": 0, "learnt": 0, "surname": 1, "human": 1}),
    ("россия", {"title": 0, "popularity": 5 / 4}),
])  # fmt: skip
def test_features_describe_the_name_and_its_surface(text: str, expected: dict[str, float]) -> None:
    assert {name: feature(only(text), name) for name in expected} == expected


def test_a_shorter_name_knows_of_the_longer_one() -> None:
    hits = {(hit.first, hit.last): hit for hit in INDEX.find(tokens("Морис Торез. Пишет Торез."))}
    whole, inside, later = hits[0, 1], hits[1, 1], hits[4, 4]
    assert [feature(hit, "longest") for hit in (whole, inside, later)] == [0, 1, 1]
    assert {feature(hit, "spans") for hit in hits.values()} == {np.log1p(3) / 2}
    assert feature(only("Торез"), "longest") == 0


def test_namesakes_are_ranked_by_weight_and_then_by_row() -> None:
    city, tractor = INDEX.find(tokens("Минске"))
    assert (city.row, tractor.row) == (ROW["Q2280"], ROW["Q9"])
    assert city.weight > tractor.weight
    assert [feature(hit, "rank") for hit in (city, tractor)] == [1, 0.5]
    assert feature(city, "rivals") == feature(tractor, "rivals") == pytest.approx(math.log1p(2) / 3)
    twins = [Entry(f"Q{row}", "entity", "Ким") for row in range(5)]
    index = NameIndex.build(twins, Learnt(), LEMMA)
    assert [hit.row for hit in index.find(tokens("Ким"))] == [0, 1, 2, 3, 4]
    assert [hit.row for hit in index.find(tokens("Ким"), per_span=2)] == [0, 1]
    often = NameIndex.build(ENTRIES, taught(("Минск", ROW["Q9"]), times=9), LEMMA)
    assert [hit.row for hit in often.find(tokens("Минском"))] == [ROW["Q9"], ROW["Q2280"]]


# Not as it is spelt

OTHERS = [
    Entry("Q10", "entity", "Jennifer Aniston", types=(HUMAN,), lang="en"),
    Entry("Q11", "entity", "Twitter", lang="en"),
    Entry("Q13", "entity", "Техас"),
    Entry("Q14", "entity", "Королёв, Сергей Павлович"),
    Entry("Q7747", "entity", "Владимир Путин", types=(HUMAN,)),
]
FAR = NameIndex.build(OTHERS, Learnt(), LEMMA)


@pytest.mark.parametrize(("text", "surface", "id"), [
    ("вышла Дженнифер Энистон", "Дженнифер Энистон", "Q10"),
    ("роль Энистон", "Энистон", "Q10"),
    ("в Твиттере", "Твиттере", "Q11"),
    ("в техасском городе", "техасском", "Q13"),
    ("Сергея Королёва", "Сергея Королёва", "Q14"),
    ("речь В. В. Путина", "В. В. Путина", "Q7747"),
    ("речь В.Путина", "В.Путина", "Q7747"),
    ("сказал Дж. Р. Р. Путин", "Дж. Р. Р. Путин", "Q7747"),
    ("Путин В. В. сказал", "Путин В. В", "Q7747"),
])  # fmt: skip
def test_a_name_is_found_by_what_follows_from_it(text: str, surface: str, id: str) -> None:
    words = tokens(text)
    hits = {(text[words[hit.first].start : words[hit.last].stop], OTHERS[hit.row].id) for hit in FAR.find(words)}
    assert (surface, id) in hits


@pytest.mark.parametrize("text", ["твиттере", "роль энистон", "Москва", "В. В.", "Anniston"])
def test_what_merely_looks_alike_is_not_found(text: str) -> None:
    assert FAR.find(tokens(text)) == []


@pytest.mark.parametrize(("derived", "name"), [
    ("киевлянина", "Киев"), ("москвичами", "Москва"), ("китайском", "Китай"), ("шотландский", "Шотландия"),
    ("парижане", "Париж"), ("англичанин", "Англия"), ("омичи", "Омск"), ("минчане", "Минск"), ("рижанин", "Рига"),
    ("волжская", "Волга"), ("ярославский", "Ярославль"), ("женевского", "Женева"), ("немецкими", "Германия"),
    ("петербуржцы", "Санкт-Петербург"), ("американцев", "США"), ("турок", "Турция"),
    ("новозеландские", "Новая Зеландия"),
])  # fmt: skip
def test_a_place_name_is_found_by_its_derivations(derived: str, name: str) -> None:
    index = NameIndex.build([Entry("Q1", "entity", name)], Learnt(), LEMMA)
    (hit,) = index.find(tokens(f"Это {derived} дом."))
    assert (hit.first, feature(hit, "label"), feature(hit, "alias")) == (1, 0, 1)


@pytest.mark.parametrize("pair", [("Владимир", "Путин в Минске"), ("В. В.", "Путин"), ("", "у Морису Торезу. Торез")])
def test_many_texts_are_searched_as_each_alone(pair: tuple[str, str]) -> None:
    texts = [tokens(text) for text in (*pair, "Россия")]
    assert [found.found() for found in INDEX.match_all(texts)] == [INDEX.find(words) for words in texts]


def test_rows_of_one_entity_are_said_of_the_first() -> None:
    entries = [Entry("Q1", "entity", "Дженнифер Энистон"), Entry("Q1", "entity", "Энистон Дженнифер", popularity=9)]
    words = [tokens("Дженнифер Энистон и Энистон Дженнифер")]
    index = NameIndex.build(entries, Learnt(), LEMMA)
    assert set(index.match_all(words)[0].row.tolist()) == {0, 1}
    assert set(index.match_all(words, firsts=np.zeros_like)[0].row.tolist()) == {0}


# Initials

BEARERS = [
    Entry("Q1", "entity", "Владимир Путин", "", "ru", ("Путин, Владимир Владимирович", "Путин"), (HUMAN,), 5.0),
    Entry("Q2", "entity", "Алексей Путин", types=(HUMAN,)),
    Entry("Q3", "entity", "Джон Толкин", types=(HUMAN,)),
    Entry("Q4", "entity", "Эрнст Теодор Гофман", types=(HUMAN,)),
    Entry("Q5", "entity", "Jennifer Aniston", types=(HUMAN,), lang="en"),
]
BEARING = NameIndex.build(BEARERS, Learnt({(key, 0): 50 for key in surface_keys("Путин", LEMMA)}), LEMMA)


def named(text: str, index: NameIndex, entries: list[Entry]) -> set[tuple[str, str]]:
    """Surfaces with the ids that they may stand for, if the rows are known."""
    words = tokens(text)
    hits = index.match_all([words], entries=entries)[0].found()
    return {(text[words[hit.first].start : words[hit.last].stop], entries[hit.row].id) for hit in hits}


@pytest.mark.parametrize(("text", "names"), [
    ("В. В. Путин", {("В. В. Путин", "Q1"), ("Путин", "Q1")}),
    ("В.Путин", {("В.Путин", "Q1"), ("Путин", "Q1")}),
    ("А. Б. Путина", {("А. Б. Путина", "Q2"), ("Путина", "Q2")}),
    ("Путину А. Б.", {("Путину А. Б", "Q2"), ("Путину", "Q2")}),
    ("Путину А.", {("Путину А", "Q2"), ("Путину", "Q2")}),
    ("В. П. Путин", {("Путин", "Q1"), ("Путин", "Q2")}),  # initials of no bearer: the surname stays
    ("Дж. Р. Р. Толкин", {("Дж. Р. Р. Толкин", "Q3"), ("Толкин", "Q3")}),
    ("Э. Т. А. Гофман", {("Э. Т. А. Гофман", "Q4"), ("Гофман", "Q4")}),
    ("Э. Г. Гофман", {("Гофман", "Q4")}),
    ("Д. Энистон", {("Д. Энистон", "Q5"), ("Энистон", "Q5")}),  # across alphabets, too
    ("А. Энистон", {("Энистон", "Q5")}),
    ("И Путин", {(each, id) for each in ("И Путин", "Путин") for id in ("Q1", "Q2")}),  # a word, without a stop
    ("Путин И ТОЛКИН", {("ТОЛКИН", "Q3"), ("И ТОЛКИН", "Q3"),
                        *((each, id) for each in ("Путин", "Путин И") for id in ("Q1", "Q2"))}),
    ("А. Б. В. Г. Путин", {("Путин", "Q1"), ("Путин", "Q2")}),  # four initials are an alphabet
    ("Путин А. Б., Толкин Д. Р.", {("Путин А. Б", "Q2"), ("Путин", "Q2"), ("А. Б., Толкин", "Q3"), ("Толкин", "Q3"),
                                   ("Толкин Д. Р", "Q3")}),
])  # fmt: skip
def test_initials_name_whom_they_fit(text: str, names: set[tuple[str, str]]) -> None:
    assert named(text, BEARING, BEARERS) == names


def test_an_alias_with_initials_is_a_name_of_its_own() -> None:
    entries = [
        Entry("Q1", "entity", "Джон Рональд Руэл Толкин", aliases=("Р. Толкин",), types=(HUMAN,)),
        Entry("Q2", "entity", "Роберт Толкин", types=(HUMAN,)),
        Entry("Q3", "entity", "Вася Толкин", types=(HUMAN,)),
    ]
    index = NameIndex.build(entries, Learnt(), LEMMA)
    assert {id for surface, id in named("Р. Толкин", index, entries) if surface == "Р. Толкин"} == {"Q1", "Q2"}


# What annotators taught


def taught(*pairs: tuple[str, int], times: int = 1) -> Learnt:
    return Learnt({(key, row): times for surface, row in pairs for key in surface_keys(surface, LEMMA)})


def total(*parts: Learnt) -> Learnt:
    together = Learnt()
    for part in parts:
        together.update(part)
    return together


def test_counts_say_how_often_a_surface_meant_this() -> None:
    learnt = taught(("президент", ROW["Q7747"]), times=3)
    learnt.update(taught(("президент", NIL_ROW), times=2))
    hit = only("президента", NameIndex.build(ENTRIES, learnt, LEMMA))
    assert hit.row == ROW["Q7747"]
    assert (feature(hit, "learnt"), feature(hit, "label")) == (1, 0)
    assert feature(hit, "count") == pytest.approx(math.log1p(3) / 3)
    assert feature(hit, "prior") == 3 / (5 + 1)
    assert feature(hit, "annotated") == pytest.approx(math.log1p(5) / 3)


def test_nil_annotations_lower_the_prior_of_candidates() -> None:
    index = NameIndex.build(ENTRIES, taught(("Павел", NIL_ROW), times=4), LEMMA)
    hit = only("Павел", index)
    assert hit.row == ROW["Q43274"]
    assert (feature(hit, "annotated"), feature(hit, "prior")) == pytest.approx((math.log1p(4) / 3, 0))
    assert NameIndex.build(ENTRIES, taught(("никто", NIL_ROW)), LEMMA).find(tokens("никто")) == []


def test_only_learnt_rows_are_not_indexed_by_name() -> None:
    index = NameIndex.build(ENTRIES, taught(("глава Кремля", ROW["Q7747"])), LEMMA, only_learnt={"Q7747"})
    assert found("Владимир Путин", index) == set()
    assert found("главе Кремля", index) == {("главе Кремля", "Q7747")}


SURFACES = ("Путин", "президент", "Минск", "Павел", "глава Кремля", "РФ")
annotated_surfaces = st.lists(
    st.tuples(st.sampled_from(SURFACES), st.sampled_from([ROW["Q7747"], ROW["Q2280"], ROW["Q43274"], NIL_ROW])),
    max_size=5,
    unique=True,
)
TEXT = "Президент Путин (Владимир Путин), глава Кремля, в Минске встретил Павла из РФ."


@given(st.lists(annotated_surfaces, min_size=1, max_size=4), st.booleans())
def test_what_is_held_out_leaves_no_trace(documents: list[list[tuple[str, int]]], alone: bool) -> None:
    """An index with a document held out answers as one that never saw it, in every feature."""
    learnt = [taught(*document) for document in documents]
    unnamed = {"Q7747"} if alone else set()
    everything, before = NameIndex.build(ENTRIES, total(*learnt), LEMMA, unnamed), dict(learnt[0])
    without = NameIndex.build(ENTRIES, total(*learnt[1:]), LEMMA, unnamed)
    words = tokens(TEXT)
    assert everything.find(words, held_out=learnt[0]) == without.find(words)
    assert everything.find(words, held_out=Learnt()) == everything.find(words)
    assert learnt[0] == before


def test_counts_and_popularity_out_of_range_stay_finite() -> None:
    popular = NameIndex.build([Entry("Q1", "entity", "Минск", popularity=1e6)], Learnt(), LEMMA)
    assert np.isfinite([*only("Минск", popular).features, only("Минск", popular).weight]).all()
    index = NameIndex.build(ENTRIES, taught(("президент", 0), times=10**6), LEMMA)
    assert int(index.table.counts.max()) == 65_535
    assert feature(only("президент", index), "count") == pytest.approx(math.log1p(65_535) / 3)


# Rows that come and go


def assert_same(one: NameTable, other: NameTable) -> None:
    kept, wanted = one.packed(), other.packed()
    assert kept.keys() == wanted.keys()
    for name, array in wanted.items():
        assert (kept[name].dtype, kept[name].tobytes()) == (array.dtype, array.tobytes()), name


@given(annotated_surfaces, st.sets(st.sampled_from(range(len(ENTRIES))), min_size=1))
def test_kept_rows_are_as_if_the_rest_had_never_been(annotation: list[tuple[str, int]], rows: set[int]) -> None:
    kept = sorted(rows)
    learnt = Learnt()
    for (key, row), count in taught(*annotation).items():
        learnt[key, kept.index(row) if row in rows else NIL_ROW] += count
    table = NameTable.build(ENTRIES, taught(*annotation)).kept(np.array(kept))
    assert_same(table, NameTable.build([ENTRIES[row] for row in kept], learnt))


@given(annotated_surfaces, st.integers(0, len(ENTRIES)))
def test_rows_that_were_added_can_go_and_leave_no_trace(annotation: list[tuple[str, int]], at: int) -> None:
    learnt = Learnt(
        {(key, row): count for (key, row), count in taught(*annotation).items() if row < at or row == NIL_ROW}
    )
    table = NameTable.build(ENTRIES[:at], learnt)
    more = table.extended(ENTRIES[at:])
    assert_same(more, NameTable.build(ENTRIES, learnt))
    assert_same(more.kept(np.arange(at)), table)


# Order


def by_hand(words: Sequence[str], entries: Sequence[Entry]) -> set[tuple[int, int, int]]:
    """Every run of at most seven words that is a name when stems of surface or of lemma are compared word by word."""
    hits = set()
    for first in range(len(words)):
        for last in range(first, min(first + 7, len(words))):
            run = words[first : last + 1]
            for row, entry in enumerate(entries):
                name = [stem(token.text) for token in tokens(entry.name)]
                if len(name) == len(run) and all(
                    stem(word) == part or stem(LEMMA(word)) == part for word, part in zip(run, name, strict=True)
                ):
                    hits.add((first, last, row))
    return hits


VOCABULARY = ("Минск", "Минска", "Павел", "Павла", "Ким", "Кима", "Путина")


@given(st.lists(st.sampled_from(VOCABULARY), max_size=7))
def test_the_index_finds_what_comparing_all_names_finds(words: list[str]) -> None:
    names = ("Минск", "Павел Ким", "Ким", "Путин", "Путин Минск", "Минск Минск")
    entries = [Entry(f"Q{row}", "entity", name) for row, name in enumerate(names)]
    hits = NameIndex.build(entries, Learnt(), LEMMA).find(tokens(" ".join(words)), per_span=99)
    assert {(hit.first, hit.last, hit.row) for hit in hits} == by_hand(words, entries)
    assert len({(hit.first, hit.last, hit.row) for hit in hits}) == len(hits)
    assert [(hit.first, hit.last) for hit in hits] == sorted((hit.first, hit.last) for hit in hits)


def test_nothing_depends_on_the_order_in_which_names_were_learnt() -> None:
    pairs = list(product(SURFACES, (0, 5, NIL_ROW)))
    one, other = (
        NameIndex.build(ENTRIES, total(*(taught(pair) for pair in order)), LEMMA) for order in (pairs, pairs[::-1])
    )
    for name, array in one.arrays().items():
        assert np.array_equal(array, other.arrays()[name]), name
    assert one.find(tokens(TEXT)) == other.find(tokens(TEXT))
    assert one.find(tokens(TEXT)) == NameIndex(one.arrays(), LEMMA).find(tokens(TEXT)), "the arrays hold everything"


def test_only_entities_have_names_to_be_found() -> None:
    others = [Entry("CITY", "type", "Минск"), Entry("BORN", "relation", "Минск"), Entry("Q1", "entity", "Минск")]
    assert [hit.row for hit in NameIndex.build(others, Learnt(), LEMMA).find(tokens("Минск"))] == [2]
