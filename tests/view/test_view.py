from __future__ import annotations

from itertools import pairwise

from relik_ml.types import Document, Entity, Link, Mention, Property, Span, Triple
from relik_ml.view.layout import MOST
from relik_ml.view.view import view

TEXT = "🚀 Гага\u0301рин 👩‍🚀 взлетел с Байконура."


def space() -> Document:
    start = TEXT.index("Гага")
    man = Mention("T1", start, start + 8, "PERSON", score=0.9)
    place = TEXT.index("Байконура")
    port = Mention("T2", place, place + 9, "FACILITY", link=Link("linked", "Q177477", "Байконур"))
    fact = Triple("T1", "START", "T2", Property("P1427", inverse=True), (Span(start, len(TEXT)),), 0.5)
    return Document("space", TEXT, mentions=(man, port), triples=(fact,))


def units(start: int, stop: int, text: str = TEXT) -> str:
    return text.encode("utf-16-le")[2 * start : 2 * stop].decode("utf-16-le")


def test_pieces_are_cut_where_javascript_cuts_them() -> None:
    stops = [0, *(piece[0] for piece in view(space())["pieces"])]
    cut = [units(start, stop) for start, stop in pairwise(stops)]
    assert "".join(cut) == TEXT
    assert cut == ["🚀 ", "Гага\u0301рин", " 👩‍🚀 взлетел с ", "Байконура", "."]


def test_facts_name_mentions_nodes_and_evidence() -> None:
    shown = view(space())
    (fact,) = shown["facts"]
    assert units(*fact["evidence"][0]) == TEXT[2:]
    assert [shown["nodes"][fact[end]]["label"] for end in ("subject", "object")] == ["Гага\u0301рин", "Байконур"]
    assert (fact["mentions"], fact["property"], fact["inverse"], fact["score"]) == ([0, 1], "P1427", True, 0.5)


def test_the_record_keeps_code_points() -> None:
    assert view(space())["document"]["mentions"][0]["start"] == 2


def test_mentions_are_one_node_by_link_or_by_entity() -> None:
    linked = Link("linked", "Q1", "Анна")
    mentions = (
        Mention("a", 0, 1, "PERSON", link=linked), Mention("b", 2, 3, "PERSON", link=linked),
        Mention("c", 4, 5, "CITY"), Mention("d", 6, 7, "CITY"),
    )  # fmt: skip
    nodes = view(Document("d", "а б в г", mentions=mentions, entities=(Entity("E1", ("c", "d")),)))["nodes"]
    assert [node["mentions"] for node in nodes] == [[0, 1], [2, 3]]
    assert [node["at"] for node in nodes] == [None, None]


def test_only_a_checked_item_is_one() -> None:
    bad = Mention("a", 0, 1, "X", link=Link("linked", "Q1/../evil"))
    assert view(Document("d", "а", mentions=(bad,)))["nodes"][0]["item"] is None


def test_what_is_not_drawn_is_counted() -> None:
    many = MOST + 10
    mentions = tuple(Mention(f"T{n}", n, n + 1, "X") for n in range(many))
    facts = tuple(Triple("T0", "R", f"T{n}") for n in range(1, many))
    shown = view(Document("d", "я" * many, mentions=mentions, triples=facts))
    assert shown["undrawn"] == 10
    assert sum(node["at"] is not None for node in shown["nodes"]) == MOST
    assert shown["nodes"][0]["at"] is not None
    assert len(shown["facts"]) == many - 1
