"""A store of facts on disk: Oxigraph. `relik_ml.graph.layout` says what it holds.

STORE/manifest.json   the format
STORE/oxigraph/       the database
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from relik_ml.data import FILE as MANIFEST
from relik_ml.data import Format, atomic_folder, load_extra, locked_folder, read_manifest, write_manifest
from relik_ml.errors import ModelError
from relik_ml.export.iris import DIRECT, ENTITY, ITSRDF, NIF, PROV, RDF, RDFS, VOCABULARY, XSD
from relik_ml.graph.layout import ID

if TYPE_CHECKING:
    from pyoxigraph import QueryBoolean, QuerySolutions, QueryTriples, Store

FORMAT = Format("graph store", "relik-ml/graph/2", "load the documents into a new folder with `relik-ml graph load`")
PREFIXES = {
    "wd": ENTITY, "wdt": DIRECT, "relik": VOCABULARY,
    "rdf": RDF, "rdfs": RDFS, "xsd": XSD, "nif": NIF, "prov": PROV, "itsrdf": ITSRDF,
}  # fmt: skip
"""Prefixes that queries need not declare."""

FLUSHED = 400_000
"""Quads after which memory is written to disk. Without that the database takes more than a gigabyte."""
SHARD = 200_000_000
"""Bytes of N-Quads that complete a shard, before compression."""
_WRITTEN = 1000
"""Quads that are written together."""
NQUADS = Format("N-Quads export", "relik-ml/nquads/1", "export again with `relik-ml graph export`")


class GraphStore:
    """An open store. ``with open_store(path) as store`` closes it, so that others may open it."""

    def __init__(self, path: Path, database: Store) -> None:
        self.path, self.database = path, database
        self._in_memory = 0

    def __contains__(self, document: str) -> bool:
        """Whether the store has the document of this IRI."""
        return self.value(document, ID) is not None

    def documents(self) -> Iterator[Any]:
        """The documents, in the order of the database."""
        return (quad.subject for quad in self.quads(None, ID))

    def value(self, subject: str, predicate: str) -> str | None:
        """A value of what is in the default graph; IRIs are given."""
        return next((str(quad.object.value) for quad in self.quads(_node(subject), predicate, graph="")), None)

    def quads(
        self, subject: Any = None, predicate: str | None = None, object: Any = None, graph: str | None = None
    ) -> Iterator[Any]:
        """The quads that fit: subject and object are terms, predicate and graph IRIs; None fits everything.

        The graph of a fact has its name; the empty one is the default graph.
        """
        named = None if predicate is None else _node(predicate)
        home = None if graph is None else _node(graph) if graph else _default_graph()
        return self.database.quads_for_pattern(subject, named, object, home)

    def query(self, sparql: str) -> QuerySolutions | QueryBoolean | QueryTriples:
        """Run a SPARQL query; without GRAPH it is over everything, and has a row for each fact that has the triple.

        Raises:
            SyntaxError: this is no query; the message has line and column.
        """
        return self.database.query(sparql, prefixes=PREFIXES, use_default_graph_as_union=True)

    def select(self, sparql: str) -> QuerySolutions:
        """The rows of a SELECT of our own."""
        return cast("QuerySolutions", self.query(sparql))

    def wrote(self, quads: int) -> None:
        """Count quads that were written, and now and then move them from memory to the disk; the journal has them."""
        self._in_memory += quads
        if self._in_memory >= FLUSHED:
            self.database.flush()
            self._in_memory = 0

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
        if write:  # after an error, its traceback may still hold the database
            _tidy(home, oxigraph.Store)


def fact_of(quad: Any) -> Any | None:
    """The fact that states or quotes the triple of a quad, if one does."""
    return quad.graph_name if hasattr(quad.graph_name, "value") else None


def export_nquads(store: GraphStore, out: Path, shard: int = SHARD) -> tuple[int, int]:
    """Write ``part-00000.nq.gz`` and so on into a new folder, all or nothing; one of an earlier export is replaced.

    Returns the numbers of quads and of shards.

    Raises:
        OutputError: the folder holds other files, or cannot be written.
    """
    oxigraph = load_extra("pyoxigraph", "graph")
    quads = shards = 0
    with atomic_folder(out, NQUADS.wrote) as folder:
        left = store.quads()
        some = list(islice(left, _WRITTEN))
        while some or not shards:
            with gzip.GzipFile(folder / f"part-{shards:05}.nq.gz", "wb", compresslevel=6, mtime=0) as file:
                size = 0
                while some and size < shard:
                    size += file.write(oxigraph.serialize(some, format=oxigraph.RdfFormat.N_QUADS))
                    quads += len(some)
                    some = list(islice(left, _WRITTEN))
            shards += 1
        write_manifest(folder, NQUADS, {"quads": quads})
    return quads, shards


def _tidy(home: Path, database: Callable[[Path], Store]) -> None:
    """Remove the journal of what has been written: opening does, and the journal may be larger than the data."""
    database(home)
    for old in home.glob("LOG.old.*"):
        old.unlink(missing_ok=True)


@lru_cache(maxsize=1024)
def _node(iri: str) -> Any:
    return load_extra("pyoxigraph", "graph").NamedNode(iri)


@cache
def _default_graph() -> Any:
    return load_extra("pyoxigraph", "graph").DefaultGraph()
