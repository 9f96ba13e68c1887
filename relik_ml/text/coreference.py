"""Coreference of mentions by their links and names."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from relik_ml.text.nominative import Nominative
from relik_ml.types import Entity, Mention, Triple

PERSON = "PERSON"
TITLES = frozenset({"WORK_OF_ART", "PRODUCT"})
"""Types whose names are titles, which are quoted in the nominative or not declined as a phrase."""
LINKED = "same-link"
Key = tuple[str, ...]
"""What mentions of one entity share, after how it was found."""
QUOTES = ("«", '"', "„", "“", "'")


def same_link(mentions: Iterable[Mention]) -> tuple[Entity, ...]:
    """An entity for every id that at least two mentions are linked to."""
    return _entities({mention.id: (LINKED, mention.link.id) for mention in mentions if mention.link.id})


def same_referent(mentions: Sequence[Mention], aliases: Iterable[Triple] = ()) -> tuple[Entity, ...]:
    """The entities of ``same_link``, and one for every name that at least two NIL mentions of a type share.

    The name is the label of the link (see ``named``). Names without a capital are not of one thing. A triple of
    ``aliases`` relates two names of one thing: it joins what its mentions refer to, unless both are linked.

    >>> from relik_ml.types import Link
    >>> mentions = [Mention(id, at, at + 4, "PRODUCT", link=Link("nil")) for id, at in (("T1", 0), ("T2", 9))]
    >>> same_referent(mentions, [Triple("T2", "ABBREVIATION", "T1", score=0.9)])
    (Entity(id='E1', mentions=('T1', 'T2'), induced='alias'),)
    """
    keys = {mention.id: _key(mention) for mention in mentions}
    joined: dict[Key, Key] = {}

    def root(key: Key) -> Key:
        while key in joined:
            key = joined[key]
        return key

    for alias in aliases:
        one, other = sorted((root(keys[alias.subject]), root(keys[alias.object])), key=lambda key: key[0] == LINKED)
        if one != other and one[0] != LINKED:
            joined[one] = other if other[0] == LINKED else ("alias", *other[1:])
            if other[0] not in (LINKED, "alias"):
                joined[other] = joined[one]
    return _entities({id: root(key) for id, key in keys.items()})


def _key(mention: Mention) -> Key:
    """What decides which mentions are the same: the link, the name of a NIL mention, or the mention itself."""
    if mention.link.id:
        return LINKED, mention.link.id
    label = mention.link.label if mention.link.status == "nil" else None
    return ("same-name", label, mention.type) if label and not label.islower() else ("alone", mention.id)


def _entities(keys: Mapping[str, Key]) -> tuple[Entity, ...]:
    """An entity for each key that at least two mentions have."""
    same: dict[Key, list[str]] = {}
    for id, key in keys.items():
        same.setdefault(key, []).append(id)
    groups = [(key[0], tuple(ids)) for key, ids in same.items() if len(ids) > 1]
    return tuple(Entity(f"E{number}", ids, induced) for number, (induced, ids) in enumerate(groups, 1))


def named(text: str, mentions: Sequence[Mention], names: Nominative) -> tuple[Mention, ...]:
    """The mentions with a name in the nominative as the label of each NIL link.

    A person called by the surname, or by initials and the surname, gets the full name of the only person whose name
    it fits. What stands in quotation marks is not changed.

    >>> from relik_ml.text import Morphology
    >>> from relik_ml.types import Link
    >>> spans = {"T1": (2, 18), "T2": (20, 25)}
    >>> mentions = [Mention(id, *span, "PERSON", link=Link("nil")) for id, span in spans.items()]
    >>> [each.link.label for each in named("С Фридрихом Мерцем. Мерца", mentions, Nominative(Morphology()))]
    ['Фридрих Мерц', 'Фридрих Мерц']
    """
    surfaces = {
        mention.id: " ".join(text[mention.start : mention.stop].split())
        for mention in mentions
        if mention.link.status == "nil" and not mention.fragments
    }
    people = names.persons({surfaces[m.id] for m in mentions if m.id in surfaces and m.type == PERSON})
    full = _full_names(set(people.values()))

    def label(mention: Mention, surface: str) -> str:
        if mention.type == PERSON:
            return full[people[surface]]
        quoted = mention.type in TITLES or text[: mention.start].endswith(QUOTES)
        return surface if quoted else names.phrase(surface)

    return tuple(
        replace(mention, link=replace(mention.link, label=label(mention, surfaces[mention.id])))
        if mention.id in surfaces
        else mention
        for mention in mentions
    )


def _full_names(names: Set[str]) -> dict[str, str]:
    """For each name the longest that it may be short for, if all others that it may be are short for that too."""
    words = {name: name.replace(".", ". ").split() for name in names}

    def full(name: str) -> str:
        longer = [each for each, of in words.items() if len(of) > 1 and _is_short_for(words[name], of)]
        longest = max(longer, key=len, default=name)
        return longest if all(_is_short_for(words[each], words[longest]) for each in longer) else name

    return {name: full(name) for name in names}


def _is_short_for(short: Sequence[str], full: Sequence[str]) -> bool:
    """Whether the surnames are the same, and each other word or initial is one of the full name."""
    if short[-1].casefold() != full[-1].casefold() or any("." in word for word in full):
        return False
    return all(
        any(word == of or (word[-1] == "." and of.startswith(word[:-1])) for of in full[:-1]) for word in short[:-1]
    )
