"""The label scheme of NEREL: its types, its relations, and the Wikidata property that the types of arguments choose."""

from pathlib import Path

import pytest

from relik_ml.errors import ConfigError
from relik_ml.plugins import load_index
from relik_ml.scheme import NEREL
from relik_ml.types import Property

SOURCE = load_index("nerel_relations")
CHOSEN = (
    ("HEADQUARTERED_IN", "ORGANIZATION", "COUNTRY", "P17"),
    ("HEADQUARTERED_IN", "ORGANIZATION", "STATE_OR_PROVINCE", "P131"),
    ("KNOWS", "PERSON", "LANGUAGE", "P1412"),
    ("LOCATED_IN", "PERSON", "COUNTRY", "P276"),
    ("LOCATED_IN", "CITY", "COUNTRY", "P17"),
    ("MEMBER_OF", "PERSON", "FAMILY", "P53"),
    ("ORIGINS_FROM", "PERSON", "NATIONALITY", "P172"),
    ("ORIGINS_FROM", "WORK_OF_ART", "COUNTRY", "P495"),
    ("ORIGINS_FROM", "PROFESSION", "COUNTRY", "P27"),
    ("ORIGINS_FROM", "ORGANIZATION", "COUNTRY", "P17"),
    ("PARTICIPANT_IN", "PERSON", "WORK_OF_ART", "P161 inverse"),
    ("PRODUCES", "ORGANIZATION", "WORK_OF_ART", "P170 inverse"),
    ("TAKES_PLACE_IN", "EVENT", "COUNTRY", "P17"),
    ("TAKES_PLACE_IN", "CRIME", "DISTRICT", "P131"),
    ("WORKPLACE", "PROFESSION", "COUNTRY", "P1001"),
    ("WORKPLACE", "PERSON", "CITY", "P937"),
)
"""One triple for each property that the types of the arguments choose, in the order of the scheme."""
USUAL = """HEADQUARTERED_IN ORGANIZATION CITY, KNOWS PERSON PERSON, LOCATED_IN FACILITY CITY,
MEMBER_OF PERSON ORGANIZATION, PARTICIPANT_IN WORK_OF_ART EVENT, PRODUCES ORGANIZATION PRODUCT, SPOUSE PERSON PERSON,
TAKES_PLACE_IN EVENT CITY, WORKPLACE PERSON ORGANIZATION, AGENT COUNTRY EVENT"""


def test_each_typed_property_holds_for_its_types() -> None:
    typed = [(name, other) for name, relation in NEREL.relations.items() for other in relation.typed]
    assert len(typed) == len(CHOSEN)
    for (name, other), (relation, subject, object, expected) in zip(typed, CHOSEN, strict=True):
        id, _, inverse = expected.partition(" ")
        assert (name, other.property) == (relation, Property(id, bool(inverse)))
        assert SOURCE.property_of(relation, subject, object) == other.property


@pytest.mark.parametrize("triple", USUAL.replace("\n", " ").split(", "))
def test_other_types_have_the_usual_property(triple: str) -> None:
    relation, subject, object = triple.split()
    assert SOURCE.property_of(relation, subject, object) == SOURCE.properties()[relation]


@pytest.mark.parametrize("relation", ["SUBORDINATE_OF", "NO_SUCH"])
def test_a_relation_without_a_property_has_none_for_any_types(relation: str) -> None:
    assert relation not in SOURCE.properties()
    assert SOURCE.property_of(relation, "PERSON", "COUNTRY") is None


@pytest.mark.parametrize("name", ["nerel_relations", "nerel_types"])
@pytest.mark.parametrize("path", ["nope", __file__])
def test_a_source_that_carries_its_data_takes_no_path(name: str, path: str) -> None:
    with pytest.raises(ConfigError) as error:
        list(load_index(name).entries(Path(path)))
    assert (error.value.got, error.value.fix) == (path, f"name it alone: {name}")


@pytest.mark.parametrize(("name", "kind", "count"), [("nerel_types", "type", 29), ("nerel_relations", "relation", 49)])
def test_labels_are_passages_with_names_of_their_own(name: str, kind: str, count: int) -> None:
    entries = list(load_index(name).entries())
    assert (len(entries), {(entry.kind, entry.lang) for entry in entries}) == (count, {(kind, "ru")})
    assert len({entry.id for entry in entries}) == len({entry.name for entry in entries}) == count
    assert all(len(entry.text) > len(entry.name) for entry in entries)


def test_sixteen_types_are_linked_and_seven_are_literals() -> None:
    assert (len(NEREL.linked), len(NEREL.literals)) == (16, 7)
    assert not NEREL.linked & NEREL.literals


def test_the_labels_are_those_of_the_corpus(shared_data: Path) -> None:
    types, relations = set(), set()
    for path in sorted((shared_data / "nerel" / "dev").rglob("*.ann")):
        rows = [line.split("\t") for line in path.read_text("utf-8").split("\n")]
        types |= {row[1].split()[0] for row in rows if row[0].startswith("T")}
        relations |= {row[1].split()[0] for row in rows if row[0].startswith("R")}
    assert types == set(NEREL.types)
    assert relations <= set(NEREL.relations)
