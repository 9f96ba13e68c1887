"""What a store holds, and whether every fact of it leads back to a sentence of a document."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from relik_ml.export.iris import DIRECT, NIF, PROV, RDF, VOCABULARY
from relik_ml.export.triples import ASSERTED
from relik_ml.graph.database import GraphStore
from relik_ml.graph.merging import merging_faults

_SPAN = re.compile(r"#char=(\d+),(\d+)(?:;mention=\d+)?", re.ASCII)
_TRIPLE = tuple(RDF + name for name in ("subject", "predicate", "object"))
_ENDS = tuple(VOCABULARY + name for name in ("subjectMention", "objectMention"))
_RELATION, _KIND, _SENTENCE = (VOCABULARY + name for name in ("relation", "kind", "sentence"))
_RELATED = VOCABULARY + "related"
_ANCHOR, _QUOTED, _TEXT = NIF + "anchorOf", PROV + "wasQuotedFrom", NIF + "isString"


class Fault(NamedTuple):
    """What is wrong in a store: the IRI of a document, fact or mention, and the fault."""

    where: str
    what: str


class Content(NamedTuple):
    """What a store holds. ``kinds`` are numbers of facts; ``things`` are by status of their mentions."""

    documents: int
    facts: int
    kinds: Counter[str]
    triples: int
    """Different facts that are stated or quoted, however many documents have them."""
    things: Counter[str]
    quads: int
    bytes: int


def describe(store: GraphStore) -> Content:
    """Count what a store holds."""
    kinds = _counts(store, "SELECT ?key (COUNT(?f) AS ?n) { ?f relik:kind ?key } GROUP BY ?key")
    things = _counts(store, "SELECT ?key (COUNT(DISTINCT ?thing) AS ?n) { ?thing relik:status ?key } GROUP BY ?key")
    shown = ", ".join(f'"{kind}"' for kind in sorted(ASSERTED))
    stated = (
        "SELECT ?key (COUNT(*) AS ?n) { SELECT DISTINCT ('all' AS ?key) ?s ?p ?o "
        f"{{ ?f relik:kind ?k ; rdf:subject ?s ; rdf:predicate ?p ; rdf:object ?o FILTER (?k IN ({shown})) }} }} "
        "GROUP BY ?key"
    )
    documents = sum(1 for _ in store.graphs())
    triples = _counts(store, stated)["all"]
    return Content(documents, kinds.total(), kinds, triples, things, len(store.database), store.size())


def verify(store: GraphStore) -> Iterator[Fault]:
    """All faults of a store; one document at a time is in memory."""
    for graph in store.graphs():
        yield from _DocumentCheck(store, graph).faults()
        yield from (Fault(graph, fault) for fault in merging_faults(store, graph))
    stray = len(store.database) - sum(1 for graph in store.graphs() for _ in store.quads(graph=graph))
    if stray:
        yield Fault(str(store.path), f"{stray} triples belong to no document")


class _DocumentCheck:
    """The triples of one document, by subject and predicate."""

    def __init__(self, store: GraphStore, graph: str) -> None:
        self.graph = graph
        self.values: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        self.asserted: set[tuple[str, ...]] = set()
        for quad in store.quads(graph=graph):
            predicate = quad.predicate.value
            self.values[quad.subject.value][predicate].append(quad.object)
            if predicate.startswith(DIRECT) or predicate == _RELATED:
                self.asserted.add((str(quad.subject), str(quad.predicate), str(quad.object)))
        self.text = self.one(graph, _TEXT) or ""

    def one(self, subject: str, predicate: str) -> str | None:
        """The value, if there is exactly one."""
        found = self.values[subject][predicate] if subject in self.values else []
        return str(found[0].value) if len(found) == 1 else None

    def faults(self) -> Iterator[Fault]:
        """What is wrong with the document, its mentions and its facts."""
        checksum = hashlib.sha256(self.text.encode()).hexdigest()
        if self.one(self.graph, VOCABULARY + "document") is None:
            yield Fault(self.graph, "the document has no id, or several")
        if self.one(self.graph, _TEXT) is None or self.one(self.graph, VOCABULARY + "textChecksum") != checksum:
            yield Fault(self.graph, "the text is missing, or is not that of the checksum")
        stated: set[tuple[str, ...]] = set()
        for subject, values in list(self.values.items()):
            if _RELATION in values or _TRIPLE[0] in values:
                yield from (Fault(subject, what) for what in self.fact_faults(subject))
                if self.one(subject, _KIND) in ASSERTED:
                    stated.add(tuple(str(term) for name in _TRIPLE for term in values[name]))
            elif _ANCHOR in values and self.cut(subject) != self.one(subject, _ANCHOR):
                yield Fault(subject, "the text of the mention is not that of the document at its place")
        if stated != self.asserted:
            got = f"{len(self.asserted - stated)} triples without a stated fact, {len(stated - self.asserted)} missing"
            yield Fault(self.graph, got)

    def fact_faults(self, fact: str) -> Iterator[str]:
        """What a fact lacks to lead back to a sentence of this document."""
        for name in (*_TRIPLE, *_ENDS, _RELATION, _KIND, _SENTENCE):
            if self.one(fact, name) is None:
                yield f"the fact has no {re.split('[#:]', name)[-1]}, or several"
        for end in _ENDS:
            mention = self.one(fact, end)
            if mention is not None and self.one(mention, _ANCHOR) is None:
                yield "a mention of the fact is missing"
        quoted = sorted((term.value for term in self.values[fact][_QUOTED]), key=_start)
        if not quoted:
            yield "the fact has no evidence"
        elif " ".join(self.cut(span) or "" for span in quoted) != self.one(fact, _SENTENCE):
            yield "the sentence is not in the document at its place"

    def cut(self, span: str) -> str | None:
        """The text at the place that an IRI of this document names."""
        place = _SPAN.fullmatch(span.removeprefix(self.graph))
        return self.text[int(place[1]) : int(place[2])] if place else None


def _start(span: str) -> int:
    place = re.search(r"#char=(\d+)", span)
    return int(place[1]) if place else -1


def _counts(store: GraphStore, sparql: str) -> Counter[str]:
    return Counter({row["key"].value: int(row["n"].value) for row in store.select(sparql)})
