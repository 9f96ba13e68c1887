"""The 49 relations of NEREL: Russian name, English alias, definition, and the Wikidata property of each.

The table beside this file was written for this project; NEREL itself gives no definitions and no properties.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from relik_ml.types import Entry, Property

TABLE = Path(__file__).with_name("nerel_relations.json")


@dataclass(frozen=True, slots=True)
class NerelRelations:
    """One entry a relation; ids are NEREL's relation names, directions NEREL's own (IDEOLOGY_OF: holder to value)."""

    name: str = "nerel_relations"

    def entries(self, path: Path | None = None) -> Iterator[Entry]:
        """The relations as passages: name, definition and English name, in the order of the table."""
        for row in _rows(path or TABLE):
            yield Entry(row["name"], "relation", row["label_ru"], row["definition_ru"], "ru", (row["label_en"],))

    def properties(self) -> dict[str, Property]:
        """Relation name to Wikidata property; SUBORDINATE_OF has none."""
        return {row["name"]: Property(row["wikidata"], row["inverse"]) for row in _rows(TABLE) if row["wikidata"]}


@cache
def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


source = NerelRelations()
