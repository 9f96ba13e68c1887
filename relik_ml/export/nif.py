"""Documents in NIF 2.0 (Turtle): texts with their mentions and links, as GERBIL and other linking tools read them.

A mention is ``DOCUMENT#char=START,STOP`` in code points; its link is ``itsrdf:taIdentRef``, a Wikidata item, or for NIL
a name of our own. Written by rdflib, a document at a time. Sources: persistence.uni-leipzig.org/nlp2rdf, W3C ITS 2.0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from relik_ml.export.characters import Characters, utf8
from relik_ml.export.iris import ITSRDF, NIF, VOCABULARY, Iris, entity, require_rdflib
from relik_ml.export.losses import left_out
from relik_ml.types import Document, Mention

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

Statement = tuple[str, "Node"]
"""A predicate's name and an object."""


def write(documents: Iterable[Document], path: Path, iris: Iris = Iris()) -> Counter[str]:
    """Write documents to one Turtle file, as a stream; how many, and what was left out."""
    require_rdflib()
    losses: Counter[str] = Counter(documents=0)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            losses.update({"documents": 1} | _unheld(document))
            file.write(nif(document, iris, losses).serialize(format="turtle"))
    return losses


def nif(document: Document, iris: Iris = Iris(), losses: Counter[str] | None = None) -> Graph:
    """A document as a graph of rdflib. ConfigError when that is not installed."""
    from rdflib import Graph, URIRef

    losses = Counter() if losses is None else losses
    held = utf8(losses)
    found = Graph()
    for prefix, name in {"nif": NIF, "itsrdf": ITSRDF, "relik": VOCABULARY}.items():
        found.bind(prefix, name)
    context = iris.span(document.id, 0, len(document.text))
    names = iris.mentions(document)
    if context in names.values():
        context = f"{iris.document(document.id)}#context"
    for predicate, value in _context(document, held):
        found.add((URIRef(context), URIRef(predicate), value))
    for number, mention in enumerate(document.mentions, 1):
        thing = iris.part(document.id, "thing", number)
        for predicate, value in _phrase(document, mention, context, thing, held):
            found.add((URIRef(names[mention.id]), URIRef(predicate), value))
    return found


def _context(document: Document, held: Characters) -> Iterator[Statement]:
    from rdflib import RDF, Literal, URIRef

    yield str(RDF.type), URIRef(f"{NIF}Context")
    yield f"{NIF}isString", Literal(held(document.text))
    yield f"{VOCABULARY}document", Literal(held(document.id))
    yield from _range(0, len(document.text))


def _phrase(document: Document, mention: Mention, context: str, thing: str, held: Characters) -> Iterator[Statement]:
    from rdflib import RDF, XSD, Literal, URIRef

    yield str(RDF.type), URIRef(f"{NIF}Phrase")
    yield f"{NIF}referenceContext", URIRef(context)
    yield f"{NIF}anchorOf", Literal(held(document.text[mention.start : mention.stop]))
    yield f"{VOCABULARY}type", Literal(held(mention.type))
    yield f"{VOCABULARY}status", Literal(mention.link.status)
    yield from _range(mention.start, mention.stop)
    if known := entity(mention.link.id) or (thing if mention.link.status == "nil" else None):
        yield f"{ITSRDF}taIdentRef", URIRef(known)
    elif mention.link.id is not None:
        yield f"{VOCABULARY}link", Literal(held(mention.link.id))
    if mention.link.score is not None:
        # rdflib writes a double of Turtle with six decimals, and a decimal whole
        exact = f"{Decimal(repr(mention.link.score)):f}"
        yield f"{ITSRDF}taConfidence", Literal(exact, datatype=XSD.decimal)
    if mention.value is not None:
        yield f"{VOCABULARY}value", Literal(held(mention.value.value))


def _range(start: int, stop: int) -> Iterator[Statement]:
    from rdflib import RDF, XSD, Literal, URIRef

    yield str(RDF.type), URIRef(f"{NIF}RFC5147String")
    yield f"{NIF}beginIndex", Literal(str(start), datatype=XSD.nonNegativeInteger)
    yield f"{NIF}endIndex", Literal(str(stop), datatype=XSD.nonNegativeInteger)


def _unheld(document: Document) -> Counter[str]:
    return left_out(
        document, "scores of mentions", "labels of links", "alternative links", "fragments",
        "raw forms and precisions of values", "entities", "triples",
    )  # fmt: skip
