"""Kinds and order of facts, and the rules for what a sentence states, on marked sentences of our own."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from relik_ml.facts import HIDDEN
from relik_ml.statements import Statement, statement
from relik_ml.text import sentences
from relik_ml.types import Document, Link, Mention, Span, Triple

HERE = Path(__file__).parent
TEXT = "Президент США Джо Байден не был в Туле. Он родился в Скрантоне. Байден из Скрантона. 5 % и 7 %."


def mention(id: str, surface: str, type: str, status: str = "nil", link: str | None = None, nth: int = 0) -> Mention:
    start = -1
    for _ in range(nth + 1):
        start = TEXT.index(surface, start + 1)
    return Mention(id, start, start + len(surface), type, link=Link(status, link))  # type: ignore[arg-type]


BIDEN = mention("T1", "Джо Байден", "PERSON", "linked", "Q6279")
MENTIONS = (
    BIDEN, mention("T2", "Президент США", "PROFESSION"), mention("T3", "США", "COUNTRY"), mention("T4", "Туле", "CITY"),
    mention("T5", "Скрантоне", "CITY", "linked", "Q271395"), mention("T6", "Скрантона", "CITY", "linked", "Q271395"),
    mention("T7", "Байден", "PERSON", "linked", "Q6279", nth=1), mention("T8", "5 %", "PERCENT", "unlinkable"),
    mention("T9", "7 %", "PERCENT", "unlinkable"), mention("T10", "родился", "EVENT", "unknown"),
)  # fmt: skip
TRIPLES = {
    "event": ("T1", "PARTICIPANT_IN", "T10"),
    "tautology": ("T2", "WORKPLACE", "T3"),
    "office": ("T1", "WORKS_AS", "T2"),
    "negated": ("T1", "PLACE_RESIDES_IN", "T4"),
    "repetition": ("T7", "PLACE_OF_BIRTH", "T6"),
    "birth": ("T1", "PLACE_OF_BIRTH", "T5"),
    "itself": ("T1", "ALTERNATIVE_NAME", "T7"),
    "literal": ("T8", "ALTERNATIVE_NAME", "T9"),
}


@pytest.fixture
def document() -> Document:
    scores = {"repetition": 0.5, "birth": 0.9}
    triples = tuple(
        Triple(*triple, evidence=tuple(sentences(TEXT)), score=scores.get(name, 0.8))
        for name, triple in TRIPLES.items()
    )
    return Document("d", TEXT, mentions=MENTIONS, triples=triples)


def test_facts_are_shown_by_interest(document: Document) -> None:
    shown = [(fact.subject.text, fact.relation, fact.object.text) for fact in document.facts()]
    assert shown == [
        ("Джо Байден", "PLACE_OF_BIRTH", "Скрантоне"),
        ("Джо Байден", "WORKS_AS", "Президент США"),
        ("Джо Байден", "PARTICIPANT_IN", "родился"),
    ]


def test_every_kind_of_hidden_fact_is_found(document: Document) -> None:
    facts = document.facts(hidden=True)
    assert len(facts) == len(TRIPLES)
    assert [fact.kind for fact in facts[3:]] == ["negated", "repetition", "tautology", "tautology", "literal"]
    assert facts[4].score == 0.5
    assert [fact for fact in facts if fact.kind not in HIDDEN] == document.facts()


def test_a_denied_fact_makes_no_repetition(document: Document) -> None:
    denied = Triple("T1", "PLACE_RESIDES_IN", "T4", evidence=(Span(0, 39),), score=1.0)
    stated = replace(denied, object="T5", evidence=(Span(40, 63),))
    assert [fact.kind for fact in replace(document, triples=(denied, stated)).facts(hidden=True)] == [
        "stated",
        "negated",
    ]


def marked(name: str) -> Iterator[tuple[Statement, Statement]]:
    """What each sentence of a file does with its fact, and what the rules make of it."""
    for line in (HERE / f"statements_{name}.tsv").read_text(encoding="utf-8").splitlines():
        right, relation, written = line.split("\t")
        text, spans = "", {}
        for char in written:
            if char in "[]{}":
                spans[char] = len(text)
            else:
                text += char
        subject, object = Span(spans["["], spans["]"]), Span(spans["{"], spans["}"])
        yield right, statement(text, subject, object, tuple(sentences(text)), relation)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "precision", "recall"), [("made", 0.95, 0.85), ("held_out", 0.9, 0.65)], ids=["made", "held out"]
)
def test_statements_of_our_own_sentences(name: str, precision: float, recall: float) -> None:
    """200 sentences that the rules were made with, and 100 that were written before any result on them."""
    pairs = Counter(marked(name))
    for kind in ("negated", "hypothetical", "quoted"):
        found = sum(count for (_, given), count in pairs.items() if given == kind)
        wanted = sum(count for (right, _), count in pairs.items() if right == kind)
        assert pairs[kind, kind] >= precision * found, kind
        assert pairs[kind, kind] >= recall * wanted, kind


def test_a_sentence_of_nothing_but_markers() -> None:
    text = "не заявил, что « если, " * 400
    assert statement(text, Span(3, 9), Span(len(text) - 8, len(text) - 7), (Span(0, len(text)),)) != "stated"
