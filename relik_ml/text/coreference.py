"""Coreference of mentions by their links and names."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace

from relik_ml.text.nominative import Nominative
from relik_ml.text.tokens import tokens
from relik_ml.types import Entity, Link, Mention

PERSON = "PERSON"
TITLES = frozenset({"WORK_OF_ART", "PRODUCT"})
"""Types whose names are titles, which are quoted in the nominative or not declined as a phrase."""
QUOTES = ("«", '"', "„", "“", "'")

Name = tuple[str, ...]
"""The lemmas of a mention."""


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


def settle_links(text: str, mentions: Sequence[Mention], lemma: Callable[[str], str]) -> tuple[Mention, ...]:
    """The mentions with links that agree across the document.

    A NIL mention takes the best link of the mentions with its name and type. Then a person called by one word is
    linked like the person whose full name ends in it. If several full names do, in some inflection, it is the one that
    ends in just this form, if that is linked: «Гагарин» is Юрий Гагарин, not Валентина Гагарина.

    >>> full = Mention("T1", 0, 14, "PERSON", link=Link("linked", "Q7747", "Владимир Путин", score=0.9))
    >>> short = Mention("T2", 16, 23, "PERSON", link=Link("linked", "Q1", "Другой Путин", score=0.5))
    >>> lemmas = {"путиным": "путин"}
    >>> def lemma(word): return lemmas.get(word.casefold(), word.casefold())
    >>> [mention.link.id for mention in settle_links("Владимир Путин. Путиным", (full, short), lemma)]
    ['Q7747', 'Q7747']
    """
    names = {
        mention.id: tuple(lemma(token.text) for token in tokens(text, mention.start, mention.stop))
        for mention in mentions
        if mention.link.status in ("linked", "nil") and not mention.fragments
    }
    surnames = {id: tokens(text, m.start, m.stop)[-1].text.casefold() for m in mentions if names.get(id := m.id)}
    return tuple(_one_link_per_surname(_one_link_per_name(mentions, names), names, surnames))


def _one_link_per_name(mentions: Sequence[Mention], names: Mapping[str, Name]) -> list[Mention]:
    best: dict[tuple[str, Name | None], Link] = {}
    for mention in mentions:
        if mention.id in names and mention.link.status == "linked":
            key = mention.type, names[mention.id]
            best[key] = max(best.get(key, mention.link), mention.link, key=_score)
    return [
        replace(mention, link=best.get((mention.type, names.get(mention.id)), mention.link))
        if mention.link.status == "nil"
        else mention
        for mention in mentions
    ]


def _one_link_per_surname(
    mentions: Sequence[Mention], names: Mapping[str, Name], surnames: Mapping[str, str]
) -> list[Mention]:
    """``surnames`` has the last word of each name as it is written."""
    by_lemma: dict[str, dict[str | None, Link]] = defaultdict(dict)
    by_form: dict[str, dict[str | None, Link]] = defaultdict(dict)
    for mention in mentions:
        name, link = names.get(mention.id, ()), mention.link
        if mention.type == PERSON and len(name) > 1:
            for links in (by_lemma[name[-1]], by_form[surnames[mention.id]]):
                links[link.id] = max(links.get(link.id, link), link, key=_score)
    settled = {surname: only for surname, links in by_lemma.items() if (only := _only(links))}
    forms = {surname: only for surname, links in by_form.items() if (only := _only(links)) and only.id}

    def surname_link(mention: Mention) -> Link:
        name = names.get(mention.id, ())
        if mention.type != PERSON or len(name) != 1:
            return mention.link
        found = settled.get(name[0]) or forms.get(surnames[mention.id]) or mention.link
        return mention.link if found.id == mention.link.id else found

    return [replace(mention, link=surname_link(mention)) for mention in mentions]


def _only(links: Mapping[str | None, Link]) -> Link | None:
    return next(iter(links.values())) if len(links) == 1 else None


def _score(link: Link) -> float:
    return link.score or 0.0
