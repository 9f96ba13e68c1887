"""Knowledge sources on the command line: files of entries, NAME or NAME=PATH, with ``--set FIELD=VALUE``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from relik_ml.errors import ConfigError, DataError
from relik_ml.types import Entry

if TYPE_CHECKING:
    from relik_ml.data import Report
    from relik_ml.plugins import IndexSource

TABLE = re.compile(r"\.[ct]sv(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)

Source = TypeVar("Source", bound="IndexSource")


def read_sources(sources: Sequence[str], settings: Sequence[str], report: Report) -> Iterator[Entry]:
    """The entries of all sources, in their order; ``report`` counts what is left out.

    Raises:
        ConfigError: a setting is unknown to all sources, has no value or is given twice.
        DataError: there are no entries.
    """
    from relik_ml.data import read_entries

    named = [_named(source) for source in sources]
    known = {field for source, _ in named if source for field in source.options}
    given = given_settings(settings, known, "no source has such a setting")
    empty = True
    for source, path in named:
        for entry in configured(source, given).entries(path, report) if source else read_entries(path):
            empty = False
            yield entry
    if empty:
        got = "; ".join(f"{number:,} {what}" for what, number in report.counts.items()) or "nothing in them"
        fix = "check the settings and the sources"
        raise DataError("there are no entries to index", where=", ".join(sources), got=got, fix=fix)


def _named(source: str) -> tuple[IndexSource | None, Any]:
    """A source and its path or None, or None and the path of a file of entries."""
    from relik_ml.plugins import INDEXES, load_index, names

    path, (name, given, rest) = Path(source), source.partition("=")
    if given and name.isidentifier() and not path.is_file():
        return load_index(name), Path(rest)
    if path.is_dir() and source not in names(INDEXES):
        raise ConfigError("a folder needs the source that reads it", got=source, fix=f"write wikidata={source}")
    if TABLE.search(path.name):
        return load_index("csv"), path
    if path.suffix or len(path.parts) > 1 or path.is_file():
        return None, path
    return load_index(source), None


def given_settings(settings: Sequence[str], known: Collection[str], what: str) -> dict[str, str]:
    """Settings by field. ConfigError for a setting that is unknown (with the message ``what``), empty or repeated."""
    found: dict[str, str] = {}
    for setting in settings:
        field, given, value = setting.partition("=")
        if field in found:
            got, fix = f"{field}={found[field]} and {setting}", "write the values of a list with commas: langs=ru,en"
            raise ConfigError("a setting is given twice", got=got, fix=fix)
        if field not in known:
            raise ConfigError(what, got=setting, fix=f"one of: {', '.join(sorted(known)) or 'none'}")
        if not given:
            raise ConfigError("a setting has no value", got=setting, fix=f"write --set {field}=VALUE")
        found[field] = value
    return found


def configured(source: Source, given: Mapping[str, str]) -> Source:
    """The source with those of the settings that it has, converted to the type of the field's default."""
    fields: dict[str, Any] = {}
    for field in given.keys() & source.options.keys():
        value, default = given[field], getattr(source, field)
        if not (value or default):  # an empty value may only remove a default
            fix = f"write --set {field}=VALUE, or leave it out for the default"
            raise ConfigError("a setting has no value", got=f"{field}=", fix=fix)
        try:
            fields[field] = type(default)(value)
        except ValueError:
            fix = f"{field} wants a value like {default!r}"
            raise ConfigError("a setting has the wrong type", got=f"{field}={value}", fix=fix) from None
    return replace(source, **fields)
