"""A change of a store: documents that are written in place of what there is of them, or removed.

What belongs to a document goes with it. A thing is described once for all documents: an item has the label of each
language and the type of the document that was written last. Its names are the keys of its labels and of the text of
its mentions, and all that is known of a thing goes with its last mention.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from relik_ml.data import load_extra
from relik_ml.export.terms import label, literal
from relik_ml.graph import layout
from relik_ml.graph.database import GraphStore, fact_of
from relik_ml.graph.layout import Description, Rewrite, name_key

ABOUT = frozenset({layout.TYPE, layout.STATUS, layout.LINK, layout.VALUE})
"""Predicates of a thing that have one value."""
_OWN = ABOUT | {layout.LABEL, layout.NAME}


class Change:
    """What to delete and to insert, for documents by IRI; one that is None is removed."""

    def __init__(self, store: GraphStore, documents: Mapping[str, Rewrite | None]) -> None:
        self.store, self.documents = store, documents
        self.old: set[str] = set()
        self.new: set[str] = set()
        """Lines of the default graph."""
        self.old_facts: dict[str, str] = {}
        self.new_facts: dict[str, str] = {}
        """Triples of graphs by fact."""
        self._node = load_extra("pyoxigraph", "graph").NamedNode
        self._lost: dict[str, set[str]] = defaultdict(set)
        """The keys of names by the things that replaced documents mention."""
        for document in documents:
            if document in store:
                self._forget(self._node(document))
        described: dict[str, list[Description]] = {thing: [] for thing in self._lost}
        for rewrite in filter(None, documents.values()):
            self.new.update(rewrite.lines)
            self.new_facts |= rewrite.asserted
            for thing, description in rewrite.things.items():
                if description:
                    described.setdefault(thing, []).append(description)
                else:
                    described.pop(thing, None)
        for thing, descriptions in described.items():
            self._describe(thing, descriptions)

    def apply(self) -> None:
        """Write to the store, in one transaction."""
        database, old, new = self.store.database, self.old - self.new, self.new - self.old
        dropped, added = (dict(one.items() - other.items()) for one, other in (
            (self.old_facts, self.new_facts), (self.new_facts, self.old_facts),
        ))  # fmt: skip
        self.store.wrote(len(old) + len(new) + len(dropped) + len(added))
        if not old and not dropped:
            lines = [*new, *(f"{triple} {fact}" for fact, triple in added.items())]
            quads = "".join(f"{line} .\n" for line in lines).encode()
            database.load(quads, load_extra("pyoxigraph", "graph").RdfFormat.N_QUADS)
            return
        drops = "".join(f"DROP SILENT GRAPH {fact};\n" for fact in dropped)
        graphs = "".join(f"GRAPH {fact} {{ {triple} }}\n" for fact, triple in added.items())
        deleted, inserted = ("".join(f"{line} .\n" for line in lines) for lines in (old, new))
        database.update(f"{drops}DELETE DATA {{\n{deleted}}};\nINSERT DATA {{\n{inserted}{graphs}}}")

    def _forget(self, document: Any) -> None:
        """Note all that belongs to a document, and what things it mentions under which names."""
        for quad in quads_of(self.store, document):
            if fact := fact_of(quad):
                self.old_facts[str(fact)] = line_of(quad)
                continue
            self.old.add(line_of(quad))
            if quad.predicate.value == layout.REFERENT:
                self._lost[str(quad.object)] |= self._keys(quad.subject)

    def _describe(self, thing: str, descriptions: list[Description]) -> None:
        """Bring what is known of a thing up to date."""
        node = self._node(thing[1:-1])
        known = list(self.store.quads(node, graph=""))
        if known and thing in self._lost and not any(True for _ in self._mentions_elsewhere(node)):
            self.old.update(map(line_of, known))
            known = []
        own = [quad for quad in known if quad.predicate.value in _OWN]
        self.old.update(map(line_of, own))
        labels = {quad.object.language or "": quad.object.value for quad in own if quad.predicate.value == layout.LABEL}
        about = {quad.predicate.value: str(quad.object) for quad in own if quad.predicate.value in ABOUT}
        before = {quad.object.value for quad in own if quad.predicate.value == layout.NAME}
        lost = self._lost.get(thing, set()) | {*map(name_key, labels.values())}
        keys: set[str] = set()
        for found in descriptions:
            labels = labels_of(found.guesses) | labels | labels_of(found.labels)
            about, keys = found.about, keys | found.keys
        keys.update(map(name_key, labels.values()))
        names = (keys | (before - lost) | self._used_elsewhere(node, before & lost - keys)) - {""}
        if labels:
            self.new.update(f"{thing} <{layout.LABEL}> {label(text)}" for text in labels.values())
            self.new.update(f"{thing} <{predicate}> {term}" for predicate, term in about.items())
            self.new.update(f"{thing} <{layout.NAME}> {literal(key)}" for key in names)

    def _mentions_elsewhere(self, thing: Any) -> Iterator[Any]:
        """The mentions of a thing in documents that stay as they are."""
        found = (quad.subject for quad in self.store.quads(None, layout.REFERENT, thing))
        return (mention for mention in found if mention.value.partition("#")[0] not in self.documents)

    def _used_elsewhere(self, thing: Any, keys: set[str]) -> set[str]:
        """Those of some keys of names that other documents use for a thing."""
        left = set(keys)
        for mention in self._mentions_elsewhere(thing) if left else ():
            left -= self._keys(mention)
            if not left:
                break
        return keys - left

    def _keys(self, mention: Any) -> set[str]:
        return {name_key(quad.object.value) for quad in self.store.quads(mention, layout.ANCHOR)}


def labels_of(texts: Iterable[str]) -> dict[str, str]:
    """Labels by language; the first of each language counts."""
    return {label(text).rpartition('"')[2].removeprefix("@"): text for text in reversed([*texts])}


def quads_of(store: GraphStore, document: Any) -> Iterator[Any]:
    """All that belongs to a document: its own quads, and those of its facts, its mentions and its things' entities."""
    yield from store.quads(document, graph="")
    for quad in store.quads(None, layout.QUOTED, document):
        yield from store.quads(quad.subject, graph="")
        yield from store.quads(graph=quad.subject.value)
    for quad in store.quads(None, layout.HOME, document):
        yield from store.quads(quad.subject, graph="")
        yield from store.quads(None, layout.MEMBER, quad.subject)


def line_of(quad: Any) -> str:
    """The triple of a quad as a line."""
    return f"{quad.subject} {quad.predicate} {quad.object}"
