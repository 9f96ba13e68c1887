"""Russian and English names of relations, types and kinds of facts, and the families of types that share a colour."""

from dataclasses import asdict
from functools import cache
from typing import Any

from relik_ml.scheme import NEREL, Relation, TypedProperty

OF_OTHERS = {"PER": "person", "LOC": "place", "GPE": "place", "ORG": "made"}
"""Families of type names of other corpora."""
KINDS = {
    "negated": ["отрицание", "negated"], "hypothetical": ["предположение", "hypothetical"],
    "quoted": ["чужие слова", "quoted"], "tautology": ["очевидное", "obvious"], "repetition": ["повтор", "repetition"],
    "literal": ["между значениями", "between literals"],
}  # fmt: skip
"""How a text puts a fact, or why it is no news."""


@cache
def labels() -> dict[str, Any]:
    """Names, [Russian, English]: ``relations`` (NEREL's and their properties), ``types``, ``kinds``; and ``families``.

    ``literals`` are the types of values, ``properties`` those of each relation: the first whose types fit holds.

    >>> labels()["relations"]["P19"], labels()["types"]["CITY"], labels()["families"]["CITY"]
    (['место рождения', 'place of birth'], ['город', 'city'], 'place')
    """
    relations = {known.name: [known.label_ru, known.label_en] for known in NEREL.relations.values()}
    for known in NEREL.relations.values():
        if known.property and not known.property.inverse:
            relations.setdefault(known.property.id, relations[known.name])
    types = {known.name: [known.label_ru, known.label_en] for known in NEREL.types.values()}
    families = OF_OTHERS | {known.name: known.family for known in NEREL.types.values()}
    properties = {known.name: _properties(known) for known in NEREL.relations.values()}
    return {
        "relations": relations, "types": types, "kinds": KINDS, "families": families, "properties": properties,
        "literals": sorted(NEREL.literals),
    }  # fmt: skip


def _properties(relation: Relation) -> list[dict[str, Any]]:
    """The properties of a relation, ready for JSON, each with the types of the arguments that it needs."""
    own = [TypedProperty(relation.property, frozenset(), frozenset())] if relation.property else []
    return [
        {**asdict(each.property), "subjects": sorted(each.subjects), "objects": sorted(each.objects)}
        for each in (*relation.typed, *own)
    ]


def named(what: str, id: str, lang: str) -> str:
    """The name of a relation, type or kind in a language, English for any but Russian; the id of what has no name.

    >>> named("types", "CITY", "ru"), named("types", "CITY", "en"), named("types", "SPORT", "ru")
    ('город', 'city', 'SPORT')
    """
    return str(labels()[what].get(id, (id, id))[lang != "ru"])
