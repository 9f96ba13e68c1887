"""A table of one's own entities with the columns name, alias, id, type and description; only name is required.

::

    name,alias,id
    Ковалёва Мария Андреевна,М. А. Ковалёва,staff-17
    ООО «Северный мост»,Севмост|Северный мост,

Aliases are separated by ``|``. An entity without an id gets one that depends on its name alone, such as
``own-0f3a62c1``. ``type`` is person (человек), organization (организация) or ids of Wikidata classes. An entity without
a type whose name ends in a patronymic is a person, so that it is also found by surname. TSV and semicolons are read
too, plain or compressed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from relik_ml.data import Fields, Report, find_inputs, opened
from relik_ml.errors import ConfigError, DataError
from relik_ml.plugins import IndexSource
from relik_ml.types import Entry

COLUMNS = ("name", "alias", "id", "type", "description")
TYPES = {
    "person": ("Q5", "человек"), "человек": ("Q5", "человек"),
    "organization": ("Q43229", "организация"), "организация": ("Q43229", "организация"),
}  # fmt: skip
"""Words of the column ``type``, each with its Wikidata class and what the model reads."""
POPULARITY = 5.0
"""That of a well-known entity: who is in one's own table is meant more often than a namesake in Wikidata."""
_PATRONYMIC = re.compile(r"\w{2,}(?:ович|евич|ич|овна|евна|ична|инична)|оглы|кызы")
_LEGAL = re.compile(r"^(?:[ОПЗН]?АО|ООО|НКО|ИП|ГК|ФГУП|МУП)\s+")
_QUOTED = re.compile('[«"“„]([^«»"“”„]+)[»"”“]')
_QUOTES = str.maketrans("", "", '«»"“”„')


@dataclass(frozen=True)
class CsvTable(IndexSource):
    """Entities of a table with a header, in its order."""

    name: str = "csv"

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """One row of the index for each row of the table.

        Raises:
            ConfigError: there is no path.
            DataError: the table has no column ``name``, an unknown column or type, a row without a name, or two
                entities with one id.
        """
        if path is None:
            raise ConfigError("this source needs a path", got="no path", fix="write csv=PATH")
        seen: dict[str, str] = {}
        for where, row in _rows(path):
            entry = _entry(row, where)
            if entry.id in seen:
                got, fix = f"{entry.id}, also in {seen[entry.id]}", "give each its own id in the column id"
                raise DataError("two entities have one id", where=where, got=got, fix=fix)
            seen[entry.id] = where
            yield entry


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The rows by column, each with its place."""
    fix = f"the first line names the columns: {','.join(COLUMNS)}; only name is required"
    opened(path).close()
    try:
        for table in find_inputs(str(path)):
            for record in table.records(Fields("name", "id")):
                if record.fault:
                    raise record.fault
                row = json.loads(record.data or b"{}")
                if unknown := row.keys() - {*COLUMNS}:
                    raise DataError("an unknown column", where=str(path), got=", ".join(sorted(unknown)), fix=fix)
                yield record.where, {column: " ".join(cell.split()) for column, cell in row.items()}
    except DataError as error:
        if "no column" not in error.what:
            raise
        raise DataError(error.what, where=str(path), got=error.got, fix=fix) from None


def _entry(row: Mapping[str, str], where: str) -> Entry:
    name = row["name"]
    if not name:
        raise DataError("a row without a name", where=where, got="an empty cell", fix="fill it, or remove the row")
    aliases = row.get("alias", "").split("|")
    full, human = _natural(name)
    types, kind = _types(row.get("type", ""), human, where)
    aliases += [_LEGAL.sub("", name).translate(_QUOTES), *_QUOTED.findall(name)]
    names = [*filter(None, dict.fromkeys([full, name, *map(str.strip, aliases)]))]
    text = ", ".join(filter(None, (kind, row.get("description", ""))))
    id = row.get("id") or f"own-{blake2b(name.encode(), digest_size=4).hexdigest()}"
    return Entry(id, "entity", full, text, "ru", tuple(names[1:]), types, POPULARITY)


def _natural(name: str) -> tuple[str, bool]:
    """The name with the surname last, and whether a patronymic shows that it is a person's.

    >>> _natural("Ковалёва Мария Андреевна"), _natural("ООО «Север»")
    (('Мария Андреевна Ковалёва', True), ('ООО «Север»', False))
    """
    words = name.replace(",", "").split()
    human = len(words) == 3 and any(map(_PATRONYMIC.fullmatch, words[1:]))
    return (" ".join((*words[1:], words[0])) if human and _PATRONYMIC.fullmatch(words[2]) else name), human


def _types(stated: str, human: bool, where: str) -> tuple[tuple[str, ...], str]:
    """The ids of the classes, and their name for the model."""
    if not stated:
        return (("Q5",), "человек") if human else ((), "")
    if known := TYPES.get(stated.casefold()):
        return (known[0],), known[1]
    ids = tuple(filter(None, re.split(r"[|,; ]+", stated)))
    if wrong := [id for id in ids if not re.fullmatch(r"Q[1-9]\d*", id)]:
        fix = f"one of {', '.join(TYPES)}, or ids of Wikidata classes such as Q5"
        raise DataError("an unknown type", where=where, got=wrong[0], fix=fix)
    return ids, ""


source = CsvTable()
