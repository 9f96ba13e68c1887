"""What annotated documents say about entities, types and properties."""

from dataclasses import replace

from relik_ml.names import HUMAN
from relik_ml.training import annotated_entries, inventory, properties, types_with
from relik_ml.types import Document, Entry, Link, Mention, Property, Triple
from tests.corpus import TYPES, documents, parse

NAMES = {entry.id: entry for entry in TYPES}


def test_an_entry_for_every_entity_outside_the_table() -> None:
    linked = {mention.link.id for document in documents() for mention in document.mentions if mention.link.id}
    entries = {entry.id: entry for entry in annotated_entries(documents(), {"Q649"}, NAMES)}
    assert entries.keys() == linked - {"Q649"}
    # The first surface as it stands there, and the name of its type.
    assert entries["Q1874"] == Entry("Q1874", "entity", "Одессе", "город")
    assert entries["Q80440"] == Entry("Q80440", "entity", "Анна Ахматова", "человек", types=(HUMAN,))
    document = parse("d", "[Москвой|CITY|Q649] и [Римом|TOWN|Q220]")
    first, second = document.mentions
    document = replace(document, mentions=(replace(first, link=Link("linked", "Q649", "Москва")), second))
    assert annotated_entries([document], set(), NAMES) == [
        Entry("Q649", "entity", "Москва", "город"), Entry("Q220", "entity", "Римом", "TOWN"),
    ]  # fmt: skip


def test_types_by_status_and_usual_properties() -> None:
    assert types_with(documents(), "linked") == {"CITY", "COUNTRY", "ORGANIZATION", "PERSON", "PROFESSION"}
    assert types_with([parse("d", "[Пётр|PERSON|-]")], "linked") == frozenset()
    coarse = replace(parse("c", "[Пётр|Peop|Q1] в [Твери|Loc|-]"), meta={"dataset": "conll04"})
    assert types_with([coarse], "linked") == {"FAMILY", "PERSON"}
    known = parse("d", "[Лунины|FAMILY|-] из [Твери|CITY|Q1992]")
    assert types_with([coarse, known], "linked") == {"CITY", "PERSON"}, "a corpus with the type itself knows better"
    found = {name: property.id for name, property in properties(documents()).items()}
    assert found == {"PLACE_OF_BIRTH": "P19", "WORKS_AS": "P106", "WORKPLACE": "P108"}


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
    assert found.property_of("LIES_IN", "CITY", "COUNTRY") == Property("P17")
    assert found.property_of("LIES_IN", "FACILITY", "CITY") == Property("P131")
    assert found.property_of("NEAR", "CITY", "CITY") is None
