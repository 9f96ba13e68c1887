"""What annotated documents say about labels: entities nobody else lists, linkable types, properties of relations."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from relik_ml.names import HUMAN
from relik_ml.reader import Inventory
from relik_ml.types import Document, Entry, Property, Status


def annotated_entries(documents: Iterable[Document], known: Set[str], types: Mapping[str, Entry]) -> list[Entry]:
    """An entry for each linked id that is not ``known``: its label, or else its first surface, and its type's name."""
    found: dict[str, Entry] = {}
    for document in documents:
        for mention in document.mentions:
            id_ = mention.link.id
            if id_ and id_ not in known and id_ not in found:
                name = mention.link.label or document.surface(mention)
                text = types[mention.type].name if mention.type in types else mention.type
                found[id_] = Entry(id_, "entity", name, text, types=(HUMAN,) if mention.type == "PERSON" else ())
    return list(found.values())


def inventory(types: Sequence[Entry], documents: Sequence[Document]) -> Inventory:
    """The labels that a reader trained on the documents can predict."""
    linkable, literals = types_with(documents, "linked"), types_with(documents, "unlinkable")
    usual = properties(documents)
    return Inventory(tuple(types), linkable, literals, usual, typed_properties(documents, usual))


def types_with(documents: Iterable[Document], status: Status) -> frozenset[str]:
    """The types of which at least one mention has a link of this status."""
    return frozenset(m.type for document in documents for m in document.mentions if m.link.status == status)


def properties(documents: Iterable[Document]) -> dict[str, Property]:
    """The Wikidata property that the documents give each relation most often, where they give one."""
    found: dict[str, Counter[Property]] = defaultdict(Counter)
    for document in documents:
        for triple in document.triples:
            if triple.property:
                found[triple.relation][triple.property] += 1
    return {relation: counts.most_common(1)[0][0] for relation, counts in found.items()}


def typed_properties(
    documents: Iterable[Document], usual: Mapping[str, Property]
) -> dict[tuple[str, str, str], Property]:
    """The property by relation and types of subject and object, where it is not the relation's usual one."""
    found: dict[tuple[str, str, str], Counter[Property]] = defaultdict(Counter)
    for document in documents:
        types = {mention.id: mention.type for mention in document.mentions}
        for triple in document.triples:
            if triple.property:
                found[triple.relation, types[triple.subject], types[triple.object]][triple.property] += 1
    often = {key: counts.most_common(1)[0][0] for key, counts in found.items()}
    return {key: property for key, property in often.items() if property != usual.get(key[0])}
