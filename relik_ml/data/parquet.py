"""Parquet files: texts to read, annotated documents to write. They need the extra ``parquet``.

Written rows have the fields of the document schema; ``meta`` is JSON, because its content is free.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from relik_ml.data.extras import load_extra
from relik_ml.data.records import document_to_json
from relik_ml.data.store import json_bytes
from relik_ml.errors import DataError
from relik_ml.types import Document

ROWS = 256
"""Rows that are read or written together."""


def load_parquet() -> tuple[Any, Any]:
    """The modules ``pyarrow`` and ``pyarrow.parquet``. ConfigError without them."""
    return load_extra("pyarrow", "parquet"), load_extra("pyarrow.parquet", "parquet")


def read_texts(path: str, text: str = "text", id: str = "id") -> Iterator[tuple[str, bytes | None, float]]:
    """Id, text and share of the file's size of each row; the id is empty without such a column or value.

    DataError when the file cannot be read (further).
    """
    arrow, parquet = load_parquet()
    number, fix = 0, "the column of texts must hold strings; fetch a damaged file again"
    try:
        with parquet.ParquetFile(path) as file:
            if text not in (columns := file.schema_arrow.names):
                got, fix = ", ".join(map(repr, columns)), "name the column of the text: --text-field NAME"
                raise DataError(f"no column {text!r}", where=path, got=got, fix=fix)
            size = os.stat(path).st_size / max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(ROWS, columns=[name for name in (id, text) if name in columns]):
                texts = batch.column(text).cast(arrow.binary()).to_pylist()  # UTF-8 is checked row by row
                ids = batch.column(id).to_pylist() if id in columns else [None] * len(texts)
                for name, found in zip(ids, texts, strict=True):
                    yield "" if name is None else str(name), found, size
                    number += 1
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError("cannot read the file", where=f"{path}, after row {number}", got=str(error), fix=fix) from None


def document_rows(path: Path) -> Iterator[tuple[int, bytes]]:
    """The rows that ``parquet_writer`` wrote as lines of JSON, numbered from 1. DataError when it cannot be read."""
    arrow, parquet = load_parquet()
    fix = "give files that `relik-ml annotate --format parquet` wrote"
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, json_bytes(_known(row) | {"meta": json.loads(row.get("meta") or "{}")})
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise DataError("cannot read the file", where=f"{path}, row {number + 1}", got=str(error), fix=fix) from None


@contextmanager
def parquet_writer(path: Path) -> Iterator[Callable[[Document], None]]:
    """A function that adds a document to the file, which is complete after the body."""
    arrow, parquet = load_parquet()
    rows: list[dict[str, Any]] = []

    def write(document: Document) -> None:
        record = document_to_json(document)
        rows.append({**record, "meta": json.dumps(record["meta"], ensure_ascii=False)})
        if len(rows) == ROWS:
            flush()

    def flush() -> None:
        file.write_table(arrow.Table.from_pylist(rows, schema))
        rows.clear()

    schema = _schema()
    with parquet.ParquetWriter(path, schema, compression="zstd") as file:
        yield write
        flush()


@cache
def _schema() -> Any:
    a, _ = load_parquet()
    text, place, score, spans = a.string(), a.int32(), a.float64(), a.list_(a.list_(a.int32()))
    link = {"status": text, "id": text, "label": text, "alternatives": a.list_(text), "score": score}
    link["candidates"] = a.list_(_struct(a, {"id": text, "label": text, "score": score}))
    value = {"datatype": text, "raw": text, "value": text, "precision": text}
    mention = {"id": text, "start": place, "stop": place, "fragments": spans, "type": text, "score": score}
    mention |= {"link": _struct(a, link), "value": _struct(a, value)}
    entity = {"id": text, "mentions": a.list_(text), "induced": text}
    triple = {"subject": text, "relation": text, "object": text}
    triple |= {"property": _struct(a, {"id": text, "inverse": a.bool_()}), "evidence": spans, "score": score}
    annotated = dict.fromkeys(("mentions", "types", "links", "entities", "triples"), text)
    annotated["entity_triples"] = a.bool_()
    lists = {"mentions": mention, "entities": entity, "triples": triple}
    return a.schema({
        **dict.fromkeys(("schema", "id", "lang", "text"), text),
        **{name: a.list_(_struct(a, fields)) for name, fields in lists.items()},
        "annotated": _struct(a, annotated),
        "meta": text,
    })  # fmt: skip


def _known(value: Any) -> Any:
    """A value without the fields that are null: a table has all columns in each row."""
    if isinstance(value, dict):
        return {name: _known(field) for name, field in value.items() if field is not None}
    return [_known(each) for each in value] if isinstance(value, list) else value


def _struct(arrow: Any, fields: dict[str, Any]) -> Any:
    return arrow.struct(list(fields.items()))
