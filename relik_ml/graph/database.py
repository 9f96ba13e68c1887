"""A store of facts on disk: Oxigraph, with a named graph for each document.

Everything that is known from a document is in the graph named by the document's IRI, so a document is replaced by
removing its graph. `relik_ml.export.triples` describes the facts. A graph also holds the document (id, text, checksum,
model, meta), its mentions with what they refer to, and every name of an entity in small letters (``relik:name``).

    STORE/manifest.json   the format
    STORE/oxigraph/       the database
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from relik_ml.data import FILE as MANIFEST
from relik_ml.data import Format, atomic_folder, load_extra, locked_folder, read_manifest, write_manifest
from relik_ml.errors import ModelError
from relik_ml.export.iris import DIRECT, ENTITY, ITSRDF, NIF, PROV, RDF, RDFS, VOCABULARY, XSD

if TYPE_CHECKING:
    from pyoxigraph import QueryBoolean, QuerySolutions, QueryTriples, Store

FORMAT = Format("graph store", "relik-ml/graph/1", "load the documents into a new folder with `relik-ml graph load`")
PREFIXES = {
    "wd": ENTITY, "wdt": DIRECT, "relik": VOCABULARY,
    "rdf": RDF, "rdfs": RDFS, "xsd": XSD, "nif": NIF, "prov": PROV, "itsrdf": ITSRDF,
}  # fmt: skip
"""Prefixes that queries need not declare."""

SHARD = 200_000_000
"""Bytes of N-Quads that complete a shard, before compression."""
NQUADS = Format("N-Quads export", "relik-ml/nquads/1", "export again with `relik-ml graph export`")


class Rewrite(NamedTuple):
    """What the store is to hold of a document: the IRI of its graph and the triples, in N-Triples without points."""

    graph: str
    lines: list[str]


class GraphStore:
    """An open store. ``with open_store(path) as store`` closes it, so that others may open it."""

    def __init__(self, path: Path, database: Store) -> None:
        self.path, self.database = path, database

    def __contains__(self, graph: str) -> bool:
        """Whether the store has a graph of this IRI."""
        return self.database.contains_named_graph(_node(graph))

    def write(self, rewrites: Iterable[Rewrite]) -> None:
        """Store documents, each in place of what there is of it, in one transaction."""
        latest = {rewrite.graph: rewrite.lines for rewrite in rewrites}
        if old := [graph for graph in latest if graph in self]:
            blocks = (f"GRAPH <{graph}> {{\n{_points(lines, ' .')}}}" for graph, lines in latest.items())
            self.database.update(f"{_drops(old)}INSERT DATA {{\n{''.join(blocks)}}}")
        else:
            quads = "".join(_points(lines, f" <{graph}> .") for graph, lines in latest.items())
            self.database.load(quads.encode(), load_extra("pyoxigraph", "graph").RdfFormat.N_QUADS)

    def remove(self, graphs: Iterable[str]) -> None:
        """Remove documents in one transaction."""
        self.database.update(_drops(graphs))

    def graphs(self) -> Iterator[str]:
        """The IRIs of the documents, in the order of the database."""
        return (str(graph.value) for graph in self.database.named_graphs())

    def quads(
        self, subject: Any = None, predicate: str | None = None, object: Any = None, graph: str | None = None
    ) -> Iterator[Any]:
        """The quads that fit: subject and object are terms, predicate and graph IRIs; None fits everything."""
        named, home = (None if name is None else _node(name) for name in (predicate, graph))
        return self.database.quads_for_pattern(subject, named, object, home)

    def query(self, sparql: str) -> QuerySolutions | QueryBoolean | QueryTriples:
        """Run a SPARQL query; without GRAPH it is over all documents, and has a row for each that has the triple.

        Raises:
            SyntaxError: this is no query; the message has line and column.
        """
        return self.database.query(sparql, prefixes=PREFIXES, use_default_graph_as_union=True)

    def select(self, sparql: str) -> QuerySolutions:
        """The rows of a SELECT of our own."""
        return cast("QuerySolutions", self.query(sparql))

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())


@contextmanager
def open_store(path: Path, create: bool = False, write: bool = False) -> Iterator[GraphStore]:
    """Open a store. Many processes may read it at a time, or one writes; ``create`` makes a new one if there is none.

    Raises:
        ModelError: the folder is no store, one of a newer version, or a damaged one.
        OutputError: another process holds it, or the folder holds other files.
        ConfigError: pyoxigraph is not installed.
    """
    oxigraph = load_extra("pyoxigraph", "graph")
    if create and not (path / MANIFEST).is_file():
        with atomic_folder(path) as new:
            write_manifest(new, FORMAT, {})
    read_manifest(path, FORMAT)
    with locked_folder(path, shared=not write):
        home = path / "oxigraph"
        try:
            database = oxigraph.Store(home) if write or not home.exists() else oxigraph.Store.read_only(str(home))
        except (OSError, RuntimeError) as error:
            fix = FORMAT.remedy if "lock" not in str(error).lower() else "wait until it ends"
            raise ModelError("the graph store cannot be opened", where=str(home), got=str(error), fix=fix) from None
        store = GraphStore(path, database)
        try:
            yield store
            if write:
                database.flush()
        finally:
            del store.database, database
            if write:
                _tidy(home, oxigraph.Store)


def export_nquads(store: GraphStore, out: Path, shard: int = SHARD) -> tuple[int, int]:
    """Write ``part-00000.nq.gz`` and so on into a new folder, all or nothing; one of an earlier export is replaced.

    Each document is whole in one shard. Returns the numbers of quads and of shards.

    Raises:
        OutputError: the folder holds other files, or cannot be written.
    """
    quads = shards = 0
    with atomic_folder(out, NQUADS.wrote) as folder:
        left = iter(_documents(store))
        document = next(left, None)
        while document is not None or not shards:
            with gzip.GzipFile(folder / f"part-{shards:05}.nq.gz", "wb", compresslevel=6, mtime=0) as file:
                size = 0
                while document is not None and size < shard:
                    file.write(document)
                    size, quads = size + len(document), quads + document.count(b"\n")
                    document = next(left, None)
            shards += 1
        write_manifest(folder, NQUADS, {"quads": quads})
    return quads, shards


def _documents(store: GraphStore) -> Iterator[bytes]:
    """The lines of each document, sorted."""
    oxigraph = load_extra("pyoxigraph", "graph")
    for graph in store.graphs():
        written: bytes = oxigraph.serialize(store.quads(graph=graph), format=oxigraph.RdfFormat.N_QUADS)
        yield b"".join(sorted(written.splitlines(keepends=True)))


def _tidy(home: Path, database: Callable[[Path], Store]) -> None:
    """Remove the journal of what has been written: opening does, and the journal may be larger than the data."""
    database(home)
    for old in home.glob("LOG.old.*"):
        old.unlink(missing_ok=True)


def _node(iri: str) -> Any:
    return load_extra("pyoxigraph", "graph").NamedNode(iri)


def _points(lines: Iterable[str], end: str) -> str:
    return "".join(f"{line}{end}\n" for line in lines)


def _drops(graphs: Iterable[str]) -> str:
    return "".join(f"DROP SILENT GRAPH <{graph}> ;\n" for graph in graphs)
