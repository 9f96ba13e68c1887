"""A store as the CSV files of Neo4j that `relik_ml.export.networks` writes, one row at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relik_ml.data import Format, atomic_folder, write_manifest
from relik_ml.export.graph import offsets
from relik_ml.export.iris import DIRECT, ENTITY
from relik_ml.export.networks import NODE_COLUMNS, RELATIONSHIP_COLUMNS, Cell, plain, write_rows
from relik_ml.export.triples import ASSERTED
from relik_ml.graph import layout
from relik_ml.graph.database import GraphStore
from relik_ml.graph.things import Statement, document_of, label_of, map_statements, shortened
from relik_ml.types import Span

NEO4J = Format("Neo4j export", "relik-ml/neo4j/1", "export again with `relik-ml graph export --format neo4j`")


def export_neo4j(store: GraphStore, out: Path) -> tuple[int, int]:
    """Write ``nodes.csv`` and ``relationships.csv`` into a new folder, all or nothing; an earlier export is replaced.

    Only facts that are stated or quoted are relationships, in the direction of their relation. A date or number is a
    node of its own for each fact. Returns the numbers of rows.

    Raises:
        OutputError: the folder holds other files, or cannot be written.
    """
    with atomic_folder(out, NEO4J.wrote) as folder:
        nodes = write_rows(folder / "nodes.csv", NODE_COLUMNS, _nodes(store))
        edges = write_rows(folder / "relationships.csv", RELATIONSHIP_COLUMNS, _relationships(store))
        write_manifest(folder, NEO4J, {"nodes": nodes, "relationships": edges})
    return nodes, edges


def _nodes(store: GraphStore) -> Iterator[list[Cell]]:
    for quad in store.quads(None, layout.STATUS):
        thing, type = quad.subject, store.value(quad.subject.value, layout.TYPE) or ""
        mentions = [each.subject.value for each in store.quads(None, layout.REFERENT, thing)]
        link = store.value(thing.value, layout.LINK) or (_id(thing) if thing.value.startswith(ENTITY) else None)
        about = [label_of(store, thing), type, str(quad.object.value), link]
        home = document_of(min(mentions, default=""))
        yield [_id(thing), *about, None, None, len(mentions), home, f"Entity;{type}" if plain(type) else "Entity"]
    for fact in _statements(store):
        if hasattr(fact.object, "datatype"):
            value, datatype = fact.object.value, shortened(fact.object.datatype.value)
            yield [f"{fact.id};value", value, "", "unlinkable", None, value, datatype, 1, fact.document, "Entity"]


def _relationships(store: GraphStore) -> Iterator[list[Cell]]:
    for fact in _statements(store):
        value = f"{fact.id};value" if hasattr(fact.object, "datatype") else _id(fact.object)
        turned = _turned(store, fact)
        ends = (value, _id(fact.subject)) if turned else (_id(fact.subject), value)
        predicate = str(fact.predicate.value)
        property = predicate.removeprefix(DIRECT) if predicate.startswith(DIRECT) else None
        spans = offsets(Span(*span) for span in fact.evidence)
        about = [property, str(turned).lower() if property else None, fact.document, fact.sentence, spans, fact.score]
        yield [*ends, fact.id, fact.relation, *about, fact.relation if plain(fact.relation) else "RELATED"]


def _statements(store: GraphStore) -> Iterator[Statement]:
    facts = (quad.subject for quad in store.quads(None, layout.QUOTED))
    found = (statement for fact in facts for statement in map_statements(store, [fact]))
    return (statement for statement in found if statement.kind in ASSERTED)


def _turned(store: GraphStore, fact: Statement) -> bool:
    """Whether the relation runs from the object of the triple to its subject: its property is the inverse one."""
    start, stop = fact.mentions[0]
    subject = store.value(f"{fact.id.partition('#')[0]}#char={start},{stop}", layout.REFERENT)
    object = None if hasattr(fact.object, "datatype") else str(fact.object.value)
    return str(fact.predicate.value).startswith(DIRECT) and subject == object


def _id(thing: Any) -> str:
    return str(thing.value).removeprefix(ENTITY)
