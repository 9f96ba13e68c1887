"""What the sources of items and of properties share: where records come from, and rows in one or several languages."""

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
LANGS_HELP = "Languages, best first, with commas; without it those of the folder, or ru,en,mul of a dump."
ENTITY, LANGUAGE = "entity", "language"
ROWS = f"{ENTITY}: one row each, in its best language; {LANGUAGE}: one for each language that it has a name in."
LANG = re.compile(r"[a-z]{2,}(-[a-z0-9]+)*")
FIX = "give a folder that a dump was extracted into, or a dump: latest-all.json.bz2, latest-truthy.nt.gz, …"

Read = Callable[[bytes], Iterator[Record]]


class Records(NamedTuple):
    """Records that can be read several times, those of one kind of id at a time, and the languages they have."""

    read: Read
    langs: tuple[str, ...]


def open_dump(path: Path, langs: str = "", min_sitelinks: int = 0) -> Dump:
    """The dump at ``path``: of truthy statements when its name has ``.nt``, else JSON, compressed or not."""
    name = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    kind = TruthyDump if name.suffix.lower() == ".nt" else JsonDump
    return kind(path, languages(langs) or LANGS, min_sitelinks)


def records(path: Path | None, langs: str, report: Report) -> Records:
    """The records of an extracted folder, or of a dump, which is then read anew each time and counted once.

    Raises:
        ConfigError: no path, or languages that are none or were not extracted.
        DataError: the folder is no finished extraction, or the dump cannot be read.
    """
    if path is None:
        raise ConfigError("this source carries no data itself", got="no path", fix=FIX)
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
    """The parts of a list that is written with commas.

    >>> split("ru, en")
    ('ru', 'en')
    """
    return tuple(part for part in (part.strip() for part in text.split(",")) if part)


def languages(text: str) -> tuple[str, ...]:
    """The languages of a list that is written with commas, each once; ConfigError when one cannot be a language.

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
    """The languages that a record gets a row in: all that it has a name in, or the first of them."""
    there = [lang for lang in langs if lang in record.labels]
    return there if rows == LANGUAGE else there[:1]


def row_aliases(record: Record, lang: str, langs: tuple[str, ...], rows: str) -> list[str]:
    """Other names than that in ``lang``: of this language, and for the only row of an entity of the others too."""
    order = [lang, *(other for other in langs if other != lang and rows == ENTITY)]
    names = [name for other in order for name in (record.labels.get(other), *record.aliases.get(other, ())) if name]
    return [name for name in dict.fromkeys(names) if name != record.labels[lang]]


def check_rows(rows: str) -> None:
    """ConfigError unless ``rows`` is one of the two ways."""
    if rows not in (ENTITY, LANGUAGE):
        fix = f"give {ENTITY} (one row each) or {LANGUAGE} (one for each language that it has a name in)"
        raise ConfigError("no such way to make rows", where="rows", got=repr(rows), fix=fix)


def check_sitelinks(least: int) -> None:
    """ConfigError when the minimum is none."""
    if least < 0:
        fix = "give 0 to keep all items"
        raise ConfigError("a number of sitelinks cannot be negative", where="min_sitelinks", got=str(least), fix=fix)


def described(record: Record, lang: str, langs: tuple[str, ...], rows: str) -> str:
    """The description in ``lang``; for the only row of an entity in the next language that has one."""
    order = (lang, *langs) if rows == ENTITY else (lang,)
    return next((record.descriptions[each] for each in order if each in record.descriptions), "")


def _dumped(dump: Dump, start: bytes, report: Report) -> Iterator[Record]:
    prefix = start.decode()
    for _, record in dump.records(report):
        if record is not None and record.id.startswith(prefix):
            yield record
