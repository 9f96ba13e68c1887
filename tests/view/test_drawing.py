"""What the page draws: layers and pieces of the text, and the graph of a document."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from relik_ml.types import Document, Entity, Link, Mention, Property, Span, Triple
from relik_ml.view import drawing

TEXT = "🚀 Гага\u0301рин 👩\u200d🚀 взлетел с Байконура."


def space() -> Document:
    start, city = TEXT.index("Гага"), TEXT.index("Байконура")
    man = Mention("T1", start, start + 8, "PERSON", score=0.9)
    port = Mention("T2", city, city + 9, "FACILITY", link=Link("linked", "Q177477", "Байконур"))
    fact = Triple("T1", "START", "T2", Property("P1427", inverse=True), (Span(start, len(TEXT)),), 0.5)
    return Document("space", TEXT, mentions=(man, port), triples=(fact,))


def units(start: int, stop: int) -> str:
    return TEXT.encode("utf-16-le")[2 * start : 2 * stop].decode("utf-16-le")


def test_offsets_are_utf16_but_in_the_document() -> None:
    shown = drawing(space())
    cut = [units(start, stop) for start, stop in pairwise([0, *(stop for stop, *_ in shown["pieces"])])]
    assert cut == ["🚀 ", "Гага\u0301рин", " 👩\u200d🚀 взлетел с ", "Байконура", "."]
    (fact,) = shown["facts"]
    assert units(*fact["evidence"][0]) == TEXT[2:]
    assert [shown["nodes"][fact[end]]["label"] for end in ("subject", "object")] == ["Гага\u0301рин", "Байконур"]
    assert (fact["mentions"], fact["property"], fact["inverse"], fact["score"]) == ([0, 1], "P1427", True, 0.5)
    assert shown["document"]["mentions"][0]["start"] == 2


def test_evidence_and_lines_cut_the_text() -> None:
    ends = (Mention("a", 0, 1, "X"), Mention("b", 2, 3, "X"))
    fact = Triple("a", "R", "b", None, (Span(0, 4),))
    found = drawing(Document("d", "а б.\nв г", mentions=ends, triples=(fact,)))["pieces"]
    assert [stop for stop, *_ in found] == [1, 2, 3, 4, 5, 8]
    assert drawing(Document("d", ""))["pieces"] == []


spans = st.tuples(st.integers(0, 39), st.integers(1, 12)).map(lambda at: Span(at[0], min(at[0] + at[1], 40)))


@given(st.lists(st.lists(spans, min_size=1, max_size=3), max_size=15))
def test_pieces_and_lanes_of_any_mentions(drawn: list[list[Span]]) -> None:
    """Pieces are the text and say what covers them. What overlaps shares no lane; what is inside is nearer."""
    mentions = [
        Mention(f"T{n}", min(many)[0], max(stop for _, stop in many), "X", tuple(sorted(many)))
        for n, many in enumerate(drawn)
    ]
    shown = drawing(Document("d", "я" * 40, mentions=tuple(mentions)))
    start, lanes = 0, shown["lanes"]
    for stop, inside, between in shown["pieces"]:
        for point in range(start, stop):
            within = {n for n, many in enumerate(drawn) if any(a <= point < b for a, b in many)}
            over = {n for n, m in enumerate(mentions) if m.start <= point < m.stop}
            assert (set(inside), set(between)) == (within, over - within)
            assert len({lanes[n] for n in over}) == len(over)
        assert [lanes[n] for n in inside] == sorted(lanes[n] for n in inside)
        start = stop
    assert start == 40
    for n, outer in enumerate(mentions):
        for k, inner in enumerate(mentions):
            if outer.start <= inner.start and inner.stop <= outer.stop and outer.span != inner.span:
                assert lanes[k] < lanes[n]


def test_mentions_are_one_node_by_link_or_by_entity() -> None:
    linked = Link("linked", "Q1/../evil", "Анна")
    mentions = (
        Mention("a", 0, 1, "PERSON", link=linked), Mention("b", 2, 3, "PERSON", link=linked),
        Mention("c", 4, 5, "CITY"), Mention("d", 6, 7, "CITY"),
    )  # fmt: skip
    nodes = drawing(Document("d", "а б в г", mentions=mentions, entities=(Entity("E1", ("c", "d")),)))["nodes"]
    assert [(node["mentions"], node["item"]) for node in nodes] == [([0, 1], None), ([2, 3], None)]
