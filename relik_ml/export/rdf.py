"""NIF 2.0 by rdflib, in both directions: texts, mentions and links.

A mention is ``DOCUMENT#char=START,STOP`` in code points. Its link is ``itsrdf:taIdentRef``: a Wikidata item, or for NIL
the IRI that the thing has in ``relik_ml.export.triples``. Sources: persistence.uni-leipzig.org/nlp2rdf, W3C ITS 2.0.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from rdflib import RDF, XSD, Graph, Literal, Namespace, URIRef
from rdflib.term import Node as Term

from relik_ml.errors import DataError
from relik_ml.export import iris as names
from relik_ml.export.iris import BASE, Iris, entity
from relik_ml.export.triples import DocumentTriples
from relik_ml.types import Document, Mention

TURTLE = ("text/turtle", "application/x-turtle")
"""The media types of Turtle, the registered one first."""

NIF, ITSRDF, RELIK = Namespace(names.NIF), Namespace(names.ITSRDF), Namespace(names.VOCABULARY)
_FIX = "send Turtle with a nif:Context that has one nif:isString"

Statements = Iterator[tuple[URIRef, Term]]
"""Predicates and objects of one subject."""


def write_turtle(documents: Iterable[Document], path: Path, losses: Counter[str], base: str = BASE) -> None:
    """Write texts, mentions and links as NIF to one Turtle file, as a stream."""
    iris = Iris(base)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            found, taken = _nif_graph(), iris.mentions(document).values()
            context = iris.span(document.id, 0, len(document.text))
            _add_nif(found, document, iris, f"{iris.document(document.id)}#context" if context in taken else context)
            file.write(found.serialize(format="turtle"))


def read_nif(turtle: bytes, lang: str) -> list[Document]:
    """A document for each context in a Turtle text, with the IRI as its id, sorted by id. Annotations are ignored.

    Raises:
        DataError: the text is not Turtle, or has no context.
    """
    found = Graph()
    try:
        found.parse(data=turtle, format="turtle", publicID="urn:relik-ml:request:")
    except Exception as error:  # the parser may raise anything, such as RecursionError and IndexError
        got = f"{type(error).__name__} {error}".splitlines()[0]
        raise DataError("the body is not Turtle", got=got[:200], fix=_FIX) from None
    texts = list(found.subject_objects(NIF.isString))
    if not texts:
        raise DataError("the request holds no text", got=f"{len(found)} triples", fix=_FIX)
    for context, text in texts:
        several = len(list(found.objects(context, NIF.isString))) > 1
        if not isinstance(context, URIRef) or not isinstance(text, Literal) or several:
            raise DataError("a context must be an IRI with one literal as its text", got=str(context)[:200], fix=_FIX)
        if any("\ud800" <= char <= "\udfff" for char in f"{context}{text}"):
            got, fix = ascii(str(context))[:200], "send whole characters"
            raise DataError("a text holds half a surrogate pair", got=got, fix=fix)
    return [Document(id=str(iri), text=str(text), lang=lang) for iri, text in sorted(texts)]


def write_nif(documents: Sequence[Document]) -> bytes:
    """Documents of ``read_nif`` as Turtle: contexts with the same IRIs, mentions and links."""
    found = _nif_graph()
    for document in documents:
        _add_nif(found, document, _Given(), document.id)
    return found.serialize(format="turtle").encode("utf-8")


class _Given(Iris):
    """IRIs based on that of a context, which is the id of its document."""

    def document(self, id: str) -> str:
        return id.partition("#")[0]


def _nif_graph() -> Graph:
    found = Graph()
    for prefix, namespace in {"nif": NIF, "itsrdf": ITSRDF, "relik": RELIK}.items():
        found.bind(prefix, namespace)
    return found


def _add_nif(found: Graph, document: Document, iris: Iris, context: str) -> None:
    _add(found, context, _context(document))
    mentions, things = iris.mentions(document, taken={context}), DocumentTriples(document, iris).referents
    for mention in document.mentions:
        _add(found, mentions[mention.id], _phrase(document, mention, context, things[mention.id]))


def _context(document: Document) -> Statements:
    yield RDF.type, NIF.Context
    yield NIF.isString, Literal(document.text)
    yield RELIK.document, Literal(document.id)
    yield RDF.type, NIF.RFC5147String
    yield from _offsets(0, len(document.text))


def _phrase(document: Document, mention: Mention, context: str, thing: str) -> Statements:
    link = mention.link
    yield RDF.type, NIF.Phrase
    yield NIF.referenceContext, URIRef(context)
    yield NIF.anchorOf, Literal(document.text[mention.start : mention.stop])
    yield RELIK.type, Literal(mention.type)
    yield RELIK.status, Literal(link.status)
    yield RDF.type, NIF.RFC5147String
    yield from _offsets(mention.start, mention.stop)
    if known := entity(link.id) or (thing if link.status == "nil" else None):
        yield ITSRDF.taIdentRef, URIRef(known)
    elif link.id is not None:
        yield RELIK.link, Literal(link.id)
    if link.score is not None:
        # Decimal, because rdflib writes doubles in Turtle with only six decimals.
        yield ITSRDF.taConfidence, Literal(f"{Decimal(repr(link.score)):f}", datatype=XSD.decimal)
    if mention.value is not None:
        yield RELIK.value, Literal(mention.value.value)


def _offsets(start: int, stop: int) -> Statements:
    yield NIF.beginIndex, Literal(str(start), datatype=XSD.nonNegativeInteger)
    yield NIF.endIndex, Literal(str(stop), datatype=XSD.nonNegativeInteger)


def _add(found: Graph, subject: str, statements: Iterable[tuple[URIRef, Term]]) -> None:
    for predicate, value in statements:
        found.add((URIRef(subject), predicate, value))
