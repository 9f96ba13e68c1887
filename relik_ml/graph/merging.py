"""Makes entities of several documents one node: puts their ids in place of the things of each document.

In the graph of a document an entity has a ``relik:member`` for each of its things there. What the triples about these
things were is kept as ``relik:unresolved`` (compressed N-Triples), so that an entity can be divided again.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from relik_ml.data import load_extra
from relik_ml.errors import DataError
from relik_ml.export.iris import ITSRDF, NIF, RDF, RDFS, VOCABULARY
from relik_ml.graph.database import GraphStore
from relik_ml.graph.loading import GROUP
from relik_ml.graph.registry import Registry
from relik_ml.graph.resolution import Lemma, LocalThing, cluster
from relik_ml.graph.things import LOCAL, MEMBER, document_of
from relik_ml.scheme import NEREL

UNRESOLVED, STATUS = f"{VOCABULARY}unresolved", f"{VOCABULARY}status"
SURE = 0.9
"""The least score of a fact that gives one thing two names, as in the pipeline; at 0.7 a quarter of them are wrong."""
DENIED = frozenset({"hypothetical", "negated"})

Triple = tuple[Any, Any, Any]


class Resolved(NamedTuple):
    """What resolving found: things of documents, their entities, and those of these that several documents name."""

    things: int
    entities: int
    shared: int


def resolve(store: GraphStore, lemma: Lemma) -> Resolved:
    """Decide anew which things without an item are one entity, and make each of them one node.

    It may be killed: what is left undone is done the next time.
    """
    registry = Registry.read(store.path)
    things = list(local_things(store))
    groups = cluster(things, lemma, registry.together(), registry.apart())
    registry.assign(groups)
    registry.write(store.path)
    restore(store)
    shared = sum(len({document_of(id) for id in group}) > 1 for group in groups)
    return Resolved(len(things), len(groups), shared)


def local_things(store: GraphStore) -> Iterator[LocalThing]:
    """All things without an item, as the documents know them."""
    return (thing for graph in _homes(store) for thing in _things(_local(store, graph)))


def restore(store: GraphStore) -> None:
    """Put the ids that are known in place of things, in all documents that were loaded since."""
    ids = Registry.read(store.path).ids
    changes: list[str] = []
    for graph in _homes(store) if ids else ():
        members = _members(store, graph)
        names = {thing: ids[thing] for thing in members if thing in ids}
        if names != {thing: id for thing, id in members.items() if id}:
            changes += _rewritten(store, graph, names)
        if sum(change.count("\n") for change in changes) >= GROUP:
            _update(store, changes)
    _update(store, changes)


def merge(store: GraphStore, one: Any, other: Any) -> str:
    """Let two entities be one, which is returned, now and whatever is loaded later.

    Raises:
        DataError: one of them is a Wikidata item or a literal.
    """
    registry = Registry.read(store.path)
    first, second = (_known(store, registry, thing) for thing in (one, other))
    if registry.ids[first[0]] != registry.ids[second[0]]:
        registry.merge(first[0], second[0])
        registry.write(store.path)
        restore(store)
    return registry.ids[first[0]]


def split(store: GraphStore, thing: Any, documents: Sequence[str]) -> str:
    """Let what these documents (or members, by IRI) call an entity be one of its own, which is returned.

    Raises:
        DataError: the entity is not in one of the documents, or in no other.
    """
    registry = Registry.read(store.path)
    members = _known(store, registry, thing)
    homes = ", ".join(sorted({repr(document_of(id)) for id in members}))
    for document in documents:
        if not any(document in (id, document_of(id)) for id in members):
            raise DataError("the entity is not in this document", got=repr(document), fix=f"give one of {homes}")
    out = [id for id in members if id in documents or document_of(id) in documents]
    if len(out) == len(members):
        fix = "leave one out, or give the IRIs of members: relik-ml graph query 'SELECT ?m { ?e relik:member ?m }'"
        raise DataError("the entity has no other document", got=homes, fix=fix)
    registry.split(out)
    registry.write(store.path)
    restore(store)
    return registry.ids[out[0]]


def merging_faults(store: GraphStore, graph: str) -> Iterator[str]:
    """What is wrong if a document's triples are not those of its things under the ids of their entities."""
    names = {thing: id for thing, id in _members(store, graph).items() if id}
    if names and {*_triples(store, graph)} != {*_renamed(store, graph, names)}:
        yield "the triples of an entity are not those of its members"


def _known(store: GraphStore, registry: Registry, thing: Any) -> list[str]:
    """The things of documents that are the entity; each has an id from now on."""
    members = sorted({quad.object.value for quad in store.quads(thing, MEMBER)})
    if not members and any(quad.object.value == "nil" for quad in store.quads(thing, STATUS)):
        members = [thing.value]
    if not members:
        fix = "give an entity without an item: relik-ml graph query \"SELECT DISTINCT ?e { ?e relik:status 'nil' }\""
        raise DataError("only entities without an item are merged and split", got=str(thing.value), fix=fix)
    if members[0] not in registry.ids:
        registry.assign([members])
    return members


def _homes(store: GraphStore) -> list[str]:
    """The documents with things that have no item."""
    nil = load_extra("pyoxigraph", "graph").Literal("nil")
    return sorted({quad.graph_name.value for quad in store.quads(None, STATUS, nil)})


def _members(store: GraphStore, graph: str) -> dict[str, str]:
    """The things of a document that have no item, each with the id of its entity, or nothing."""
    nil = load_extra("pyoxigraph", "graph").Literal("nil")
    own = (quad.subject.value for quad in store.quads(None, STATUS, nil, graph))
    found = {thing: "" for thing in own if not thing.startswith(LOCAL)}
    members = store.quads(None, MEMBER, None, graph)
    return found | {quad.object.value: quad.subject.value.removeprefix(LOCAL) for quad in members}


def _triples(store: GraphStore, graph: str) -> list[Triple]:
    return [(quad.subject, quad.predicate, quad.object) for quad in store.quads(graph=graph)]


def _local(store: GraphStore, graph: str) -> list[Triple]:
    """The triples of a document as they were loaded."""
    oxigraph = load_extra("pyoxigraph", "graph")
    triples = _triples(store, graph)
    packed = [object for _, predicate, object in triples if predicate.value == UNRESOLVED]
    if not packed:
        return triples
    entities = {subject for subject, predicate, _ in triples if predicate.value == MEMBER}
    kept = [each for each in triples if entities.isdisjoint(each) and each[1].value != UNRESOLVED]
    old = oxigraph.parse(zlib.decompress(b64decode(packed[0].value)), format=oxigraph.RdfFormat.N_TRIPLES)
    return kept + [(triple.subject, triple.predicate, triple.object) for triple in old]


def _renamed(store: GraphStore, graph: str, names: Mapping[str, str]) -> list[Triple]:
    """The triples of a document with ids of entities for things."""
    oxigraph = load_extra("pyoxigraph", "graph")
    node, triples = oxigraph.NamedNode, _local(store, graph)
    new = {node(thing): node(LOCAL + id) for thing, id in names.items()}
    old = [each for each in triples if each[0] in new or each[2] in new]
    if not old:
        return triples
    lines = "".join(sorted(f"{s} {p} {o} .\n" for s, p, o in old))
    packed = oxigraph.Literal(b64encode(zlib.compress(lines.encode(), 9)).decode())
    changed = [(new.get(s, s), p, new.get(o, o)) for s, p, o in triples]
    members = [(entity, node(MEMBER), thing) for thing, entity in new.items()]
    return [*dict.fromkeys(changed), *members, (node(graph), node(UNRESOLVED), packed)]


def _rewritten(store: GraphStore, graph: str, names: Mapping[str, str]) -> list[str]:
    """Updates that make a document name its entities so."""
    before = {*_triples(store, graph)}
    after = {*_renamed(store, graph, names)}
    parts = (("DELETE", before - after), ("INSERT", after - before))
    return [
        f"{verb} DATA {{ GRAPH <{graph}> {{\n" + "".join(f"{s} {p} {o} .\n" for s, p, o in triples) + "} }"
        for verb, triples in parts
    ]


def _update(store: GraphStore, changes: list[str]) -> None:
    """Execute updates as one transaction."""
    if changes:
        store.database.update(" ;\n".join(changes))
    changes.clear()


def _things(triples: Iterable[Triple]) -> Iterator[LocalThing]:
    """The things of a document that have no item."""
    values: dict[Any, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for subject, predicate, object in triples:
        values[subject][predicate.value].append(object)
    surfaces: dict[Any, list[str]] = defaultdict(list)
    same: dict[Any, list[str]] = defaultdict(list)
    for found in values.values():
        for thing in found.get(f"{ITSRDF}taIdentRef", ()):
            surfaces[thing] += [text.value for text in found[f"{NIF}anchorOf"]]
        if _equates(found):
            same[found[f"{RDF}subject"][0]].append(found[f"{RDF}object"][0].value)
    for thing, found in values.items():
        if _value(found, STATUS) == "nil":
            label = found[f"{RDFS}label"][0].value
            names = label, *sorted({*surfaces[thing]} - {label})
            yield LocalThing(thing.value, found[f"{VOCABULARY}type"][0].value, names, tuple(sorted(same[thing])))


def _value(found: Mapping[str, list[Any]], name: str) -> str:
    return str(found[name][0].value) if name in found else ""


def _equates(fact: Mapping[str, list[Any]]) -> bool:
    """Whether a fact says that its subject and its object are names of one thing."""
    relation, kind, score = (_value(fact, VOCABULARY + name) for name in ("relation", "kind", "score"))
    return relation in NEREL.aliases and kind not in DENIED and float(score or 1) >= SURE
