"""What is kept of an item or property of Wikidata, and the line that stores it in an extracted folder.

>>> record = Record("Q649", {"ru": "Москва"}, types=("Q515",), sitelinks=300)
>>> record_line(record).decode()
'{"id":"Q649","labels":{"ru":"Москва"},"types":["Q515"],"sitelinks":300}\\n'
>>> read_record(record_line(record)) == record
True
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

Names = Mapping[str, str]


class Constraint(NamedTuple):
    """Classes that the subjects or the values of a property belong to.

    ``relation`` is how they belong: Q21503252 instance of, Q21514624 subclass of, Q30208840 either of the two.
    """

    relation: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """An item (``Q…``) or property (``P…``), in the languages that were asked for.

    ``types`` and ``parents`` are the values of P31 and P279, preferred ones first, deprecated ones left out.
    ``listed`` is false for an item that passed no filter and is kept only because it is a class.
    """

    id: str
    labels: Names = field(default_factory=dict)
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    descriptions: Names = field(default_factory=dict)
    types: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    sitelinks: int = 0
    listed: bool = True
    datatype: str = ""
    subjects: tuple[Constraint, ...] = ()
    values: tuple[Constraint, ...] = ()

    @property
    def is_property(self) -> bool:
        """Whether it is a property and not an item."""
        return self.id.startswith("P")


_DEFAULTS = [(each.name, {} if each.default_factory is dict else each.default) for each in fields(Record)]


def record_line(record: Record) -> bytes:
    """The line that stores a record: one JSON object, fields that say nothing left out."""
    kept = {name: value for name, default in _DEFAULTS if (value := getattr(record, name)) != default}
    # A half of a character, which a dump may hold, has to come back as it was.
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def read_record(line: bytes) -> Record:
    """The record that a line of ``record_line`` stores."""
    stored: dict[str, Any] = json.loads(line)
    for name in ("types", "parents"):
        if name in stored:
            stored[name] = tuple(stored[name])
    for name in ("subjects", "values"):
        if name in stored:
            stored[name] = tuple(Constraint(relation, tuple(classes)) for relation, classes in stored[name])
    return Record(**stored)
