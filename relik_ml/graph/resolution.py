"""Which things of different documents are one entity, decided by their names.

Things are one entity when they have a type and a name in common, in any inflection; then by rules that find more, each
measured on NEREL by ``benchmarks/resolution.py``: a person's initials, a name as it sounds in the other alphabet, an
adjective and its place, a fact that gives one thing two names, and a surname that only one person has.

>>> names = "Пётр Лунин", "Петром Луниным", "Лунина"
>>> things = [LocalThing(f"{n}", "PERSON", (name,)) for n, name in enumerate(names)]
>>> cluster(things, lemma=str.lower)
[['0', '1', '2']]
>>> cluster(things, lemma=str.lower, apart=[("0", "1")])
[['0'], ['1'], ['2']]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from relik_ml.names import derived_keys, is_initial, sound_key, spellings, surface_keys, words_of

Lemma = Callable[[str], str]

PERSON = "PERSON"
PLACES = frozenset({"CITY", "COUNTRY", "DISTRICT", "LOCATION", "STATE_OR_PROVINCE"})
HEARD = 3
"""The most words of a name that is compared by its sound."""


class LocalThing(NamedTuple):
    """A thing as one document knows it. ``names`` begins with the label; ``same`` are things that a fact equates."""

    id: str
    type: str
    names: tuple[str, ...]
    same: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its name in the nominative."""
        return self.names[0]


def cluster(
    things: Collection[LocalThing],
    lemma: Lemma,
    together: Iterable[Collection[str]] = (),
    apart: Iterable[tuple[str, str]] = (),
    rules: Sequence[str] = (),
) -> list[list[str]]:
    """The ids of the things of each entity, sorted; the order of ``things`` does not matter.

    ``together`` are ids of one entity, and ``apart`` pairs of two, whatever their names. ``rules`` are those of
    ``RULES`` that apply; without any, all do.
    """
    things = sorted(things)
    found = _Clusters((thing.id for thing in things), apart)
    for group in together:
        known = [id for id in group if id in found]
        for one in known[1:]:
            found.join(known[0], one)
    keys = {thing.id: _keys(thing, lemma) for thing in things}
    for rule in rules or RULES:
        RULES[rule](things, keys, lemma, found)
    return found.groups()


class _Clusters:
    """Disjoint sets of ids, of which some must not meet."""

    def __init__(self, ids: Iterable[str], apart: Iterable[tuple[str, str]]) -> None:
        self._root = {id: id for id in ids}
        self._members = {id: [id] for id in self._root}
        self._foes: dict[str, set[str]] = defaultdict(set)
        for one, other in apart:
            if one in self and other in self:
                self._foes[one].add(other)
                self._foes[other].add(one)

    def __contains__(self, id: str) -> bool:
        return id in self._root

    def root(self, id: str) -> str:
        """The id that stands for the set of this one."""
        while (above := self._root[id]) != id:
            self._root[id] = id = self._root[above]
        return id

    def join(self, one: str, other: str) -> bool:
        """Make two sets one, unless they must not meet. Whether they are one."""
        one, other = sorted([self.root(one), self.root(other)], key=lambda id: (-len(self._members[id]), id))
        if one == other:
            return True
        if any(self.root(foe) == other for foe in self._foes.get(one, ())):
            return False
        self._root[other] = one
        self._members[one] += self._members.pop(other)
        if other in self._foes:
            self._foes[one] |= self._foes.pop(other)
        return True

    def groups(self) -> list[list[str]]:
        """The sets, each sorted."""
        return sorted(map(sorted, self._members.values()))


Keys = dict[str, set[int]]


def _keys(thing: LocalThing, lemma: Lemma) -> set[int]:
    """The keys of its names. Of a person only the fullest counts, because a surname is that of many."""
    names = {thing.label, *spellings(thing.label, human=True)} if thing.type == PERSON else thing.names
    return {key for name in names for key in surface_keys(name, lemma)}


def _spelt(things: Iterable[LocalThing], keys: Keys, lemma: Lemma, found: _Clusters) -> None:
    _join_alike(((thing, key) for thing in things for key in sorted(keys[thing.id])), found)


def _heard(things: Iterable[LocalThing], keys: Keys, lemma: Lemma, found: _Clusters) -> None:
    named = (thing for thing in things if not thing.label.islower() and len(words_of(thing.label)) <= HEARD)
    _join_alike(((thing, key) for thing in named if (key := sound_key(thing.label))), found)


def _initialled(things: Iterable[LocalThing], keys: Keys, lemma: Lemma, found: _Clusters) -> None:
    """«В. Путин» and the only person with this surname whose name begins so."""
    full: dict[tuple[int, str], list[str]] = defaultdict(list)
    short: list[tuple[str, str, str]] = []
    for thing, words in _people(things):
        initials = [word for word in words if is_initial(word)]
        others = [word for word in words if not is_initial(word)]
        if initials and len(others) == 1:
            short.append((thing.id, others[0], initials[0]))
        elif not initials and len(words) > 1:
            for key in surface_keys(words[-1], lemma):
                full[key, words[0][0]].append(thing.id)
    for id, surname, initial in short:
        _join_only(id, (other for key in surface_keys(surname, lemma) for other in full[key, initial[0]]), found)


def _derived(things: Iterable[LocalThing], keys: Keys, lemma: Lemma, found: _Clusters) -> None:
    """An adjective of a place and the place of its type that most things are."""
    places = [thing for thing in things if thing.type in PLACES]
    named: dict[tuple[int, str], list[str]] = defaultdict(list)
    for thing in places:
        for key in keys[thing.id]:
            named[key, thing.type].append(thing.id)
    for thing in places:
        if len(words := words_of(thing.label)) == 1:
            bases = derived_keys(words[0], lemma) - keys[thing.id]
            roots = [found.root(id) for key in bases for id in named.get((key, thing.type), ())]
            if roots:
                found.join(min(roots, key=lambda root: (-roots.count(root), root)), thing.id)


def _stated(things: Iterable[LocalThing], keys: Keys, lemma: Lemma, found: _Clusters) -> None:
    types = {thing.id: thing.type for thing in things}
    for thing in things:
        for other in thing.same:
            if types.get(other) == thing.type:
                found.join(thing.id, other)


def _surnames(things: Iterable[LocalThing], keys: Keys, lemma: Lemma, found: _Clusters) -> None:
    """A surname alone, and the only person who has it."""
    full: dict[int, list[str]] = defaultdict(list)
    short = []
    for thing, words in _people(things):
        if len(words) == 1:
            short.append(thing.id)
        elif words:
            for key in surface_keys(words[-1], lemma):
                full[key].append(thing.id)
    for id in short:
        _join_only(id, (other for key in keys[id] for other in full.get(key, ())), found)


def _people(things: Iterable[LocalThing]) -> Iterator[tuple[LocalThing, list[str]]]:
    return ((thing, words_of(thing.label)) for thing in things if thing.type == PERSON)


def _join_alike(keyed: Iterable[tuple[LocalThing, int]], found: _Clusters) -> None:
    """Join things of one type and key; those that must not be one stay with the first that they may join."""
    homes: dict[tuple[int, str], list[str]] = defaultdict(list)
    for thing, key in keyed:
        home = homes[key, thing.type]
        if not any(found.join(one, thing.id) for one in home):
            home.append(thing.id)


def _join_only(id: str, others: Iterable[str], found: _Clusters) -> None:
    """Join a thing to others if these are one entity."""
    if len(roots := {found.root(other) for other in others}) == 1:
        found.join(roots.pop(), id)


RULES: Mapping[str, Callable[[Iterable[LocalThing], Keys, Lemma, _Clusters], None]] = {
    "name": _spelt, "sound": _heard, "initials": _initialled, "adjective": _derived, "stated": _stated,
    "surname": _surnames,
}  # fmt: skip
"""What makes things one entity, in this order."""
