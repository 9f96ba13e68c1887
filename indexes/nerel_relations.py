"""The 49 relations of NEREL: Russian name, English alias, definition, and the Wikidata property of each.

The table beside this file was written for this project; NEREL itself gives no definitions and no properties.
Where one relation is two properties, and the types of its arguments tell which, ``EXCEPTIONS`` says so.

>>> source.property_of("HEADQUARTERED_IN", "ORGANIZATION", "CITY")
Property(id='P159', inverse=False)
>>> source.property_of("HEADQUARTERED_IN", "ORGANIZATION", "COUNTRY")
Property(id='P17', inverse=False)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from relik_ml.data import Report
from relik_ml.errors import ConfigError
from relik_ml.plugins import IndexSource
from relik_ml.types import Entry, Property

TABLE = Path(__file__).with_name("nerel_relations.json")


class Exceptional(NamedTuple):
    """Another property than the table's, for some types of the arguments; no types are any."""

    relation: str
    subjects: frozenset[str]
    objects: frozenset[str]
    property: Property

    def fits(self, relation: str, subject: str, object: str) -> bool:
        """Whether it is this one that holds for a relation between arguments of these types."""
        if relation != self.relation:
            return False
        return (not self.subjects or subject in self.subjects) and (not self.objects or object in self.objects)


ANY: frozenset[str] = frozenset()
COUNTRY = frozenset({"COUNTRY"})
UNITS = frozenset({"STATE_OR_PROVINCE", "DISTRICT"})
PLACES = UNITS | {"COUNTRY", "CITY", "LOCATION"}
PEOPLE = frozenset({"PERSON", "PROFESSION"})
THINGS = frozenset({"AWARD", "DISEASE", "EVENT", "LAW", "MONEY", "PRODUCT", "WORK_OF_ART"})
MOVABLE = PEOPLE | {"PRODUCT", "WORK_OF_ART"}
WORK = frozenset({"WORK_OF_ART"})

# The first that fits holds. People stand before countries in LOCATED_IN: nobody's "country" is where he happens to be.
EXCEPTIONS = (
    Exceptional("HEADQUARTERED_IN", ANY, COUNTRY, Property("P17")),
    Exceptional("HEADQUARTERED_IN", ANY, UNITS, Property("P131")),
    Exceptional("KNOWS", ANY, frozenset({"LANGUAGE"}), Property("P1412")),
    Exceptional("LOCATED_IN", MOVABLE, ANY, Property("P276")),
    Exceptional("LOCATED_IN", ANY, COUNTRY, Property("P17")),
    Exceptional("MEMBER_OF", ANY, frozenset({"FAMILY"}), Property("P53")),
    Exceptional("ORIGINS_FROM", ANY, frozenset({"NATIONALITY"}), Property("P172")),
    Exceptional("ORIGINS_FROM", THINGS, ANY, Property("P495")),
    Exceptional("ORIGINS_FROM", PEOPLE, ANY, Property("P27")),
    Exceptional("ORIGINS_FROM", ANY, ANY, Property("P17")),
    Exceptional("PARTICIPANT_IN", ANY, WORK, Property("P161", inverse=True)),
    Exceptional("PRODUCES", ANY, WORK, Property("P170", inverse=True)),
    Exceptional("TAKES_PLACE_IN", ANY, COUNTRY, Property("P17")),
    Exceptional("TAKES_PLACE_IN", ANY, UNITS, Property("P131")),
    Exceptional("WORKPLACE", frozenset({"PROFESSION"}), PLACES, Property("P1001")),
    Exceptional("WORKPLACE", frozenset({"PERSON"}), PLACES, Property("P937")),
)


@dataclass(frozen=True)
class NerelRelations(IndexSource):
    """One entry a relation; ids are NEREL's relation names, directions NEREL's own (IDEOLOGY_OF: holder to value)."""

    name: str = "nerel_relations"

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The relations as passages: name, definition and English name, in the order of the table.

        Raises:
            ConfigError: a path, which there is nothing to read from.
        """
        if path is not None:
            raise ConfigError("this source carries its data itself", got=str(path), fix=f"name it alone: {self.name}")
        for row in _rows():
            yield Entry(row["name"], "relation", row["label_ru"], row["definition_ru"], "ru", (row["label_en"],))

    def properties(self) -> dict[str, Property]:
        """Relation name to the Wikidata property that it usually is; SUBORDINATE_OF has none."""
        return dict(_usual())

    def property_of(self, relation: str, subject: str, object: str) -> Property | None:
        """The Wikidata property of a relation between arguments of these types; None where there is none."""
        exceptional = (known.property for known in EXCEPTIONS if known.fits(relation, subject, object))
        return next(exceptional, _usual().get(relation))


@cache
def _usual() -> dict[str, Property]:
    return {row["name"]: Property(row["wikidata"], row["inverse"]) for row in _rows() if row["wikidata"]}


@cache
def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))
    return rows


source = NerelRelations()
