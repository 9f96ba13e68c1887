"""Label schemes: the mention types and relations of a corpus, with their names, definitions and Wikidata properties.

A scheme is one file, ``schemes/NAME.json``, which everything that must know the labels reads.

>>> nerel = load_scheme("nerel")
>>> nerel.types["CITY"].label_ru, nerel.relations["PLACE_OF_BIRTH"].property
('город', Property(id='P19', inverse=False))
>>> nerel.relations["HEADQUARTERED_IN"].property_of("ORGANIZATION", "COUNTRY")
Property(id='P17', inverse=False)
>>> nerel.named["P108"], nerel.coarse["docred"]["TIME"] == {"DATE", "TIME"}
('WORKPLACE', True)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from relik_ml.types import Property


@dataclass(frozen=True, slots=True)
class MentionType:
    """A type of mentions. ``family`` groups the types that share a colour."""

    name: str
    label_ru: str
    label_en: str
    definition_ru: str
    link: Literal["linked", "literal", "none"]
    """Whether the corpus links mentions of the type, takes them for values, or does neither."""
    family: str


@dataclass(frozen=True, slots=True)
class TypedProperty:
    """The property of a relation between arguments of some types; an empty set means any type."""

    property: Property
    subjects: frozenset[str]
    objects: frozenset[str]

    def fits(self, subject: str, object: str) -> bool:
        """Whether the property holds between arguments of these types."""
        return (not self.subjects or subject in self.subjects) and (not self.objects or object in self.objects)


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation and its Wikidata property, which the types of the arguments may change."""

    name: str
    label_ru: str
    label_en: str
    definition_ru: str
    symmetric: bool
    alias: bool
    """Whether it relates two names of one entity."""
    property: Property | None
    typed: tuple[TypedProperty, ...]
    """Other properties, by the types of the arguments; the first that fits holds."""

    def property_of(self, subject: str, object: str) -> Property | None:
        """The property between arguments of these types; None if there is none."""
        return next((known.property for known in self.typed if known.fits(subject, object)), self.property)


@dataclass(frozen=True, slots=True)
class Scheme:
    """The labels of a corpus, and those that are treated apart.

    ``linked``: the mention types that carry links, over which NIL is scored. ``literals``: the types of dates, numbers
    and other values. ``aliases``: relations between two names of one thing, left out of the headline scores.
    ``unordered``: relations whose direction says nothing.
    """

    types: Mapping[str, MentionType] = field(default_factory=dict)
    relations: Mapping[str, Relation] = field(default_factory=dict)
    coarse: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    """By the name of another corpus, the types that make up each type of it, such as LOC."""
    named: Mapping[str, str] = field(default_factory=dict)
    """The relation of each Wikidata property that is the usual one of a single relation, in its direction."""
    linked: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()
    unordered: frozenset[str] = frozenset()


@cache
def load_scheme(name: str) -> Scheme:
    """The scheme of that name, from ``relik_ml/schemes``."""
    read = msgspec.json.decode((files("relik_ml") / "schemes" / f"{name}.json").read_bytes())
    types = msgspec.convert(read["types"], list[MentionType])
    relations = msgspec.convert(read["relations"], list[Relation])
    return Scheme(
        types={type_.name: type_ for type_ in types},
        relations={relation.name: relation for relation in relations},
        coarse={
            corpus: {name: frozenset(members) for name, members in types.items()}
            for corpora, types in read.get("coarse", {}).items()
            for corpus in corpora.split()
        },
        named=_named(relations),
        linked=frozenset(type_.name for type_ in types if type_.link == "linked"),
        literals=frozenset(type_.name for type_ in types if type_.link == "literal"),
        aliases=frozenset(relation.name for relation in relations if relation.alias),
        unordered=frozenset(relation.name for relation in relations if relation.symmetric),
    )


def _named(relations: Iterable[Relation]) -> Mapping[str, str]:
    found: dict[str, list[Relation]] = {}
    for relation in relations:
        if relation.property and not relation.alias:
            found.setdefault(relation.property.id, []).append(relation)
    only = {id: same[0] for id, same in found.items() if len(same) == 1}
    return {id: each.name for id, each in only.items() if each.property == Property(id)}


NEREL = load_scheme("nerel")
"""The scheme that the embedded models are trained on."""
