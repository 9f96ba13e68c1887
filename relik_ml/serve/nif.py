"""NIF 2.0 in and out, as GERBIL asks: Turtle with contexts in, the same contexts with mentions and links out.

A context keeps its IRI, and its mentions are named after it, so that an asker finds them again. Offsets are code points
(RFC 5147). What was annotated in the request is not looked at. Source: persistence.uni-leipzig.org/nlp2rdf.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from relik_ml.errors import DataError
from relik_ml.export.iris import NIF, Iris, require_rdflib
from relik_ml.export.nif import nif
from relik_ml.types import Document

if TYPE_CHECKING:
    from rdflib import Graph
    from rdflib.term import Node

TURTLE = ("text/turtle", "application/x-turtle")
_FIX = "send Turtle with a nif:Context that has one nif:isString"
_NOWHERE = "urn:relik-ml:request:"


def read(turtle: bytes, lang: str) -> list[Document]:
    """A document for each context of a request, its IRI as the id, in the order of the IRIs.

    Raises:
        DataError: it is no Turtle, or holds no text.
        ConfigError: rdflib is not installed.
    """
    graph = require_rdflib().Graph()
    try:
        graph.parse(data=turtle, format="turtle", publicID=_NOWHERE)
    except Exception as error:  # the parser raises whatever comes, RecursionError and IndexError among it
        got = f"{type(error).__name__} {error}".splitlines()[0]
        raise DataError("the body is not Turtle", got=got[:200], fix=_FIX) from None
    texts = dict(sorted(_texts(graph)))
    if not texts:
        raise DataError("the request holds no text", got=f"{len(graph)} triples", fix=_FIX)
    return [Document(id=iri, text=text, lang=lang) for iri, text in texts.items()]


def _texts(graph: Graph) -> Iterable[tuple[str, str]]:
    from rdflib import Literal, URIRef

    seen: set[Node] = set()
    for context, text in graph.subject_objects(URIRef(f"{NIF}isString")):
        if not isinstance(context, URIRef) or not isinstance(text, Literal) or context in seen:
            raise DataError("a context must be an IRI with one literal as its text", got=str(context)[:200], fix=_FIX)
        if any("\ud800" <= char <= "\udfff" for char in f"{context}{text}"):
            got, fix = ascii(str(context))[:200], "send whole characters"
            raise DataError("a text holds half a surrogate pair", got=got, fix=fix)
        seen.add(context)
        yield str(context), str(text)


def write(documents: Sequence[Document]) -> bytes:
    """The contexts that ``read`` gave, with what was found in them, as Turtle."""
    from rdflib import Graph

    joined = Graph()
    for document in documents:
        found = nif(document)
        named = _Names(document, found)
        for prefix, namespace in found.namespaces():
            joined.bind(prefix, namespace)
        for subject, predicate, value in found:
            joined.add((named(subject), predicate, named(value)))
    return joined.serialize(format="turtle").encode("utf-8")


class _Names:
    """Gives the nodes of an exported document back under the IRI that its context came with."""

    def __init__(self, document: Document, found: Graph) -> None:
        from rdflib import RDF, URIRef

        self.given, self.place = document.id, document.id.partition("#")[0]
        self.own = Iris().document(document.id)
        self.context = found.value(None, RDF.type, URIRef(f"{NIF}Context"))

    def __call__(self, node: Node) -> Node:
        from rdflib import URIRef

        if node == self.context:
            return URIRef(self.given)
        if not isinstance(node, URIRef) or not node.startswith(f"{self.own}#"):
            return node
        name = self.place + node.removeprefix(self.own)
        return URIRef(f"{name};mention=1" if name == self.given else name)  # a mention of the whole text
