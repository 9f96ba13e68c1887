"""Russian and English names of relations and types, and the families of types that share a colour."""

from functools import cache
from typing import Any

from relik_ml.scheme import NEREL

OF_OTHERS = {"PER": "person", "LOC": "place", "GPE": "place", "ORG": "made"}
"""Families of type names of other corpora."""


@cache
def labels() -> dict[str, dict[str, Any]]:
    """``relations`` (NEREL's and their Wikidata properties) and ``types`` to [Russian, English] names; ``families``.

    >>> labels()["relations"]["P19"], labels()["types"]["CITY"], labels()["families"]["CITY"]
    (['место рождения', 'place of birth'], ['город', 'city'], 'place')
    """
    relations = {known.name: [known.label_ru, known.label_en] for known in NEREL.relations.values()}
    for known in NEREL.relations.values():
        if known.property and not known.property.inverse:
            relations.setdefault(known.property.id, relations[known.name])
    types = {known.name: [known.label_ru, known.label_en] for known in NEREL.types.values()}
    families = OF_OTHERS | {known.name: known.family for known in NEREL.types.values()}
    return {"relations": relations, "types": types, "families": families}
