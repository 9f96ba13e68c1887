"""Labels of annotated documents: entities that no table lists, linkable types, properties of relations."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TypeVar

from relik_ml.names import HUMAN
from relik_ml.reader import Inventory
from relik_ml.scheme import NEREL
from relik_ml.types import Document, Entry, Property, Status

K = TypeVar("K")


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
    ours = {entry.id for entry in types}
    linkable, literals = (types_with(documents, status) & ours for status in ("linked", "unlinkable"))
    usual = properties(documents)
    typed = _most_common(_properties(documents))
    return Inventory(
        tuple(types),
        linkable - literals,
        literals,
        usual,
        {key: found for key, found in typed.items() if found != usual[key[0]]},
    )


def types_with(documents: Iterable[Document], status: Status) -> frozenset[str]:
    """The types of which at least one mention has a link of this status.

    A coarse type of another corpus counts as those that make it up, as far as no document uses them itself.
    """
    found, own, coarse = set[str](), set[str](), set[str]()
    for document in documents:
        types = {mention.type for mention in document.mentions if mention.link.status == status}
        if (finer := NEREL.coarse.get(document.corpus)) is None:
            found |= types
            own |= {mention.type for mention in document.mentions}
        else:
            coarse |= {member for type in types for member in finer.get(type, ())}
    return frozenset(found | (coarse - own))


def properties(documents: Iterable[Document]) -> dict[str, Property]:
    """The most common Wikidata property of each relation that has one in the documents."""
    return _most_common((key[0], property) for key, property in _properties(documents))


def _properties(documents: Iterable[Document]) -> Iterator[tuple[tuple[str, str, str], Property]]:
    """The property of each triple that has one, by relation and types of subject and object."""
    for document in documents:
        types = {mention.id: mention.type for mention in document.mentions}
        for triple in document.triples:
            if triple.property:
                yield (triple.relation, types[triple.subject], types[triple.object]), triple.property


def _most_common(pairs: Iterable[tuple[K, Property]]) -> dict[K, Property]:
    found: dict[K, Counter[Property]] = defaultdict(Counter)
    for key, property in pairs:
        found[key][property] += 1
    return {key: counts.most_common(1)[0][0] for key, counts in found.items()}
