"""``relik_ml.export.graph``: which mentions are one node, and what a fact keeps of its triple."""

from dataclasses import replace

import pytest

from relik_ml.export import Ref, graph
from relik_ml.types import Document, Entity, Link, Mention, Property, Span, Triple, Value

TEXT = "Анна Ахматова, она же Горенко, жила в Ташкенте с 1941 года."
ANNA = Mention("T1", 0, 13, "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"))
MAIDEN = Mention("T2", 22, 29, "PERSON", link=Link("nil"))
CITY = Mention("T3", 38, 46, "CITY")
YEAR = Mention("T4", 49, 58, "DATE", link=Link("unlinkable"), value=Value("date", "1941 года", "1941", "year"))
LIVED = Triple("T2", "LIVED_IN", "T3", Property("P551", inverse=True), (Span(0, 29), Span(31, 59)), 0.5)
DOCUMENT = Document("d", TEXT, mentions=(ANNA, MAIDEN, CITY, YEAR), triples=(LIVED,))


OTHER = replace(DOCUMENT, id="e")
SAME = replace(DOCUMENT, entities=(Entity("E1", ("T1", "T2")),))
TASHKENT = replace(CITY, link=Link("linked", "Q269", "Ташкент"))
MIXED = replace(DOCUMENT, mentions=(ANNA, MAIDEN, TASHKENT, YEAR), entities=(Entity("E1", ("T1", "T2", "T3")),))
TWICE = replace(DOCUMENT, entities=(Entity("E1", ("T2", "T3")), Entity("E2", ("T3", "T4"))))
ODD = replace(DOCUMENT, mentions=(replace(CITY, id="Q80440"), ANNA), triples=(), entities=(Entity("T1", ()),))


@pytest.mark.parametrize(("documents", "expected"), [
    ((DOCUMENT, OTHER), ["d/T1 e/T1", "d/T2", "d/T3", "d/T4", "e/T2", "e/T3", "e/T4"]),  # links join documents
    ((SAME,), ["d/T1 d/T2", "d/T3", "d/T4"]),  # an entity joins its mentions
    ((SAME, OTHER), ["d/T1 d/T2 e/T1", "d/T3", "d/T4", "e/T2", "e/T3", "e/T4"]),  # and takes their one link
    ((MIXED,), ["d/T1", "d/T2", "d/T3", "d/T4"]),  # unless their links differ
    ((TWICE,), ["d/T1", "d/T2 d/T3", "d/T4"]),  # of two entities the first counts
    ((ODD,), ["d/Q80440", "d/T1"]),  # ids of documents, entities and mentions are never confused
])  # fmt: skip
def test_mentions_of_one_link_or_entity_are_one_node(documents: tuple[Document, ...], expected: list[str]) -> None:
    nodes = graph(documents).nodes
    assert [" ".join(f"{ref.document}/{ref.mention}" for ref in node.mentions) for node in nodes] == expected


def test_a_node_says_what_its_mentions_say() -> None:
    anna, maiden, city, year = graph([DOCUMENT]).nodes
    assert (anna.label, anna.qid, anna.status, anna.type) == ("Анна Ахматова", "Q80440", "linked", "PERSON")
    assert (maiden.label, maiden.qid, maiden.status) == ("Горенко", None, "nil")
    assert (city.status, city.value) == ("unknown", None)
    assert (year.status, year.value) == ("unlinkable", YEAR.value)


def test_a_link_to_something_else_joins_but_is_no_item() -> None:
    foreign = [replace(mention, link=Link("linked", "anna> .", "Анна")) for mention in (ANNA, MAIDEN)]
    (node,) = graph([Document("d", TEXT, mentions=tuple(foreign))]).nodes
    assert (node.link, node.qid, node.label, len(node.mentions)) == ("anna> .", None, "Анна", 2)


def test_a_fact_keeps_mentions_evidence_and_property() -> None:
    found = graph([DOCUMENT])
    (fact,) = found.facts
    assert (fact.subject, fact.object, fact.document, fact.mentions) == ("n2", "n3", "d", ("T2", "T3"))
    assert (fact.pid, fact.inverse, fact.score, fact.evidence) == ("P551", True, 0.5, LIVED.evidence)
    assert fact.sentence == "Анна Ахматова, она же Горенко жила в Ташкенте с 1941 года."
    assert found.nodes[1].mentions == (Ref("d", "T2"),)


def test_a_property_that_is_none_makes_no_pid() -> None:
    (fact,) = graph([replace(DOCUMENT, triples=(replace(LIVED, property=Property("P551\n")),))]).facts
    assert (fact.pid, fact.inverse) == (None, False)
