"""Coreference of mentions by their links and names."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from relik_ml.text.tokens import tokens
from relik_ml.types import Entity, Link, Mention

PERSON = "PERSON"

Name = tuple[str, ...]
"""The lemmas of a mention."""


def same_link(mentions: Iterable[Mention]) -> tuple[Entity, ...]:
    """An entity for every id that at least two mentions are linked to."""
    same: dict[str, list[str]] = {}
    for mention in mentions:
        if mention.link.id:
            same.setdefault(mention.link.id, []).append(mention.id)
    groups = [tuple(ids) for ids in same.values() if len(ids) > 1]
    return tuple(Entity(f"E{number}", ids, "same-link") for number, ids in enumerate(groups, 1))


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
