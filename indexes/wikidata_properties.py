"""Properties of Wikidata as relations, from the same extracted folder or dump as the items.

A passage is the description and the classes of subjects and values, from the type constraints (P2302): «место рождения:
где родился; человек → место». If the values are not items, their datatype replaces their classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from relik_ml.data import Report
from relik_ml.plugins import IndexSource, option
from relik_ml.types import Entry

from ._wikidata_classes import class_names, named
from ._wikidata_records import Constraint, Names, Record
from ._wikidata_source import ENTITY, LANGS_HELP, ROWS, check_rows, described, records, row_aliases, row_langs, split

ITEM = "wikibase-item"
CLASSES_TOLD = 5


@dataclass(frozen=True)
class WikidataProperties(IndexSource):
    """Properties with a name in one of the languages."""

    name: str = "wikidata_properties"
    langs: str = option("", LANGS_HELP)
    without_datatypes: str = option(
        "external-id", "Leave out properties of these datatypes, separated by commas; default: external ids."
    )
    rows: str = option(ENTITY, ROWS)

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The rows of an extracted folder or a dump, in its order; the rows of one property are consecutive.

        Properties are few and held in memory. Items are read once, for the names of classes.

        Raises:
            ConfigError: there is no path, or a setting is invalid.
            DataError: the folder or the dump is damaged or has another format.
        """
        check_rows(self.rows)
        report = report or Report()
        source = records(path, self.langs, report)
        there = [record for record in source.read(b"P") if row_langs(record, source.langs, self.rows)]
        kept = [record for record in there if record.datatype not in split(self.without_datatypes)]
        report.count("properties of an unwanted datatype: not in the index", len(there) - len(kept))
        report.count("properties in the index", len(kept))
        used = {id for record in kept for each in (*record.subjects, *record.values) for id in each.classes}
        names = class_names(used, source.read(b"Q"))
        for record in kept:
            yield from self._rows(record, source.langs, names)

    def _rows(self, record: Record, langs: tuple[str, ...], names: dict[str, Names]) -> Iterator[Entry]:
        for lang in row_langs(record, langs, self.rows):
            description = described(record, lang, langs, self.rows)
            text = "; ".join(part for part in (description, _arguments(record, names, (lang, *langs))) if part)
            aliases = tuple(row_aliases(record, lang, langs, self.rows))
            yield Entry(record.id, "relation", record.labels[lang], text, lang, aliases)


def _arguments(record: Record, names: dict[str, Names], langs: Sequence[str]) -> str:
    """The classes of subjects and values; empty when both are unknown.

    >>> born = Record("P19", subjects=(Constraint("Q21503252", ("Q5",)),), datatype="wikibase-item")
    >>> _arguments(born, {"Q5": {"ru": "человек"}}, ["ru"])
    'человек → …'
    """
    subjects, values = (_classes(each, names, langs) for each in (record.subjects, record.values))
    if record.datatype != ITEM:
        values = record.datatype
    return f"{subjects or '…'} → {values or '…'}" if subjects or values else ""


def _classes(constraints: Sequence[Constraint], names: dict[str, Names], langs: Sequence[str]) -> str:
    ids = dict.fromkeys(id for constraint in constraints for id in constraint.classes)
    return ", ".join(dict.fromkeys(named(ids, names, langs)[:CLASSES_TOLD]))


source = WikidataProperties()
