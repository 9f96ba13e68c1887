"""Shared by the sources of items and properties: reading records, and rows in one or several languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from relik_ml.data import COMPRESSED, Report
from relik_ml.errors import ConfigError

from ._wikidata_json import JsonDump
from ._wikidata_records import Record
from ._wikidata_shards import Dump, extracted, stored
from ._wikidata_truthy import TruthyDump

LANGS = ("ru", "en", "mul")
"""``mul`` holds the names that Wikidata keeps once for all languages."""
LANGS_HELP = "Languages in order of preference; default: those of the folder, or ru,en,mul for a dump."
ENTITY, LANGUAGE = "entity", "language"
ROWS = f"{ENTITY}: one row for each entity, in its best language; {LANGUAGE}: one for each language with a name."
LANG = re.compile(r"[a-z]{2,}(-[a-z0-9]+)*")
FIX = "give a folder that a dump was extracted into, or a dump: latest-all.json.bz2, latest-truthy.nt.gz, …"

Read = Callable[[bytes], Iterator[Record]]


class Records(NamedTuple):
    """A function that reads all records whose ids have a prefix, and the languages of the records."""

    read: Read
    langs: tuple[str, ...]


def open_dump(path: Path, langs: str = "", min_sitelinks: int = 0) -> Dump:
    """The dump at ``path``, plain or compressed: truthy statements if its suffix is ``.nt``, else JSON."""
    name = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    kind = TruthyDump if name.suffix.lower() == ".nt" else JsonDump
    return kind(path, languages(langs) or LANGS, min_sitelinks)


def records(path: Path | None, langs: str, report: Report) -> Records:
    """The records of an extracted folder or of a dump. A dump is parsed at each reading, but counted only once.

    Raises:
        ConfigError: there is no path, or a language is invalid or was not extracted.
        DataError: the folder is not a finished extraction, or the dump cannot be read.
    """
    if path is None:
        raise ConfigError("this source needs a path", got="no path", fix=FIX)
    if not path.is_dir():
        dump, reports = open_dump(path, langs), iter([report])
        return Records(lambda start: _dumped(dump, start, next(reports, type(report)())), dump.langs)
    asked, manifest = languages(langs), extracted(path)
    there = manifest.settings.langs
    if missing := [lang for lang in asked if lang not in there]:
        fix = f"choose from: {', '.join(there)}; or extract the dump again"
        raise ConfigError("a language was not extracted", where=str(path), got=", ".join(missing), fix=fix)
    return Records(lambda start: stored(path, manifest, start), asked or there)


def split(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list.

    >>> split("ru, en")
    ('ru', 'en')
    """
    return tuple(part for part in (part.strip() for part in text.split(",")) if part)


def languages(text: str) -> tuple[str, ...]:
    """The unique languages of a comma-separated list. ConfigError when one is not a language code.

    >>> languages("ru, be-tarask, ru")
    ('ru', 'be-tarask')
    """
    for lang in (langs := split(text)):
        if not LANG.fullmatch(lang):
            fix = "write codes as Wikidata does: ru,en,be-tarask,mul"
            raise ConfigError("no such code of a language", where="langs", got=repr(lang), fix=fix)
    if text and not langs:
        raise ConfigError("no language is named", where="langs", got=repr(text), fix="write ru,en,mul, or leave it out")
    return tuple(dict.fromkeys(langs))


def row_langs(record: Record, langs: tuple[str, ...], rows: str) -> list[str]:
    """The languages of a record's rows: all with a name, or the first of them."""
    there = [lang for lang in langs if lang in record.labels]
    return there if rows == LANGUAGE else there[:1]


def row_aliases(record: Record, lang: str, langs: tuple[str, ...], rows: str) -> list[str]:
    """The aliases of a row: names in its language, and in all languages if the entity has only one row."""
    order = [lang, *(other for other in langs if other != lang and rows == ENTITY)]
    names = [name for other in order for name in (record.labels.get(other), *record.aliases.get(other, ())) if name]
    return [name for name in dict.fromkeys(names) if name != record.labels[lang]]


def check_rows(rows: str) -> None:
    """ConfigError unless ``rows`` is one of the two options."""
    if rows not in (ENTITY, LANGUAGE):
        fix = f"give {ENTITY} (one row for each) or {LANGUAGE} (one row for each language with a name)"
        raise ConfigError("no such way to make rows", where="rows", got=repr(rows), fix=fix)


def check_sitelinks(least: int) -> None:
    """ConfigError when the minimum is negative."""
    if least < 0:
        fix = "give 0 to keep all items"
        raise ConfigError("a number of sitelinks cannot be negative", where="min_sitelinks", got=str(least), fix=fix)


def described(record: Record, lang: str, langs: tuple[str, ...], rows: str) -> str:
    """The description in ``lang``, or in the first language that has one if the entity has only one row."""
    order = (lang, *langs) if rows == ENTITY else (lang,)
    return next((record.descriptions[each] for each in order if each in record.descriptions), "")


def _dumped(dump: Dump, start: bytes, report: Report) -> Iterator[Record]:
    prefix = start.decode()
    for _, record in dump.records(report):
        if record is not None and record.id.startswith(prefix):
            yield record
