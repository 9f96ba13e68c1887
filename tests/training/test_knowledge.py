"""What annotated documents know: entities, types, properties and the gold of a window."""

from __future__ import annotations

from dataclasses import replace

from relik_ml.names import HUMAN
from relik_ml.training.knowledge import annotated_entries, gold_ids, inventory, properties, types_with
from relik_ml.types import Document, Entry, Link, Mention, Property, Triple
from tests.corpus import TYPES, documents, parse

NAMES = {entry.id: entry for entry in TYPES}


def test_an_entry_for_every_entity_nobody_else_lists() -> None:
    train = documents()
    linked = {mention.link.id for document in train for mention in document.mentions if mention.link.id}
    found = annotated_entries(train, {"Q649"}, NAMES)
    assert len(found) == len(linked) - 1
    assert {entry.id for entry in found} == linked - {"Q649"}
    entries = {entry.id: entry for entry in found}
    # The first surface as it stands there, and the name of its type.
    assert entries["Q1874"] == Entry("Q1874", "entity", "Одессе", "город")
    assert entries["Q80440"] == Entry("Q80440", "entity", "Анна Ахматова", "человек", types=(HUMAN,))


def test_the_annotators_label_goes_before_the_surface() -> None:
    document = parse("d", "[Москвой|CITY|Q649] и [Римом|TOWN|Q220]")
    first, second = document.mentions
    document = replace(document, mentions=(replace(first, link=Link("linked", "Q649", "Москва")), second))
    assert annotated_entries([document], set(), NAMES) == [
        Entry("Q649", "entity", "Москва", "город"),
        Entry("Q220", "entity", "Римом", "TOWN"),
    ]


def test_types_by_status_and_properties() -> None:
    assert types_with(documents(), "linked") == {"CITY", "COUNTRY", "ORGANIZATION", "PERSON", "PROFESSION"}
    assert types_with([parse("d", "[Пётр|PERSON|-]")], "linked") == frozenset()
    found = properties(documents())
    assert {name: property.id for name, property in found.items()} == {
        "PLACE_OF_BIRTH": "P19", "WORKS_AS": "P106", "WORKPLACE": "P108",
    }  # fmt: skip


def test_properties_that_types_tell_apart() -> None:
    triples = (
        Triple("T1", "LIES_IN", "T2", Property("P131")),
        Triple("T1", "LIES_IN", "T4", Property("P131")),
        Triple("T1", "LIES_IN", "T3", Property("P17")),
        Triple("T1", "NEAR", "T2"),
    )
    kinds = ("CITY", "DISTRICT", "COUNTRY", "DISTRICT")
    mentions = tuple(Mention(f"T{n}", n - 1, n, kind) for n, kind in enumerate(kinds, 1))
    found = inventory(TYPES, [Document("d", "абвг", mentions=mentions, triples=triples)])
    assert found.properties == {"LIES_IN": Property("P131")}
    assert found.typed == {("LIES_IN", "CITY", "COUNTRY"): Property("P17")}
    assert found.property_of("LIES_IN", "CITY", "COUNTRY") == Property("P17")
    assert found.property_of("LIES_IN", "FACILITY", "CITY") == Property("P131")
    assert found.property_of("NEAR", "CITY", "CITY") is None


def test_the_gold_of_a_window_is_what_lies_whole_in_it() -> None:
    document = documents()[1]
    known = {"Q5685": 7, "Q36180": 1, "Q39631": 2, "Q18779": 5, "PLACE_OF_BIRTH": 9, "WORKS_AS": 4}
    text = document.text
    assert gold_ids(document, 0, len(text), known) == [7, 2, 1, 5, 4, 9]
    town = text.index("Таганроге")
    assert gold_ids(document, 0, town + len("Таганроге"), known) == [7, 2, 1, 5, 4, 9]
    assert gold_ids(document, 0, town + 3, known) == [7, 2, 1, 4]
    assert gold_ids(document, text.index("врач"), len(text), known) == [2, 1, 5, 7]
    assert gold_ids(document, 0, 0, known) == []
