"""Records of Wikidata items and properties, and the lines that store them in an extracted folder.

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
    """A type constraint: the classes of the subjects or values of a property.

    ``relation`` is Q21503252 (instance of), Q21514624 (subclass of) or Q30208840 (either).
    """

    relation: str
    classes: tuple[str, ...]


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item (``Q…``) or property (``P…``), in the chosen languages.

    ``types`` and ``parents`` are the values of P31 and P279: preferred ones first, without deprecated ones. ``listed``
    is false for an item that the filters leave out, but that is kept because it is a class.
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
        """Whether this is a property, not an item."""
        return self.id.startswith("P")


def record_line(record: Record) -> bytes:
    """The line that stores a record: a JSON object without empty fields."""
    text = json.dumps(msgspec.to_builtins(record), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"  # a dump may hold lone surrogates, which msgspec refuses


def read_record(line: bytes) -> Record:
    """The record of a line written by ``record_line``."""
    return msgspec.convert(json.loads(line), Record)
