"""Which mentions of a document stand for one thing, as far as links and names tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from relik_ml.text.tokens import tokens
from relik_ml.types import Entity, Link, Mention

PERSON = "PERSON"


def same_link(mentions: Iterable[Mention]) -> tuple[Entity, ...]:
    """An entity for every id that at least two mentions are linked to."""
    same: dict[str, list[str]] = {}
    for mention in mentions:
        if mention.link.id:
            same.setdefault(mention.link.id, []).append(mention.id)
    groups = [tuple(ids) for ids in same.values() if len(ids) > 1]
    return tuple(Entity(f"E{number}", ids, "same-link") for number, ids in enumerate(groups, 1))


def one_person_a_surname(text: str, mentions: Sequence[Mention], lemma: Callable[[str], str]) -> tuple[Mention, ...]:
    """The mentions, each person called by one word linked like the person whose full name ends in it.

    Where the text gives full names of several persons with that surname, nothing changes. Of several links of one full
    name the one with the highest score counts.

    >>> full = Mention("T1", 0, 14, "PERSON", link=Link("linked", "Q7747", "Владимир Путин", score=0.9))
    >>> short = Mention("T2", 16, 23, "PERSON", link=Link("linked", "Q1", "Другой Путин", score=0.5))
    >>> lemmas = {"путиным": "путин"}
    >>> lemma = lambda word: lemmas.get(word.casefold(), word.casefold())
    >>> [mention.link.id for mention in one_person_a_surname("Владимир Путин. Путиным", (full, short), lemma)]
    ['Q7747', 'Q7747']
    """
    words = {
        mention.id: tuple(lemma(token.text) for token in tokens(text, mention.start, mention.stop))
        for mention in mentions
        if mention.type == PERSON and not mention.fragments
    }
    bearers: dict[str, dict[tuple[str, ...], list[Link]]] = defaultdict(lambda: defaultdict(list))
    for mention in mentions:
        name = words.get(mention.id, ())
        if len(name) > 1:
            bearers[name[-1]][name].append(mention.link)
    return tuple(_like_full_name(mention, words.get(mention.id, ()), bearers) for mention in mentions)


def _like_full_name(
    mention: Mention, name: tuple[str, ...], bearers: dict[str, dict[tuple[str, ...], list[Link]]]
) -> Mention:
    """The mention; a lone surname with the link of the only full name that ends in it."""
    full = bearers.get(name[0], {}) if len(name) == 1 else {}
    links = [max(links, key=lambda link: link.score or 0.0) for links in full.values()]
    known = {link.id for link in links}
    if len(known) != 1 or (best := max(links, key=lambda link: link.score or 0.0)).status not in ("linked", "nil"):
        return mention
    return mention if mention.link.id == best.id else replace(mention, link=best)
