"""Links that agree across a document."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Self

from relik_ml.text.coreference import PERSON
from relik_ml.text.tokens import tokens
from relik_ml.types import Link, Mention, Token

_CYRILLIC = re.compile("[а-яё]")

Name = tuple[str, ...]
"""The lemmas of a mention."""
NamePart = tuple[str, ...]
"""A part of a person's name, after the word for what part it is."""


def settle_links(text: str, mentions: Sequence[Mention], lemma: Callable[[str], str]) -> tuple[Mention, ...]:
    """The mentions with links that agree across the document.

    A NIL mention takes the best link of the mentions with its name and type. Then a person called by a part of a name
    is linked like the only person with such a full name: by initials and the surname, by the surname, or by the given
    name, unless its own entity has just this name («Акихито»). If several full names have the surname in some
    inflection, it is the one with just this form: «Гагарин» is Юрий Гагарин, not Валентина Гагарина.

    >>> full = Mention("T1", 0, 14, "PERSON", link=Link("linked", "Q7747", "Владимир Путин", score=0.9))
    >>> short = Mention("T2", 16, 23, "PERSON", link=Link("linked", "Q1", "Другой Путин", score=0.5))
    >>> lemmas = {"путиным": "путин"}
    >>> def lemma(word): return lemmas.get(word.casefold(), word.casefold())
    >>> [mention.link.id for mention in settle_links("Владимир Путин. Путиным", (full, short), lemma)]
    ['Q7747', 'Q7747']
    """
    spelt = {
        mention.id: tokens(text, mention.start, mention.stop)
        for mention in mentions
        if mention.link.status in ("linked", "nil") and not mention.fragments
    }
    names = {id: tuple(lemma(token.text) for token in found) for id, found in spelt.items()}
    settled = _one_link_per_name(mentions, names)
    called = {m.id: _Called.by(spelt[m.id], names[m.id], m.link) for m in settled if m.type == PERSON and m.id in spelt}
    settled = _linked_alike(settled, called, _Called.initialled_parts, _Called.initialled)
    return tuple(_linked_alike(settled, called, _Called.parts, _Called.part))


class _Called(NamedTuple):
    """What a person is called."""

    initials: Sequence[str]
    names: Sequence[str]
    """Lemmas of the other words."""
    surname: str
    """The last of them as it is written, case-folded."""
    mononym: bool
    """Whether the entity has just this name, or one word of another alphabet, which it cannot be compared with."""

    @classmethod
    def by(cls, spelt: Sequence[Token], lemmas: Name, link: Link) -> Self:
        """An initial is a word before a full stop."""
        stopped = [*(token.text == "." for token in spelt[1:]), False]
        words = [*zip((token.text.casefold() for token in spelt), lemmas, stopped, strict=True)]
        words = [word for word in words if word[0][0].isalnum()]
        initials, names = [word for word, _, stop in words if stop], [word for word in words if not word[2]]
        surname, label = names[-1][0] if names else "", (link.label or " ").casefold()
        mononym = " " not in label and (label in (surname, lemmas[-1]) or not _CYRILLIC.match(label))
        return cls(initials, [lemma for _, lemma, _ in names], surname, mononym)

    def initialled_parts(self) -> Iterator[NamePart]:
        if len(self.names) > 1 and not self.initials:
            yield "initial", self.names[0][:1], self.names[-1]
            yield "initial", self.names[0][:2], self.names[-1]  # «Дж.»

    def initialled(self) -> Iterator[NamePart]:
        if len(self.names) == 1 and self.initials:
            yield "initial", self.initials[0], self.names[0]

    def parts(self) -> Iterator[NamePart]:
        if self.names and len(self.names) + len(self.initials) > 1:
            yield from (("surname", self.names[-1]), ("form", self.surname))
        if len(self.names) > 1:
            yield "given name", self.names[0]

    def part(self) -> Iterator[NamePart]:
        """From the part that tells most to the one that tells least."""
        if len(self.names) == 1 and not self.initials:
            yield from (("surname", self.names[0]), ("form", self.surname))
            if not self.mononym:
                yield "given name", self.names[0]


def _linked_alike(
    mentions: Sequence[Mention],
    called: Mapping[str, _Called],
    parts: Callable[[_Called], Iterable[NamePart]],
    part: Callable[[_Called], Iterable[NamePart]],
) -> list[Mention]:
    """The people called by a ``part`` of a name linked like the only person whose name has it among its ``parts``.

    If several have it, it is the only one that the text has named before, if there is one.
    """
    links: dict[NamePart, dict[str | None, tuple[int, Link]]] = defaultdict(dict)
    for mention in mentions:
        for each in parts(called[mention.id]) if mention.id in called else ():
            start, best = links[each].get(mention.link.id, (mention.start, mention.link))
            links[each][mention.link.id] = min(start, mention.start), max(best, mention.link, key=_score)

    def only(each: NamePart, at: int) -> Link | None:
        known = links.get(each, {}).values()
        found = [link for start, link in known if start < at] or [link for _, link in known]
        return found[0] if len(found) == 1 else None

    def link(mention: Mention) -> Link:
        tried = part(called[mention.id]) if mention.id in called else ()
        found = next(filter(None, (only(each, mention.start) for each in tried)), mention.link)
        return mention.link if found.id == mention.link.id else found

    return [mention.with_link(link(mention)) for mention in mentions]


def _one_link_per_name(mentions: Sequence[Mention], names: Mapping[str, Name]) -> list[Mention]:
    best: dict[tuple[str, Name | None], Link] = {}
    for mention in mentions:
        if mention.id in names and mention.link.status == "linked":
            key = mention.type, names[mention.id]
            best[key] = max(best.get(key, mention.link), mention.link, key=_score)
    return [
        mention.with_link(best.get((mention.type, names.get(mention.id)), mention.link))
        if mention.link.status == "nil"
        else mention
        for mention in mentions
    ]


def _score(link: Link) -> float:
    return link.score or 0.0
