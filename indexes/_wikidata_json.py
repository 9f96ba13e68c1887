"""The JSON dump of all entities (``latest-all.json``): an array, one entity a line, read as a stream.

Format: https://doc.wikimedia.org/Wikibase/master/php/docs_topics_json.html. Lines without brackets and commas, as tools
that filter dumps write them, are read too. An empty map may be an empty list, as PHP writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relik_ml.data import Report, open_lines
from relik_ml.errors import DataError

from ._wikidata_records import Constraint, Record

LEXEME = b'{"type":"lexeme"'
ITEM = b'{"type":"item"'
CONSTRAINTS, SUBJECT_TYPE, VALUE_TYPE, CLASS, RELATION = "P2302", "Q21503250", "Q21510865", "P2308", "P2309"
ID = {"item": re.compile(r"Q\d+"), "property": re.compile(r"P\d+")}

Claims = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class JsonDump:
    """A dump file and its filters: names in ``langs``, items with at least ``min_sitelinks``."""

    path: Path
    langs: tuple[str, ...]
    min_sitelinks: int = 0

    def records(self, report: Report, after: int = 0) -> Iterator[tuple[int, Record | None]]:
        """The line and the record of each entity after line ``after``; the record is None if it is left out.

        Lines up to ``after`` are read but not parsed. Errors of parsing go to ``report.bad``.

        Raises:
            DataError: the file is truncated or damaged, or a line is invalid and ``report`` does not tolerate that.
        """
        number, first, last = 0, b"", b""
        for number, line in open_lines(self.path):
            last = line.strip()
            first = first if number > 1 else last
            if first == b"[" and last != b"]" and not line.endswith(b"\n"):
                break  # an incomplete line means that the dump is truncated
            if number <= after or not (body := last.rstrip(b",")) or body in (b"[", b"]"):
                continue
            report.count("entities")
            yield number, self._record(body, number, report)
        if first == b"[" and last != b"]":
            raise cut_off(self.path, number, last)

    def _record(self, line: bytes, number: int, report: Report) -> Record | None:
        if reason := self._excluded(line):
            report.count(reason)
            return None
        try:
            return self._kept(json.loads(line), report)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            fix = "download the dump again, or skip bad lines with --skip-bad"
            got = f"{type(error).__name__}: {error}; {line[:60]!r}"
            report.bad(DataError("the line is no entity", where=f"{self.path}, line {number}", got=got, fix=fix))
            return None

    def _excluded(self, line: bytes) -> str:
        """The reason to leave out an entity, if its bytes show one without parsing; otherwise empty.

        Each sitelink has a key "site", and a name has its language as a key, so an item with too few of these keys
        cannot pass the filters. Only complete lines that begin like an item of the official dump are excluded, and
        never an item that may be a class.
        """
        if line.startswith(LEXEME):
            return "lexemes: passed over"
        if not line.startswith(ITEM) or b'"P279"' in line or line[-1:] != b"}":
            return ""
        if self.min_sitelinks and line.count(b'"site"') < self.min_sitelinks:
            return FEW
        return "" if any(b'"%b"' % lang.encode() in line for lang in self.langs) else NAMELESS

    def _kept(self, entity: Mapping[str, Any], report: Report) -> Record | None:
        kind, id, claims = entity["type"], entity["id"], entity.get("claims") or {}
        if kind not in ("item", "property"):
            report.count(f"{'lexemes' if kind == 'lexeme' else 'entities of another type'}: passed over")
            return None
        labels, descriptions = (_texts(entity, field, self.langs) for field in ("labels", "descriptions"))
        names = labels, _aliases(entity, self.langs), descriptions
        if not ID[kind].fullmatch(id):
            raise ValueError(f"the id of a {kind} is {id!r}")
        if kind == "property":
            subjects, values = (_constraints(claims, which) for which in (SUBJECT_TYPE, VALUE_TYPE))
            record = Record(id, *names, datatype=entity["datatype"], subjects=subjects, values=values)
            return listed(record, 0, report)
        types, parents, links = item_ids(claims, "P31"), item_ids(claims, "P279"), len(entity.get("sitelinks") or ())
        return listed(Record(id, *names, types, parents, links), self.min_sitelinks, report)


def cut_off(path: Path, number: int, line: bytes) -> DataError:
    """The error for a truncated dump."""
    fix = "download the whole file to the same path; then the extraction resumes"
    return DataError("the dump is cut off", where=f"{path}, line {number}", got=f"at its end {line[-40:]!r}", fix=fix)


FEW = "items with too few sitelinks: left out"
KEPT = ("items kept", "properties kept")
NAMELESS = "entities without a name in the languages: left out"


def listed(record: Record, min_sitelinks: int, report: Report) -> Record | None:
    """The record if it passes the filters, an unlisted record if it is a class, else None. All are counted."""
    reason = FEW if record.sitelinks < min_sitelinks else "" if record.labels else NAMELESS
    if not reason:
        report.count(KEPT[record.is_property])
        return record
    report.count(reason)
    if not record.parents:
        return None
    report.count("items left out, kept as classes")
    labels = record.labels
    return Record(record.id, labels, parents=record.parents, sitelinks=record.sitelinks, listed=False)


def item_ids(claims: Claims, pid: str) -> tuple[str, ...]:
    """The unique items that are values of a property: preferred ones, then normal ones.

    >>> snak = {"snaktype": "value", "datavalue": {"value": {"id": "Q5"}}}
    >>> item_ids({"P31": [{"mainsnak": snak, "rank": "normal"}]}, "P31")
    ('Q5',)
    """
    statements = _current(claims.get(pid, ()))
    return tuple(dict.fromkeys(id for statement in statements if (id := _item(statement["mainsnak"]))))


def _current(statements: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The statements that are not deprecated, preferred ones first."""
    current = [statement for statement in statements if statement["rank"] != "deprecated"]
    return sorted(current, key=lambda statement: statement["rank"] != "preferred")


def _item(snak: Mapping[str, Any]) -> str | None:
    """The item of a snak; None for an unknown or no value. Old dumps have only its number."""
    if snak["snaktype"] != "value":
        return None
    value = snak["datavalue"]["value"]
    id: str = value.get("id") or f"Q{value['numeric-id']}"
    if not ID["item"].fullmatch(id):
        raise ValueError(f"a value that should be an item is {id!r}")
    return id


def _constraints(claims: Claims, which: str) -> tuple[Constraint, ...]:
    """The constraints of a kind, with the relation and the classes of their qualifiers."""
    found = []
    for statement in _current(claims.get(CONSTRAINTS, ())):
        if _item(statement["mainsnak"]) == which:
            qualifiers = statement.get("qualifiers") or {}
            classes, relations = ([_item(snak) for snak in qualifiers.get(pid, ())] for pid in (CLASS, RELATION))
            if named := tuple(dict.fromkeys(id for id in classes if id)):
                found.append(Constraint(next((id for id in relations if id), ""), named))
    return tuple(found)


def _texts(entity: Mapping[str, Any], field: str, langs: Sequence[str]) -> dict[str, str]:
    found = entity.get(field) or {}
    return {lang: text for lang in langs if lang in found and (text := _text(found[lang]))}


def _aliases(entity: Mapping[str, Any], langs: Sequence[str]) -> dict[str, list[str]]:
    found = entity.get("aliases") or {}
    named = {lang: [text for term in found[lang] if (text := _text(term))] for lang in langs if lang in found}
    return {lang: names for lang, names in named.items() if names}


def _text(term: Mapping[str, Any]) -> str:
    if not isinstance(value := term["value"], str):
        raise TypeError("a name or description is no text")
    return value
