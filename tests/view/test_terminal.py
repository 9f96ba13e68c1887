"""The readable view: golden texts of our own, and what holds for every text."""

import re
import unicodedata
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from relik_ml.types import Document, Link, Mention, Property, Span, Triple
from relik_ml.view import legend, printable, render

NESTED = Document(
    id="news/1",
    text="Президент России встретился\nв Туле с\u00a0Ивановым.",
    mentions=(
        Mention("T1", 0, 16, "PROFESSION", link=Link("linked", "Q218295", "президент РФ")),
        Mention("T2", 10, 16, "COUNTRY", link=Link("linked", "Q159", "Россия")),
        Mention("T3", 30, 34, "CITY", link=Link("linked", "Q2770", "Тула")),
        Mention("T4", 37, 45, "PERSON", link=Link("nil")),
    ),
    triples=(
        Triple("T1", "WORKPLACE", "T2", Property("P108", inverse=True), (Span(0, 27),), 0.756),
        Triple("T4", "KNOWS", "T1"),
    ),
)

GOLDEN = """\
news/1: 4 упоминания, 2 факта

[Президент [России · страна Q159] · профессия Q218295] встретился
в [Туле · город Q2770] с\u00a0[Ивановым · человек, нет в индексе].

  Ивановым (нет в индексе) — знакомство → Президент России (Q218295 президент РФ)
  Президент России (Q218295 президент РФ) — место работы (P108⁻¹) → России (Q159 Россия) 0.76 очевидное
    «Президент России встретился»"""


def test_the_view_as_a_whole() -> None:
    assert render(NESTED, width=110, hidden=True) == GOLDEN


def test_hidden_facts_are_counted() -> None:
    shown = render(NESTED).split("\n")
    assert shown[0] == "news/1: 4 упоминания, 1 факт, скрыто 1 (очевидное 1)"
    assert not any("очевидное" in line for line in shown[1:])


def test_a_text_that_is_not_russian_has_an_english_view() -> None:
    shown = render(replace(NESTED, lang="en"), width=110, hidden=True)
    assert shown.startswith("news/1: 4 mentions, 2 facts\n\n[Президент [России · country Q159] · profession Q218295]")
    assert "Ивановым · person, not in this index]" in shown
    assert "— workplace (P108⁻¹) → России (Q159 Россия) 0.76 obvious\n" in shown


def test_facts_of_one_sentence_share_it() -> None:
    triples = (*NESTED.triples[:1], Triple("T4", "KNOWS", "T1", evidence=(Span(0, 27),)), Triple("T4", "AGENT", "T3"))
    shown = render(replace(NESTED, triples=triples), width=110, hidden=True)
    assert shown.count("«Президент России встретился»") == 1
    assert "РФ)\n  Президент России (Q218295 президент РФ) — место работы (P108⁻¹) → России (Q159 Россия)" in shown


def novel() -> Document:
    """A long text: a sentence with a fact, then twelve shorter ones with one each, all about one person."""
    text, mentions, triples = "", [], []
    for number in range(13):
        start, filler = len(text), "и так далее " * (30 if number == 0 else 19)
        text += f"Пётр {number} раз {filler}приехал в Тулу{number}. "
        city = text.rindex("Тулу")
        mentions += [Mention(f"P{number}", start, start + 4, "PERSON", link=Link("linked", "Q1", "Пётр I"))]
        mentions += [Mention(f"C{number}", city, len(text) - 2, "CITY", link=Link("nil"))]
        evidence = (Span(start, len(text) - 1),)
        triples += [Triple(f"P{number}", name, f"C{number}", evidence=evidence) for name in ("KNOWS", "AGENT")]
    return Document("novel", text, mentions=tuple(mentions), triples=tuple(triples))


def test_a_long_text_is_summed_up() -> None:
    lines = render(novel(), width=300).split("\n")
    cities = ", ".join(f"Тулу{number}" for number in range(10))
    assert lines[:6] == [
        "novel: 852 слова, 26 упоминаний, 26 фактов (кратко; целиком: --full)",
        "",
        "Упомянуто",
        "  человек 1: Пётр I Q1 ×13",
        f"  город 13: {cities}, ещё 3",
        "",
    ]
    assert lines[6:8] == ["Главные факты (10 из 26)", "  Пётр (Q1 Пётр I) — знакомство → Тулу0 (нет в индексе)"]
    assert all(len(sentence) <= 250 and sentence.endswith("…»") for sentence in lines[8::2])
    assert len(lines) == 7 + 2 * 10


def test_a_long_text_is_shown_in_full() -> None:
    shown = render(novel(), width=300, full=True)
    assert shown.startswith("novel: 26 упоминаний, 26 фактов\n\n[Пётр · человек Q1] 0 раз и так далее")
    assert shown.count(" → ") == 26
    assert "…" not in shown


def test_the_legend_explains_what_was_shown() -> None:
    assert [line.partition(":")[0] for line in legend(render(NESTED), "ru", width=200).split("\n")] == [
        "[Одессе · город Q1874]", "А — отношение (P19) → Б 0.95",
    ]  # fmt: skip
    assert "×7" in legend(render(novel()), "ru")
    assert "the property runs" in legend(render(NESTED, hidden=True), "en")
    assert "\x1b[32mpeople\x1b[0m" in legend("·", "en", color=True)
    assert legend("Тула", "ru", color=True) == ""


def test_lines_are_wrapped_at_blanks() -> None:
    lines = render(NESTED, width=40, hidden=True).split("\n")
    assert lines[2:5] == [
        "[Президент [России · страна Q159] ·",
        "профессия Q218295] встретился",
        "в [Туле · город Q2770] с\u00a0[Ивановым ·",
    ]
    assert lines[10:12] == ["  Президент России (Q218295 президент", "    РФ) — место работы (P108⁻¹) → России"]


def test_colours_change_nothing_but_the_escape_codes() -> None:
    coloured = render(NESTED, color=True, width=100)
    assert "\x1b[34m[\x1b[0m\x1b[1;34mТуле\x1b[0m\x1b[34m · город Q2770]\x1b[0m" in coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == render(NESTED, width=100)


def test_discontinuous_and_crossing_mentions_are_numbered() -> None:
    text = "Иван и Мария Петровы"
    apart = Mention("T1", 0, 20, "PERSON", fragments=(Span(13, 20), Span(0, 4)))
    whole = Mention("T2", 7, 20, "PERSON")
    lines = render(Document("d", text, mentions=(apart, whole))).split("\n")
    assert lines[2] == "[¹Иван¹] и [Мария [¹Петровы · человек¹] · человек]"

    left, right = Mention("T1", 0, 12, "FAMILY"), Mention("T2", 7, 20, "PERSON")
    lines = render(Document("d", text, mentions=(left, right))).split("\n")
    assert lines[2] == "[¹Иван и [²Мария · семья¹] Петровы · человек²]"


def test_nothing_from_a_document_steers_the_terminal() -> None:
    evil = "a\x1b[2J\x07\x9b\u202eb\ud800\r"
    link = Link("linked", f"Q1{evil}", f"c{evil}")
    mention = Mention("T1", 0, 3, f"TYPE{evil}", link=link)
    other = Mention("T2", 3, 5, "PERSON", link=Link("linked", f"Q2{evil}", f"c{evil}"))
    triple = Triple("T1", f"REL{evil}", "T2", Property(f"P1{evil}"), (Span(0, 9),), 0.5)
    shown = render(Document(evil, evil * 2, mentions=(mention, other), triples=(triple,)))
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in shown.replace("\n", ""))
    assert shown.count("\\u202e") >= 8


def test_printable_keeps_letters_emoji_and_joiners() -> None:
    for text in ("Ёлка\u00a0№ 5", "👩\u200d🚀", "со\u00adглас", "и\u0306"):
        assert printable(text) == text


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Texts with any mentions: nested, crossing, equal, in fragments."""
    text = draw(st.text("абв ", min_size=1, max_size=30))
    spans = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).filter(lambda s: s[0] < s[1])
    found = []
    for number, parts in enumerate(draw(st.lists(st.lists(spans, min_size=1, max_size=3, unique=True), max_size=6))):
        fragments = tuple(Span(*part) for part in parts)
        start, stop = min(f.start for f in fragments), max(f.stop for f in fragments)
        found.append(Mention(f"T{number}", start, stop, "X", fragments=fragments if len(fragments) > 1 else ()))
    return Document("d", text, mentions=tuple(found))


@given(documents())
def test_brackets_only_add_to_the_text_and_pair_up(document: Document) -> None:
    shown = "".join(render(document, width=10_000).split("\n")[2:])
    bare = re.sub("\\[[⁰¹²³⁴⁵⁶⁷⁸⁹]*|( · X)?[⁰¹²³⁴⁵⁶⁷⁸⁹]*\\]", "", shown)
    assert bare.split() == document.text.split()
    parts = sum(len(mention.fragments) or 1 for mention in document.mentions)
    assert shown.count("[") == shown.count("]") == parts


@given(st.text(), st.integers(1, 60))
def test_lines_fit_the_width_unless_a_word_is_longer(text: str, width: int) -> None:
    shown = render(Document("d", text), width=width).partition("\n\n")[2].split("\n")
    words = map(printable, re.split("\r?\n|[ \t]+", text))
    assert "".join("".join(shown).split()) == "".join("".join(words).split())  # blanks at the end of a line are cut
    assert all(" " not in line.strip(" ") for line in shown if len(line) > width and line.isascii())
