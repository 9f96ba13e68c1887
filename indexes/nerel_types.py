"""The 29 mention types of NEREL as passages: a Russian name and a definition, from the scheme ``nerel``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from relik_ml.data import Report
from relik_ml.errors import ConfigError
from relik_ml.plugins import IndexSource
from relik_ml.scheme import NEREL
from relik_ml.types import Entry


@dataclass(frozen=True)
class NerelTypes(IndexSource):
    """One entry for each type, in alphabetical order."""

    name: str = "nerel_types"

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The types as passages. ConfigError for a path, because there is no file."""
        if path is not None:
            raise ConfigError("this source contains its data", got=str(path), fix=f"name it alone: {self.name}")
        for known in NEREL.types.values():
            yield Entry(known.name, "type", known.label_ru, known.definition_ru)


source = NerelTypes()
