"""Links that agree across a document: names that recur, and surnames after full names."""

import pytest

from relik_ml.text import Morphology, same_link, settle_links
from relik_ml.types import Link, Mention

LEMMA = Morphology().lemma
NIL = Link("nil", score=0.9)


def linked(id: str, score: float = 0.9) -> Link:
    return Link("linked", id, id, score=score)


def settled(text: str, *mentions: tuple[str, str, Link]) -> list[str | None]:
    """The ids after settling; each mention is the next occurrence of its surface."""
    found, start = [], 0
    for number, (surface, type_, link) in enumerate(mentions):
        start = text.index(surface, start)
        found.append(Mention(f"T{number}", start, start + len(surface), type_, link=link))
        start += len(surface)
    return [mention.link.id for mention in settle_links(text, found, LEMMA)]


ANNA, LEVIN = ("Анна Каренина", "PERSON", linked("Q1")), ("Пётр Левин", "PERSON", NIL)
ALEXEI = ("Алексей Каренин", "PERSON", linked("Q2"))
WEAK, STRONG = ("Минск", "CITY", linked("Q1", 0.5)), ("Минске", "CITY", linked("Q2", 0.8))
DATES = (("2020 год", "DATE", Link("unlinkable")), ("2020 год", "DATE", Link()))


@pytest.mark.parametrize(("text", "mentions", "ids"), [
    # A surname in any case takes the link of the full name; of two full names that of the one with just this form.
    ("Анна Каренина приехала. Карениной обрадовались.", (ANNA, ("Карениной", "PERSON", linked("Q2", 0.99))),
     ["Q1", "Q1"]),
    ("Анна Каренина и Алексей Каренин. Каренин молчал.", (ANNA, ALEXEI, ("Каренин", "PERSON", linked("Q3"))),
     ["Q1", "Q2", "Q2"]),
    ("Анна Каренина и Алексей Каренин. О Каренине говорили.", (ANNA, ALEXEI, ("Каренине", "PERSON", linked("Q3"))),
     ["Q1", "Q2", "Q3"]),
    ("Анна Левина и Пётр Левин. Левин сел.", (("Анна Левина", "PERSON", linked("Q1")), LEVIN,
     ("Левин", "PERSON", linked("Q3"))), ["Q1", None, "Q3"]),
    ("Пётр Левин вошёл. Левин сел.", (LEVIN, ("Левин", "PERSON", linked("Q3"))), [None, None]),  # no namesake
    # What was not linked takes the best link of its name and type.
    ("Минск ждал. В Минске ждали. О Минске писали.", (WEAK, STRONG, ("Минске", "CITY", NIL)), ["Q1", "Q2", "Q2"]),
    ("Минск ждал. В Минске ждали.", (WEAK, ("Минске", "ORGANIZATION", NIL)), ["Q1", None]),
    ("2020 год и снова 2020 год", DATES, [None, None]),  # not looked up
])  # fmt: skip
def test_links_agree_across_a_document(
    text: str, mentions: tuple[tuple[str, str, Link], ...], ids: list[str | None]
) -> None:
    assert settled(text, *mentions) == ids


def test_entities_are_mentions_of_one_link() -> None:
    links = linked("Q1"), NIL, linked("Q1")
    mentions = [Mention(f"T{n}", n, n + 1, "CITY", link=link) for n, link in enumerate(links)]
    (entity,) = same_link(mentions)
    assert (entity.mentions, entity.induced) == (("T0", "T2"), "same-link")
