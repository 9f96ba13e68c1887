"""Coreference of mentions by their links and names."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from relik_ml.text.nominative import Nominative
from relik_ml.types import Entity, Mention

PERSON = "PERSON"
TITLES = frozenset({"WORK_OF_ART", "PRODUCT"})
"""Types whose names are titles, which are quoted in the nominative or not declined as a phrase."""
QUOTES = ("«", '"', "„", "“", "'")


def same_link(mentions: Iterable[Mention]) -> tuple[Entity, ...]:
    """An entity for every id that at least two mentions are linked to."""
    return _entities(("same-link", mention.link.id, mention) for mention in mentions)


def same_referent(mentions: Iterable[Mention]) -> tuple[Entity, ...]:
    """The entities of ``same_link``, and one for every name that at least two NIL mentions of a type share.

    The name is the label of the link (see ``named``). Names without a capital are not of one thing.
    """
    return _entities(
        ("same-link", mention.link.id, mention) if mention.link.id else ("same-name", _name_key(mention), mention)
        for mention in mentions
    )


def _name_key(mention: Mention) -> tuple[str, str] | None:
    label = mention.link.label if mention.link.status == "nil" else None
    return (label, mention.type) if label and not label.islower() else None


def _entities(keyed: Iterable[tuple[str, object, Mention]]) -> tuple[Entity, ...]:
    """An entity for each key, unless it is None, that at least two mentions have."""
    same: dict[tuple[str, object], list[str]] = {}
    for induced, key, mention in keyed:
        if key is not None:
            same.setdefault((induced, key), []).append(mention.id)
    groups = [(induced, tuple(ids)) for (induced, _), ids in same.items() if len(ids) > 1]
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
