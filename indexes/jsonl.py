"""A table of entities in JSON Lines, one entity a line, plain or compressed.

A line is ``{"qid", "labels": {lang: name}, "aliases": {lang: [name]}, "descriptions": {lang: text}, "types": [id]}``,
and only ``qid`` and one label are needed. A file ``facts.tsv.gz`` beside it (subject, property, object, source)
says what else is known of an entity; its most telling facts join the passage. Further tables (``more``) add entities,
and names, descriptions and types to entities of the tables before them. ``"sources": [name]`` says where a line comes
from, ``"label_sources": {lang: name}`` where a label does; both are optional.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from relik_ml.data import Report, open_lines
from relik_ml.errors import ConfigError, DataError
from relik_ml.plugins import IndexSource, option
from relik_ml.types import Entry

from ._wikidata_classes import named
from ._wikidata_records import Names, Record
from ._wikidata_source import ENTITY, LANGS, ROWS, check_rows, described, languages, row_aliases, row_langs, split

TELLING = ("P39", "P106", "P17", "P27", "P131")
"""Position, occupation, country, citizenship and place: what tells namesakes apart."""
CLASSES_TOLD, FACTS_TOLD = 3, 4

FIX = "give the path of a .jsonl or .jsonl.gz file"

DERIVED = 0.5
"""Share of the popularity that is left to an entity whose label was derived by rule."""

T = TypeVar("T")
Facts = Mapping[str, Sequence[tuple[str, str]]]


class Line(msgspec.Struct, frozen=True):
    """What a line says of an entity; texts are by language."""

    qid: Annotated[str, msgspec.Meta(min_length=1)]
    labels: dict[str, str]
    aliases: dict[str, list[str]] = {}
    descriptions: dict[str, str] = {}
    types: list[str] = []
    sources: list[str] = []
    label_sources: dict[str, str] = {}


@dataclass(frozen=True)
class JsonlTable(IndexSource):
    """Entities with a name in one of the languages. Its options are those of ``wikidata``, in part."""

    name: str = "jsonl"
    langs: str = option("", "Languages, best first, with commas; without it ru,en,mul.")
    rows: str = option(ENTITY, ROWS)
    more: str = option("", "Further tables, with commas, whose lines are joined in by id.")
    skip: str = option("", "Sources, with commas; an entity that no other source lists is left out.")
    derived: str = option("", "Sources of labels, with commas, whose names a rule derived: they count as less popular.")

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The rows of the table, in its order; rows of one entity stand together.

        Entities without a name in any of the languages are left out, and counted in ``report``. The tables are read
        twice, because classes are named by their own lines; ``more`` tables are kept in memory.

        Raises:
            ConfigError: no path, or settings that cannot be.
            DataError: a line that is no JSON object of this form.
        """
        if path is None:
            raise ConfigError("this source carries no data itself", got="no path", fix=FIX)
        check_rows(self.rows)
        langs, report = languages(self.langs) or LANGS, report or Report()
        table = _Table(path, [Path(each) for each in split(self.more)], {*split(self.skip)}, report)
        names: dict[str, Names] = {line.qid: _in(langs, line.labels) for line in table}
        facts = _facts(path.with_name("facts.tsv.gz"))
        degree = Counter(entity for subject, pairs in facts.items() for _, obj in pairs for entity in (subject, obj))
        for line in table:
            aliases, descriptions = _in(langs, line.aliases), _in(langs, line.descriptions)
            record = Record(line.qid, _in(langs, line.labels), aliases, descriptions, tuple(line.types))
            report.count("entities in the index" if record.labels else "entities without a name in the languages")
            popularity = math.log1p(len(line.labels) + degree[record.id])
            for lang in row_langs(record, langs, self.rows):
                share = DERIVED if line.label_sources.get(lang) in split(self.derived) else 1.0
                yield self._row(record, lang, langs, names, facts.get(record.id, ()), round(popularity * share, 2))

    def _row(
        self, record: Record, lang: str, langs: tuple[str, ...], names: dict[str, Names],
        facts: Sequence[tuple[str, str]], popularity: float,
    ) -> Entry:  # fmt: skip
        order = langs if self.rows == ENTITY else (lang, *langs)  # an entity's only row tells in the best one
        classes = named(record.types[:CLASSES_TOLD], names, order)
        telling = [label for pid in TELLING for label in named(_objects(facts, pid)[:2], names, order)]
        text = (*classes, *telling[:FACTS_TOLD], described(record, lang, langs, self.rows))
        return Entry(
            record.id,
            "entity",
            record.labels[lang],
            ", ".join(dict.fromkeys(part for part in text if part)),
            lang,
            tuple(row_aliases(record, lang, langs, self.rows)),
            record.types,
            popularity,
        )


class _Table:
    """The lines of a table with those of further ones joined in; it can be read several times."""

    def __init__(self, path: Path, more: Sequence[Path], skip: Set[str], report: Report) -> None:
        self.path, self.skip = path, skip
        self.additions: dict[str, Line] = {}
        for line in chain.from_iterable(map(_parsed, more)):
            known = self.additions.get(line.qid)
            self.additions[line.qid] = joined(known, line) if known else line
        if skip:
            left_out = sum(not self._listed(line) for line in self._all())
            report.count("entities of skipped sources alone", left_out)

    def __iter__(self) -> Iterator[Line]:
        return filter(self._listed, self._all())

    def _listed(self, line: Line) -> bool:
        return not self.skip or not line.sources or not self.skip >= {*line.sources}

    def _all(self) -> Iterator[Line]:
        left = dict(self.additions)
        for line in _parsed(self.path):
            addition = left.pop(line.qid, None)
            yield joined(line, addition) if addition else line
        yield from left.values()


def joined(one: Line, other: Line) -> Line:
    """One entity with what another line says of it besides: its labels and descriptions fill gaps, lists grow.

    A language that gains a second label keeps the first, and the second becomes an alias.

    >>> line = joined(Line("Q585", {"en": "Oslo"}), Line("Q585", {"ru": "Осло", "en": "Oslo city"}))
    >>> line.labels, line.aliases
    ({'en': 'Oslo', 'ru': 'Осло'}, {'en': ['Oslo city']})
    """
    labels = _filled(one.labels, other.labels)
    second = {lang: [label] for lang, label in other.labels.items() if label and label != labels[lang]}
    sources = {lang: source for lang, source in other.label_sources.items() if not one.labels.get(lang)}
    return Line(
        one.qid,
        labels,
        _grown(one.aliases, second, other.aliases),
        _filled(one.descriptions, other.descriptions),
        [*dict.fromkeys([*one.types, *other.types])],
        [*dict.fromkeys([*one.sources, *other.sources])],
        {**one.label_sources, **sources},
    )


def _filled(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Texts by language, those of ``other`` where there is none."""
    return {**one, **{lang: text for lang, text in other.items() if not one.get(lang)}}


def _grown(*lists: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Names by language, of all in their order, each once."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for lang, names in chain.from_iterable(each.items() for each in lists):
        found[lang].update(dict.fromkeys(names))
    return {lang: [*names] for lang, names in found.items()}


def _objects(facts: Sequence[tuple[str, str]], pid: str) -> list[str]:
    return [obj for fact, obj in facts if fact == pid]


def _in(langs: Sequence[str], texts: Mapping[str, T]) -> dict[str, T]:
    """Those of some texts by language that are in ``langs``, best language first."""
    return {lang: texts[lang] for lang in langs if texts.get(lang)}


def _parsed(path: Path) -> Iterator[Line]:
    """What the lines of one table say; a field that is null is left out."""
    for number, line in open_lines(path):
        try:
            found = json.loads(line)
            if isinstance(found, dict):
                found = {field: value for field, value in found.items() if value is not None}
            yield msgspec.convert(found, Line)
        except ValueError as error:
            what, fix = "a line of the entity table cannot be read", 'write one object a line with "qid" and "labels"'
            raise DataError(what, where=f"{path}, line {number}", got=str(error), fix=fix) from error


def _facts(path: Path) -> Facts:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for number, line in open_lines(path) if path.exists() else ():
        try:
            subject, pid, obj = line.decode().rstrip("\n").split("\t")[:3]
        except ValueError as error:
            what, fix = "a line of the facts cannot be read", "write subject, property and object, separated by tabs"
            raise DataError(what, where=f"{path}, line {number}", got=str(error), fix=fix) from error
        found[subject].append((pid, obj))
    return found


source = JsonlTable()
