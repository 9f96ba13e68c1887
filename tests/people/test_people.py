"""What the embedded model shows of twelve texts of our own, against facts and links that were written down by hand.

- ``names.tsv``: the names that a text uses for one entity, and its Wikidata items. Several items may be right; ``-``
  means that the index has none, ``?`` that links are not judged.
- ``facts.tsv``: the facts of a text. `` | `` separates alternatives that say the same, ``^`` reverses a relation.
- ``judged.tsv``: a verdict by eye on each fact that was shown and is not among those.

Names are compared by their words without endings, so that a text may inflect them.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from relik_ml import Argument, Document, Fact, Relik
from relik_ml.bundle import EMBEDDED

HERE = Path(__file__).parent
FLOORS = {"precision": 0.82, "recall": 0.57}
MOST_WRONG_LINKS = 0.10
MOST_TAUTOLOGIES = 0
SYMMETRIC = {"ALTERNATIVE_NAME", "KNOWS", "RELATIVE", "SIBLING", "SPOUSE"}

Name = tuple[str, ...]
ENDING = re.compile("(?:[ое]г|[аеоиыюя][мх])$")
VOWELS = "аеиоуыэюяйь"
PREPOSITIONS = {"в", "до", "за", "к", "с"}


class Said(NamedTuple):
    """A fact by the first names of its entities; those of a symmetric relation are in alphabetical order."""

    text: str
    subject: Name
    relation: str
    object: Name


class Gold(NamedTuple):
    """A fact of a text: any of these names and relations."""

    text: str
    subjects: frozenset[Name]
    relations: tuple[str, ...]
    objects: frozenset[Name]

    def says(self, fact: Said) -> bool:
        if fact.text != self.text:
            return False
        there = fact.subject in self.subjects and fact.object in self.objects and fact.relation in self.relations
        back = fact.object in self.subjects and fact.subject in self.objects
        either = fact.relation in self.relations and fact.relation in SYMMETRIC
        return there or (back and (either or f"^{fact.relation}" in self.relations))


# Reading the gold


def rows(file: str) -> Iterator[list[str]]:
    """The rows of a table below its heading."""
    return (line.split("\t") for line in (HERE / file).read_text("utf-8").splitlines()[1:])


def stems(name: str) -> Name:
    """The words of a name without case, quotes and endings, and without a preposition before a date."""
    words = re.findall(r"\w+", name.lower().replace("ё", "е"))
    words = words[words[0] in PREPOSITIONS and len(words) > 1 :]
    short = (ENDING.sub("", word.rstrip(VOWELS)).rstrip(VOWELS) for word in words)
    return tuple(stem if len(stem) > 1 else word[:2] for stem, word in zip(short, words, strict=True))


@cache
def entities() -> dict[tuple[str, Name], tuple[Name, list[str]]]:
    """The first name of an entity and its items, by text and any of its names."""
    known: dict[tuple[str, Name], tuple[Name, list[str]]] = {}
    for text, names, items in rows("names.tsv"):
        each = [*map(stems, names.split(" | "))]
        for name in each:
            known.setdefault((text, name), (each[0], items.split()))
    return known


def entity(text: str, name: str) -> Name:
    """The first name of the entity that a text calls so."""
    return entities().get((text, stems(name)), (stems(name), []))[0]


def said(text: str, subject: str, relation: str, found: str) -> Said:
    first, second = entity(text, subject), entity(text, found)
    if relation in SYMMETRIC:
        first, second = sorted((first, second))
    return Said(text, first, relation, second)


@cache
def gold() -> list[Gold]:
    facts = []
    for text, subjects, relations, objects in rows("facts.tsv"):
        names = (frozenset(entity(text, name) for name in cell.split(" | ")) for cell in (subjects, objects))
        facts.append(Gold(text, next(names), tuple(relations.split(" | ")), next(names)))
    return facts


@cache
def verdicts() -> dict[Said, bool]:
    return {said(*row[:4]): row[4] == "true" for row in rows("judged.tsv")}


# Reading the model


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    if not (EMBEDDED["accurate"] / "manifest.json").is_file():
        pytest.skip("relik_ml/pretrained holds no model")
    paths = sorted((HERE / "texts").glob("*.txt"))
    texts = (Document(path.stem, path.read_text("utf-8")) for path in paths)
    return list(Relik.from_pretrained("accurate").annotate(texts))


@pytest.fixture(scope="module")
def shown(documents: list[Document]) -> dict[Said, tuple[str, Fact]]:
    """The facts as they are shown, each once."""
    found: dict[Said, tuple[str, Fact]] = {}
    for document in documents:
        for fact in document.facts():
            key = said(document.id, fact.subject.text, fact.relation, fact.object.text)
            if key not in found or tautology(found[key][1]):
                found[key] = (document.id, fact)
    return found


def inside(inner: Argument, outer: Argument) -> bool:
    return outer.start <= inner.start and inner.stop <= outer.stop


def tautology(fact: Fact) -> bool:
    """One mention lies inside the other: «Пермский краевой суд» — HEADQUARTERED_IN → «Пермский»."""
    return inside(fact.object, fact.subject) or inside(fact.subject, fact.object)


def is_true(key: Said, fact: Fact) -> bool | None:
    """Whether the text says something that a reader did not see in the name, or None if that was not judged."""
    if tautology(fact):
        return False
    return True if any(each.says(key) for each in gold()) else verdicts().get(key)


def row(text: str, fact: Fact) -> str:
    return "\t".join((text, fact.subject.text, fact.relation, fact.object.text))


# Judging it


def test_the_gold_is_sound() -> None:
    """Every row names what its text has, and no fact is judged twice."""
    texts = {path.stem: path.read_text("utf-8") for path in (HERE / "texts").glob("*.txt")}
    assert len(texts) == 12
    assert all(80 <= len(text.split()) <= 250 for text in texts.values())
    for text, *cells in [row[:2] for row in rows("names.tsv")] + [
        [row[0], row[1], row[3]] for row in rows("facts.tsv")
    ]:
        words = set(stems(texts[text]))
        for cell in cells:
            assert any(words.issuperset(stems(name)) for name in cell.split(" | ")), f"{text}: {cell}"
    assert len(gold()) >= 120
    assert len(verdicts()) == len(list(rows("judged.tsv")))
    assert [key for key in verdicts() if any(each.says(key) for each in gold())] == []


def test_most_facts_shown_are_true(shown: dict[Said, tuple[str, Fact]]) -> None:
    judged = {key: is_true(key, fact) for key, (_, fact) in shown.items()}
    precision = sum(verdict is True for verdict in judged.values()) / len(judged)
    unjudged = "\n".join(row(*shown[key]) for key, verdict in judged.items() if verdict is None)
    assert precision >= FLOORS["precision"], f"{precision:.3f} of {len(judged)}; not in judged.tsv:\n{unjudged}"


def test_most_facts_of_the_texts_are_shown(shown: dict[Said, tuple[str, Fact]]) -> None:
    missing = [each for each in gold() if not any(each.says(key) for key in shown)]
    recall = 1 - len(missing) / len(gold())
    assert recall >= FLOORS["recall"], f"{recall:.3f} of {len(gold())}; missing\n" + "\n".join(map(str, missing))


def test_few_facts_repeat_what_is_in_a_name(documents: list[Document]) -> None:
    found = [row(document.id, fact) for document in documents for fact in document.facts() if tautology(fact)]
    assert len(found) <= MOST_TAUTOLOGIES, "\n".join(found)


def test_few_links_are_wrong(documents: list[Document]) -> None:
    """A link of a name that is not in names.tsv counts as wrong; one with a question mark does not count."""
    right, wrong = 0, []
    for document in documents:
        for mention in document.mentions:
            name, link = document.surface(mention), mention.link
            items = entities().get((document.id, stems(name)), ((), []))[1]
            if link.id is None or "?" in items:
                continue
            right += link.id in items
            if link.id not in items:
                wrong.append("\t".join((document.id, name, link.id, link.label or "", "" if items else "not judged")))
    share = len(wrong) / (right + len(wrong))
    assert share <= MOST_WRONG_LINKS, f"{share:.3f} of {right + len(wrong)}\n" + "\n".join(wrong)
