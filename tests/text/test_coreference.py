"""Entities of a document: mentions of one link, of one name, and names of one thing."""

from relik_ml.text import same_link, same_referent
from relik_ml.types import Link, Mention, Triple


def mentions(*links: Link) -> list[Mention]:
    return [Mention(f"T{n}", n, n + 1, "CITY", link=link) for n, link in enumerate(links)]


def test_entities_are_mentions_of_one_link() -> None:
    (entity,) = same_link(mentions(Link("linked", "Q1"), Link("nil"), Link("linked", "Q1")))
    assert (entity.mentions, entity.induced) == (("T0", "T2"), "same-link")


def test_names_of_one_thing_join_what_they_refer_to() -> None:
    tula, oka, long = Link("linked", "Q1"), Link("linked", "Q2"), Link("nil", label="Тула")
    found = mentions(
        tula, long, Link("nil"), oka, long, Link("nil"), Link("nil", label="Ока"), Link("nil", label="Ока")
    )

    def entities(*pairs: tuple[int, int]) -> set[tuple[str, ...]]:
        aliases = [Triple(f"T{one}", "ALTERNATIVE_NAME", f"T{other}") for one, other in pairs]
        return {(each.induced, *each.mentions) for each in same_referent(found, aliases)}

    rivers = ("same-name", "T6", "T7")
    assert entities() == {("same-name", "T1", "T4"), rivers}
    assert entities((2, 1), (5, 4)) == {("alias", "T1", "T2", "T4", "T5"), rivers}
    assert entities((2, 1), (0, 2)) == {("same-link", "T0", "T1", "T2", "T4"), rivers}
    assert entities((0, 3)) == entities(), "two items are never joined"
    assert entities((0, 2), (2, 3)) == {("same-link", "T0", "T2"), ("same-name", "T1", "T4"), rivers}
    assert len(entities((1, 6), (7, 4), (2, 5), (5, 1))) == 1
