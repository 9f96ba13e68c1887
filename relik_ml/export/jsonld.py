"""Documents as JSON-LD: our own JSON, with a context that makes RDF of it, and back again without any loss.

A document is the object that JSON Lines holds, with ``@id`` and ``@type`` beside its fields; ``item`` and ``predicate``
name Wikidata's item and property where their ids have that form. Lone surrogates are written as JSON escapes.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from relik_ml.data import document_from_json, document_to_json
from relik_ml.errors import DataError
from relik_ml.export.iris import ITSRDF, NIF, VOCABULARY, Iris, direct, entity
from relik_ml.types import Document

ESCAPED = "lone surrogates written as JSON escapes, which strict parsers refuse"

_SURROGATE = re.compile("[\ud800-\udfff]")
_ADDED = frozenset({"@id", "@type", "item", "subjectMention", "objectMention", "predicate"})
_NAMES = ("subjectMention", "objectMention", "predicate")
_JSON = ("fragments", "evidence", "meta")
_PLAIN = (
    "schema", "id", "lang", "mentions", "entities", "triples", "annotated", "type", "score", "link", "value", "status",
    "label", "alternatives", "datatype", "raw", "precision", "induced", "relation", "property", "inverse", "types",
    "links", "Document", "Mention", "Triple", "subject", "object",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@version": 1.1,
    **{name: f"{VOCABULARY}{name}" for name in _PLAIN},
    **{name: {"@id": f"{VOCABULARY}{name}", "@type": "@json"} for name in _JSON},
    **{name: {"@id": f"{VOCABULARY}{name}", "@type": "@id"} for name in _NAMES},
    "text": f"{NIF}isString",
    "start": f"{NIF}beginIndex",
    "stop": f"{NIF}endIndex",
    "item": {"@id": f"{ITSRDF}taIdentRef", "@type": "@id"},
}
"""What each field means in RDF. No field is a base, a vocabulary or an alias of a keyword."""


def write(documents: Iterable[Document], path: Path, iris: Iris = Iris()) -> Counter[str]:
    """Write documents to one JSON-LD file, a line each, as a stream; how many."""
    counts = Counter(documents=0)
    with path.open("wb") as file:
        file.write(f'{{"@context": {json.dumps(CONTEXT)},\n"@graph": ['.encode())
        for document in documents:
            line = json.dumps(record(document, iris), ensure_ascii=False, allow_nan=False)
            file.write(b",\n" if counts["documents"] else b"\n")
            file.write(line.encode("utf-8", "backslashreplace"))
            counts[ESCAPED] += len(_SURROGATE.findall(line))
            counts["documents"] += 1
        file.write(b"\n]}\n")
    return counts


def record(document: Document, iris: Iris = Iris()) -> dict[str, Any]:
    """A document as an object of JSON-LD, without the context."""
    found = document_to_json(document)
    names = iris.mentions(document)
    found |= {"@id": iris.document(document.id), "@type": "Document"}
    for mention in found["mentions"]:
        mention |= {"@id": names[mention["id"]], "@type": "Mention"}
        mention |= _named("item", entity(mention["link"]["id"]))
    for number, triple in enumerate(found["triples"], 1):
        triple |= {"@id": iris.part(document.id, "fact", number), "@type": "Triple"}
        triple |= {"subjectMention": names[triple["subject"]], "objectMention": names[triple["object"]]}
        triple |= _named("predicate", direct((triple["property"] or {}).get("id")))
    return found


def read(path: Path) -> Iterator[Document]:
    """The documents of a file that ``write`` has written, equal in everything.

    DataError when it is something else: this reads our JSON, not any other form of the same RDF.
    """
    try:
        records = list(json.loads(path.read_bytes())["@graph"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        fix = "give a file that relik-ml export jsonld wrote"
        raise DataError("the file is not our JSON-LD", where=str(path), got=repr(error), fix=fix) from None
    for number, each in enumerate(records, 1):
        yield document_from_json(_plain(each), f"{path}, document {number}")


def _named(field: str, iri: str | None) -> dict[str, str]:
    return {field: iri} if iri else {}


def _plain(found: Any) -> Any:
    """The object without what ``record`` added; ``meta`` is anybody's and stays as it is."""
    if not isinstance(found, dict):
        return found
    bare = {name: value for name, value in found.items() if name not in _ADDED}
    for field in ("mentions", "triples"):
        if isinstance(bare.get(field), list):
            bare[field] = [_plain(each) for each in bare[field]]
    return bare
