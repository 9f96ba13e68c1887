"""Names for RDF: made of checked Wikidata ids, percent-encoded document ids and numbers, and of nothing else.

>>> iris = Iris("https://texts.example/")
>>> iris.document("Анна/1>")
'https://texts.example/%D0%90%D0%BD%D0%BD%D0%B0%2F1%3E'
>>> iris.part("d", "fact", 3)
'https://texts.example/d#fact=3'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from relik_ml.errors import ConfigError
from relik_ml.export.graph import Graph, checked_item, checked_property
from relik_ml.types import Document

BASE = "urn:relik-ml:document:"
VOCABULARY = "urn:relik-ml:vocabulary:"
ENTITY = "http://www.wikidata.org/entity/"
DIRECT = "http://www.wikidata.org/prop/direct/"
NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
ITSRDF = "http://www.w3.org/2005/11/its/rdf#"
PROV = "http://www.w3.org/ns/prov#"

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/@!$&'()*+,;=%?-]*")


@dataclass(frozen=True, slots=True)
class Iris:
    """Names under a base IRI, which is put before every document's id as it stands. ConfigError when it is none."""

    base: str = BASE

    def __post_init__(self) -> None:
        if not _ABSOLUTE.fullmatch(self.base):
            fix = "give a scheme and ASCII characters, such as https://example.org/texts/"
            raise ConfigError("the base is no absolute IRI", where="--base", got=repr(self.base), fix=fix)

    def document(self, id: str) -> str:
        """The name of a document; lone surrogates are encoded like other characters, so that ids stay apart."""
        return self.base + quote(id.encode("utf-8", "surrogatepass"), safe="")

    def part(self, document: str, kind: str, number: int) -> str:
        """The name of a numbered part of a document: ``mention``, ``thing`` (what a mention stands for), ``fact``."""
        return f"{self.document(document)}#{kind}={number}"

    def span(self, document: str, start: int, stop: int) -> str:
        """The name of a range of the text (RFC 5147, code points)."""
        return f"{self.document(document)}#char={start},{stop}"

    def mentions(self, document: Document) -> dict[str, str]:
        """The name of each mention by its id: its range, and its number too where an earlier one has that range."""
        names: dict[str, str] = {}
        taken: set[str] = set()
        for number, mention in enumerate(document.mentions, 1):
            name = self.span(document.id, mention.start, mention.stop)
            names[mention.id] = f"{name};mention={number}" if name in taken else name
            taken.add(name)
        return names

    def nodes(self, graph: Graph, documents: Mapping[str, Document]) -> dict[str, str]:
        """The name of each node by its id: the Wikidata item, or the number of its first mention."""
        places = {
            (id, mention.id): number
            for id, document in documents.items()
            for number, mention in enumerate(document.mentions, 1)
        }
        return {
            node.id: entity(node.link) or self.part(node.mentions[0].document, "thing", places[node.mentions[0]])
            for node in graph.nodes
        }


def entity(id: str | None) -> str | None:
    """The IRI of a Wikidata item, if the id has the form of one.

    >>> entity("Q42"), entity("Q42>")
    ('http://www.wikidata.org/entity/Q42', None)
    """
    return ENTITY + checked if (checked := checked_item(id)) else None


def direct(id: str | None) -> str | None:
    """The IRI of a Wikidata property between two items, if the id has the form of one."""
    return DIRECT + checked if (checked := checked_property(id)) else None


def require_rdflib() -> Any:
    """The package ``rdflib``. ConfigError when it is not installed."""
    try:
        import rdflib
    except ModuleNotFoundError:
        fix = 'pip install "relik-ml[export]"'
        raise ConfigError("RDF is written by rdflib, which is not installed", fix=fix) from None
    return rdflib
