"""Makes entities of several documents one node: puts their ids in place of the things of each document.

An entity has a ``relik:member`` for each of its things. What the quads of a document about these things were is kept as
its ``relik:unresolved`` (compressed N-Quads), so that an entity can be divided again.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from relik_ml.data import load_extra
from relik_ml.errors import DataError
from relik_ml.export.terms import literal
from relik_ml.graph import layout
from relik_ml.graph.changes import Change, line_of, quads_of
from relik_ml.graph.database import GraphStore, fact_of
from relik_ml.graph.layout import LOCAL, Description, Rewrite, name_key
from relik_ml.graph.loading import GROUP
from relik_ml.graph.registry import Registry
from relik_ml.graph.resolution import Lemma, LocalThing, cluster
from relik_ml.graph.things import document_of
from relik_ml.scheme import NEREL

SURE = 0.9
"""The least score of a fact that gives one thing two names, as in the pipeline; at 0.7 a quarter of them are wrong."""
DENIED = frozenset({"hypothetical", "negated"})

Quads = list[Any]


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
    return (thing for home in _homes(store) for thing in _things(store, home))


def restore(store: GraphStore) -> None:
    """Put the ids that are known in place of things, in all documents that were loaded since."""
    ids = Registry.read(store.path).ids
    labels = _labels(ids)
    waiting: dict[str, Rewrite | None] = {}
    lines = 0
    for home in _homes(store) if ids else ():
        members = _members(store, home)
        names = {thing: ids[thing] for thing in members if thing in ids}
        if names != {thing: id for thing, id in members.items() if id}:
            waiting[home.value] = rewrite = _renamed(store, home, names, labels)
            lines += len(rewrite.lines)
        if lines >= GROUP:
            Change(store, waiting).apply()
            waiting, lines = {}, 0
    if waiting:
        Change(store, waiting).apply()


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


def merging_faults(store: GraphStore, home: Any) -> Iterator[str]:
    """What is wrong if a document's quads are not those of its things under the ids of their entities."""
    if store.value(home.value, layout.UNRESOLVED) is None:
        return
    then = _renamed(store, home, {thing: id for thing, id in _members(store, home).items() if id}, {})
    lines = {line for line in then.lines if f"<{layout.UNRESOLVED}>" not in line} | {*then.asserted.items()}
    now = (quad for quad in quads_of(store, home) if quad.predicate.value != layout.UNRESOLVED)
    if lines != {(str(fact), line_of(quad)) if (fact := fact_of(quad)) else line_of(quad) for quad in now}:
        yield "the quads of an entity are not those of its members"


def _known(store: GraphStore, registry: Registry, thing: Any) -> list[str]:
    """The things of documents that are the entity; each has an id from now on."""
    members = sorted({quad.object.value for quad in store.quads(thing, layout.MEMBER)})
    if not members and any(quad.object.value == "nil" for quad in store.quads(thing, layout.STATUS)):
        members = [thing.value]
    if not members:
        fix = "give an entity without an item: relik-ml graph query \"SELECT DISTINCT ?e { ?e relik:status 'nil' }\""
        raise DataError("only entities without an item are merged and split", got=str(thing.value), fix=fix)
    if members[0] not in registry.ids:
        registry.assign([members])
    return members


def _homes(store: GraphStore) -> list[Any]:
    """The documents with things that have no item."""
    oxigraph = load_extra("pyoxigraph", "graph")
    homes = set()
    for quad in store.quads(None, layout.STATUS, oxigraph.Literal("nil")):
        members = [each.object.value for each in store.quads(quad.subject, layout.MEMBER)]
        homes |= {thing.partition("#")[0] for thing in members or [quad.subject.value]}
    return [oxigraph.NamedNode(home) for home in sorted(homes)]


def _members(store: GraphStore, home: Any) -> dict[str, str]:
    """The things of a document that have no item, each with the id of its entity, or nothing."""
    found: dict[str, str] = {}
    for quad in store.quads(None, layout.HOME, home):
        for each in store.quads(None, layout.MEMBER, quad.subject):
            found[quad.subject.value] = each.subject.value.removeprefix(LOCAL)
        for each in store.quads(quad.subject, layout.REFERENT):
            if each.object.value.startswith(f"{home.value}#") and _is_nil(store, each.object):
                found[each.object.value] = ""
    return found


def _is_nil(store: GraphStore, thing: Any) -> bool:
    return store.value(thing.value, layout.STATUS) == "nil"


def _loaded(store: GraphStore, home: Any) -> Quads:
    """The quads of a document as they were loaded."""
    oxigraph = load_extra("pyoxigraph", "graph")
    quads = list(quads_of(store, home))
    packed = store.value(home.value, layout.UNRESOLVED)
    if packed is None:
        return quads
    members = [quad for quad in quads if quad.predicate.value == layout.MEMBER]
    gone = {term for quad in members for term in (quad.subject, quad.object)}
    kept = (quad for quad in quads if gone.isdisjoint((quad.subject, quad.object)))
    old = oxigraph.parse(zlib.decompress(b64decode(packed)), format=oxigraph.RdfFormat.N_QUADS)
    return [*(quad for quad in kept if quad.predicate.value != layout.UNRESOLVED), *old]


def _renamed(store: GraphStore, home: Any, names: Mapping[str, str], labels: Mapping[str, str]) -> Rewrite:
    """A document with ids of entities for things; ``labels`` are those of the entities by id."""
    oxigraph = load_extra("pyoxigraph", "graph")
    new = {oxigraph.NamedNode(thing): oxigraph.NamedNode(LOCAL + id) for thing, id in names.items()}
    quads = _loaded(store, home)
    old = [quad for quad in quads if quad.subject in new or quad.object in new]
    changed = [
        oxigraph.Quad(new.get(q.subject, q.subject), q.predicate, new.get(q.object, q.object), q.graph_name)
        for q in quads
    ]
    asserted = {str(fact): line_of(quad) for quad in changed if (fact := fact_of(quad))}
    lines = [line_of(quad) for quad in changed if not fact_of(quad)]
    lines += [f"{entity} <{layout.MEMBER}> {thing}" for thing, entity in new.items()]
    lines += [f"{thing} <{layout.HOME}> {home}" for thing in new]
    if old:
        packed = zlib.compress("".join(sorted(f"{quad} .\n" for quad in old)).encode(), 9)
        lines.append(f"{home} <{layout.UNRESOLVED}> {literal(b64encode(packed).decode())}")
    return Rewrite(home.value, lines, asserted, _descriptions(quads, names, labels))


def _descriptions(quads: Quads, names: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Description | None]:
    """How a document describes its entities. Its other things stay as they are."""
    keys = {quad.subject: name_key(quad.object.value) for quad in quads if quad.predicate.value == layout.ANCHOR}
    described: dict[str, Description | None] = {}
    for quad in quads:
        if quad.predicate.value == layout.REFERENT and (id := names.get(quad.object.value)):
            about = {layout.TYPE: literal(_type_and_label(quad.object.value)[0]), layout.STATUS: literal("nil")}
            entity = Description((labels.get(id, ""),), (), about, set())
            (described.setdefault(f"<{LOCAL}{id}>", entity) or entity).keys.add(keys[quad.subject])
        elif quad.predicate.value == layout.REFERENT:
            described[str(quad.object)] = None
    return described


def _labels(ids: Mapping[str, str]) -> dict[str, str]:
    """The commonest label of the things of each entity."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for thing, id in ids.items():
        labels[id][_type_and_label(thing)[1]] += 1
    return {id: min(found, key=lambda label: (-found[label], label)) for id, found in labels.items()}


def _type_and_label(thing: str) -> tuple[str, str]:
    """Those of a thing of a document; its IRI has both."""
    type, _, label = thing.partition("#")[2].partition(";")[0].partition("=")
    return unquote(type), unquote(label)


def _things(store: GraphStore, home: Any) -> Iterator[LocalThing]:
    """The things of a document that have no item."""
    values: dict[Any, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    triples: dict[Any, tuple[Any, Any]] = {}
    for quad in _loaded(store, home):
        values[quad.subject][quad.predicate.value].append(quad.object)
        if fact := fact_of(quad):
            triples[fact] = quad.subject, quad.object
    surfaces: dict[str, list[str]] = defaultdict(list)
    same: dict[str, list[str]] = defaultdict(list)
    for part, found in values.items():
        for thing in found.get(layout.REFERENT, ()):
            surfaces[thing.value] += [text.value for text in found[layout.ANCHOR]]
        if _equates(found):
            subject, object = triples.get(part) or (found[name][0] for name in layout.REIFIED[::2])
            same[subject.value].append(object.value)
    for thing in _members(store, home):
        type, label = _type_and_label(thing)
        yield LocalThing(thing, type, (label, *sorted({*surfaces[thing]} - {label})), tuple(sorted(same[thing])))


def _value(found: Mapping[str, list[Any]], name: str) -> str:
    return str(found[name][0].value) if name in found else ""


def _equates(fact: Mapping[str, list[Any]]) -> bool:
    """Whether a fact says that its subject and its object are names of one thing."""
    relation, kind, score = (_value(fact, name) for name in (layout.RELATION, layout.KIND, layout.SCORE))
    return relation in NEREL.aliases and kind not in DENIED and float(score or 1) >= SURE
