"""Relations and types in words, Russian and English, as far as the package knows them."""

from __future__ import annotations

from functools import cache

from relik_ml.plugins import load_index
from relik_ml.types import Property

Names = dict[str, list[str]]
"""An identifier to its name in Russian and in English."""


@cache
def labels() -> dict[str, Names]:
    """``relations``: those of NEREL and their Wikidata properties; ``types``: those of NEREL.

    >>> labels()["relations"]["P19"], labels()["types"]["CITY"]
    (['место рождения', 'place of birth'], ['город', 'city'])
    """
    entries = load_index("nerel_types").entries()
    types = {entry.id: [entry.name, entry.id.replace("_", " ").lower()] for entry in entries}
    return {"relations": _relations(), "types": types}


def _relations() -> Names:
    source = load_index("nerel_relations")
    names = {entry.id: [entry.name, *entry.aliases[:1]] for entry in source.entries() if entry.kind == "relation"}
    properties: dict[str, Property] = getattr(source, "properties", dict)()
    for relation, known in properties.items():
        if not known.inverse:
            names.setdefault(known.id, names[relation])
    return names
