"""Links that agree across a document: names that recur, and parts of a name after the full name."""

import pytest

from relik_ml.text import Morphology, settle_links
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


WHOLE = Link("linked", "Q3", "Анна Австрийская", score=0.9)
JUST_ANNA = Link("linked", "Q3", "Анна", score=0.9)
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
     ("Левин", "PERSON", linked("Q3"))), ["Q1", None, None]),
    ("Пётр Левин вошёл. Левин сел.", (LEVIN, ("Левин", "PERSON", linked("Q3"))), [None, None]),  # no namesake
    # So do initials and the surname, and the given name alone, but for an entity that has just this name.
    ("Алексей Каренин вошёл. А. Каренина ждали.", (ALEXEI, ("А. Каренина", "PERSON", linked("Q3"))), ["Q2", "Q2"]),
    ("Алексей Каренин вошёл. С. Каренина ждали.", (ALEXEI, ("С. Каренина", "PERSON", linked("Q3"))), ["Q2", "Q3"]),
    ("Джон Смит и Дж. Смит.", (("Джон Смит", "PERSON", NIL), ("Дж. Смит", "PERSON", linked("Q3"))), [None, None]),
    ("Анна Каренина приехала. Анной любовались.", (ANNA, ("Анной", "PERSON", WHOLE)), ["Q1", "Q1"]),
    ("Анна Каренина и Анна Левина. Анной любовались.", (ANNA, ("Анна Левина", "PERSON", NIL),
     ("Анной", "PERSON", WHOLE)), ["Q1", None, "Q3"]),
    ("Анна Каренина приехала. Анной любовались.", (ANNA, ("Анной", "PERSON", JUST_ANNA)), ["Q1", "Q3"]),
    ("Анна Каренина. Анной любовались. Анна Левина ушла.", (ANNA, ("Анной", "PERSON", WHOLE),
     ("Анна Левина", "PERSON", NIL)), ["Q1", "Q1", None]),  # the only one so far
    ("Анна Каренина приехала. Анной любовались.", (ANNA, ("Анной", "WORK_OF_ART", WHOLE)), ["Q1", "Q3"]),
    # What was not linked takes the best link of its name and type.
    ("Минск ждал. В Минске ждали. О Минске писали.", (WEAK, STRONG, ("Минске", "CITY", NIL)), ["Q1", "Q2", "Q2"]),
    ("Минск ждал. В Минске ждали.", (WEAK, ("Минске", "ORGANIZATION", NIL)), ["Q1", None]),
    ("2020 год и снова 2020 год", DATES, [None, None]),  # not looked up
])  # fmt: skip
def test_links_agree_across_a_document(
    text: str, mentions: tuple[tuple[str, str, Link], ...], ids: list[str | None]
) -> None:
    assert settled(text, *mentions) == ids
