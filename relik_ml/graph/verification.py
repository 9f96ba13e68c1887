"""What a store holds, and whether every fact of it leads back to a sentence of a document."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from relik_ml.export.triples import ASSERTED
from relik_ml.graph import layout
from relik_ml.graph.database import GraphStore
from relik_ml.graph.layout import sha256, span_list
from relik_ml.graph.merging import merging_faults

_SPAN = re.compile(r"#char=(\d+),(\d+)(?:;mention=\d+)?", re.ASCII)


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
    things = _counts(store, "SELECT ?key (COUNT(?thing) AS ?n) { ?thing relik:status ?key } GROUP BY ?key")
    facts, documents = (sum(1 for _ in store.quads(None, name)) for name in (layout.QUOTED, layout.ID))
    kinds["stated"] = facts - kinds.total()
    stated = "SELECT ('all' AS ?key) (COUNT(*) AS ?n) { SELECT DISTINCT ?s ?p ?o { GRAPH ?f { ?s ?p ?o } } }"
    triples = _counts(store, stated)["all"]
    return Content(documents, facts, kinds, triples, things, len(store.database), store.size())


def verify(store: GraphStore) -> Iterator[Fault]:
    """All faults of a store; one document at a time is in memory."""
    seen = 0
    for document in store.documents():
        check = _DocumentCheck(store, document)
        yield from check.faults()
        yield from (Fault(document.value, fault) for fault in merging_faults(store, document))
        seen += check.quads
    for quad in store.quads(None, layout.STATUS):
        thing, known = quad.subject, _known(store.quads(quad.subject, graph=""))
        seen += sum(map(len, known.values()))
        if layout.LABEL not in known or any(len(known[name]) != 1 for name in (layout.TYPE, layout.STATUS)):
            yield Fault(thing.value, "the thing has no label or type, or several")
        if not any(True for _ in store.quads(None, layout.REFERENT, thing)):
            yield Fault(thing.value, "no document mentions the thing")
    if stray := len(store.database) - seen:
        yield Fault(str(store.path), f"{stray} quads belong to no document and no thing")


class _DocumentCheck:
    """The check of one document, which counts the quads that belong to it."""

    def __init__(self, store: GraphStore, document: Any) -> None:
        self.store, self.document, self.quads = store, document, 0
        self.text = store.value(document.value, layout.TEXT) or ""
        self.mentioned: dict[tuple[int, int], set[Any]] = defaultdict(set)
        """The things by the places of their mentions."""

    def faults(self) -> Iterator[Fault]:
        """What is wrong with the document, its mentions and its facts."""
        known = self.read(self.document)
        if len(known[layout.ID]) != 1:
            yield Fault(self.document.value, "the document has no id, or several")
        if len(known[layout.TEXT]) != 1 or [term.value for term in known[layout.TEXT_CHECKSUM]] != [
            sha256(self.text.encode())
        ]:
            yield Fault(self.document.value, "the text is missing, or is not that of the checksum")
        for part, check in ((layout.HOME, self.mention_faults), (layout.QUOTED, self.fact_faults)):
            for quad in self.store.quads(None, part, self.document):
                yield from (Fault(quad.subject.value, what) for what in check(quad.subject))

    def mention_faults(self, mention: Any) -> Iterator[str]:
        """What a mention lacks to be a place in this document."""
        known = self.read(mention)
        if any(True for _ in self.store.quads(None, layout.MEMBER, mention)):  # a thing of an entity
            return
        if len(known[layout.REFERENT]) != 1 or len(known[layout.HOME]) != 1:
            yield "the mention has no thing or document, or several"
        place = _SPAN.fullmatch(mention.value.removeprefix(self.document.value))
        span = (int(place[1]), int(place[2])) if place else (0, 0)
        self.mentioned[span].update(known[layout.REFERENT])
        if [term.value for term in known[layout.ANCHOR]] != [self.cut(span)]:
            yield "the text of the mention is not that of the document at its place"

    def fact_faults(self, fact: Any) -> Iterator[str]:
        """What a fact lacks to lead back to a sentence of this document."""
        known, graph = self.read(fact), [[*quad.triple] for quad in self.store.quads(graph=fact.value)]
        self.quads += len(graph)
        for name in (layout.QUOTED, layout.RELATION, layout.SENTENCE, layout.OFFSETS):
            if len(known[name]) != 1:
                yield f"the fact has no {re.split('[#/:]', name)[-1]}, or several"
        asserted = all(term.value in ASSERTED for term in known[layout.KIND])
        reified = [*zip(*(known[name] for name in layout.REIFIED), strict=False)]
        if [len(graph), len(reified)] != [asserted, not asserted] or len(known[layout.KIND]) > 1:
            yield "the fact has no triple, or several"
        places = _places(known[layout.OFFSETS])
        if len(places) < 3:
            yield "the fact has no evidence"
        elif " ".join(map(self.cut, places[2:])) != (known[layout.SENTENCE] or known[layout.OFFSETS])[0].value:
            yield "the sentence is not in the document at its place"
        things = {term for triple in (*graph, *reified) for term in triple[::2] if not hasattr(term, "datatype")}
        if things - {thing for place in places[:2] for thing in self.mentioned[place]}:
            yield "a mention of the fact is missing"

    def cut(self, span: tuple[int, int]) -> str:
        """The text at a place."""
        return self.text[span[0] : span[1]]

    def read(self, part: Any) -> dict[str, list[Any]]:
        """What is known of a part of the document."""
        known = _known(self.store.quads(part, graph=""))
        self.quads += sum(map(len, known.values()))
        return known


def _known(quads: Iterable[Any]) -> dict[str, list[Any]]:
    """Objects by predicate."""
    known: dict[str, list[Any]] = defaultdict(list)
    for quad in quads:
        known[quad.predicate.value].append(quad.object)
    return known


def _places(offsets: Sequence[Any]) -> list[tuple[int, int]]:
    try:
        return span_list(offsets[0].value) if offsets else []
    except ValueError:
        return []


def _counts(store: GraphStore, sparql: str) -> Counter[str]:
    return Counter({row["key"].value: int(row["n"].value) for row in store.select(sparql)})
