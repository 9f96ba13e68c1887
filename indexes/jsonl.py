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
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from relik_ml.errors import ConfigError, DataError
from relik_ml.types import Entry

TELLING = ("P39", "P106", "P17", "P27", "P131")
"""Position, occupation, country, citizenship and place: what tells namesakes apart."""

FIX = "give the path of a .jsonl or .jsonl.gz file"

EMPTY: Mapping[str, Any] = {"qid": "", "labels": {}, "aliases": {}, "descriptions": {}, "types": []}
"""Every field that is read, as it is when a line says nothing of it."""

Record = Mapping[str, Any]
Facts = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class JsonlTable:
    """Entities with a name in one of ``langs``, named in the first of them that they have a name in."""

    name: str = "jsonl"
    langs: tuple[str, ...] = ("ru", "en")

    def entries(self, path: Path | None = None) -> Iterator[Entry]:
        """The entities of the table, in its order; those without a name in any of the languages are left out.

        The table is read twice, because classes are named by their own rows.

        Raises:
            DataError: a line that is no JSON object of this form.
        """
        if path is None:
            raise ConfigError("this source carries no data itself", got="no path", fix=FIX)
        labels = {record["qid"]: self._label(record) for record in _records(path)}
        facts = _facts(path.with_name("facts.tsv.gz"))
        degree = Counter(entity for subject, pairs in facts.items() for _, obj in pairs for entity in (subject, obj))
        for record in _records(path):
            if labels[record["qid"]]:
                yield self._entry(record, labels, facts.get(record["qid"], ()), degree[record["qid"]])

    def _label(self, record: Record) -> str | None:
        labels = record["labels"]
        return next((labels[lang] for lang in self.langs if labels.get(lang)), None)

    def _entry(
        self, record: Record, labels: Mapping[str, str | None], facts: Sequence[tuple[str, str]], degree: int
    ) -> Entry:
        lang = next(lang for lang in self.langs if record["labels"].get(lang))
        classes = [label for id_ in record["types"][:3] if (label := labels.get(id_))]
        telling = [label for pid in TELLING for id_ in _objects(facts, pid)[:2] if (label := labels.get(id_))]
        described = record["descriptions"]
        description = next((described[lang] for lang in self.langs if described.get(lang)), "")
        return Entry(
            record["qid"],
            "entity",
            record["labels"][lang],
            ", ".join(dict.fromkeys([*classes, *telling[:4], *([description] if description else [])])),
            lang,
            self._aliases(record, lang),
            tuple(record["types"]),
            round(math.log1p(len(record["labels"]) + degree), 2),
        )

    def _aliases(self, record: Record, lang: str) -> tuple[str, ...]:
        """All aliases in the language of the name, and the names in the other languages."""
        others = [record["labels"][other] for other in self.langs if other != lang and record["labels"].get(other)]
        names = dict.fromkeys([*record["aliases"].get(lang, []), *others])
        return tuple(name for name in names if name != record["labels"][lang])


def _objects(facts: Sequence[tuple[str, str]], pid: str) -> list[str]:
    return [obj for fact, obj in facts if fact == pid]


def _records(path: Path) -> Iterator[Record]:
    for number, line in _lines(path):
        try:
            yield _record(line)
        except ValueError as error:
            what, fix = "a line of the entity table cannot be read", 'write one object a line with "qid" and "labels"'
            raise DataError(what, where=f"{path}, line {number}", got=str(error), fix=fix) from error


def _record(line: bytes) -> Record:
    """What a line says, with every field of ``EMPTY`` there; ValueError when it is of another form."""
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("no object")
    full = {**EMPTY} | {field: value for field, value in record.items() if value is not None}
    for field, empty in EMPTY.items():
        if not isinstance(full[field], type(empty)):
            raise ValueError(f"{field!r} is no {'object' if empty == {} else 'list' if empty == [] else 'text'}")
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
