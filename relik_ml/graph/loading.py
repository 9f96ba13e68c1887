"""Annotated documents into a store: files of JSON Lines or Parquet, and folders of shards as
``annotate --out FOLDER`` writes.

A document that the store has from the same line and model is skipped, so a load that was killed goes on where it was,
and a document that has changed replaces itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from relik_ml.data import COMPRESSED, document_from_json, document_rows, open_lines, parse_line
from relik_ml.data import FILE as MANIFEST
from relik_ml.errors import DataError
from relik_ml.export.iris import Iris
from relik_ml.graph.changes import Change
from relik_ml.graph.database import GraphStore
from relik_ml.graph.layout import CHECKSUM, Rewrite, document_quads, sha256

GROUP = 20_000
"""Quads that are written in one transaction, or as many as one document has."""
VERSION = "1"
"""Changes when the quads of a document change, so that a document loaded again is replaced."""
_PARQUET = ".parquet"


class SourceFile(NamedTuple):
    """A file of documents, and the model that annotated them, if that is known."""

    path: Path
    model: str = ""


@dataclass(frozen=True)
class Loader:
    """Loads documents into a store."""

    store: GraphStore
    iris: Iris = field(default_factory=Iris)
    group: int = GROUP

    def load(self, sources: Iterable[SourceFile]) -> Iterator[Counter[str]]:
        """Load files. Yields counts (new, replaced, unchanged, facts) after each transaction.

        Raises:
            DataError: a line is no document. What was before it is in the store.
        """
        counts: Counter[str] = Counter()
        waiting: dict[str, Rewrite] = {}
        try:
            for source in sources:
                for number, line in _lines(source.path):
                    if found := self._rewrite(line, source, f"{source.path}, line {number}", counts):
                        waiting[found.document] = found
                    if sum(len(each.lines) for each in waiting.values()) >= self.group:
                        yield self._write(waiting, counts)
        finally:
            if waiting:
                self._write(waiting, counts)
        yield counts

    def _write(self, waiting: dict[str, Rewrite], counts: Counter[str]) -> Counter[str]:
        for document in waiting:
            counts["replaced" if document in self.store else "new"] += 1
        Change(self.store, waiting).apply()
        waiting.clear()
        return counts

    def _rewrite(self, line: bytes, source: SourceFile, where: str, counts: Counter[str]) -> Rewrite | None:
        record = parse_line(line, where)
        checksum = sha256(VERSION.encode(), source.model.encode(), line.strip())
        id = record.get("id") if isinstance(record, dict) else None
        if isinstance(id, str) and self.store.value(self.iris.document(id), CHECKSUM) == checksum:
            counts["unchanged"] += 1
            return None
        document = document_from_json(record, where)
        counts["facts"] += len(document.triples)
        return document_quads(document, self.iris, checksum, source.model)


def find_sources(paths: Sequence[Path], model: str = "") -> list[SourceFile]:
    """The files of documents that are given, or lie in folders that are given.

    Raises:
        DataError: a path does not exist, or a folder has no such files.
    """
    found: list[SourceFile] = []
    for path in paths:
        if not path.is_dir():
            found.append(SourceFile(path, model))
            continue
        names = sorted(each for each in path.iterdir() if _is_shard(each) and each.name != "bad.jsonl")
        if not names:
            got = next((each.name for each in sorted(path.iterdir()) if each.is_file()), "no files")
            fix = "give files of JSON Lines or Parquet, as `relik-ml annotate --out FOLDER/` writes them"
            raise DataError("the folder holds no annotated documents", where=str(path), got=got, fix=fix)
        found += (SourceFile(each, model or _model(path)) for each in names)
    return found


def remove_documents(store: GraphStore, ids: Sequence[str], iris: Iris = Iris()) -> None:
    """Remove documents by id, all or none. DataError when one is not in the store."""
    documents = {iris.document(id): id for id in ids}
    if missing := [id for document, id in documents.items() if document not in store]:
        got = ", ".join(map(repr, missing[:5])) + "…" * (len(missing) > 5)
        fix = "list the ids: relik-ml graph query 'SELECT ?id { ?document relik:document ?id }'"
        raise DataError("the store has no such document", where=str(store.path), got=got, fix=fix)
    Change(store, dict.fromkeys(documents)).apply()


def _model(folder: Path) -> str:
    """The checksum of the model in the manifest of a corpus, if there is one."""
    try:
        record = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return ""
    return str(record.get("model", "")) if isinstance(record, dict) else ""


def _is_shard(path: Path) -> bool:
    name = path.name.lower()
    return any(name.endswith(".jsonl" + suffix) for suffix in ("", *COMPRESSED)) or name.endswith(_PARQUET)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    return document_rows(path) if path.name.lower().endswith(_PARQUET) else open_lines(path)
