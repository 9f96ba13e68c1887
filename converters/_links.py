"""Wikidata references of brat mentions: which items a mention's lines mean, and which of several is the likeliest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from relik_ml.plugins import Report
from relik_ml.types import Link

from ._brat import Bound, Reference, Standoff

Items = dict[str, str]  # QID → label, in the order of the lines; empty when the mention is NIL
Choices = dict[str, Items]  # mention id → its items, for every mention that has a reference

_ITEM = re.compile(r"\(?(Q[1-9]\d*)\)?")


def read_choices(standoff: Standoff, types: Collection[str], report: Report) -> Choices:
    """The items of every mention that has a reference; references of mentions of other ``types`` are dropped."""
    choices: Choices = {}
    nil: set[str] = set()
    for reference in standoff.references:
        if (type := standoff.bounds[reference.target].type) not in types:
            got = f"{type} {reference.value}"
            report.defect("link on a type that carries none: dropped", "reference lines", reference.where, got)
            continue
        items = choices.setdefault(reference.target, {})
        if (item := _item(reference, report)) == "NULL":
            nil.add(reference.target)
        elif item:
            items[item] = items.get(item) or reference.label
    for id, items in choices.items():
        where, got = standoff.bounds[id].where, " ".join(items)
        if items and id in nil:
            report.defect("NULL beside a QID: NULL dropped", "mention lines", where, got)
        if len(items) > 1:
            report.defect("several QIDs: the likeliest taken", "mention lines", where, got)
    return choices


def _item(reference: Reference, report: Report) -> str | None:
    """The QID a reference means, NULL for NIL, None when it means no item."""
    value = reference.value
    if value == "NULL":
        return value
    if item := _ITEM.fullmatch(value):
        if item[1] != value:
            report.defect("bracket at a QID: stripped", "reference lines", reference.where, value)
        return item[1]
    if value.upper() in ("NULL", "MULL"):
        report.defect("NULL misspelt: read as NIL", "reference lines", reference.where, value)
        return "NULL"
    report.defect("link to no item: dropped", "reference lines", reference.where, value)
    return None


class Ranking:
    """Ranks the items of one mention by how often the split gives each, alone, to the same type and lemma.

    Where annotators copied a pair of QIDs through a document, mentions with one QID tell which of them the
    word usually means: «Москвы» is the city, not its government. Ties go to the item that the split has more
    often under any name, then to the earlier line. Mentions with several QIDs have no vote.
    """

    def __init__(self, votes: Iterable[tuple[Bound, Items]], lemma: Callable[[str], str]) -> None:
        self._lemma = lemma
        votes = list(votes)
        contested = {item for _, items in votes if len(items) > 1 for item in items}
        self._counts: Counter[tuple[str, ...]] = Counter()
        for bound, items in votes:
            if len(items) == 1 and not contested.isdisjoint(items):
                (item,) = items
                self._counts.update([(*self._name(bound), item), (item,)])

    def link(self, bound: Bound, items: Items) -> Link:
        """NIL without items, else the likeliest with the others as alternatives, likeliest first."""
        if not items:
            return Link("nil")
        first, *others = items if len(items) == 1 else self._ranked(bound, items)
        return Link("linked", first, items[first] or None, tuple(others))

    def _ranked(self, bound: Bound, items: Items) -> list[str]:
        name = self._name(bound)
        return sorted(items, key=lambda item: (-self._counts[(*name, item)], -self._counts[(item,)]))

    def _name(self, bound: Bound) -> tuple[str, str]:
        return bound.type, " ".join(map(self._lemma, re.findall(r"\w+", bound.surface)))
