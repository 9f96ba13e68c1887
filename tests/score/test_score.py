"""Every score on cases small enough to count by hand."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.errors import DataError
from relik_ml.score import Counts, ScoreReport, exact, matched, projected, recall, score
from relik_ml.types import Annotated, Document, Entity, Link, Mention, Span, Triple

ALL = Annotated("complete", "complete", "complete", "none", "complete")
#       0        9           21     28         39      47    53
TEXT = "Директор Мариинского театра Валерий Гергиев и Лариса родом из Осетии.\nГергиев женат."
DIRECTOR = Mention("T1", 0, 27, "PROFESSION", link=Link("linked", "Q1162163"))
THEATRE = Mention("T2", 9, 27, "ORGANIZATION", link=Link("linked", "Q207028", alternatives=("Q12",)))
GERGIEV = Mention("T3", 28, 43, "PERSON", link=Link("linked", "Q211997"))
LARISA = Mention("T4", 46, 52, "PERSON", link=Link("nil"))
OSSETIA = Mention("T5", 62, 68, "LOCATION", link=Link("linked", "Q33945"))
AGAIN = Mention("T6", 70, 77, "PERSON", link=Link("linked", "Q211997"))
MENTIONS = (DIRECTOR, THEATRE, GERGIEV, LARISA, OSSETIA, AGAIN)
TRIPLES = (
    Triple("T3", "WORKPLACE", "T2"),
    Triple("T3", "SPOUSE", "T4"),
    Triple("T6", "WORKPLACE", "T2"),
    Triple("T3", "ALTERNATIVE_NAME", "T6"),
)
GOLD = Document("d", TEXT, mentions=MENTIONS, triples=TRIPLES, annotated=ALL)


def lines(text: str) -> Iterator[Span]:
    """Our own sentences: a line each, so that these tests stand on nothing else."""
    start = 0
    for line in text.split("\n"):
        yield Span(start, start + len(line))
        start += len(line) + 1


def scores(predicted: Document, gold: Document = GOLD) -> dict[str, Counts]:
    return dict(score([gold], [predicted], sentences=lines).scores)


def test_counts_make_precision_recall_and_f1() -> None:
    counts = Counts(3, 4, 12)
    assert (counts.precision, counts.recall, counts.f1) == (0.75, 0.25, 0.375)
    assert Counts() + counts == counts
    assert (Counts().f1, Counts(0, 2, 0).recall, Counts(0, 0, 2).precision) == (0.0, 0.0, 0.0)
    assert exact({1, 2}, {2, 3, 4}) == Counts(1, 3, 2)


@given(st.dictionaries(st.integers(0, 4), st.sets(st.integers(0, 4), max_size=3)), st.sets(st.integers(0, 4)))
def test_matching_pairs_as_many_as_possible(gold: dict[int, set[int]], guessed: set[int]) -> None:
    assert matched(gold, guessed) == Counts(most(list(gold.values()), frozenset(guessed)), len(guessed), len(gold))


def most(accepted: list[set[int]], free: frozenset[int]) -> int:
    """The largest pairing by trying everything."""
    if not accepted:
        return 0
    taken = [1 + most(accepted[1:], free - {guess}) for guess in accepted[0] & free]
    return max([most(accepted[1:], free), *taken])


def test_entities_nested_mistyped_doubled_and_missing() -> None:
    guesses = (
        DIRECTOR,
        replace(DIRECTOR, id="P0"),  # a duplicate counts once
        replace(THEATRE, type="FACILITY"),  # right span, wrong type
        replace(GERGIEV, stop=35),  # wrong span
        LARISA,
    )
    report = score([GOLD], [Document("d", TEXT, mentions=guesses)], sentences=lines)
    # PROFESSION 1, ORGANIZATION 0, PERSON 2·1/(2+3) = 0.4, LOCATION 0; FACILITY does not occur in gold
    assert report.macro_f1 == pytest.approx((1 + 0 + 0.4 + 0) / 4)
    found = report.scores
    assert found["ner"] == Counts(2, 4, 6)
    assert found["ner.boundaries"] == Counts(3, 4, 6)
    assert found["ner.type.PERSON"] == Counts(1, 2, 3)
    assert found["ner.type.FACILITY"] == Counts(0, 1, 0)
    assert found["ner.type.ORGANIZATION"] == Counts(0, 0, 1)


def test_discontinuous_mentions_compare_by_their_fragments() -> None:
    broken = Mention("T1", 0, 43, "PROFESSION", (Span(28, 43), Span(0, 8)))
    gold = replace(GOLD, mentions=(broken,), triples=())
    in_order = replace(broken, fragments=(Span(0, 8), Span(28, 43)))
    assert scores(replace(gold, mentions=(in_order,)), gold)["ner"] == Counts(1, 1, 1)
    assert scores(replace(gold, mentions=(replace(broken, fragments=()),)), gold)["ner"] == Counts(0, 1, 1)


def test_links_by_strong_match() -> None:
    guesses = (
        replace(DIRECTOR, link=Link("linked", "Q1")),  # wrong id
        replace(THEATRE, type="FACILITY", link=Link("linked", "Q12")),  # an alternative; the type does not matter
        replace(GERGIEV, stop=35),  # right id, wrong span
        replace(LARISA, link=Link("linked", "Q7")),  # NIL in gold
        replace(OSSETIA, link=Link("nil")),  # NIL guessed
    )
    found = scores(Document("d", TEXT, mentions=guesses))
    assert found["el.inkb"] == Counts(correct=1, guessed=4, gold=5)
    assert found["el.nil"] == Counts(correct=1, guessed=5, gold=6)
    # spans both sides have: director, theatre, Ossetia; ids guessed there: two, one of them right
    assert found["el.gold_spans"] == Counts(correct=1, guessed=2, gold=3)


def test_nil_counts_only_on_types_that_carry_links() -> None:
    gold = replace(GOLD, mentions=(LARISA, OSSETIA, Mention("T9", 53, 58, "EVENT", link=Link("nil"))), triples=())
    guesses = (LARISA, replace(OSSETIA, link=Link("nil")), Mention("P1", 53, 58, "EVENT", link=Link("nil")))
    assert scores(replace(gold, mentions=guesses), gold)["el.nil"] == Counts(1, 2, 2)


def test_links_of_one_span_are_counted_each() -> None:
    other = replace(OSSETIA, id="T7", type="NATIONALITY", link=Link("linked", "Q33968"))
    gold = replace(GOLD, mentions=(OSSETIA, other), triples=())
    assert scores(gold, gold)["el.inkb"] == Counts(2, 2, 2)
    assert scores(replace(gold, mentions=(OSSETIA,)), gold)["el.inkb"] == Counts(1, 1, 2)
    twice = (THEATRE, replace(THEATRE, id="P1", link=Link("linked", "Q12")))  # an alternative answers once
    assert scores(Document("d", TEXT, mentions=twice))["el.inkb"] == Counts(1, 2, 5)


def test_relations_boundaries_strict_scopes_and_aliases() -> None:
    guesses = (DIRECTOR, replace(THEATRE, type="FACILITY"), GERGIEV, LARISA, OSSETIA, AGAIN)
    triples = (
        Triple("T3", "WORKPLACE", "T2"),  # right spans, wrong type of the theatre
        Triple("T4", "SPOUSE", "T3"),  # turned round, which does not matter here
        Triple("T2", "WORKPLACE", "T6"),  # turned round, which does; across two sentences
        Triple("T6", "ALTERNATIVE_NAME", "T3"),  # an alias, across two sentences
        Triple("T3", "SPOUSE", "T4"),  # the second triple again
    )
    found = scores(Document("d", TEXT, mentions=guesses, triples=triples))
    assert found["re.document.boundaries"] == Counts(correct=2, guessed=3, gold=3)
    assert found["re.document.strict"] == Counts(correct=1, guessed=3, gold=3)
    assert found["re.sentence.boundaries"] == Counts(correct=2, guessed=2, gold=2)
    assert found["re.sentence.strict"] == Counts(correct=1, guessed=2, gold=2)
    assert found["re.document.boundaries.aliases"] == Counts(correct=3, guessed=4, gold=4)
    assert found["re.sentence.boundaries.aliases"] == Counts(correct=2, guessed=2, gold=2)


@pytest.mark.parametrize("relation", ["SPOUSE", "SIBLING", "KNOWS", "RELATIVE", "ALTERNATIVE_NAME", "PARENT_OF"])
def test_five_relations_have_no_direction(relation: str) -> None:
    gold = replace(GOLD, triples=(Triple("T3", relation, "T4"),))
    turned = replace(GOLD, triples=(Triple("T4", relation, "T3"),))
    assert scores(turned, gold)["re.document.strict.aliases"].correct == (relation != "PARENT_OF")


def test_a_mention_across_two_sentences_is_in_none() -> None:
    across = replace(OSSETIA, stop=77)
    gold = replace(GOLD, mentions=(GERGIEV, across), triples=(Triple("T3", "ORIGINS_FROM", "T5"),))
    assert scores(gold, gold)["re.sentence.boundaries"] == Counts(0, 0, 0)
    assert scores(gold, gold)["re.document.boundaries"] == Counts(1, 1, 1)


MOVED = (replace(GERGIEV, start=36), replace(THEATRE, start=12, link=Link("linked", "Q12")))
WRONG = (replace(GERGIEV, type="PROFESSION"), replace(THEATRE, link=Link("linked", "Q1")), LARISA)
TURNED = (Triple("T3", "WORKPLACE", "T2"), Triple("T4", "SPOUSE", "T3"))


@pytest.mark.parametrize(("mentions", "triples", "expected"), [
    # twice (Q211997, WORKPLACE, Q207028); the spouse has no id; the alias does not count
    (MENTIONS, TRIPLES, (Counts(1, 1, 1), Counts(2, 2, 2), Counts(2, 2, 2))),
    (MOVED, TRIPLES[:1], (Counts(1, 1, 1), Counts(0, 1, 2), Counts(1, 1, 2))),  # ids count, spans do not
    (WRONG, TURNED, (Counts(0, 1, 1), Counts(0, 1, 2), Counts(1, 2, 2))),  # a wrong type and a wrong id
    (MENTIONS, (Triple("T3", "WORKPLACE", "T6"),), (Counts(0, 0, 1), Counts(0, 1, 2), Counts(0, 0, 2))),  # one id
])  # fmt: skip
def test_closed_facts_count_once_a_document(
    mentions: tuple[Mention, ...], triples: tuple[Triple, ...], expected: tuple[Counts, ...]
) -> None:
    found = scores(Document("d", TEXT, mentions=mentions, triples=triples))
    assert (found["cie.triples"], found["cie.mentions"], found["cie.literals"]) == expected


def test_missing_and_extra_documents_are_counted_and_named() -> None:
    other = replace(GOLD, id="e")
    report = score([GOLD, other], [GOLD, replace(GOLD, id="f")], sentences=lines)
    assert (report.missing, report.extra, report.documents) == (("e",), ("f",), 2)
    assert score([GOLD, other], [other, GOLD], sentences=lines).entities == "gold"
    assert report.scores["ner"] == Counts(6, 6, 12)
    assert report.entities == "end to end"
    assert "1 document (e) of gold not predicted, scored as empty" in report.table()
    assert "1 document (f) predicted but not in gold, ignored" in report.table()


def test_a_layer_gold_does_not_annotate_is_skipped_with_a_note() -> None:
    gold = replace(GOLD, annotated=Annotated(mentions="complete", types="complete"))
    report = score([gold], [GOLD], sentences=lines)
    assert not any(name.startswith(("el", "re", "cie")) for name in report.scores)
    assert "gold links are not annotated, so not scored, in 1 of 1 documents" in report.notes
    both = score([gold, replace(GOLD, id="e")], [GOLD, replace(GOLD, id="e")], sentences=lines)
    assert both.scores["el.inkb"] == Counts(5, 5, 5)
    assert both.scores["ner"].gold == 12


def test_relations_between_entities_count_once_for_any_of_their_mentions() -> None:
    text = "Anna, she, Odessa, Kyiv"
    names = {"T1": "Anna", "T2": "she", "T3": "Odessa", "T4": "Kyiv"}
    mentions = tuple(Mention(id, text.index(name), text.index(name) + len(name), "X") for id, name in names.items())
    known = Annotated(mentions="complete", entities="complete", triples="complete", entity_triples=True)
    born, lives = Triple("T1", "P19", "T3"), Triple("T1", "P551", "T4")
    gold = Document("d", text, mentions=mentions, entities=(Entity("E1", ("T1", "T2")),), triples=(born, lives),
                    annotated=known)  # fmt: skip
    twice = replace(gold, triples=(born, replace(born, subject="T2"), replace(born, subject="T4")))
    assert score([gold], [twice]).scores["re.entities"] == Counts(correct=1, guessed=2, gold=2)
    pairs = replace(gold, annotated=replace(known, entity_triples=False))
    assert "re.entities" not in score([pairs], [twice]).scores


def test_relations_between_entities_get_a_note() -> None:
    gold = replace(GOLD, annotated=replace(GOLD.annotated, entity_triples=True))
    assert any("triples are between entities" in note for note in score([gold], [GOLD], sentences=lines).notes)
    assert not any("between entities" in note for note in score([GOLD], [GOLD], sentences=lines).notes)


@pytest.mark.parametrize(("gold", "predicted", "what"), [
    ([GOLD], [replace(GOLD, text=TEXT.replace("Лариса", "лариса"))], "document 'd', character 46"),
    ([GOLD], [replace(GOLD, text=TEXT[:-1])], f"character {len(TEXT) - 1}"),
    ([GOLD, GOLD], [GOLD], "two documents have one id"),
    ([GOLD], [GOLD, GOLD], "predicted documents"),
    ([], [GOLD], "nothing to score against"),
])  # fmt: skip
def test_what_cannot_be_scored_is_a_data_error(gold: list[Document], predicted: list[Document], what: str) -> None:
    with pytest.raises(DataError) as caught:
        score(gold, predicted, sentences=lines)
    assert what in str(caught.value)


def test_json_has_every_score_and_null_where_nothing_is_there() -> None:
    gold = replace(GOLD, triples=())
    record = score([gold], [gold], sentences=lines).json()
    assert record["scores"]["ner"] == {
        "precision": 1.0, "recall": 1.0, "f1": 1.0, "correct": 6, "guessed": 6, "gold": 6,
    }  # fmt: skip
    assert record["scores"]["cie.triples"]["f1"] is None
    assert len(record["scores"]) == 16
    assert record["types"]["PERSON"]["gold"] == 3
    assert ScoreReport({}).json()["macro_f1"] is None


@st.composite
def documents(draw: st.DrawFn) -> Document:
    ids, types = st.sampled_from(["Q1", "Q2", "Q3"]), st.sampled_from(["PERSON", "CITY", "DATE"])
    linked = st.builds(lambda a, b: Link("linked", a, alternatives=tuple(b - {a})), ids, st.frozensets(ids))
    links = linked | st.sampled_from([Link("nil"), Link("unlinkable"), Link()])
    bounds = st.tuples(st.integers(0, 12), st.integers(1, 3))
    drawn = draw(st.lists(st.tuples(bounds, types, links), max_size=8))
    mentions = tuple(Mention(f"T{n}", a, a + size, type, link=link) for n, ((a, size), type, link) in enumerate(drawn))
    names = st.sampled_from([mention.id for mention in mentions] or ["-"])
    relations = st.sampled_from(["SPOUSE", "WORKPLACE", "ABBREVIATION"])
    triples = draw(st.lists(st.builds(Triple, names, relations, names), max_size=8)) if mentions else []
    return Document("d", "Он здесь.\nИ там.", mentions=mentions, triples=tuple(triples), annotated=ALL)


@given(documents(), documents())
def test_scores_of_any_documents_are_sound(gold: Document, predicted: Document) -> None:
    for counts in scores(gold, gold).values():
        assert counts.correct == counts.guessed == counts.gold
    for counts in scores(predicted, gold).values():
        assert 0 <= counts.correct <= min(counts.guessed, counts.gold)


flat_tags = st.lists(st.sampled_from(["", "PERSON", "CITY"]), min_size=6, max_size=6)


@given(flat_tags, flat_tags)
def test_flat_entities_agree_with_seqeval(gold: list[str], predicted: list[str]) -> None:
    metrics = pytest.importorskip("seqeval.metrics")
    sides = [Document("d", "абвгде", mentions=flat(tags), annotated=ALL) for tags in (gold, predicted)]
    found = scores(sides[1], sides[0])["ner"]
    bio = [[bio_tags(side)] for side in sides]
    assert found.precision == pytest.approx(metrics.precision_score(*bio, zero_division=0))
    assert found.recall == pytest.approx(metrics.recall_score(*bio, zero_division=0))
    assert found.f1 == pytest.approx(metrics.f1_score(*bio, zero_division=0))


def flat(tags: list[str]) -> tuple[Mention, ...]:
    """A mention for each run of one type; a character is a token."""
    starts = [n for n, tag in enumerate(tags) if tag and (n == 0 or tags[n - 1] != tag)]
    stops = [n + 1 for n, tag in enumerate(tags) if tag and (n + 1 == len(tags) or tags[n + 1] != tag)]
    return tuple(Mention(f"T{a}", a, b, tags[a]) for a, b in zip(starts, stops, strict=True))


def bio_tags(document: Document) -> list[str]:
    tags = ["O"] * len(document.text)
    for mention in document.mentions:
        tags[mention.start : mention.stop] = [f"I-{mention.type}"] * (mention.stop - mention.start)
        tags[mention.start] = f"B-{mention.type}"
    return tags


def test_intervals_are_those_of_the_normal_approximation() -> None:
    """F1 of 300 documents is a mean of numbers with standard deviation 0.408."""
    people = tuple(Mention(f"T{n}", n, n + 1, "PERSON") for n in range(2))
    gold = [Document(str(n), "аб", mentions=people, annotated=ALL) for n in range(300)]
    wrong = tuple(replace(person, type="CITY") for person in people)
    found = [replace(one, mentions=(*people[: n % 3], *wrong[n % 3 :])) for n, one in enumerate(gold)]
    report = score(gold, found, sentences=lines, bootstrap=2000)
    low, high = report.intervals["ner"]
    assert low < 0.5 < high
    assert (high - low) / 2 == pytest.approx(1.96 * 0.408 / 300**0.5, rel=0.08)
    assert report.intervals == score(gold, found, sentences=lines, bootstrap=2000).intervals
    few = score(gold[:9], found[:9], sentences=lines, bootstrap=200).intervals["ner"]
    assert few[1] - few[0] > 3 * (high - low)
    assert "95 % interval" in report.table()
    assert "95 % interval" not in score(gold, gold).table()


def test_recall_at_k_and_what_the_index_holds() -> None:
    gold = [{"Q1"}, {"Q2", "Q3"}, {"Q4"}, {"Q9"}]
    candidates = [["Q1", "Q2"], ["Q1", "Q3"], ["Q1", "Q2", "Q4"], []]
    found = recall(gold, candidates, {"Q1", "Q2", "Q3", "Q4"}, ks=(1, 2, 3))
    assert [found.at(k) for k in (1, 2, 3)] == [0.25, 0.5, 0.75]
    assert found.coverage == 0.75
    assert ((found + found).at(2), (found + found).gold) == (0.5, 8)
    with pytest.raises(ValueError, match="shorter"):
        recall(gold, candidates[:2], set())


def test_nerel_dev_gold(shared_data: Path) -> None:
    from relik_ml.data import Report
    from relik_ml.plugins import load_converter

    gold = list(load_converter("nerel").read(shared_data / "nerel", "dev", Report()))
    found = score(gold, gold).scores
    assert {name for name, counts in found.items() if counts.f1 != 1.0} == set()
    assert found["ner"].gold == 5_590
    assert sum(name.startswith("ner.type.") for name in found) == 29
    assert (found["el.inkb"].gold, found["el.nil"].gold) == (3_023, 3_023 + 560)
    assert found["cie.triples"].gold == 1_097


def test_predictions_are_seen_in_the_labels_of_a_coarser_corpus() -> None:
    mentions = Mention("T1", 0, 4, "Peop"), Mention("T2", 13, 19, "Loc")
    gold = Document(
        "e", "Anna, 37, of Moscow.", "en", mentions,
        triples=(Triple("T1", "PLACE_RESIDES_IN", "T2"),), annotated=ALL, meta={"dataset": "conll04"},
    )  # fmt: skip
    person, age, city = Mention("T1", 0, 4, "PERSON"), Mention("T2", 6, 8, "AGE"), Mention("T3", 13, 19, "CITY")
    facts = Triple("T1", "PLACE_RESIDES_IN", "T3"), Triple("T1", "AGE_IS", "T2"), Triple("T1", "WORKPLACE", "T3")
    found = Document("e", gold.text, "en", (person, age, city), triples=facts)
    report = score([gold, GOLD], [found, GOLD])
    assert report.scores["ner"] == Counts(8, 9, 8)  # the age is one of Other
    assert report.scores["re.document.strict"] == Counts(4, 4, 4)
    assert "Loc" in report.notes[-1]
    assert score([replace(gold, meta={})], [found]).scores["ner"].correct == 0
    (one,) = projected([replace(gold, meta={"dataset": "docred"})], [found])
    assert [mention.type for mention in one.mentions] == ["PER", "NUM", "LOC"]
