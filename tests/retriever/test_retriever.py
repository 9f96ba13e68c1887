"""Candidates of windows: names first, then vectors, never more than asked for, and every hit at its candidate."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.errors import ModelError
from relik_ml.index import Floats, PassageIndex
from relik_ml.names import FEATURES, HUMAN, NIL_ROW, Learnt, NameIndex, surface_keys
from relik_ml.retriever import Retriever, RetrieverConfig, learn
from relik_ml.text import Morphology, windows
from relik_ml.types import Document, Entry, Link, Mention, Retrieved, Window

LEMMA = Morphology().lemma
ENTRIES = [
    Entry("Q7747", "entity", "Владимир Путин", types=(HUMAN,), popularity=4.0),
    Entry("Q2280", "entity", "Минск", popularity=3.0),
    Entry("Q9", "entity", "Минск (трактор)", popularity=0.5),
    Entry("BORN", "relation", "место рождения"),
    Entry("Q1", "entity", "аааа"),
    Entry("Q2", "entity", "оооо"),
    Entry("KNOWS", "relation", "знаком с"),
    Entry("Q3", "entity", "кккк"),
    Entry("CITY", "type", "Минск"),
]
TEXT = "Владимир Путин приехал в Минск. Минском он доволен, и Путин уехал."


class Letters:
    """A stand-in encoder: counts of a few letters, of length one."""

    dimension = 4

    def __init__(self, fingerprint: str = "a" * 64) -> None:
        self.fingerprint = fingerprint

    def passages(self, texts: Sequence[str]) -> Floats:
        counts = np.array([[1e-3 + text.count(letter) for letter in "аокс"] for text in texts], np.float32)
        counts = counts.reshape(-1, 4)
        unit: Floats = counts / np.linalg.norm(counts, axis=1, keepdims=True)
        return unit

    queries = passages


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retriever")


@pytest.fixture(scope="module")
def index(folder: Path) -> PassageIndex:
    return PassageIndex.build(ENTRIES, Letters(), folder / "vectors")


@pytest.fixture(scope="module")
def bare(folder: Path) -> PassageIndex:
    return PassageIndex.build(ENTRIES, None, folder / "names")


NAMES = NameIndex.build(ENTRIES, Learnt(), LEMMA)


def window(text: str) -> Window:
    return windows(Document("d", text), 64, 64)[0]


def ids(item: Retrieved) -> list[str]:
    return [candidate.entry.id for candidate in item.entities]


def one(retriever: Retriever, text: str) -> Retrieved:
    (item,) = retriever([window(text)])
    return item


def assert_hits_point_home(item: Retrieved) -> None:
    text, view = item.window.document.text, item.window
    for hit in item.hits:
        assert view.start <= hit.start < hit.stop <= view.stop
        assert len(hit.features) == len(FEATURES)
        entry = item.entities[hit.candidate].entry
        tried = surface_keys(text[hit.start : hit.stop], LEMMA)
        own = NameIndex.build([entry], Learnt(), LEMMA)
        assert tried & set(own.table.keys.tolist()), (text[hit.start : hit.stop], entry.name)


def test_names_come_first_and_vectors_fill_up(index: PassageIndex) -> None:
    item = one(Retriever(index, NAMES, Letters(), RetrieverConfig(dense=3)), f"{TEXT} кккккккккккккккк")
    named = {"Q7747", "Q2280", "Q9"}
    assert set(ids(item)[:3]) == named
    assert "Q3" in ids(item)[3:]  # nothing but «к» in both
    assert len(set(ids(item))) == len(item.entities)
    assert {item.entities[hit.candidate].entry.id for hit in item.hits} == named
    assert_hits_point_home(item)


def test_a_score_is_the_best_hit_plus_the_cosine(index: PassageIndex) -> None:
    item = one(Retriever(index, NAMES, Letters(), RetrieverConfig(dense=9)), TEXT)
    query = Letters().queries([TEXT])[0]
    best = {hit.row: 0.0 for hit in NAMES.find(item.window.tokens)}
    for hit in NAMES.find(item.window.tokens):
        best[hit.row] = max(best[hit.row], hit.weight)
    for candidate in item.entities:
        row = index.row(candidate.entry.id)
        cosine = float(query @ np.asarray(index.stored_vectors[row]))
        assert candidate.score == pytest.approx(best.get(row, 0.0) + cosine, abs=1e-5)
    named = [candidate.score for candidate in item.entities][: len(best)]
    assert len(best) == 3
    assert named[0] == max(named)


def test_without_an_encoder_there_are_names_only(bare: PassageIndex, index: PassageIndex) -> None:
    for built in (bare, index):
        item = one(Retriever(built, NAMES, None), TEXT)
        assert ids(item) == ["Q7747", "Q2280", "Q9"]
        assert [candidate.entry.id for candidate in item.relations] == ["BORN", "KNOWS"]
        assert [candidate.score for candidate in item.relations] == [0, 0]
        assert_hits_point_home(item)
    assert one(Retriever(bare, NAMES, None), "Тихо.").entities == ()


def test_relations_are_all_of_few_or_the_nearest_of_many(index: PassageIndex) -> None:
    few = one(Retriever(index, NAMES, Letters()), "кккк")
    assert sorted(candidate.entry.id for candidate in few.relations) == ["BORN", "KNOWS"]
    assert [candidate.score for candidate in few.relations] == sorted((c.score for c in few.relations), reverse=True)
    assert few.relations[0].entry.id == "KNOWS"  # «к»
    for encoder, expected in ((Letters(), "KNOWS"), (None, "BORN")):
        item = one(Retriever(index, None, encoder, RetrieverConfig(relations=1)), "кккк")
        assert [candidate.entry.id for candidate in item.relations] == [expected]


def test_a_language_is_read_for_its_own_relations(index: PassageIndex, bare: PassageIndex) -> None:
    config = RetrieverConfig(relations=1, labels={"ru": ("KNOWS",), "en": ()})
    for found in (
        Retriever(bare, NAMES, None, config),
        Retriever(index, NAMES, Letters(), replace(config, relations=2)),
    ):
        views = [windows(Document("d", TEXT, lang), 64, 64)[0] for lang in ("ru", "en", "de", "ru")]
        relations = [[candidate.entry.id for candidate in item.relations] for item in found(views)]
        assert relations[:2] == [["KNOWS"], []]
        assert relations[2][0] in ("BORN", "KNOWS")
        assert relations[3] == ["KNOWS"]


@given(
    st.integers(1, 8), st.integers(0, 9), st.integers(0, 3), st.integers(1, 3),
    st.lists(st.sampled_from(["Путин", "Минске", "Владимир Путин", "кккк", "тихо", "."]), min_size=1, max_size=6),
)  # fmt: skip
def test_caps_are_kept_and_hits_stay_with_their_candidates(
    index: PassageIndex, entities: int, dense: int, relations: int, per_span: int, words: list[str]
) -> None:
    config = RetrieverConfig(entities, dense, relations, per_span)
    item = one(Retriever(index, NAMES, Letters(), config), " ".join(words))
    assert len(item.entities) <= entities
    assert len(item.entities) >= min(entities, dense, 6)
    assert len(item.relations) == min(relations, 2)
    assert len(set(ids(item))) == len(item.entities)
    spans = [(hit.start, hit.stop) for hit in item.hits]
    assert max(map(spans.count, spans), default=0) <= per_span
    assert_hits_point_home(item)


def test_windows_are_answered_in_order_and_each_as_if_alone(index: PassageIndex) -> None:
    retriever, texts = Retriever(index, NAMES, Letters()), [TEXT, "Тихо.", "В Минске кккк", "Путин"]
    together = retriever([window(text) for text in texts])
    back = retriever([window(text) for text in texts[::-1]])[::-1]
    for text, item, other in zip(texts, together, back, strict=True):
        for same in (one(retriever, text), other):
            assert (same.window, same.hits, ids(same)) == (item.window, item.hits, ids(item))
            assert [c.score for c in same.entities] == pytest.approx([c.score for c in item.entities])
            assert [c.score for c in same.relations] == pytest.approx([c.score for c in item.relations])
    assert retriever([]) == Retriever(index, NAMES, None)([]) == []


def test_hits_of_later_windows_stand_in_document_offsets(bare: PassageIndex) -> None:
    document = Document("d", f"Ничего. Совсем ничего здесь нет. {TEXT}")
    views = windows(document, 8, 4)
    for item in Retriever(bare, NAMES, None)(views):
        assert_hits_point_home(item)
    (last,) = Retriever(bare, NAMES, None)([views[-1]])
    assert [document.text[hit.start : hit.stop] for hit in last.hits] == ["Минском", "Минском", "Путин"]
    assert min(hit.start for hit in last.hits) > len("Ничего. Совсем ничего здесь нет. ")


def test_what_a_document_taught_is_held_out_for_its_window_only(bare: PassageIndex) -> None:
    annotation = Learnt(dict.fromkeys(((key, 0) for key in surface_keys("президент", LEMMA)), 1))
    retriever = Retriever(bare, NameIndex.build(ENTRIES, annotation, LEMMA), None)
    view = window("Слово президента")
    assert [ids(item) for item in retriever([view, view])] == [["Q7747"], ["Q7747"]]
    assert [ids(item) for item in retriever([view, view], [annotation, Learnt()])] == [[], ["Q7747"]]


def test_rows_in_several_languages_do_not_push_namesakes_out(tmp_path: Path) -> None:
    deltas = [Entry(f"Q{n}", "entity", "Дельта", lang="ru", aliases=("Устье",) * (n % 2), popularity=n / 8)
              for n in range(12)]  # fmt: skip
    many = [replace(entry, lang=lang) for entry in deltas for lang in ("ru", "en", "mul")]
    key = min(surface_keys("Дельта", LEMMA))
    answers = []
    for entries, learnt in ((deltas, Learnt({(key, 3): 2})), (many, Learnt({(key, 9): 1, (key, 11): 1}))):
        index = PassageIndex.build(entries, None, tmp_path / str(len(entries)))
        retriever = Retriever(index, NameIndex.build(entries, learnt, LEMMA), None)
        item, nothing = retriever([window("У Дельты и в Устье"), window("Тихо")])
        assert nothing.entities == ()
        answers.append((ids(item), [candidate.score for candidate in item.entities], item.hits))
    assert len(answers[0][0]) == 11, "ten of the one name, and with the other also the least popular"
    assert answers[0] == answers[1]


def test_rows_in_several_languages_are_one_candidate(tmp_path: Path) -> None:
    entries = [
        Entry("Q2280", "entity", "Минск", lang="ru"),
        Entry("Q2280", "entity", "Minsk, ааа", lang="en"),
        Entry("Q1", "entity", "к", lang="ru"),
        Entry("P19", "relation", "кк", lang="ru"),
        Entry("P19", "relation", "ааа", lang="en"),
        Entry("P20", "relation", "с", lang="ru"),
    ]
    index, names = PassageIndex.build(entries, Letters(), tmp_path / "index"), NameIndex.build(entries, Learnt(), LEMMA)
    config = RetrieverConfig(entities=2, dense=1, relations=2)
    for encoder in (Letters(), None):
        found = one(Retriever(index, names, encoder, config), "а Минск а")
        assert ids(found) == ["Q2280"], encoder
        assert sorted(candidate.entry.id for candidate in found.relations) == ["P19", "P20"], encoder
        assert {candidate.entry.lang for candidate in (*found.entities, *found.relations)} == {"ru"}, encoder
        assert_hits_point_home(found)


def test_another_encoder_is_refused_at_once(index: PassageIndex, bare: PassageIndex) -> None:
    with pytest.raises(ModelError, match="another encoder"):
        Retriever(index, NAMES, Letters("b" * 64))
    assert one(Retriever(bare, NAMES, Letters("b" * 64)), TEXT).entities  # no vectors that could be wrong


# lookup and learn


def test_looking_up_says_how_each_was_found(index: PassageIndex, bare: PassageIndex) -> None:
    retriever = Retriever(index, NAMES, Letters(), RetrieverConfig(dense=2))
    found = retriever.lookup("Минском", 2)
    assert [(candidate.entry.id, way) for candidate, way in found] == [("Q2280", "name"), ("Q9", "name")]
    found = retriever.lookup(f"Путин {'о' * 30}", 10)
    assert (found[0][0].entry.id, found[1][0].entry.id) == ("Q7747", "Q2")
    assert found[1:] == sorted(found[1:], key=lambda pair: -pair[0].score)
    assert len(found) == 6, "as many as were asked for or are there, whatever a window gets"
    assert [way for _, way in found] == ["name", *["vector"] * (len(found) - 1)]
    usual = Retriever(index, NAMES, Letters())
    assert usual.lookup(f"Путин {'о' * 30}", 1) == usual.lookup(f"Путин {'о' * 30}", 9)[:1]
    assert retriever.lookup("", 5) == retriever.lookup(" \n", 5) == []
    assert Retriever(bare, NAMES, None).lookup("тихо", 5) == []


def test_a_long_text_is_looked_up_to_its_end(index: PassageIndex, bare: PassageIndex) -> None:
    text = f"Минск {'тихо ' * 200} Владимир Путин"
    found = Retriever(bare, NAMES, None).lookup(text, 5)
    assert sorted(candidate.entry.id for candidate, _ in found) == ["Q2280", "Q7747", "Q9"]
    assert found == sorted(found, key=lambda pair: -pair[0].score)
    ways = {candidate.entry.id: way for candidate, way in Retriever(index, NAMES, Letters()).lookup(text, 5)}
    assert [id for id, way in ways.items() if way == "name"] == [candidate.entry.id for candidate, _ in found]
    assert len(ways) == 5


def test_a_document_teaches_surfaces_and_labels_once() -> None:
    text = "Путин, Путина, он; Ким и Минск, 1999"
    rows = {"Q7747": 0, "Q2280": 1}
    document = Document("d", text, mentions=(
        Mention("T1", 0, 5, "PERSON", link=Link("linked", "Q7747", label="Владимир Путин")),
        Mention("T2", 7, 13, "PERSON", link=Link("linked", "Q7747")),
        Mention("T3", 15, 17, "PERSON", link=Link("unknown")),
        Mention("T4", 19, 22, "PERSON", link=Link("nil", label="Ким Первый")),
        Mention("T5", 25, 30, "CITY", link=Link("linked", "Q404")),
        Mention("T6", 32, 36, "DATE", link=Link("unlinkable")),
    ))  # fmt: skip
    expected = {(key, 0) for name in ("Путин", "Путина", "Владимир Путин") for key in surface_keys(name, LEMMA)}
    expected |= {(key, NIL_ROW) for name in ("Ким", "Минск") for key in surface_keys(name, LEMMA)}
    learnt = learn(document, rows, LEMMA)
    assert dict(learnt) == dict.fromkeys(expected, 1)
    assert isinstance(learnt, Learnt)
    assert learn(Document("e", text), rows, LEMMA) == Learnt()
