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
    linked like the person whose full name ends in it, unless the text gives full names of several persons with it.

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
    return tuple(_one_link_per_surname(_one_link_per_name(mentions, names), names))


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


def _one_link_per_surname(mentions: Sequence[Mention], names: Mapping[str, Name]) -> list[Mention]:
    bearers: dict[str, dict[str | None, Link]] = defaultdict(dict)
    for mention in mentions:
        name = names.get(mention.id, ())
        if mention.type == PERSON and len(name) > 1:
            links = bearers[name[-1]]
            links[mention.link.id] = max(links.get(mention.link.id, mention.link), mention.link, key=_score)
    settled = {surname: next(iter(links.values())) for surname, links in bearers.items() if len(links) == 1}
    return [
        replace(mention, link=settled[name[0]])
        if mention.type == PERSON
        and len(name := names.get(mention.id, ())) == 1
        and settled.get(name[0], mention.link).id != mention.link.id
        else mention
        for mention in mentions
    ]


def _score(link: Link) -> float:
    return link.score or 0.0
