from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relik_ml.types import Document, Mention, Span, Triple
from relik_ml.view.layers import lanes, pieces

TEXT = "Ректор Московского и Казанского университетов приехал."


def mention(id: str, *spans: tuple[int, int]) -> Mention:
    fragments = tuple(Span(*span) for span in spans)
    return Mention(id, spans[0][0], spans[-1][1], "X", fragments if len(spans) > 1 else ())


def test_an_inner_mention_is_next_to_the_text() -> None:
    nested = [mention("a", (0, 30)), mention("b", (7, 18)), mention("c", (7, 30)), mention("d", (40, 45))]
    assert lanes(nested) == [2, 0, 1, 0]


def test_crossing_mentions_have_lanes_of_their_own() -> None:
    assert lanes([mention("a", (0, 10)), mention("b", (5, 15))]) == [0, 1]
    assert lanes([mention("a", (0, 10)), mention("b", (0, 10))]) == [0, 1]


def test_a_gap_is_between_the_fragments_and_not_inside() -> None:
    torn = mention("a", (7, 18), (32, 45))
    found = [(TEXT[p.start : p.stop], p.inside, p.between) for p in pieces(Document("d", TEXT, mentions=(torn,)))]
    assert ("Московского", (0,), ()) in found
    assert (" и Казанского ", (), (0,)) in found
    assert ("университетов", (0,), ()) in found


def test_evidence_and_lines_cut() -> None:
    ends = (mention("a", (0, 1)), mention("b", (2, 3)))
    fact = Triple("a", "R", "b", None, (Span(0, 4),))
    cuts = [p.stop for p in pieces(Document("d", "а б.\nв г", mentions=ends, triples=(fact,)))]
    assert cuts == [1, 2, 3, 4, 5, 8]


def test_no_text_has_no_pieces() -> None:
    assert list(pieces(Document("d", ""))) == []


spans = st.tuples(st.integers(0, 39), st.integers(1, 12)).map(lambda at: (at[0], min(at[0] + at[1], 40)))


@given(st.lists(st.lists(spans, min_size=1, max_size=3), max_size=12))
def test_pieces_are_the_text_and_say_what_covers_them(drawn: list[list[tuple[int, int]]]) -> None:
    mentions = [
        Mention(f"T{n}", min(s[0] for s in many), max(s[1] for s in many), "X", tuple(Span(*s) for s in sorted(many)))
        for n, many in enumerate(drawn)
    ]
    document = Document("d", "я" * 40, mentions=tuple(mentions))
    found = list(pieces(document))
    assert [p.start for p in found] == [0, *(p.stop for p in found[:-1])]
    assert found[-1].stop == 40
    for piece in found:
        for point in range(piece.start, piece.stop):
            inside = {n for n, many in enumerate(drawn) if any(a <= point < b for a, b in many)}
            over = {n for n, m in enumerate(mentions) if m.start <= point < m.stop}
            assert set(piece.inside) == inside
            assert set(piece.between) == over - inside


@given(st.lists(spans, max_size=25))
def test_what_overlaps_never_shares_a_lane(drawn: list[tuple[int, int]]) -> None:
    found = lanes([Mention(f"T{n}", *at, "X") for n, at in enumerate(drawn)])
    for one, (a, b) in enumerate(drawn):
        for other, (c, d) in enumerate(drawn[:one]):
            if a < d and c < b:
                assert found[one] != found[other]
                if c <= a and b <= d and (a, b) != (c, d):
                    assert found[one] < found[other]
