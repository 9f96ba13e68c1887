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
from typing import NamedTuple

import msgspec

Names = Mapping[str, str]


class Constraint(NamedTuple):
    """Classes that the subjects or the values of a property belong to.

    ``relation`` is how they belong: Q21503252 instance of, Q21514624 subclass of, Q30208840 either of the two.
    """

    relation: str
    classes: tuple[str, ...]


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item (``Q…``) or property (``P…``), in the languages that were asked for.

    ``types`` and ``parents`` are the values of P31 and P279, preferred ones first, deprecated ones left out.
    ``listed`` is false for an item that passed no filter and is kept only because it is a class.
    """

    id: str
    labels: Names = {}
    aliases: Mapping[str, Sequence[str]] = {}
    descriptions: Names = {}
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


def record_line(record: Record) -> bytes:
    """The line that stores a record: one JSON object, fields that say nothing left out."""
    text = json.dumps(msgspec.to_builtins(record), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"  # a dump may hold lone surrogates, which msgspec refuses


def read_record(line: bytes) -> Record:
    """The record that a line of ``record_line`` stores."""
    return msgspec.convert(json.loads(line), Record)
