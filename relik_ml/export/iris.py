"""IRIs for RDF, made of validated Wikidata ids, percent-encoded document ids and numbers.

>>> iris = Iris("https://texts.example/")
>>> iris.document("Анна/1>")
'https://texts.example/%D0%90%D0%BD%D0%BD%D0%B0%2F1%3E'
>>> iris.fact("d", 3)
'https://texts.example/d#fact=3'
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from relik_ml.errors import ConfigError
from relik_ml.export.graph import checked_item, checked_property
from relik_ml.types import Document

BASE = "urn:relik-ml:document:"
VOCABULARY = "urn:relik-ml:vocabulary:"
ENTITY = "http://www.wikidata.org/entity/"
DIRECT = "http://www.wikidata.org/prop/direct/"
NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
ITSRDF = "http://www.w3.org/2005/11/its/rdf#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
PROV = "http://www.w3.org/ns/prov#"

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/@!$&'()*+,;=%?-]*")


@dataclass(frozen=True, slots=True)
class Iris:
    """IRIs with a common base, which precedes the ids of documents. ConfigError when it is not an absolute IRI."""

    base: str = BASE

    def __post_init__(self) -> None:
        if not _ABSOLUTE.fullmatch(self.base):
            fix = "give a scheme and ASCII characters, such as https://example.org/texts/"
            raise ConfigError("the base is not an absolute IRI", where="--base", got=repr(self.base), fix=fix)

    def document(self, id: str) -> str:
        """The IRI of a document."""
        return self.base + quote(id, safe="")

    def fact(self, document: str, number: int) -> str:
        """The IRI of a triple of a document, numbered from 1."""
        return f"{self.document(document)}#fact={number}"

    def thing(self, document: str, type: str, name: str) -> str:
        """The IRI of a thing that is no Wikidata item: it stays the same when the document is annotated again."""
        return f"{self.document(document)}#{quote(type, safe='')}={quote(name, safe='')}"

    def span(self, document: str, start: int, stop: int) -> str:
        """The IRI of a span of the text (RFC 5147, code points)."""
        return f"{self.document(document)}#char={start},{stop}"

    def mentions(self, document: Document, taken: Iterable[str] = ()) -> dict[str, str]:
        """The IRI of each mention by id: that of its span, with a number if that IRI is taken."""
        names: dict[str, str] = {}
        seen = set(taken)
        for number, mention in enumerate(document.mentions, 1):
            name = self.span(document.id, mention.start, mention.stop)
            names[mention.id] = f"{name};mention={number}" if name in seen else name
            seen.add(name)
        return names


def entity(id: str | None) -> str | None:
    """The IRI of a Wikidata item, if the id has the form of one.

    >>> entity("Q42"), entity("Q42>")
    ('http://www.wikidata.org/entity/Q42', None)
    """
    return f"{ENTITY}{id}" if checked_item(id) else None


def direct(id: str | None) -> str | None:
    """The IRI of a Wikidata property between two items, if the id has the form of one."""
    return f"{DIRECT}{id}" if checked_property(id) else None
