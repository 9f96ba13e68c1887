"""Items of Wikidata as entities, from a dump: the JSON dump of all entities, or that of truthy statements.

``extract`` reads a dump once and writes the records that an index may need to a folder. ``entries`` makes rows from
such a folder, or from a small dump directly. See docs/guides/build-index.md for commands and costs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from relik_ml.data import Report
from relik_ml.errors import ConfigError
from relik_ml.plugins import DumpSource, option
from relik_ml.types import Entry

from ._wikidata_classes import Survey, class_names, named
from ._wikidata_records import Names, Record
from ._wikidata_redirects import Redirects
from ._wikidata_shards import SHARD_ENTITIES, extract
from ._wikidata_source import (
    ENTITY,
    LANGS_HELP,
    ROWS,
    check_rows,
    check_sitelinks,
    described,
    open_dump,
    records,
    row_aliases,
    row_langs,
    split,
)

INTERNAL = "Q17442446,Q4167410,Q4167836,Q11266439,Q13406463"
"""Wikimedia's own pages: internal items, disambiguation pages, categories, templates and lists."""

CLASSES_TOLD = 3


@dataclass(frozen=True)
class Wikidata(DumpSource):
    """Items with a name in one of the languages."""

    name: str = "wikidata"
    extracting: tuple[str, ...] = ("langs", "min_sitelinks")
    langs: str = option("", LANGS_HELP)
    min_sitelinks: int = option(0, "Leave out items with fewer pages in Wikipedia and its sister projects.")
    classes: str = option("", "Keep only instances and (indirect) subclasses of these classes, such as Q5,Q515.")
    without: str = option(
        INTERNAL, "Leave out instances and subclasses of these classes; default: Wikimedia's own pages."
    )
    rows: str = option(ENTITY, ROWS)
    redirects: str = option(
        "", "A file of old and new ids, separated by a tab, plain or compressed: old ids become aliases."
    )

    def extract(
        self,
        dump: Path,
        folder: Path,
        report: Report,
        shard_entities: int = SHARD_ENTITIES,
        reached: Callable[[int], object] = lambda line: None,
    ) -> int:
        """Extract a dump into a folder, or resume the extraction in it, and return the number of records.

        Only the settings ``extracting`` have an effect; the others apply when the folder is read. Properties and
        classes are kept regardless of sitelinks. ``reached`` is called with the line of the dump after each shard.

        Raises:
            ConfigError: a setting is invalid, no entity passes the settings, or the folder holds an extraction of
                another dump or with other settings.
            DataError: the dump is damaged, or a line is invalid and ``report`` does not tolerate that.
            OutputError: the folder holds other files, or cannot be written.
        """  # fmt: skip
        check_sitelinks(self.min_sitelinks)
        return extract(open_dump(dump, self.langs, self.min_sitelinks), folder, report, shard_entities, reached)

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The rows of an extracted folder or a dump, in its order; the rows of one item are consecutive.

        The records are read three times: for subclasses and used classes, for the names of classes, and for the rows.

        Raises:
            ConfigError: there is no path, or a setting is invalid.
            DataError: the folder or the dump is damaged or has another format.
        """
        check_rows(self.rows)
        check_sitelinks(self.min_sitelinks)
        report = report or Report()
        source = records(path, self.langs, report)
        redirects = Redirects.read(Path(self.redirects)) if self.redirects else Redirects.none()
        survey = Survey.of(source.read(b"Q"), lambda record: _told(record, redirects))
        names = class_names(survey.used, source.read(b"Q"))
        reason = self._filter(survey, redirects)
        for record in source.read(b"Q"):
            if record.listed and row_langs(record, source.langs, self.rows):
                left_out = reason(record)
                report.count(left_out or "items in the index")
                yield from () if left_out else self._rows(record, source.langs, names, redirects)

    def _filter(self, survey: Survey, redirects: Redirects) -> Callable[[Record], str]:
        """A function that returns why the filters leave out an item; empty when they keep it."""
        wanted, unwanted = (survey.below(map(redirects.new, _ids(ids))) for ids in (self.classes, self.without))

        def reason(record: Record) -> str:
            belongs = {record.id, *map(redirects.new, (*record.types, *record.parents))}
            if record.sitelinks < self.min_sitelinks:
                return "items with too few sitelinks: not in the index"
            if wanted and not belongs & wanted:
                return "items of no wanted class: not in the index"
            return "items of an unwanted class: not in the index" if belongs & unwanted else ""

        return reason

    def _rows(
        self, record: Record, langs: tuple[str, ...], names: dict[str, Names], redirects: Redirects
    ) -> Iterator[Entry]:
        types = tuple(dict.fromkeys(map(redirects.new, record.types)))
        for number, lang in enumerate(row_langs(record, langs, self.rows)):
            classes = named(_told(record, redirects), names, (lang, *langs))
            description = described(record, lang, langs, self.rows)
            old = () if number else redirects.old(record.id)
            yield Entry(
                record.id,
                "entity",
                record.labels[lang],
                ", ".join(dict.fromkeys([*classes, *([description] if description else [])])),
                lang,
                (*row_aliases(record, lang, langs, self.rows), *old),
                types,
                round(math.log1p(record.sitelinks), 2),
            )


def _ids(text: str) -> tuple[str, ...]:
    """The ids of a comma-separated list. ConfigError when one is not an id."""
    for id in (ids := split(text)):
        if not re.fullmatch(r"Q\d+", id):
            raise ConfigError("a class is named by its id", got=repr(id), fix="write Q5 or Q5,Q515")
    return ids


def _told(record: Record, redirects: Redirects) -> list[str]:
    """The classes that the passage of a record names."""
    return list(dict.fromkeys(map(redirects.new, record.types)))[:CLASSES_TOLD]


source = Wikidata()
