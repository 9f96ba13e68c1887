"""``relik_ml.export.graph``: which mentions are one node, and what a fact keeps of its triple."""

from __future__ import annotations

from dataclasses import replace

from relik_ml.export import Ref, graph
from relik_ml.types import Document, Entity, Link, Mention, Property, Span, Triple, Value

TEXT = "Анна Ахматова, она же Горенко, жила в Ташкенте с 1941 года."
ANNA = Mention("T1", 0, 13, "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"))
MAIDEN = Mention("T2", 22, 29, "PERSON", link=Link("nil"))
CITY = Mention("T3", 38, 46, "CITY")
YEAR = Mention("T4", 49, 58, "DATE", link=Link("unlinkable"), value=Value("date", "1941 года", "1941", "year"))
LIVED = Triple("T2", "LIVED_IN", "T3", Property("P551", inverse=True), (Span(0, 29), Span(31, 59)), 0.5)
DOCUMENT = Document("d", TEXT, mentions=(ANNA, MAIDEN, CITY, YEAR), triples=(LIVED,))


def members(*documents: Document) -> list[list[str]]:
    return [[f"{ref.document}/{ref.mention}" for ref in node.mentions] for node in graph(documents).nodes]


def test_links_join_across_documents_and_nothing_else_does() -> None:
    other = replace(DOCUMENT, id="e")
    assert members(DOCUMENT, other) == [["d/T1", "e/T1"], ["d/T2"], ["d/T3"], ["d/T4"], ["e/T2"], ["e/T3"], ["e/T4"]]


def test_an_entity_joins_and_takes_the_one_link_of_its_members() -> None:
    same = replace(DOCUMENT, entities=(Entity("E1", ("T1", "T2")),))
    assert members(same)[0] == ["d/T1", "d/T2"]
    assert members(same, replace(DOCUMENT, id="e"))[0] == ["d/T1", "d/T2", "e/T1"]


def test_an_entity_whose_links_differ_leaves_each_to_its_own() -> None:
    city = replace(CITY, link=Link("linked", "Q269", "Ташкент"))
    mixed = replace(DOCUMENT, mentions=(ANNA, MAIDEN, city, YEAR), entities=(Entity("E1", ("T1", "T2", "T3")),))
    assert members(mixed) == [["d/T1"], ["d/T2"], ["d/T3"], ["d/T4"]]


def test_a_mention_of_two_entities_goes_with_the_first() -> None:
    twice = replace(DOCUMENT, entities=(Entity("E1", ("T2", "T3")), Entity("E2", ("T3", "T4"))))
    assert members(twice) == [["d/T1"], ["d/T2", "d/T3"], ["d/T4"]]


def test_ids_of_documents_entities_and_mentions_are_never_confused() -> None:
    odd = replace(DOCUMENT, mentions=(replace(CITY, id="Q80440"), ANNA), triples=(), entities=(Entity("T1", ()),))
    assert members(odd) == [["d/Q80440"], ["d/T1"]]


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


def test_a_fact_keeps_its_place() -> None:
    found = graph([DOCUMENT])
    (fact,) = found.facts
    assert (fact.subject, fact.object, fact.document, fact.mentions) == ("n2", "n3", "d", ("T2", "T3"))
    assert (fact.pid, fact.inverse, fact.score, fact.evidence) == ("P551", True, 0.5, LIVED.evidence)
    assert fact.sentence == "Анна Ахматова, она же Горенко жила в Ташкенте с 1941 года."
    assert found.nodes[1].mentions == (Ref("d", "T2"),)


def test_a_property_that_is_none_makes_no_pid() -> None:
    (fact,) = graph([replace(DOCUMENT, triples=(replace(LIVED, property=Property("P551\n")),))]).facts
    assert (fact.pid, fact.inverse) == (None, False)
