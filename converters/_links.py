"""Wikidata references of brat mentions: the items of each mention, and the most likely one of several."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from relik_ml.data import Report
from relik_ml.types import Link

from ._brat import Bound, Reference, Standoff

NIL = "NULL"
Items = dict[str, str]  # QID → label, in the order of the lines; NULL alone when the mention is NIL
Choices = dict[str, Items]  # mention id → its items, for every mention with a reference that can be read

_ITEM = re.compile(r"\(?(Q[1-9]\d*)\)?")


def read_choices(standoff: Standoff, types: Collection[str], report: Report) -> Choices:
    """The items of every mention with a valid reference. References of mentions of other ``types`` are dropped.

    A reference that is not an item does not make its mention NIL.
    """
    choices: Choices = {}
    for reference in standoff.references:
        if (type := standoff.bounds[reference.target].type) not in types:
            got = f"{type} {reference.value}"
            report.defect("link on a type that carries none: dropped", "reference lines", reference.where, got)
            continue
        if item := _item(reference, report):
            items = choices.setdefault(reference.target, {})
            if item in items:
                report.defect("link given twice: one kept", "reference lines", reference.where, reference.value)
            items[item] = items.get(item) or reference.label
    for id, items in choices.items():
        where = standoff.bounds[id].where
        if len(items) > 1 and items.pop(NIL, None) is not None:
            report.defect("NULL beside a QID: NULL dropped", "mention lines", where, " ".join(items))
        if len(items) > 1:
            report.defect("several QIDs: the likeliest taken", "mention lines", where, " ".join(items))
    return choices


def _item(reference: Reference, report: Report) -> str | None:
    """The QID of a reference, NULL for NIL, None when it is not an item."""
    value = reference.value
    if value == NIL:
        return value
    if item := _ITEM.fullmatch(value):
        if item[1] != value:
            report.defect("bracket at a QID: stripped", "reference lines", reference.where, value)
        return item[1]
    if value.upper() in ("NULL", "MULL"):
        report.defect("NULL misspelt: read as NIL", "reference lines", reference.where, value)
        return NIL
    report.defect("link to no item: dropped", "reference lines", reference.where, value)
    return None


class Ranking:
    """Ranks the items of a mention by their frequency as the only item of mentions with the same type and lemma.

    Some annotators copied a pair of QIDs through a document. Mentions with one QID show which of them the word usually
    means: «Москвы» is the city, not its government. Ties go to the item that is more frequent under any name, then to
    the earlier line. Mentions with several QIDs do not count.
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
        """NIL, or the most likely item with the others as alternatives, in the order of likelihood."""
        if NIL in items:
            return Link("nil", label=items[NIL] or None)
        first, *others = items if len(items) == 1 else self._ranked(bound, items)
        return Link("linked", first, items[first] or None, tuple(others))

    def _ranked(self, bound: Bound, items: Items) -> list[str]:
        name = self._name(bound)
        return sorted(items, key=lambda item: (-self._counts[(*name, item)], -self._counts[(item,)]))

    def _name(self, bound: Bound) -> tuple[str, str]:
        return bound.type, " ".join(map(self._lemma, re.findall(r"\w+", bound.surface)))
