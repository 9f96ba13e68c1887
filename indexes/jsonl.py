"""Anybody's own table of entities: JSON Lines, one entity a line, plain or gzip.

A line is ``{"qid", "labels": {lang: name}, "aliases": {lang: [name]}, "descriptions": {lang: text}, "types": [id]}``,
and only ``qid`` and one label are needed. A file ``facts.tsv.gz`` beside it (subject, property, object, source)
says what else is known of an entity; its most telling facts join the passage. Further tables (``more``) add entities,
and names, descriptions and types to entities of the tables before them. ``"sources": [name]`` says where a line comes
from, ``"label_sources": {lang: name}`` where a label does; both are optional.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from relik_ml.data import Report
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

Full = Mapping[str, Any]
"""What a line says, with every field of ``EMPTY``."""
EMPTY: Full = {
    "qid": "", "labels": {}, "aliases": {}, "descriptions": {}, "types": [], "sources": [], "label_sources": {},
}  # fmt: skip
"""Every field that is read, as it is when a line says nothing of it."""
TEXTS = ("labels", "aliases", "descriptions")

DERIVED = 0.5
"""Share of the popularity that is left to an entity whose label was derived by rule."""

Facts = Mapping[str, Sequence[tuple[str, str]]]


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
        names: dict[str, Names] = {full["qid"]: _in(langs, full["labels"]) for full in table}
        facts = _facts(path.with_name("facts.tsv.gz"))
        degree = Counter(entity for subject, pairs in facts.items() for _, obj in pairs for entity in (subject, obj))
        for full in table:
            record = _record(full, langs)
            report.count("entities in the index" if record.labels else "entities without a name in the languages")
            popularity = math.log1p(len(full["labels"]) + degree[record.id])
            for lang in row_langs(record, langs, self.rows):
                share = DERIVED if full["label_sources"].get(lang) in split(self.derived) else 1.0
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
        self.additions: dict[str, Full] = {}
        for full in (full for further in more for full in _parsed(further)):
            known = self.additions.get(full["qid"])
            self.additions[full["qid"]] = joined(known, full) if known else full
        if skip:
            left_out = sum(not self._listed(full) for full in self._all())
            report.count("entities of skipped sources alone", left_out)

    def __iter__(self) -> Iterator[Full]:
        return filter(self._listed, self._all())

    def _listed(self, full: Full) -> bool:
        return not self.skip or not full["sources"] or not self.skip >= {*full["sources"]}

    def _all(self) -> Iterator[Full]:
        left = dict(self.additions)
        for full in _parsed(self.path):
            addition = left.pop(full["qid"], None)
            yield joined(full, addition) if addition else full
        yield from left.values()


def joined(one: Full, other: Full) -> Full:
    """One entity with what another line says of it besides: its labels and descriptions fill gaps, lists grow.

    A language that gains a second label keeps the first, and the second becomes an alias.

    >>> full = joined({**EMPTY, "labels": {"en": "Oslo"}}, {**EMPTY, "labels": {"ru": "Осло", "en": "Oslo city"}})
    >>> full["labels"], full["aliases"]
    ({'en': 'Oslo', 'ru': 'Осло'}, {'en': ['Oslo city']})
    """
    labels, descriptions = (_filled(one[name], other[name]) for name in ("labels", "descriptions"))
    known = {lang for lang, label in one["labels"].items() if label}
    second = {lang: [label] for lang, label in other["labels"].items() if label and label != labels[lang]}
    sources = {lang: source for lang, source in other["label_sources"].items() if lang not in known}
    return {
        **one,
        "labels": labels,
        "descriptions": descriptions,
        "label_sources": {**one["label_sources"], **sources},
        "aliases": _grown(one["aliases"], second, other["aliases"]),
        "types": [*dict.fromkeys([*one["types"], *other["types"]])],
        "sources": [*dict.fromkeys([*one["sources"], *other["sources"]])],
    }


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


def _in(langs: Sequence[str], texts: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some texts by language that are in ``langs``, best language first."""
    return {lang: texts[lang] for lang in langs if texts.get(lang)}


def _record(full: Full, langs: Sequence[str]) -> Record:
    labels, aliases, descriptions = (_in(langs, full[what]) for what in TEXTS)
    return Record(full["qid"], labels, aliases, descriptions, tuple(full["types"]))


def _parsed(path: Path) -> Iterator[Full]:
    """What the lines of one table say."""
    for number, line in _lines(path):
        try:
            yield _full(line)
        except ValueError as error:
            what, fix = "a line of the entity table cannot be read", 'write one object a line with "qid" and "labels"'
            raise DataError(what, where=f"{path}, line {number}", got=str(error), fix=fix) from error


def _full(line: bytes) -> Full:
    """What a line says, with every field of ``EMPTY`` there; ValueError when it is of another form."""
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("no object")
    full = {**EMPTY} | {name: value for name, value in record.items() if value is not None}
    for name, empty in EMPTY.items():
        if not isinstance(full[name], type(empty)):
            raise ValueError(f"{name!r} is no {'object' if empty == {} else 'list' if empty == [] else 'text'}")
    if not full["qid"] or record.get("labels") is None:
        raise ValueError("'qid' or 'labels' is missing")
    if not all(isinstance(names, list) for names in full["aliases"].values()):
        raise ValueError("'aliases' of a language are no list")
    texts = chain(
        *(full[name].values() for name in ("labels", "descriptions", "label_sources")),
        full["types"], full["sources"], *full["aliases"].values(),
    )  # fmt: skip
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a name, description, type or source is no text")
    return full


def _facts(path: Path) -> Facts:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for number, line in _lines(path) if path.exists() else ():
        try:
            subject, pid, obj = line.decode().rstrip("\n").split("\t")[:3]
        except ValueError as error:
            what, fix = "a line of the facts cannot be read", "write subject, property and object, separated by tabs"
            raise DataError(what, where=f"{path}, line {number}", got=str(error), fix=fix) from error
        found[subject].append((pid, obj))
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a plain or packed file, counted from 1; DataError when it is not there or damaged."""
    if not path.is_file():
        raise DataError("the entity table is not there", where=str(path), fix=FIX)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from enumerate(lines, 1)
    except (OSError, EOFError, zlib.error) as error:
        got = f"{type(error).__name__}: {error}"
        raise DataError("the file cannot be read to its end", where=str(path), got=got, fix="copy it again") from error


source = JsonlTable()
