"""The facts of documents in RDF (N-Triples): each as one triple, and as a statement that says where it was found.

The statement is an ``rdf:Statement`` (RDF reification) with a name of its own, ``DOCUMENT#fact=NUMBER``; it carries the
relation, the sentence, the score and, as ``prov:wasQuotedFrom``, the ranges of the text with their offsets. A relation
with a Wikidata property is that property, turned round where the property runs the other way; any other is ``related``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from relik_ml.export.characters import Characters, utf8
from relik_ml.export.graph import Fact, Node, graph
from relik_ml.export.iris import NIF, PROV, VOCABULARY, Iris, direct, require_rdflib
from relik_ml.export.losses import left_out_of_graph
from relik_ml.types import Document

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node as Term

Statement = tuple[str, str, "Term"]
"""The names of a subject and a predicate, and an object."""

RELATED = f"{VOCABULARY}related"
_UNHELD = (
    "scores of mentions", "scores of links", "alternative links", "fragments",
    "raw forms and precisions of values",
)  # fmt: skip
UNNAMED = "relations without a Wikidata property, written as related"


def write(documents: Iterable[Document], path: Path, iris: Iris = Iris()) -> Counter[str]:
    """Write the facts of documents to one N-Triples file, sorted; how many documents, and what was left out."""
    require_rdflib()
    kept = list(documents)
    losses = left_out_of_graph(kept, graph(kept), *_UNHELD)
    written = facts(kept, iris, losses).serialize(format="nt", encoding="utf-8")
    path.write_bytes(b"".join(f"{line}\n".encode() for line in sorted(written.decode().split("\n")) if line))
    return losses


def facts(documents: Iterable[Document], iris: Iris = Iris(), losses: Counter[str] | None = None) -> Graph:
    """The facts of documents as a graph of rdflib. ConfigError when that is not installed."""
    from rdflib import Graph, URIRef

    losses = Counter() if losses is None else losses
    by_id = {document.id: document for document in documents}
    known, held, found = graph(by_id.values()), utf8(losses), Graph()
    names = iris.nodes(known, by_id)
    for node in known.nodes:
        for predicate, value in _thing(node, held):
            found.add((URIRef(names[node.id]), URIRef(predicate), value))
    numbers: Counter[str] = Counter()
    for fact in known.facts:
        numbers[fact.document] += 1
        name = iris.part(fact.document, "fact", numbers[fact.document])
        losses[UNNAMED] += direct(fact.property_id) is None
        for subject, predicate, value in _fact(name, fact, names, by_id[fact.document], iris, held):
            found.add((URIRef(subject), URIRef(predicate), value))
    return found


def _thing(node: Node, held: Characters) -> Iterator[tuple[str, Term]]:
    from rdflib import RDFS, Literal

    yield str(RDFS.label), Literal(held(node.label))
    yield f"{VOCABULARY}type", Literal(held(node.type))
    yield f"{VOCABULARY}status", Literal(node.status)
    if node.link is not None and node.qid is None:
        yield f"{VOCABULARY}link", Literal(held(node.link))
    if node.value is not None:
        yield f"{VOCABULARY}value", Literal(held(node.value.value))


def _fact(
    name: str, fact: Fact, names: Mapping[str, str], document: Document, iris: Iris, held: Characters
) -> Iterator[Statement]:
    from rdflib import RDF, XSD, Literal, URIRef

    predicate = direct(fact.property_id)
    ends = names[fact.subject], names[fact.object]
    subject, object = ends[::-1] if predicate and fact.inverse else ends
    yield subject, predicate or RELATED, URIRef(object)
    yield name, str(RDF.type), RDF.Statement
    yield name, str(RDF.subject), URIRef(subject)
    yield name, str(RDF.predicate), URIRef(predicate or RELATED)
    yield name, str(RDF.object), URIRef(object)
    yield name, f"{VOCABULARY}relation", Literal(held(fact.relation))
    yield name, f"{VOCABULARY}document", Literal(held(fact.document))
    yield name, f"{VOCABULARY}sentence", Literal(held(fact.sentence))
    if fact.property_id is not None and predicate is None:
        yield name, f"{VOCABULARY}property", Literal(held(fact.property_id))
    if fact.score is not None:
        yield name, f"{VOCABULARY}score", Literal(fact.score, datatype=XSD.double)
    yield from _quoted(name, fact, document, iris, held)


def _quoted(name: str, fact: Fact, document: Document, iris: Iris, held: Characters) -> Iterator[Statement]:
    """The ranges of text that state a fact, and the two mentions; the same names as in NIF."""
    from rdflib import XSD, Literal, URIRef

    mentions = iris.mentions(document)
    for role, id in zip(("subjectMention", "objectMention"), fact.mentions, strict=True):
        yield name, f"{VOCABULARY}{role}", URIRef(mentions[id])
    for start, stop in fact.evidence:
        range = iris.span(document.id, start, stop)
        yield name, f"{PROV}wasQuotedFrom", URIRef(range)
        yield range, f"{NIF}anchorOf", Literal(held(document.text[start:stop]))
        yield range, f"{NIF}beginIndex", Literal(str(start), datatype=XSD.nonNegativeInteger)
        yield range, f"{NIF}endIndex", Literal(str(stop), datatype=XSD.nonNegativeInteger)
