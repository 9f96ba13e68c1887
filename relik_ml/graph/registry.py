"""The ids of entities that no index knows, and what people decided about them: ``entities.json`` in a store.

A thing keeps its id, also while its document is not in the store. Decisions are about things of documents, so they hold
when a document is loaded again.

>>> registry = Registry()
>>> first = registry.assign([["a", "b"], ["c"]])
>>> registry.merge("a", "c")
>>> registry.ids["c"] == registry.ids["b"] == first["a"]
True
>>> registry.split(["b"])
>>> registry.ids["c"] == first["a"] != registry.ids["b"], registry.apart() == {("a", "b"), ("c", "b")}
(True, True)
"""

from __future__ import annotations

import json
from base64 import b32encode
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count, product
from pathlib import Path
from typing import Any

from relik_ml.data import atomic_path
from relik_ml.errors import ModelError

FILE = "entities.json"
_LETTERS = 10


@dataclass
class Registry:
    """Entities by the ids of their things, and decisions by hand in their order.

    A decision has the things of both sides: those that are one entity, or are to be two.
    """

    ids: dict[str, str] = field(default_factory=dict)
    decisions: list[tuple[str, list[str], list[str]]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Registry:
        """That of a store; an empty one if nothing was resolved. ModelError when the file is damaged."""
        path = folder / FILE
        if not path.exists():
            return cls()
        try:
            record: dict[str, Any] = json.loads(path.read_bytes())
            return cls(dict(record["ids"]), [(kind, one, other) for kind, one, other in record["decisions"]])
        except (ValueError, KeyError, TypeError) as error:
            fix = f"restore the file, or remove it and run `relik-ml graph resolve --store {folder}`: ids may change"
            raise ModelError("the ids of entities cannot be read", where=str(path), got=str(error), fix=fix) from None

    def write(self, folder: Path) -> None:
        """Write the file in one step."""
        with atomic_path(folder / FILE) as path:
            text = json.dumps({"ids": self.ids, "decisions": self.decisions}, ensure_ascii=False, indent=0)
            path.write_text(text, encoding="utf-8")

    def assign(self, clusters: Iterable[list[str]]) -> dict[str, str]:
        """Give each cluster of things an id. One that most of its things had stays; a new one is made of the first."""
        clusters = sorted(clusters)
        had = [Counter(self.ids[id] for id in cluster if id in self.ids) for cluster in clusters]
        wishes = sorted((-n, at, id) for at, ids in enumerate(had) for id, n in ids.items())
        given: dict[int, str] = {}
        taken: set[str] = set()
        for _, at, id in wishes:
            if at not in given and id not in taken:
                given[at] = id
                taken.add(id)
        known = set(self.ids.values())
        for at, cluster in enumerate(clusters):
            id = given.get(at) or _new_id(cluster[0], known)
            known.add(id)
            self.ids |= dict.fromkeys(cluster, id)
        return self.ids

    def merge(self, one: str, other: str) -> None:
        """Let the entities of two things be one, which has the id of the first."""
        first, second = self._things(self.ids[one]), self._things(self.ids[other])
        self.decisions.append(("same", first, second))
        self.ids |= dict.fromkeys(second, self.ids[one])

    def split(self, things: Collection[str]) -> None:
        """Let these things of an entity be one of their own, which gets a new id. The others stay one."""
        out = sorted(things)
        rest = [id for id in self._things(self.ids[out[0]]) if id not in things]
        self.decisions.append(("apart", rest, out))
        self.ids |= dict.fromkeys(out, _new_id(out[0], set(self.ids.values())))

    def together(self) -> list[set[str]]:
        """The things that are one entity, as far as no later decision divides them."""
        groups: list[set[str]] = []
        for kind, one, other in self.decisions:
            if kind == "same":
                groups.append({*one, *other})
            else:
                groups = [part for group in groups for part in (group - {*other}, group & {*other})]
                groups += [{*one}, {*other}]
        return groups

    def apart(self) -> set[tuple[str, str]]:
        """Pairs of things that are two entities, as far as no later decision unites them."""
        pairs: set[tuple[str, str]] = set()
        for kind, one, other in self.decisions:
            if kind == "same":
                united = {*one, *other}
                pairs = {pair for pair in pairs if not united.issuperset(pair)}
            else:
                pairs |= set(product(one, other))
        return pairs

    def _things(self, id: str) -> list[str]:
        return sorted(thing for thing, own in self.ids.items() if own == id)


def _new_id(thing: str, known: Collection[str]) -> str:
    digests = (sha256(f"{number} {thing}".encode()).digest() for number in count())
    ids = (f"L{b32encode(digest).decode().lower()[:_LETTERS]}" for digest in digests)
    return next(id for id in ids if id not in known)
