"""One document of an input: a text, a document of the schema, or a JSON object of any other program.

>>> record = Record("here", "poems:1", '{"body": "Тула", "year": 1913}'.encode(), is_json=True, fields=Fields("body"))
>>> record.document("ru")
Document(id='poems:1', text='Тула', lang='ru', ..., meta={'year': 1913})
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from relik_ml.data.extraction import EXTRACTED, decoded, extract
from relik_ml.data.lines import read_bytes, suffix_of
from relik_ml.data.records import document_from_json, parse_line
from relik_ml.errors import ConfigError, DataError
from relik_ml.types import SCHEMA, Document


class Fields(NamedTuple):
    """Where JSON objects, rows of tables and Parquet files that are no documents of the schema have text and id."""

    text: str = "text"
    id: str = "id"
    keep_mentions: bool = False
    """Only documents of the schema are accepted, because nothing else has mentions."""


class Record(NamedTuple):
    """One document before it is decoded."""

    where: str
    """Its place, for messages."""
    name: str = ""
    """Its id; of a JSON object the id if it states none."""
    data: bytes | None = None
    """A text or a JSON object; None for a text that is still in the file ``where``."""
    size: float = 0
    """Its share of the bytes of the input."""
    fault: DataError | None = None
    """Why it cannot be used."""
    is_json: bool = False
    fields: Fields = Fields()

    @property
    def id(self) -> str | None:
        """Its id, or None when it cannot be read."""
        if self.fault:
            return None
        if not self.is_json or self.data is None:
            return self.name
        try:
            found = msgspec.json.decode(self.data, type=dict[str, msgspec.Raw])
            stated = found.get("id" if "schema" in found else self.fields.id)
            return _stated(msgspec.json.decode(stated) if stated else None) or self.name
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
            return None

    def document(self, lang: str) -> Document:
        """The document; ``lang`` is its language unless it states one; empty: it is to be detected.

        Raises:
            DataError: it is faulty.
            ConfigError: its mentions are to be kept, and it is a plain text.
        """
        if self.fault:
            raise self.fault
        if self.is_json:
            value = parse_line(self.data or b"", self.where)
            return document_from_object(value, self.where, self.name, lang, self.fields)
        if self.fields.keep_mentions:
            raise no_mentions(self.where)
        if self.data is not None:
            return Document(self.name, decoded(self.data, self.where), lang)
        data, suffix = read_bytes(Path(self.where)), suffix_of(self.where)
        if suffix in EXTRACTED:
            return Document(self.name, extract(data, suffix, self.where), lang, meta={"extracted": suffix[1:]})
        return Document(self.name, decoded(data, self.where), lang)


def no_mentions(where: str) -> ConfigError:
    """The error for an input without mentions that could be kept."""
    fix = "give only .jsonl files, or leave out --keep-mentions"
    return ConfigError("a plain text has no mentions to keep", where=where, fix=fix)


def document_from_object(value: Any, where: str, name: str, lang: str, fields: Fields = Fields()) -> Document:
    """The document of a JSON object: of the schema if it names it, otherwise of any other program.

    Of the latter only a text is required. ``name`` is its id if it states none. Other fields go to ``meta``.

    Raises:
        DataError: it has no text, its id is neither text nor a whole number, or it breaks the schema that it names.
    """
    if not isinstance(value, Mapping) or "schema" in value:
        return document_from_json({"lang": lang, **value} if isinstance(value, Mapping) else value, where)
    if fields.keep_mentions:
        got, fix = "no field 'schema'", f'add "schema": "{SCHEMA}" and the other fields, or leave out --keep-mentions'
        raise DataError("only documents of the schema have mentions to keep", where=where, got=got, fix=fix)
    rest = dict(value)
    text = rest.pop(fields.text, None)
    if not isinstance(text, str):
        texts = [key for key, other in rest.items() if isinstance(other, str)]
        got = f"the fields {', '.join(map(repr, value)) or 'of an empty object'}" if text is None else repr(text)[:80]
        fix = f"name the field of the text: --text-field {texts[0] if texts else 'NAME'}"
        raise DataError(f"no text in the field {fields.text!r}", where=where, got=got, fix=fix)
    try:
        id = _stated(rest.pop(fields.id, None)) or name
    except ValueError as error:
        raise DataError("an id is a text or a whole number", where=where, got=str(error), fix="correct it") from None
    lang = rest.pop("lang") if isinstance(rest.get("lang"), str) else lang
    meta = rest.pop("meta") if isinstance(rest.get("meta"), Mapping) else {}
    return Document(id, text, lang, meta={**rest, **meta})


def _stated(id: Any) -> str:
    """The id as a text; empty if there is none. ValueError when it is neither a text nor a whole number."""
    if id is None or isinstance(id, str):
        return id or ""
    if isinstance(id, int) and not isinstance(id, bool):
        return str(id)
    raise ValueError(repr(id)[:80])
