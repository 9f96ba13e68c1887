"""The 49 relations of NEREL as passages: a Russian name, a definition and an English alias; and their properties.

They come from the scheme ``nerel``, which was written for this project: NEREL has no definitions and no properties.

>>> source.property_of("HEADQUARTERED_IN", "ORGANIZATION", "CITY")
Property(id='P159', inverse=False)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from relik_ml.data import Report
from relik_ml.errors import ConfigError
from relik_ml.plugins import IndexSource
from relik_ml.scheme import NEREL
from relik_ml.types import Entry, Property

RELATIONS = NEREL.relations


@dataclass(frozen=True)
class NerelRelations(IndexSource):
    """One entry for each relation, with NEREL's name as the id and NEREL's direction (IDEOLOGY_OF: holder to value)."""

    name: str = "nerel_relations"

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The relations as passages, in alphabetical order. ConfigError for a path, because there is no file."""
        if path is not None:
            raise ConfigError("this source contains its data", got=str(path), fix=f"name it alone: {self.name}")
        for known in RELATIONS.values():
            yield Entry(known.name, "relation", known.label_ru, known.definition_ru, "ru", (known.label_en,))

    def properties(self) -> dict[str, Property]:
        """The usual Wikidata property of each relation; SUBORDINATE_OF has none."""
        return {known.name: known.property for known in RELATIONS.values() if known.property}

    def property_of(self, relation: str, subject: str, object: str) -> Property | None:
        """The Wikidata property of a relation between arguments of these types, or None."""
        return RELATIONS[relation].property_of(subject, object) if relation in RELATIONS else None


source = NerelRelations()
