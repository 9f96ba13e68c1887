"""Classes of Wikidata: what lies below some of them, and what they are called.

Both are found by reading the records through once more, so no class needs to stand before its items.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from ._wikidata_records import Names, Record


def below(roots: Iterable[str], records: Iterable[Record]) -> set[str]:
    """Some classes and everything that is a subclass of one, over any number of steps; cycles do no harm.

    Memory is 16 bytes a statement of P279 and about 100 a class found.

    >>> records = [Record("Q515", parents=("Q486972",)), Record("Q1549591", parents=("Q515",)), Record("Q5")]
    >>> sorted(below(["Q486972"], records))
    ['Q1549591', 'Q486972', 'Q515']
    """
    edges = array("q", (int(id[1:]) for record in records for p in record.parents for id in (record.id, p)))
    children, parents = np.frombuffer(edges, dtype=np.int64).reshape(-1, 2).T if edges else np.empty((2, 0), np.int64)
    found = fresh = np.array(sorted({int(root[1:]) for root in roots}), dtype=np.int64)
    while len(fresh):
        fresh = np.setdiff1d(children[np.isin(parents, fresh)], found)
        found = np.concatenate([found, fresh])
    return {f"Q{number}" for number in found.tolist()}


def class_names(used: Iterable[str], records: Iterable[Record]) -> dict[str, Names]:
    """What the classes in ``used`` are called, in each language that their records have.

    >>> class_names({"Q515"}, [Record("Q515", {"ru": "город"}), Record("Q5", {"ru": "человек"})])
    {'Q515': {'ru': 'город'}}
    """
    wanted = set(used)
    return {record.id: record.labels for record in records if record.id in wanted and record.labels}


def named(classes: Iterable[str], names: dict[str, Names], langs: Sequence[str]) -> list[str]:
    """The names of some classes, each in the first of ``langs`` that it has one in; nameless ones are left out.

    >>> named(["Q515", "Q404"], {"Q515": {"en": "city", "ru": "город"}}, ["ru", "en"])
    ['город']
    """
    found = (next((names[id][lang] for lang in langs if lang in names[id]), "") for id in classes if id in names)
    return [name for name in found if name]
