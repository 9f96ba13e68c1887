"""Anybody's own table of entities: JSON Lines, one entity a line, plain or gzip.

A line is ``{"qid", "labels": {lang: name}, "aliases": {lang: [name]}, "descriptions": {lang: text}, "types": [id]}``,
and only ``qid`` and one label are needed. A file ``facts.tsv.gz`` beside it (subject, property, object, source)
says what else is known of an entity; its most telling facts join the passage.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from relik_ml.errors import ConfigError, DataError
from relik_ml.plugins import Report
from relik_ml.types import Entry

from ._wikidata_classes import named
from ._wikidata_records import Names, Record
from ._wikidata_source import ENTITY, LANGS, ROWS, check_rows, described, languages, row_aliases, row_langs

TELLING = ("P39", "P106", "P17", "P27", "P131")
"""Position, occupation, country, citizenship and place: what tells namesakes apart."""
CLASSES_TOLD, FACTS_TOLD = 3, 4

FIX = "give the path of a .jsonl or .jsonl.gz file"

EMPTY: Mapping[str, Any] = {"qid": "", "labels": {}, "aliases": {}, "descriptions": {}, "types": []}
"""Every field that is read, as it is when a line says nothing of it."""
TEXTS = ("labels", "aliases", "descriptions")

SETTINGS = {"langs": "Languages, best first, with commas; without it ru,en,mul.", "rows": ROWS}

Facts = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class JsonlTable:
    """Entities with a name in one of the languages. Every field but the name is a setting, as of ``wikidata``."""

    name: str = "jsonl"
    langs: str = ""
    rows: str = ENTITY
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)

    def entries(self, path: Path | None = None, report: Report | None = None) -> Iterator[Entry]:
        """The rows of the table, in its order; rows of one entity stand together.

        Entities without a name in any of the languages are left out, and counted in ``report``. The table is read
        twice, because classes are named by their own lines.

        Raises:
            ConfigError: no path, or settings that cannot be.
            DataError: a line that is no JSON object of this form.
        """
        if path is None:
            raise ConfigError("this source carries no data itself", got="no path", fix=FIX)
        check_rows(self.rows)
        langs, report = languages(self.langs) or LANGS, report or Report()
        names = {record.id: record.labels for record, _ in _records(path, langs)}
        facts = _facts(path.with_name("facts.tsv.gz"))
        degree = Counter(entity for subject, pairs in facts.items() for _, obj in pairs for entity in (subject, obj))
        for record, known in _records(path, langs):
            report.count("entities in the index" if record.labels else "entities without a name in the languages")
            popularity = round(math.log1p(known + degree[record.id]), 2)
            yield from self._rows(record, langs, names, facts.get(record.id, ()), popularity)

    def _rows(
        self, record: Record, langs: tuple[str, ...], names: dict[str, Names], facts: Sequence[tuple[str, str]],
        popularity: float,
    ) -> Iterator[Entry]:  # fmt: skip
        for lang in row_langs(record, langs, self.rows):
            order = langs if self.rows == ENTITY else (lang, *langs)  # an entity's only row tells in the best one
            classes = named(record.types[:CLASSES_TOLD], names, order)
            telling = [label for pid in TELLING for label in named(_objects(facts, pid)[:2], names, order)]
            text = (*classes, *telling[:FACTS_TOLD], described(record, lang, langs, self.rows))
            yield Entry(
                record.id,
                "entity",
                record.labels[lang],
                ", ".join(dict.fromkeys(part for part in text if part)),
                lang,
                tuple(row_aliases(record, lang, langs, self.rows)),
                record.types,
                popularity,
            )


def _objects(facts: Sequence[tuple[str, str]], pid: str) -> list[str]:
    return [obj for fact, obj in facts if fact == pid]


def _records(path: Path, langs: Sequence[str]) -> Iterator[tuple[Record, int]]:
    """What the lines say in some languages, each with the number of all languages that its entity has a name in."""
    for number, line in _lines(path):
        try:
            full = _record(line)
        except ValueError as error:
            what, fix = "a line of the entity table cannot be read", 'write one object a line with "qid" and "labels"'
            raise DataError(what, where=f"{path}, line {number}", got=str(error), fix=fix) from error
        chosen = ({lang: full[what][lang] for lang in langs if full[what].get(lang)} for what in TEXTS)
        labels, aliases, descriptions = chosen
        yield Record(full["qid"], labels, aliases, descriptions, tuple(full["types"])), len(full["labels"])


def _record(line: bytes) -> Mapping[str, Any]:
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
    texts = chain(full["labels"].values(), full["descriptions"].values(), full["types"], *full["aliases"].values())
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a name, description or type is no text")
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
