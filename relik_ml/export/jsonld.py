"""Documents as JSON-LD: our own JSON with a context that makes RDF of it. ``read_jsonld`` reads it back without a loss.

A document is the object that JSON Lines holds, with ``@id`` and ``@type`` beside its fields; ``item`` and ``predicate``
name Wikidata's item and property where their ids have that form.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from relik_ml.data import document_from_json, document_to_json
from relik_ml.errors import DataError
from relik_ml.export.iris import BASE, ITSRDF, NIF, VOCABULARY, Iris, direct, entity
from relik_ml.types import Document

_ADDED = frozenset({"@id", "@type", "item", "subjectMention", "objectMention", "predicate"})
_JSON = ("fragments", "evidence", "meta")
_NAMES = ("subjectMention", "objectMention", "predicate")
# What each field means in RDF; a field that is not named here is a term of our vocabulary.
CONTEXT: dict[str, Any] = {
    "@version": 1.1,
    "@vocab": VOCABULARY,
    **{name: {"@id": f"{VOCABULARY}{name}", "@type": "@json"} for name in _JSON},
    **{name: {"@id": f"{VOCABULARY}{name}", "@type": "@id"} for name in _NAMES},
    "text": f"{NIF}isString",
    "start": f"{NIF}beginIndex",
    "stop": f"{NIF}endIndex",
    "item": {"@id": f"{ITSRDF}taIdentRef", "@type": "@id"},
}


def write(documents: Iterable[Document], path: Path, losses: Counter[str], base: str = BASE) -> None:
    """Write documents to one JSON-LD file, a line each, as a stream."""
    iris = Iris(base)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"@context": {json.dumps(CONTEXT)},\n"@graph": [')
        for number, document in enumerate(documents):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(_record(document, iris), ensure_ascii=False, allow_nan=False))
        file.write("\n]}\n")


def read_jsonld(path: Path) -> Iterator[Document]:
    """The documents of a JSON-LD file that this library wrote, equal in everything.

    DataError when it is something else, such as another form of the same RDF.
    """
    try:
        records = list(json.loads(path.read_bytes())["@graph"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        fix = "give a file that relik-ml export jsonld wrote"
        raise DataError("the file is not our JSON-LD", where=str(path), got=repr(error), fix=fix) from None
    for number, each in enumerate(records, 1):
        yield document_from_json(_plain(each), f"{path}, document {number}")


def _record(document: Document, iris: Iris) -> dict[str, Any]:
    """A document as an object of JSON-LD, without the context."""
    found, names = document_to_json(document), iris.mentions(document)
    for mention in found["mentions"]:
        mention |= {"@id": names[mention["id"]], "@type": "Mention"}
        if item := entity(mention["link"]["id"]):
            mention["item"] = item
    for number, triple in enumerate(found["triples"], 1):
        triple |= {"@id": iris.part(document.id, "fact", number), "@type": "Triple"}
        triple |= {"subjectMention": names[triple["subject"]], "objectMention": names[triple["object"]]}
        if predicate := direct((triple["property"] or {}).get("id")):
            triple["predicate"] = predicate
    return found | {"@id": iris.document(document.id), "@type": "Document"}


def _plain(found: Any) -> Any:
    """The object without what ``_record`` added; ``meta`` stays as it is."""
    if not isinstance(found, dict):
        return found
    bare = {name: value for name, value in found.items() if name not in _ADDED}
    for field in ("mentions", "triples"):
        if isinstance(bare.get(field), list):
            bare[field] = [_plain(each) for each in bare[field]]
    return bare
