"""A table of entities in JSON Lines, one entity a line, plain or compressed.

A line is ``{"qid", "labels": {lang: name}, "aliases": {lang: [name]}, "descriptions": {lang: text}, "types": [id]}``.
Only ``qid`` and one label are required. The optional ``"sources": [name]`` and ``"label_sources": {lang: name}`` state
the origin of the line and of its labels. A file ``facts.tsv.gz`` beside the table (subject, property, object, source)
adds facts, the most distinctive of which become part of the passage. Further tables (``more``) add entities, or names,
descriptions and types to known entities.
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
"""Position, occupation, country, citizenship and place distinguish entities with the same name."""
CLASSES_TOLD, FACTS_TOLD = 3, 4

FIX = "give the path of a .jsonl or .jsonl.gz file"

DERIVED = 0.5
"""Factor of the popularity of an entity whose label was derived by rule."""

T = TypeVar("T")
Facts = Mapping[str, Sequence[tuple[str, str]]]


class Line(msgspec.Struct, frozen=True):
    """A line of a table; texts by language."""

    qid: Annotated[str, msgspec.Meta(min_length=1)]
    labels: dict[str, str]
    aliases: dict[str, list[str]] = {}
    descriptions: dict[str, str] = {}
    types: list[str] = []
    sources: list[str] = []
    label_sources: dict[str, str] = {}


@dataclass(frozen=True)
class JsonlTable(IndexSource):
    """Entities with a name in one of the languages."""

    name: str = "jsonl"
    langs: str = option("", "Languages in order of preference, separated by commas; default: ru,en,mul.")
    rows: str = option(ENTITY, ROWS)
    more: str = option("", "Further tables, separated by commas, whose lines are joined by id.")
    skip: str = option("", "Sources, separated by commas; entities of no other source are left out.")
    derived: str = option("", "Sources of labels derived by rule, separated by commas; such entities are less popular.")

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The rows of the table, in its order; the rows of one entity are consecutive.

        Entities without a name in any of the languages are left out and counted. The table is read twice, because the
        names of classes may come after their instances. ``more`` tables are held in memory.

        Raises:
            ConfigError: there is no path, or a setting is invalid.
            DataError: a line is not a JSON object of this form.
        """
        if path is None:
            raise ConfigError("this source needs a path", got="no path", fix=FIX)
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
        order = langs if self.rows == ENTITY else (lang, *langs)  # a single row uses the best language of each name
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
    """The lines of a table, joined with those of further tables. Can be iterated several times."""

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
    """Join two lines of an entity: the second one fills missing labels and descriptions, and extends lists.

    The second label of a language becomes an alias.

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
    """Texts by language; ``other`` fills missing ones."""
    return {**one, **{lang: text for lang, text in other.items() if not one.get(lang)}}


def _grown(*lists: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The union of names by language, in their order."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for lang, names in chain.from_iterable(each.items() for each in lists):
        found[lang].update(dict.fromkeys(names))
    return {lang: [*names] for lang, names in found.items()}


def _objects(facts: Sequence[tuple[str, str]], pid: str) -> list[str]:
    return [obj for fact, obj in facts if fact == pid]


def _in(langs: Sequence[str], texts: Mapping[str, T]) -> dict[str, T]:
    """The texts in ``langs``, in that order."""
    return {lang: texts[lang] for lang in langs if texts.get(lang)}


def _parsed(path: Path) -> Iterator[Line]:
    """The lines of one table; null fields count as missing."""
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
