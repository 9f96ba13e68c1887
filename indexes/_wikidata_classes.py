"""Classes of Wikidata: their subclasses and their names.

Each is found in one pass over all records, so classes may come after their instances. A statement of P279 needs 16
bytes of memory, a class that is used or is a subclass of a chosen one about 100 bytes.
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
    """The statements of P279 of all records, and the classes that passages use."""

    children: Numbers
    parents: Numbers
    used: set[str]

    @classmethod
    def of(cls, records: Iterable[Record], told: Callable[[Record], Iterable[str]]) -> Survey:
        """Survey records; ``told`` returns the classes that the passage of a record names."""
        edges, used = array("q"), set[str]()
        for record in records:
            for parent in record.parents:
                edges.extend((int(record.id[1:]), int(parent[1:])))
            if record.listed:
                used.update(told(record))
        children, parents = np.array(edges, dtype=np.int64).reshape(-1, 2).T
        return cls(children, parents, used)

    def below(self, roots: Iterable[str]) -> set[str]:
        """The classes ``roots`` and all their direct and indirect subclasses; cycles are allowed.

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
    """The names of the classes in ``used``, by language.

    >>> class_names({"Q515"}, [Record("Q515", {"ru": "город"}), Record("Q5", {"ru": "человек"})])
    {'Q515': {'ru': 'город'}}
    """
    return {record.id: record.labels for record in records if record.id in used and record.labels}


def named(classes: Iterable[str], names: dict[str, Names], langs: Sequence[str]) -> list[str]:
    """The names of classes, each in the first of ``langs`` with a name; classes without a name are left out.

    >>> named(["Q515", "Q404"], {"Q515": {"en": "city", "ru": "город"}}, ["ru", "en"])
    ['город']
    """
    found = (next((names[id][lang] for lang in langs if lang in names[id]), "") for id in classes if id in names)
    return [name for name in found if name]
