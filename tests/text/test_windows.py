"""Windows cover the text, and merging their parts gives back what fits, whatever their order."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.errors import ConfigError, DataError
from relik_ml.text import Fit, Part, cut, fill, fit, merge, sentences, tokens, windows
from relik_ml.types import Document, Entity, Link, Mention, Span, Triple, Window

from .strategies import documents

TEXT = "Анна Каренина живёт в Москве. Она знает Вронского. Вронский служит в Петербурге."
DOCUMENT = Document("d", TEXT)

sizes = st.integers(1, 12).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size)))


@given(documents(), sizes)
def test_windows_cover_every_token_and_overlap_enough(document: Document, shape: tuple[int, int]) -> None:
    size, stride = shape
    found = tokens(document.text)
    views = windows(document, size, stride)
    assert {token for view in views for token in view.tokens} == set(found)
    assert all(len(view.tokens) == min(size, len(found)) for view in views)
    assert all((view.start, view.stop) == (view.tokens[0].start, view.tokens[-1].stop) for view in views)
    for before, after in pairwise(views):
        assert before.start < after.start
        assert len(set(before.tokens) & set(after.tokens)) >= size - stride


@pytest.mark.parametrize("text", ["", " \n\u2028\t"])
def test_a_text_without_tokens_has_no_window(text: str) -> None:
    assert windows(Document("d", text), 8, 4) == []
    assert merge(Document("d", text), []) == Document("d", text)


def test_a_short_document_is_one_window() -> None:
    size = len(tokens(TEXT))
    assert len(windows(DOCUMENT, size, 1)) == 1
    assert len(windows(DOCUMENT, size - 1, 1)) == 2


def test_windows_start_at_sentences_where_one_is_near() -> None:
    document = Document("d", "Анна приехала из Минска. " * 20)
    starts = {sentence.start for sentence in sentences(document.text)}
    assert all(view.start in starts for view in windows(document, 24, 12)[:-1])


@pytest.mark.parametrize(("size", "stride"), [(0, 0), (4, 0), (4, 5), (-1, -1)])
def test_a_stride_that_leaves_gaps_is_refused(size: int, stride: int) -> None:
    with pytest.raises(ConfigError, match="stride"):
        windows(DOCUMENT, size, stride)


@given(documents(), sizes)
def test_merging_what_was_cut_gives_exactly_the_gold_that_fits(document: Document, shape: tuple[int, int]) -> None:
    views = windows(document, *shape)
    fits = [{m.id for m in document.mentions if view.start <= m.start and m.stop <= view.stop} for view in views]
    merged = merge(document, map(cut, views))
    mentions = tuple(m for m in document.mentions if any(m.id in ids for ids in fits))
    triples = tuple(t for t in document.triples if any({t.subject, t.object} <= ids for ids in fits))
    assert (merged.mentions, merged.triples) == (mentions, triples)
    lost = len(document.mentions) - len(mentions), len(document.triples) - len(triples)
    assert fit(document, views) == Fit(len(mentions), lost[0], len(triples), lost[1])


def test_one_window_returns_the_document_itself() -> None:
    people = (Mention("T7", 0, 13, "PERSON"), Mention("T2", 0, 4, "PERSON"), Mention("T3", 22, 28, "CITY"))
    document = replace(
        DOCUMENT, mentions=people, triples=(Triple("T7", "LIVES_IN", "T3"),), entities=(Entity("E1", ("T7", "T2")),)
    )
    assert merge(document, map(cut, windows(document, 100, 50))) == document
    shorter = merge(document, map(cut, windows(document, 1, 1)))
    assert shorter.entities == (Entity("E1", ("T2",)),)
    assert fit(document, windows(document, 1, 1)) + Fit(1, 2, 3, 4) == Fit(3, 3, 3, 5)


# ---- predictions -------------------------------------------------------------------------------

ANNA, MOSCOW = Mention("T1", 0, 13, "PERSON", score=0.9), Mention("T2", 22, 28, "CITY", score=0.8)
VIEW = Window(DOCUMENT, 0, len(TEXT), tuple(tokens(TEXT)))


def merged(*parts: tuple[tuple[Mention, ...], tuple[Triple, ...]]) -> Document:
    return merge(DOCUMENT, [Part(VIEW, *part) for part in parts])


def test_a_span_found_twice_keeps_the_higher_score() -> None:
    found = merged(((replace(ANNA, score=0.4),), ()), ((replace(ANNA, id="T8"),), ()))
    assert found.mentions == (ANNA,)
    certain = replace(ANNA, score=None)  # a missing score counts as one
    assert merged(((ANNA,), ()), ((certain,), ())).mentions == (certain,)


def test_of_two_links_the_one_with_the_higher_score_wins() -> None:
    moscow, mowers = Link("linked", "Q649", score=0.7), Link("linked", "Q4", score=0.6)
    found = merged(((replace(MOSCOW, link=moscow, score=0.1),), ()), ((replace(MOSCOW, link=mowers),), ()))
    assert found.mentions == (replace(MOSCOW, id="T1", link=moscow),)
    nil = Link("nil", score=0.1)  # a link that was not looked up never wins
    found = merged(((replace(MOSCOW, link=nil),), ()), ((replace(MOSCOW, link=Link()),), ()))
    assert found.mentions[0].link == nil


def test_one_span_has_one_type_and_its_link() -> None:
    city = Mention("M1", 0, 4, "CITY", link=Link("linked", "Q1", score=0.3), score=0.9)
    club = Mention("M1", 0, 4, "ORGANIZATION", link=Link("linked", "Q2", score=0.8), score=0.4)
    found = merged(((city,), ()), ((club,), ()))
    assert [(m.type, m.link.id, m.score) for m in found.mentions] == [("CITY", "Q1", 0.9)]


def test_a_triple_found_twice_keeps_the_higher_score() -> None:
    weak, strong = Triple("T1", "LIVES_IN", "T2", score=0.3), Triple("T2", "LIVES_IN", "T1", score=0.6)
    swapped = (replace(ANNA, id="T2"), replace(MOSCOW, id="T1"))
    found = merged(((ANNA, MOSCOW), (weak,)), (swapped, (strong,)))
    assert found.triples == (Triple("T1", "LIVES_IN", "T2", score=0.6),)


def test_a_triple_whose_arguments_become_one_is_dropped() -> None:
    found = merged(((ANNA, replace(ANNA, id="T2")), (Triple("T1", "KNOWS", "T2"),)))
    assert (len(found.mentions), found.triples) == (1, ())


def test_own_mentions_take_the_best_link_of_all_parts() -> None:
    own = replace(DOCUMENT, mentions=(replace(MOSCOW, link=Link("linked", "Q9")), ANNA, replace(ANNA, id="T5")))
    sure, unsure = Link("linked", "Q649", score=0.7), Link("nil", score=0.6)
    weak, strong = Triple("T1", "LIVES_IN", "T2", score=0.3), Triple("T1", "LIVES_IN", "T2", score=0.6)
    back = Triple("T2", "HOME_OF", "T1", score=0.1)
    parts = [
        Part(VIEW, (ANNA, replace(MOSCOW, link=unsure)), (weak,)),
        Part(VIEW, (ANNA, replace(MOSCOW, link=sure)), (strong, back)),
        Part(VIEW, (MOSCOW,)),
    ]
    for order in (parts, parts[::-1]):
        found = fill(own, order)
        assert found.mentions == (replace(MOSCOW, link=sure), ANNA, replace(ANNA, id="T5"))
        assert found.triples == (back, strong)  # in the order of the mentions
    assert fill(own, []).mentions == (MOSCOW, ANNA, replace(ANNA, id="T5"))


@pytest.mark.parametrize(
    ("mentions", "triples", "message"),
    [((ANNA, replace(MOSCOW, id="T1")), (), "one id"), ((ANNA,), (Triple("T1", "KNOWS", "T5"),), "not in its part")],
)
def test_a_part_that_contradicts_itself_is_refused(
    mentions: tuple[Mention, ...], triples: tuple[Triple, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        merged((mentions, triples))


scores = st.sampled_from([None, 0.25, 0.5, 1.0])
links = st.builds(
    Link, st.sampled_from(["linked", "nil", "unknown"]), st.sampled_from([None, "Q1", "Q2"]), score=scores
)


@st.composite
def predictions(draw: st.DrawFn) -> Part:
    """Few spans and scores, so that conflicts and ties are common."""
    chosen = draw(st.lists(st.sampled_from([(0, 4), (0, 13), (22, 28)]), min_size=2, max_size=4))
    found = tuple(
        Mention(f"T{n}", start, stop, "PERSON", link=draw(links), score=draw(scores))
        for n, (start, stop) in enumerate(chosen)
    )
    evidence = st.sampled_from([(), (Span(0, 29),)])
    triple = st.builds(Triple, st.just("T0"), st.just("KNOWS"), st.just("T1"), evidence=evidence, score=scores)
    return Part(VIEW, found, tuple(draw(st.lists(triple, max_size=2))))


@given(st.lists(predictions(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_parts_and_mentions_changes_nothing(parts: list[Part], random: object) -> None:
    shuffled = [
        replace(part, mentions=part.mentions[::-1], triples=part.triples[::-1])
        for part in sorted(parts, key=lambda part: random.random())  # type: ignore[attr-defined]
    ]
    first, second = merge(DOCUMENT, parts), merge(DOCUMENT, shuffled)
    assert first == second
    assert len({(m.start, m.stop, m.type) for m in first.mentions}) == len(first.mentions)
    assert len({(t.subject, t.relation, t.object) for t in first.triples}) == len(first.triples)


@given(st.lists(predictions(), min_size=1, max_size=3))
def test_merging_again_changes_nothing(parts: list[Part]) -> None:
    once = merge(DOCUMENT, parts)
    again = merge(DOCUMENT, [Part(VIEW, once.mentions, once.triples)])
    assert again == once
