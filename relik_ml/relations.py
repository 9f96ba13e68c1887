"""Relations by one inventory: the name that each has in Wikidata in place of the name its corpus gives it.

>>> from relik_ml.types import Mention, Property, Triple
>>> text = "Концерт провёл Мариинский театр."
>>> concert, theatre = Mention("T1", 0, 7, "EVENT"), Mention("T2", 15, 31, "ORGANIZATION")
>>> held = Triple("T2", "ORGANIZES", "T1", Property("P664", inverse=True))
>>> renamed, counts = by_property(Document("d", text, mentions=(concert, theatre), triples=(held,)))
>>> [(triple.subject, triple.relation, triple.object) for triple in renamed.triples]
[('T1', 'P664', 'T2')]
>>> sorted(counts)
['relations renamed to their property', 'relations turned round, for their property runs the other way']
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from relik_ml.types import Document, Property, Triple

RENAMED = "relations renamed to their property"
TURNED = "relations turned round, for their property runs the other way"
WITHOUT = "relations without a property: name kept"
JOINED = "relations that became one under their property"


def by_property(document: Document) -> tuple[Document, Counter[str]]:
    """The document with every relation named by its Wikidata property, and how many were renamed or could not be.

    An inverse property swaps subject and object. A relation without a property stays as it is. Triples that become
    one, because two relations of the corpus are one property, are joined: the first stays, with the evidence of all.
    """
    kept: dict[tuple[str, str, str], Triple] = {}
    counts: Counter[str] = Counter()
    for old in document.triples:
        counts[RENAMED if old.property else WITHOUT] += 1
        counts[TURNED] += old.property is not None and old.property.inverse
        new = _renamed(old)
        key = (new.subject, new.relation, new.object)
        counts[JOINED] += key in kept
        kept[key] = _joined(kept[key], new) if key in kept else new
    return replace(document, triples=tuple(kept.values())), +counts


def _renamed(triple: Triple) -> Triple:
    if (known := triple.property) is None:
        return triple
    subject, object = (triple.object, triple.subject) if known.inverse else (triple.subject, triple.object)
    return replace(triple, subject=subject, relation=known.id, object=object, property=Property(known.id))


def _joined(first: Triple, other: Triple) -> Triple:
    return replace(first, evidence=tuple(sorted({*first.evidence, *other.evidence})))
