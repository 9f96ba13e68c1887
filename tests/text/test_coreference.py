"""Entities of a document: mentions of one link."""

from relik_ml.text import same_link
from relik_ml.types import Link, Mention


def test_entities_are_mentions_of_one_link() -> None:
    links = Link("linked", "Q1"), Link("nil"), Link("linked", "Q1")
    mentions = [Mention(f"T{n}", n, n + 1, "CITY", link=link) for n, link in enumerate(links)]
    (entity,) = same_link(mentions)
    assert (entity.mentions, entity.induced) == (("T0", "T2"), "same-link")
