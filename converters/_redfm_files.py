"""The files of RED-FM and SRED-FM: their paths, their values, and the table of relations beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relik_ml.data import COMPRESSED, load_extra, open_lines
from relik_ml.errors import DataError

from ._wikipedia import PROPERTY, refuse_other_language

RELATIONS = "relations.tsv"
PARQUET = ".parquet"
ALIASES = {"dev": ("dev", "validation")}
DEPTH = 4
BATCH = 256


def split_files(source: Path, split: str, lang: str) -> list[Path]:
    """The files of a split in one language, in order; ``source`` is their folder, its parent, or a file.

    >>> split_files(Path("/nowhere"), "train", "ru")
    []
    """
    names = ALIASES.get(split, (split,))
    if source.is_file():
        refuse_other_language(source, lang)
        return [source] if set(names) & set(re.split(r"[._-]", source.name)) else []
    jsonl = [f"{name}.{lang}.jsonl{suffix}" for name in names for suffix in ("", *COMPRESSED)]
    shards = [f"{lang}/{name}{rest}" for name in names for rest in ("/*.parquet", "-*.parquet", ".parquet")]
    parquet = [f"{name}.{lang}.parquet" for name in names] + shards
    for folder in (source, source / "data"):
        for pattern in (*jsonl, *parquet):
            if found := sorted(path for path in folder.glob(pattern) if path.is_file()):
                return found
    return []


def rows(path: Path) -> Iterator[tuple[Any, str]]:
    """Rows of a parquet file with their positions. Relation classes that are numbers are replaced by names."""
    arrow, parquet = (load_extra(name, "train", "or give JSON Lines") for name in ("pyarrow", "pyarrow.parquet"))
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            classes = _classes((file.schema_arrow.metadata or {}).get(b"huggingface", b"null"))
            for batch in file.iter_batches(batch_size=BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield _named(row, classes), f"{path.name}, row {number}"
    except (OSError, ValueError, arrow.ArrowException) as error:
        where, fix = f"{path}, after row {number}", "give a complete file, or fetch it again"
        raise DataError("cannot read the parquet file", where=where, got=str(error), fix=fix) from None


def _classes(metadata: bytes) -> list[str]:
    """The names of relation classes in the metadata that ``datasets`` writes to parquet files, or an empty list.

    >>> _classes(b'{"relations": [{"predicate": {"names": ["country"], "_type": "ClassLabel"}}]}')
    ['country']
    """
    waiting = [json.loads(metadata)]
    while waiting:
        match waiting.pop():
            case {"predicate": {"names": [*names]}}:
                return [str(name) for name in names]
            case dict() as found:
                waiting += found.values()
            case list() as found:
                waiting += found
    return []


def _named(row: dict[str, Any], classes: list[str]) -> dict[str, Any]:
    for relation in row.get("relations") or []:
        number = relation.get("predicate") if isinstance(relation, dict) else None
        if isinstance(number, int) and 0 <= number < len(classes):
            relation["predicate"] = classes[number]
    return row


def relation_names(file: Path, table: Path | None) -> dict[str, str]:
    """Property id → English name, from ``table`` or the relations.tsv nearest to ``file``; empty without one.

    The table is in the folder of the file or in one of the three above it, as in data/ru/train/0000.parquet. A line
    has the property id, its name and further columns, which are ignored.
    """
    paths = [table] if table else [folder / RELATIONS for folder in file.absolute().parents[:DEPTH]]
    if (found := next((path for path in paths if path.is_file()), table)) is None:
        return {}
    names: dict[str, str] = {}
    for number, line in open_lines(found):
        columns = line.decode("utf-8", "replace").strip().split("\t")
        if len(columns) < 2 or not PROPERTY.fullmatch(columns[0]):
            got, fix = repr(columns)[:80], "expected are a property id and its name, separated by a tab"
            raise DataError("no row of a table of relations", where=f"{found}:{number}", got=got, fix=fix)
        names[columns[0]] = columns[1]
    return names
