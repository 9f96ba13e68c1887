"""The N-Triples dump of truthy statements (``latest-truthy.nt``), whose lines are grouped by entity.

It holds names, descriptions and the best-ranked statements of items and properties. It has no sitelinks, no lexemes and
no qualifiers, hence no constraints. The number of languages with a label replaces that of sitelinks.
Format: https://www.mediawiki.org/wiki/Wikibase/Indexing/RDF_Dump_Format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from relik_ml.data import Report, open_lines
from relik_ml.errors import ConfigError, DataError

from ._wikidata_json import cut_off, listed
from ._wikidata_records import Record

SUBJECT = re.compile(rb"<http://www\.wikidata\.org/entity/([QP]\d+)> ")
FACT = re.compile(
    rb"<http://www\.wikidata\.org/entity/[QP]\d+> <http://("
    rb"www\.w3\.org/2000/01/rdf-schema#label|www\.w3\.org/2004/02/skos/core#altLabel|schema\.org/description|"
    rb"www\.wikidata\.org/prop/direct/P31|www\.wikidata\.org/prop/direct/P279|wikiba\.se/ontology#propertyType"
    rb")> (.+) \.\s*$"
)
OTHER = re.compile(rb"(?:(?:<[^>]+>|_:\S+) <[^>]+> .+\.)?\s*(?:#.*)?$")
"""A triple with any subject and predicate, a comment, or a blank line."""
LITERAL = re.compile(rb'"(.*)"@([A-Za-z0-9-]+)')
ITEM = re.compile(rb"<http://www\.wikidata\.org/entity/(Q\d+)>")
DATATYPE = re.compile(rb"<http://wikiba\.se/ontology#(\w+)>")
ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
LETTERS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(slots=True)
class _Group:
    """The content of the lines of one entity."""

    id: str
    labels: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    datatype: str = ""
    named: int = 0

    def record(self) -> Record:
        types, parents = tuple(dict.fromkeys(self.types)), tuple(dict.fromkeys(self.parents))
        return Record(
            self.id, self.labels, self.aliases, self.descriptions, types, parents, self.named, datatype=self.datatype
        )


@dataclass(frozen=True, slots=True)
class TruthyDump:
    """A dump file and its filter: names in ``langs``."""

    path: Path
    langs: tuple[str, ...]
    min_sitelinks: int = 0

    def __post_init__(self) -> None:
        if self.min_sitelinks:
            what, fix = "a dump of truthy statements has no sitelinks", "leave out the minimum, or use the JSON dump"
            raise ConfigError(what, where=str(self.path), got=f"at least {self.min_sitelinks}", fix=fix)

    def records(self, report: Report, after: int = 0) -> Iterator[tuple[int, Record | None]]:
        """The last line and the record or None of each entity that begins after line ``after``.

        Raises:
            DataError: the file is truncated or damaged, or a line is invalid and ``report`` does not tolerate that.
        """
        group, number = None, 0
        for number, line in open_lines(self.path):
            if not line.endswith(b"\n"):
                raise cut_off(self.path, number, line)
            if number <= after:
                continue
            if not (subject := SUBJECT.match(line)):
                self._check(line, number, report)
                continue
            if group is None or group.id != subject[1].decode():
                if group is not None:
                    yield number - 1, _closed(group, report)
                group = _Group(subject[1].decode())
            if fact := FACT.match(line):
                self._add(group, fact[1], fact[2], f"{self.path}, line {number}", report)
            else:
                self._check(line, number, report)
        if group is not None:
            yield number, _closed(group, report)

    def _check(self, line: bytes, number: int, report: Report) -> None:
        """Report a line that is not used, unless it is a triple, a comment or blank."""
        if not OTHER.match(line):
            report.bad(_broken(f"{self.path}, line {number}", line))

    def _add(self, group: _Group, predicate: bytes, value: bytes, where: str, report: Report) -> None:
        """Add the value of a line. Blank nodes, which are unknown values, are ignored."""
        match predicate.rpartition(b"/")[2]:
            case b"P31":
                group.types += [found[1].decode()] if (found := ITEM.fullmatch(value)) else []
            case b"P279":
                group.parents += [found[1].decode()] if (found := ITEM.fullmatch(value)) else []
            case b"ontology#propertyType":
                found = DATATYPE.fullmatch(value)
                group.datatype = datatype(found[1].decode()) if found else ""
            case name:
                if found := LITERAL.fullmatch(value):
                    self._name(group, name, found[1], found[2].decode(), where, report)
                else:
                    report.bad(_broken(where, value))

    def _name(self, group: _Group, kind: bytes, value: bytes, lang: str, where: str, report: Report) -> None:
        group.named += kind == b"rdf-schema#label"
        if lang not in self.langs:
            return
        try:
            text = unescaped(value.decode())
        except ValueError:
            return report.bad(_broken(where, value))
        if kind == b"core#altLabel":
            group.aliases.setdefault(lang, []).append(text)
        else:
            (group.labels if kind == b"rdf-schema#label" else group.descriptions)[lang] = text


def unescaped(text: str) -> str:
    r"""A literal of N-Triples without its escapes.

    >>> unescaped(r"\u0411\u0435\"\\n")
    'Бе"\\n'
    """
    return ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else LETTERS.get(code, code)


def datatype(name: str) -> str:
    """The datatype as the JSON dump writes it.

    >>> datatype("WikibaseItem"), datatype("ExternalId"), datatype("Time")
    ('wikibase-item', 'external-id', 'time')
    """
    return "commonsMedia" if name == "CommonsMedia" else re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _closed(group: _Group, report: Report) -> Record | None:
    report.count("entities")
    return listed(group.record(), 0, report)


def _broken(where: str, line: bytes) -> DataError:
    fix = "download the dump again, or skip bad lines with --skip-bad"
    return DataError("the line is no triple", where=where, got=repr(line[:60]), fix=fix)
