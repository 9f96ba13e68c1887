"""RDF by rdflib: NIF 2.0 in both directions, and facts as statements with their provenance.

In NIF a mention is ``DOCUMENT#char=START,STOP`` in code points. Its link is ``itsrdf:taIdentRef``: a Wikidata item or,
for NIL, an IRI of our own. Sources: persistence.uni-leipzig.org/nlp2rdf, W3C ITS 2.0.

A fact is a triple, and an ``rdf:Statement`` (RDF reification) ``DOCUMENT#fact=NUMBER`` with the relation, the sentence,
the score and, as ``prov:wasQuotedFrom``, the spans of the evidence. The predicate is the Wikidata property of the
relation, with subject and object swapped if it is inverse, or else ``related``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from rdflib import RDF, RDFS, XSD, Graph, Literal, Namespace, URIRef
from rdflib.term import Node as Term

from relik_ml.errors import DataError
from relik_ml.export import iris as names
from relik_ml.export.graph import Edge, Node, Ref, count_merged, graph
from relik_ml.export.graph import Graph as KnowledgeGraph
from relik_ml.export.iris import BASE, Iris, direct, entity
from relik_ml.types import Document, Mention

TURTLE = ("text/turtle", "application/x-turtle")
"""The media types of Turtle, the registered one first."""
UNNAMED = "relations without a Wikidata property, written as related"

NIF, ITSRDF, RELIK = Namespace(names.NIF), Namespace(names.ITSRDF), Namespace(names.VOCABULARY)
PROV = Namespace("http://www.w3.org/ns/prov#")
_FIX = "send Turtle with a nif:Context that has one nif:isString"

Statements = Iterator[tuple[URIRef, Term]]
"""Predicates and objects of one subject."""


# NIF


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
    mentions = iris.mentions(document, taken={context})
    for number, mention in enumerate(document.mentions, 1):
        thing = iris.part(document.id, "thing", number)
        _add(found, mentions[mention.id], _phrase(document, mention, context, thing))


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


# Facts


def write_ntriples(documents: Iterable[Document], path: Path, losses: Counter[str], base: str = BASE) -> None:
    """Write the facts of documents to one N-Triples file, sorted."""
    kept, iris = {document.id: document for document in documents}, Iris(base)
    known, found, numbers = graph(kept.values()), Graph(), Counter[str]()
    count_merged(kept.values(), known, losses)
    mentions = {id: iris.mentions(document) for id, document in kept.items()}
    things = _thing_names(known, kept, iris)
    for node in known.nodes:
        _add(found, things[node.id], _thing(node))
    for fact in known.facts:
        numbers[fact.document] += 1
        losses[UNNAMED] += fact.pid is None
        statement = iris.part(fact.document, "fact", numbers[fact.document])
        _add(found, statement, _fact(fact, mentions[fact.document]))
        found.add(_triple(fact, things))
        _add(found, statement, zip((RDF.subject, RDF.predicate, RDF.object), _triple(fact, things), strict=True))
        for start, stop in fact.evidence:
            quoted = iris.span(fact.document, start, stop)
            found.add((URIRef(statement), PROV.wasQuotedFrom, URIRef(quoted)))
            found.add((URIRef(quoted), NIF.anchorOf, Literal(kept[fact.document].text[start:stop])))
            _add(found, quoted, _offsets(start, stop))
    written = found.serialize(format="nt", encoding="utf-8").decode()
    path.write_bytes(b"".join(f"{line}\n".encode() for line in sorted(written.split("\n")) if line))


def _thing_names(known: KnowledgeGraph, documents: Mapping[str, Document], iris: Iris) -> dict[str, str]:
    """The IRI of each node by id: the Wikidata item, or one with the number of its first mention."""
    numbers = {Ref(id, m.id): n for id, document in documents.items() for n, m in enumerate(document.mentions, 1)}
    return {
        node.id: entity(node.link) or iris.part(node.mentions[0].document, "thing", numbers[node.mentions[0]])
        for node in known.nodes
    }


def _thing(node: Node) -> Statements:
    yield RDFS.label, Literal(node.label)
    yield RELIK.type, Literal(node.type)
    yield RELIK.status, Literal(node.status)
    if node.link is not None and node.qid is None:
        yield RELIK.link, Literal(node.link)
    if node.value is not None:
        yield RELIK.value, Literal(node.value.value)


def _triple(fact: Edge, things: Mapping[str, str]) -> tuple[URIRef, URIRef, URIRef]:
    subject, object = URIRef(things[fact.subject]), URIRef(things[fact.object])
    if predicate := direct(fact.property_id):
        return (object, URIRef(predicate), subject) if fact.inverse else (subject, URIRef(predicate), object)
    return subject, RELIK.related, object


def _fact(fact: Edge, mentions: Mapping[str, str]) -> Statements:
    yield RDF.type, RDF.Statement
    yield RELIK.relation, Literal(fact.relation)
    yield RELIK.document, Literal(fact.document)
    yield RELIK.sentence, Literal(fact.sentence)
    yield RELIK.subjectMention, URIRef(mentions[fact.mentions[0]])
    yield RELIK.objectMention, URIRef(mentions[fact.mentions[1]])
    if fact.property_id is not None and fact.pid is None:
        yield RELIK.property, Literal(fact.property_id)
    if fact.score is not None:
        yield RELIK.score, Literal(fact.score, datatype=XSD.double)


def _offsets(start: int, stop: int) -> Statements:
    yield NIF.beginIndex, Literal(str(start), datatype=XSD.nonNegativeInteger)
    yield NIF.endIndex, Literal(str(stop), datatype=XSD.nonNegativeInteger)


def _add(found: Graph, subject: str, statements: Iterable[tuple[URIRef, Term]]) -> None:
    for predicate, value in statements:
        found.add((URIRef(subject), predicate, value))
