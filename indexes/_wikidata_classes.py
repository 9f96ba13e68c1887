"""Classes of Wikidata: what lies below some of them, and what they are called.

Each is found by reading the records through once, so no class needs to stand before its items. Memory is 16 bytes a
statement of P279 and about 100 bytes for a class that is used or lies below a chosen one.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._wikidata_records import Names, Record

Numbers: TypeAlias = NDArray[np.int64]


class Survey(NamedTuple):
    """What one reading of all records tells of classes: each statement of P279, and which classes are used."""

    children: Numbers
    parents: Numbers
    used: set[str]

    @classmethod
    def of(cls, records: Iterable[Record], told: Callable[[Record], Iterable[str]]) -> Survey:
        """A survey of records; ``told`` says which classes the passage of a record will name."""
        edges, used = array("q"), set[str]()
        for record in records:
            for parent in record.parents:
                edges.extend((int(record.id[1:]), int(parent[1:])))
            if record.listed:
                used.update(told(record))
        children, parents = np.array(edges, dtype=np.int64).reshape(-1, 2).T
        return cls(children, parents, used)

    def below(self, roots: Iterable[str]) -> set[str]:
        """Some classes and everything that is a subclass of one, over any number of steps; cycles do no harm.

        >>> records = [Record("Q515", parents=("Q486972",)), Record("Q1549591", parents=("Q515",)), Record("Q5")]
        >>> sorted(Survey.of(records, lambda record: ()).below(["Q486972"]))
        ['Q1549591', 'Q486972', 'Q515']
        """
        found = fresh = np.array(sorted({int(root[1:]) for root in roots}), dtype=np.int64)
        while len(fresh):
            fresh = np.setdiff1d(self.children[np.isin(self.parents, fresh)], found)
            found = np.concatenate([found, fresh])
        return {f"Q{number}" for number in found.tolist()}


def class_names(used: set[str], records: Iterable[Record]) -> dict[str, Names]:
    """What the classes in ``used`` are called, in each language that their records have a name in.

    >>> class_names({"Q515"}, [Record("Q515", {"ru": "город"}), Record("Q5", {"ru": "человек"})])
    {'Q515': {'ru': 'город'}}
    """
    return {record.id: record.labels for record in records if record.id in used and record.labels}


def named(classes: Iterable[str], names: dict[str, Names], langs: Sequence[str]) -> list[str]:
    """The names of some classes, each in the first of ``langs`` that it has one in; nameless ones are left out.

    >>> named(["Q515", "Q404"], {"Q515": {"en": "city", "ru": "город"}}, ["ru", "en"])
    ['город']
    """
    found = (next((names[id][lang] for lang in langs if lang in names[id]), "") for id in classes if id in names)
    return [name for name in found if name]
