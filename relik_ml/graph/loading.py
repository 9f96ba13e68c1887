"""Annotated documents into a store: files of JSON Lines, and folders of shards as ``annotate --out FOLDER`` writes.

A document that the store has from the same line and model is skipped, so a load that was killed goes on where it was,
and a document that has changed replaces itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from relik_ml.data import COMPRESSED, document_from_json, open_lines, parse_line
from relik_ml.data import FILE as MANIFEST
from relik_ml.errors import DataError
from relik_ml.export.iris import NIF, VOCABULARY, Iris
from relik_ml.export.terms import iri, label, literal
from relik_ml.export.triples import LABEL, DocumentTriples
from relik_ml.graph.database import GraphStore, Rewrite
from relik_ml.text import Morphology, Nominative, evidence, sentences
from relik_ml.types import Document, Triple

GROUP = 20_000
"""Triples that are written in one transaction, or as many as one document has."""
VERSION = "1"
"""Changes when the triples of a document change, so that a document loaded again is replaced."""

_RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)
CHECKSUM, NAME, TEXT = f"{VOCABULARY}checksum", f"{VOCABULARY}name", f"{NIF}isString"


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
                for number, line in open_lines(source.path):
                    if found := self._rewrite(line, source, f"{source.path}, line {number}", counts):
                        waiting[found.graph] = found
                    if sum(len(each.lines) for each in waiting.values()) >= self.group:
                        yield self._write(waiting, counts)
        finally:
            if waiting:
                self._write(waiting, counts)
        yield counts

    def _write(self, waiting: dict[str, Rewrite], counts: Counter[str]) -> Counter[str]:
        for graph in waiting:
            counts["replaced" if graph in self.store else "new"] += 1
        self.store.write(waiting.values())
        waiting.clear()
        return counts

    def _rewrite(self, line: bytes, source: SourceFile, where: str, counts: Counter[str]) -> Rewrite | None:
        record = parse_line(line, where)
        checksum = _sha256(VERSION.encode(), source.model.encode(), line.strip())
        if isinstance(record, dict) and isinstance(id := record.get("id"), str):
            home = self.iris.document(id)
            if any(quad.object.value == checksum for quad in self.store.quads(None, CHECKSUM, None, home)):
                counts["unchanged"] += 1
                return None
        document = document_from_json(record, where)
        counts["facts"] += len(document.triples)
        lines = document_lines(document, self.iris, checksum, source.model)
        return Rewrite(self.iris.document(document.id), list(lines))


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
        names = sorted(each for each in path.iterdir() if _is_lines(each) and each.name != "bad.jsonl")
        if not names:
            got = next((each.name for each in sorted(path.iterdir()) if each.is_file()), "no files")
            fix = "give files of JSON Lines; `relik-ml annotate --format jsonl` writes shards of them"
            raise DataError("the folder holds no annotated documents", where=str(path), got=got, fix=fix)
        found += (SourceFile(each, model or _model(path)) for each in names)
    return found


def remove_documents(store: GraphStore, ids: Sequence[str], iris: Iris = Iris()) -> None:
    """Remove documents by id, all or none. DataError when one is not in the store."""
    graphs = {iris.document(id): id for id in ids}
    if missing := [id for graph, id in graphs.items() if graph not in store]:
        got = ", ".join(map(repr, missing[:5])) + "…" * (len(missing) > 5)
        fix = "list the ids: relik-ml graph query 'SELECT ?id { ?document relik:document ?id }'"
        raise DataError("the store has no such document", where=str(store.path), got=got, fix=fix)
    store.remove(graphs)


def document_lines(document: Document, iris: Iris, checksum: str, model: str = "") -> Iterator[str]:
    """All triples of a document, without those that occur twice."""
    found = DocumentTriples(_cited(document), iris)
    home = iri(iris.document(document.id))
    about = {
        f"{VOCABULARY}document": document.id, TEXT: document.text, CHECKSUM: checksum,
        f"{VOCABULARY}textChecksum": _sha256(document.text.encode()), f"{VOCABULARY}language": document.lang,
        f"{VOCABULARY}model": model, f"{VOCABULARY}meta": _meta(document),
    }  # fmt: skip
    lines = [f"{home} {iri(name)} {literal(text)}" for name, text in about.items() if text or name == TEXT]
    parts = (found.names(), found.facts(), found.mentions(), _names(found))
    yield from dict.fromkeys([*lines, *(line for part in parts for line in part)])


def name_key(name: str) -> str:
    """A name as ``relik:name`` holds it.

    >>> name_key("Королёв  Сергей")
    'королев сергей'
    """
    return " ".join(name.casefold().replace("ё", "е").split())


def _names(found: DocumentTriples) -> Iterator[str]:
    """A Russian name of each item whose label is in another language, and the keys of all names."""
    document = found.document
    mentions = {mention.id: mention for mention in document.mentions}
    for thing, node in found.things():
        surfaces = [document.surface(mentions[ref.mention]) for ref in node.mentions]
        names = [node.label, *surfaces]
        russian = Counter(name for name in surfaces if _RUSSIAN.search(name))
        if node.qid and russian and not _RUSSIAN.search(node.label):
            names.append(_nominative(russian.most_common(1)[0][0], node.type))
            yield f"{thing} {LABEL} {label(names[-1])}"
        yield from (f"{thing} {iri(NAME)} {literal(key)}" for key in {*map(name_key, names)} if key)


@lru_cache(maxsize=1 << 14)
def _nominative(name: str, type: str) -> str:
    names = _russian_names()
    return names.persons([name])[name] if type == "PERSON" else names.phrase(name)


@cache
def _russian_names() -> Nominative:
    return Nominative(Morphology())


def _cited(document: Document) -> Document:
    """The document with the evidence of each fact in order; without any, the sentences of its mentions."""
    split, mentions = list(sentences(document.text)), {mention.id: mention for mention in document.mentions}

    def cited(triple: Triple) -> Triple:
        ends = [mentions[triple.subject].span, mentions[triple.object].span]
        return replace(triple, evidence=tuple(sorted({*(triple.evidence or evidence(split, ends) or ends)})))

    return replace(document, triples=tuple(map(cited, document.triples)))


def _meta(document: Document) -> str:
    return json.dumps(dict(document.meta), ensure_ascii=False, sort_keys=True, default=str) if document.meta else ""


def _model(folder: Path) -> str:
    """The checksum of the model in the manifest of a corpus, if there is one."""
    try:
        record = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return ""
    return str(record.get("model", "")) if isinstance(record, dict) else ""


def _is_lines(path: Path) -> bool:
    name = path.name.lower()
    return any(name.endswith(".jsonl" + suffix) for suffix in ("", *COMPRESSED))


def _sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
