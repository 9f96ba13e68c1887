"""Documents as JSON-LD, and as JSON Lines with UTF-16 offsets.

In JSON-LD a document is the object that JSON Lines holds, with a context that turns it into RDF. Added are ``@id`` and
``@type``, and the IRIs of Wikidata items (``item``) and properties (``predicate``).

>>> from relik_ml.types import Mention
>>> record = utf16_record(Document("d", "🚀 Байконур", mentions=(Mention("T1", 2, 10, "CITY"),)))
>>> record["offsets"], record["mentions"][0]["start"], record["mentions"][0]["stop"]
('utf-16', 3, 11)
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from relik_ml.data import document_from_json, document_to_json
from relik_ml.errors import DataError
from relik_ml.export.iris import BASE, ITSRDF, NIF, VOCABULARY, Iris, direct, entity
from relik_ml.text import Utf16
from relik_ml.types import Document

_ADDED = frozenset({"@id", "@type", "item", "subjectMention", "objectMention", "predicate"})
_JSON = ("fragments", "evidence", "meta")
_NAMES = ("subjectMention", "objectMention", "predicate")
# The RDF term of each field. Fields that are not listed are terms of our vocabulary.
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


def write_jsonld(documents: Iterable[Document], path: Path, losses: Counter[str], base: str = BASE) -> None:
    """Write documents to one JSON-LD file, one line each, as a stream."""
    iris = Iris(base)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"@context": {json.dumps(CONTEXT)},\n"@graph": [')
        for number, document in enumerate(documents):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(_record(document, iris), ensure_ascii=False, allow_nan=False))
        file.write("\n]}\n")


def read_jsonld(path: Path) -> Iterator[Document]:
    """The documents of a JSON-LD file that this library wrote, without loss.

    DataError for any other file, also for another form of the same RDF.
    """
    try:
        records = list(json.loads(path.read_bytes())["@graph"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        fix = "give a file that relik-ml export jsonld wrote"
        raise DataError("the file is not our JSON-LD", where=str(path), got=repr(error), fix=fix) from None
    for number, each in enumerate(records, 1):
        yield document_from_json(_plain(each), f"{path}, document {number}")


def write_utf16(documents: Iterable[Document], path: Path, losses: Counter[str]) -> None:
    """Write documents as JSON Lines with UTF-16 offsets, as a stream."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            print(json.dumps(utf16_record(document), ensure_ascii=False, allow_nan=False), file=file)


def utf16_record(document: Document) -> dict[str, Any]:
    """A document as a JSON object whose offsets count UTF-16 units, as in JavaScript, Java and .NET.

    The field ``offsets`` is not in the schema ``relik-ml/1``. So readers of that schema refuse the object, instead of
    taking its offsets for code points.
    """
    record, units = document_to_json(document), Utf16(document.text)

    def spans(pairs: list[list[int]]) -> list[list[int]]:
        return [[units.from_point(start), units.from_point(stop)] for start, stop in pairs]

    for mention in record["mentions"]:
        ((mention["start"], mention["stop"]),) = spans([[mention["start"], mention["stop"]]])
        mention["fragments"] = spans(mention["fragments"])
    for triple in record["triples"]:
        triple["evidence"] = spans(triple["evidence"])
    return {"schema": record.pop("schema"), "offsets": "utf-16", **record}


def _record(document: Document, iris: Iris) -> dict[str, Any]:
    """A document as a JSON-LD object, without the context."""
    found, names = document_to_json(document), iris.mentions(document)
    for mention in found["mentions"]:
        mention |= {"@id": names[mention["id"]], "@type": "Mention"}
        if item := entity(mention["link"]["id"]):
            mention["item"] = item
    for number, triple in enumerate(found["triples"], 1):
        triple |= {"@id": iris.fact(document.id, number), "@type": "Triple"}
        triple |= {"subjectMention": names[triple["subject"]], "objectMention": names[triple["object"]]}
        if predicate := direct((triple["property"] or {}).get("id")):
            triple["predicate"] = predicate
    return found | {"@id": iris.document(document.id), "@type": "Document"}


def _plain(found: Any) -> Any:
    """The object without the fields that ``_record`` added; ``meta`` is not changed."""
    if not isinstance(found, dict):
        return found
    bare = {name: value for name, value in found.items() if name not in _ADDED}
    for field in ("mentions", "triples"):
        if isinstance(bare.get(field), list):
            bare[field] = [_plain(each) for each in bare[field]]
    return bare
