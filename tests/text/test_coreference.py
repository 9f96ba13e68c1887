"""Links that agree across a document: names that recur, and surnames after full names."""

from __future__ import annotations

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


def test_a_surname_in_any_case_takes_the_link_of_the_full_name() -> None:
    text = "Анна Каренина приехала. Карениной обрадовались."
    names = ("Анна Каренина", "PERSON", linked("Q1")), ("Карениной", "PERSON", linked("Q2", 0.99))
    assert settled(text, *names) == ["Q1", "Q1"]


def test_a_surname_of_two_full_names_keeps_its_link() -> None:
    text = "Анна Каренина и Алексей Каренин. Каренин молчал."
    names = (
        ("Анна Каренина", "PERSON", linked("Q1")), ("Алексей Каренин", "PERSON", linked("Q2")),
        ("Каренин", "PERSON", linked("Q3")),
    )  # fmt: skip
    assert settled(text, *names)[2] == "Q3"


def test_a_surname_of_a_full_name_without_an_entry_is_no_namesake() -> None:
    text = "Пётр Левин вошёл. Левин сел."
    assert settled(text, ("Пётр Левин", "PERSON", NIL), ("Левин", "PERSON", linked("Q3"))) == [None, None]


def test_a_name_that_was_not_linked_takes_the_best_link_of_its_name_and_type() -> None:
    text = "Минск ждал. В Минске ждали. О Минске писали."
    names = ("Минск", "CITY", linked("Q1", 0.5)), ("Минске", "CITY", linked("Q2", 0.8)), ("Минске", "CITY", NIL)
    assert settled(text, *names) == ["Q1", "Q2", "Q2"]
    assert settled(text, ("Минск", "CITY", linked("Q1")), ("Минске", "ORGANIZATION", NIL)) == ["Q1", None]


def test_what_is_not_looked_up_stays() -> None:
    text = "2020 год и снова 2020 год"
    assert settled(text, ("2020 год", "DATE", Link("unlinkable")), ("2020 год", "DATE", Link())) == [None, None]


def test_entities_are_mentions_of_one_link() -> None:
    links = linked("Q1"), NIL, linked("Q1")
    mentions = [Mention(f"T{n}", n, n + 1, "CITY", link=link) for n, link in enumerate(links)]
    (entity,) = same_link(mentions)
    assert (entity.mentions, entity.induced) == (("T0", "T2"), "same-link")
