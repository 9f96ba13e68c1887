"""The Wikidata property of a relation where the types of its arguments tell two apart."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from relik_ml.errors import ConfigError
from relik_ml.plugins import load_index
from relik_ml.types import Property

SOURCE = load_index("nerel_relations")
TABLE: Any = import_module("relik_ml.indexes.nerel_relations")
TRIPLES = (
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
USUAL = (
    ("HEADQUARTERED_IN", "ORGANIZATION", "CITY"),
    ("KNOWS", "PERSON", "PERSON"),
    ("LOCATED_IN", "FACILITY", "CITY"),
    ("MEMBER_OF", "PERSON", "ORGANIZATION"),
    ("PARTICIPANT_IN", "WORK_OF_ART", "EVENT"),
    ("PRODUCES", "ORGANIZATION", "PRODUCT"),
    ("TAKES_PLACE_IN", "EVENT", "CITY"),
    ("WORKPLACE", "PERSON", "ORGANIZATION"),
    ("SPOUSE", "PERSON", "PERSON"),
    ("AGENT", "COUNTRY", "EVENT"),
)


@pytest.mark.parametrize(("place", "triple"), list(enumerate(TRIPLES)))
def test_each_exception_holds_for_its_types(place: int, triple: tuple[str, str, str, str]) -> None:
    relation, subject, object, expected = triple
    id, _, inverse = expected.partition(" ")
    assert SOURCE.property_of(relation, subject, object) == Property(id, bool(inverse))
    first = next(n for n, known in enumerate(TABLE.EXCEPTIONS) if known.fits(relation, subject, object))
    assert first == place, "one triple for each exception, in the order of the table"


@pytest.mark.parametrize("name", ["nerel_relations", "nerel_types"])
@pytest.mark.parametrize("path", ["nope", __file__])
def test_a_source_that_carries_its_data_takes_no_path(name: str, path: str) -> None:
    with pytest.raises(ConfigError, match="carries its data itself") as error:
        list(load_index(name).entries(Path(path)))
    assert (error.value.got, error.value.fix) == (path, f"name it alone: {name}")


def test_no_exception_is_without_its_test() -> None:
    assert len(TABLE.EXCEPTIONS) == len(TRIPLES)


@pytest.mark.parametrize(("relation", "subject", "object"), USUAL)
def test_other_types_have_the_usual_property(relation: str, subject: str, object: str) -> None:
    assert SOURCE.property_of(relation, subject, object) == SOURCE.properties()[relation]


def test_no_types_give_a_property_to_a_relation_that_has_none() -> None:
    assert SOURCE.property_of("SUBORDINATE_OF", "PERSON", "COUNTRY") is None
    assert SOURCE.property_of("NO_SUCH", "PERSON", "COUNTRY") is None


def test_exceptions_name_relations_and_properties_of_the_table() -> None:
    """What an exception says is one of the readings that the table itself notes for that relation."""
    rows = {row["name"]: row for row in TABLE._rows()}
    for known in TABLE.EXCEPTIONS:
        row = rows[known.relation]
        noted = [Property(row["wikidata"], row["inverse"])]
        noted += [Property(other["pid"], other["inverse"]) for other in row["wikidata_alt"]]
        assert known.property in noted, known
