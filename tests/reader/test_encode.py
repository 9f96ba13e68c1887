"""Windows and gold as arrays: every place is worked out by hand, and what cannot be a target is none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relik_ml.network import IGNORE, Array, Gold
from relik_ml.reader import BatchEncoder, Inputs, Snap
from relik_ml.text import windows
from relik_ml.types import (
    Annotated,
    Candidate,
    Completeness,
    Document,
    Entity,
    Entry,
    Hit,
    Link,
    Mention,
    Retrieved,
    Span,
    Triple,
)

TYPES = [Entry("CITY", "type", "город"), Entry("PERSON", "type", "человек")]
RELATIONS = [Entry("BORN", "relation", "место рождения"), Entry("KNOWS", "relation", "знаком с")]
TEXT = "Анна Ким родилась в Минске, столице Беларуси."
ANNA, MINSK, BELARUS = (0, 8), (20, 26), (36, 44)


class Nothing:
    """An encoder that takes nothing, for what is the same in all of them."""

    def fit(self, batch: Sequence[Retrieved]) -> list[Retrieved]:
        return [replace(item, entities=item.entities[:1]) for item in batch]

    def __call__(self, batch: Sequence[Retrieved]) -> Mapping[str, Array]:
        return {"windows": np.array(len(batch))}


def encoder(max_mention: int = 4, hit_features: int = 2) -> BatchEncoder:
    return BatchEncoder(cast(Inputs, Nothing()), TYPES, max_mention, hit_features)


def entity(id: str) -> Candidate:
    return Candidate(Entry(id, "entity", id), 1.0)


def document(*mentions: Mention, triples: Sequence[Triple] = (), annotated: Completeness = "complete") -> Document:
    layers = Annotated("complete", "complete", "complete", "none", annotated)
    return Document("d", TEXT, mentions=mentions, triples=tuple(triples), annotated=layers)


def item(
    of: Document, entities: Sequence[str] = (), relations: Sequence[Entry] = RELATIONS, hits: Sequence[Hit] = ()
) -> Retrieved:
    found = tuple(Candidate(entry, 0.0) for entry in relations)
    return Retrieved(windows(of, 64, 64)[0], tuple(map(entity, entities)), found, tuple(hits))


def gold_of(*items: Retrieved) -> Gold[Array]:
    gold = encoder().with_gold(items).gold
    assert gold is not None
    return gold


def types_of(gold: Gold[Array]) -> list[list[list[str]]]:
    """The types that each gold mention may have, by name."""
    return [[[TYPES[type].id for type in mention.nonzero()[0]] for mention in window] for window in gold.types]


def person(id: str, span: tuple[int, int], type_: str = "PERSON", link: Link = Link()) -> Mention:
    return Mention(id, *span, type_, link=link)


# What is there


def test_masks_say_what_is_real() -> None:
    short = Document("e", "Минск.")
    batch = encoder()([item(document(), ["Q1", "Q2"]), item(short, [], RELATIONS[:1])])
    assert batch.token_mask.tolist() == [[True] * 9, [True, True] + [False] * 7]
    assert batch.entity_mask.tolist() == [[True] * 3, [True, False, False]]
    assert batch.relation_mask.tolist() == [[True, True], [True, False]]
    assert batch.inputs["windows"].item() == 2
    assert batch.gold is None


def test_hits_stand_at_tokens_and_count_candidates_from_one() -> None:
    hits = [Hit(*ANNA, 1, (0.5, 1.0)), Hit(*MINSK, 0, (2.0, 3.0))]
    batch = encoder()([item(Document("e", "Минск.")), item(document(), ["Q1", "Q2"], hits=hits)])
    assert np.stack(batch.hits[:4], 1).tolist() == [[1, 0, 1, 2], [1, 4, 4, 1]]
    assert batch.hits.features.tolist() == [[0.5, 1.0], [2.0, 3.0]]


# Targets


def test_gold_is_indices_of_tokens_types_and_candidates() -> None:
    one = document(
        person("T1", ANNA, link=Link("linked", "Q2")),
        person("T2", MINSK, "CITY", Link("linked", "Q1")),
        triples=[Triple("T1", "BORN", "T2"), Triple("T2", "KNOWS", "T1")],
    )
    two = document(person("T1", BELARUS, "CITY"))
    batch = encoder().with_gold([item(one, ["Q1", "Q2"]), item(two, ["Q2"])])
    gold = batch.gold
    assert gold is not None
    assert gold.mentions.tolist() == [[[0, 1], [4, 4]], [[7, 7], [0, 0]]]
    assert gold.mention_mask.tolist() == [[True, True], [True, False]]
    assert types_of(gold) == [[["PERSON"], ["CITY"]], [["CITY"], []]]
    assert gold.links.tolist() == [[2, 1], [IGNORE, IGNORE]]
    assert gold.triples.tolist() == [[0, 0, 1, 0], [0, 1, 0, 1]]
    assert gold.pair_mask.tolist() == [[[False, True], [True, False]], [[False, False], [False, False]]]


@pytest.mark.parametrize(("link", "target"), [
    (Link("linked", "Q2"), 2),
    (Link("linked", "Q9"), 0),  # not retrieved: NME, never a target of zeros
    (Link("linked", "Q9", alternatives=("Q8", "Q1")), 1),
    (Link("linked", "Q2", alternatives=("Q1",)), 2),
    (Link("linked", "Q9", alternatives=("Q8",)), 0),
    (Link("nil"), 0),
    (Link("unlinkable"), IGNORE),
    (Link("unknown"), IGNORE),
])  # fmt: skip
def test_the_target_of_a_link(link: Link, target: int) -> None:
    gold = gold_of(item(document(person("T1", ANNA, link=link)), ["Q1", "Q2"]))
    assert gold.links.tolist() == [[target]]


@pytest.mark.parametrize(("annotated", "scored"), [
    ("complete", True), ("partial", True), ("silver", True), ("none", False),
])  # fmt: skip
def test_pairs_of_documents_without_triples_are_masked(annotated: Completeness, scored: bool) -> None:
    one = document(person("T1", ANNA), person("T2", MINSK, "CITY"), annotated=annotated)
    gold = gold_of(item(one))
    assert gold.pair_mask.tolist() == [[[False, scored], [scored, False]]]


@pytest.mark.parametrize(("mentions", "known"), [
    ("complete", True), ("silver", True), ("partial", False), ("none", False),
])  # fmt: skip
def test_where_mentions_start_is_learnt_where_all_are_annotated(mentions: Completeness, known: bool) -> None:
    one = document(person("T1", ANNA))
    short = Document("e", "Минск.", annotated=one.annotated)
    batch = encoder().with_gold([item(replace(one, annotated=replace(one.annotated, mentions=mentions))), item(short)])
    assert batch.gold is not None
    assert batch.gold.start_mask.tolist() == [[known] * 9, [True, True] + [False] * 7]
    assert batch.gold.mentions.tolist() == [[[0, 1]], [[0, 0]]]


def test_a_mention_of_an_unknown_type_may_be_one_of_ours() -> None:
    gold = gold_of(item(document(person("T1", ANNA, "STAR"), person("T2", MINSK, "CITY"))))
    assert gold.start_mask.tolist() == [[False] + [True] * 8]
    assert gold.mentions.tolist() == [[[4, 4]]]


def test_without_types_and_links_there_are_still_facts() -> None:
    mentions = person("T1", ANNA, "ENTITY", Link("linked", "Q1")), person("T2", MINSK, "CITY", Link("linked", "Q2"))
    one = document(*mentions, triples=[Triple("T1", "BORN", "T2")])
    bare = replace(one, annotated=replace(one.annotated, types="none", links="none"))
    gold = gold_of(item(bare, ["Q1", "Q2"]))
    assert types_of(gold) == [[[], []]]
    assert gold.links.tolist() == [[IGNORE, IGNORE]]
    assert gold.triples.tolist() == [[0, 0, 1, 0]]
    assert gold.start_mask.all()
    assert encoder().out_of_reach([item(bare)])["mentions out of reach"] == 0


def test_a_coarser_type_of_another_corpus_allows_those_that_make_it_up() -> None:
    one = replace(document(person("T1", ANNA, "NAME"), person("T2", MINSK, "CITY")), meta={"dataset": "names"})
    coarse = {"names": {"NAME": {"PERSON", "CITY", "HORSE"}, "THING": {"BOOK"}}}
    encode = BatchEncoder(cast(Inputs, Nothing()), TYPES, 4, 2, coarse)
    gold = encode.with_gold([item(one), item(document(person("T1", ANNA)))]).gold
    assert gold is not None
    assert types_of(gold) == [[["CITY", "PERSON"]], [["PERSON"]]]  # CITY is no type of that corpus
    assert gold.start_mask.tolist() == [[True] * 4 + [False] + [True] * 4, [True] * 9]


def test_a_pair_of_an_unknown_relation_takes_no_part() -> None:
    facts = [Triple("T1", "P19", "T2"), Triple("T2", "KNOWS", "T1")]
    gold = gold_of(item(document(person("T1", ANNA), person("T2", MINSK, "CITY"), triples=facts)))
    assert gold.triples.tolist() == [[0, 1, 0, 1]]
    assert gold.pair_mask.tolist() == [[[False, False], [True, False]]]


def test_repeats_of_a_fact_between_other_mentions() -> None:
    """Three mentions of a woman, by link and by entity, two of a city; the fact is marked between the nearest two."""
    text = "Анна Ким из Минска. В Минске её, Анну, знают."
    spans = {"T1": (0, 8), "T2": (12, 18), "T3": (22, 28), "T4": (33, 37)}
    minsk = {"type": "CITY", "link": Link("linked", "Q2280")}
    kinds: dict[str, dict[str, Any]] = {"T1": {"type": "PERSON"}, "T2": minsk, "T3": minsk, "T4": {"type": "PERSON"}}
    mentions = [Mention(id, *span, **kinds[id]) for id, span in spans.items()]
    one = Document(
        "d", text, mentions=tuple(mentions), entities=(Entity("E1", ("T1", "T4")),),
        triples=(Triple("T1", "BORN", "T2"), Triple("T1", "P19", "T3"), Triple("T4", "KNOWS", "T1")),
        annotated=Annotated("complete", "complete", "complete", "none", "partial"),
    )  # fmt: skip
    encode = encoder()
    assert encode.repeats([item(document()), item(one)]).tolist() == [
        [1, 0, 2, 0], [1, 3, 1, 0], [1, 3, 2, 0], [1, 0, 3, 1],
    ]  # fmt: skip
    gold = encode.with_gold([item(one)]).gold
    assert gold is not None
    assert gold.unsure.shape == (0, 4)
    assert encode.repeats([item(document())]).shape == (0, 4)


def test_two_mentions_of_one_span_are_one_target() -> None:
    one = document(
        person("T1", MINSK, "CITY", Link("linked", "Q1")),
        person("T2", MINSK, "PERSON", Link("nil")),
        person("T3", ANNA),
        triples=[Triple("T3", "BORN", "T1"), Triple("T3", "KNOWS", "T2"), Triple("T1", "KNOWS", "T2")],
    )
    gold = gold_of(item(one, ["Q1"]))
    assert gold.mentions.tolist() == [[[4, 4], [0, 1]]]
    assert (types_of(gold), gold.links.tolist()) == ([[["CITY"], ["PERSON"]]], [[1, IGNORE]])
    assert gold.triples.tolist() == [[0, 1, 0, 0], [0, 1, 0, 1]]  # from the span to itself there is none


def test_given_mentions_are_rows_of_tokens() -> None:
    one = document(
        person("T3", MINSK, "CITY"),
        Mention("T1", 0, 17, "PERSON", (Span(0, 4), Span(9, 17))),
        person("T2", (0, 26)),  # five tokens
        person("T4", ANNA, "STAR"),
        person("T5", ANNA),
        person("T6", MINSK),
    )
    encode, items = encoder(), [item(one, ["Q1"]), item(Document("e", "Минск."))]
    rows = [encode.rows(each) for each in items]
    assert [row[:2] for row in rows[0]] == [(4, 4), (0, 1)]
    assert [[mention.id for mention in row.mentions] for row in rows[0]] == [["T3", "T6"], ["T5"]]
    assert rows[1] == []
    batch = encode.with_mentions(items, rows)
    assert batch.gold is None
    assert batch.given is not None
    assert batch.given.mentions.tolist() == [[[4, 4], [0, 1]], [[0, 0], [0, 0]]]
    assert batch.given.mention_mask.tolist() == [[True, True], [False, False]]


def test_what_the_network_cannot_say_is_no_target() -> None:
    one = document(
        Mention("T1", 0, 17, "PERSON", (Span(0, 4), Span(9, 17))),
        person("T2", (0, 26)),  # five tokens
        person("T3", ANNA, "STAR"),
        person("T4", (0, 19)),  # four tokens
        person("T5", MINSK, "CITY"),
        triples=[
            Triple("T1", "BORN", "T5"), Triple("T4", "EATS", "T5"), Triple("T4", "BORN", "T5"),
            Triple("T3", "BORN", "T5"),
        ],
    )  # fmt: skip
    gold = gold_of(item(one))
    assert gold.mentions.tolist() == [[[0, 3], [4, 4]]]
    assert gold.triples.tolist() == [[0, 0, 1, 0]]


def test_a_second_window_counts_its_own_tokens() -> None:
    one = document(
        person("T1", ANNA), person("T2", MINSK, "CITY"), person("T3", BELARUS, "CITY"),
        triples=[Triple("T1", "BORN", "T2"), Triple("T2", "KNOWS", "T3")],
    )  # fmt: skip
    second = windows(one, size=6, stride=3)[-1]
    assert second.tokens[0].text == "в"
    retrieved = Retrieved(
        second, (entity("Q1"),), tuple(Candidate(entry, 0.0) for entry in RELATIONS), (Hit(*MINSK, 0, (1.0, 1.0)),)
    )
    batch = encoder().with_gold([retrieved])
    assert batch.gold is not None
    assert batch.gold.mentions.tolist() == [[[1, 1], [4, 4]]]
    assert batch.gold.triples.tolist() == [[0, 0, 1, 1]]
    assert np.stack(batch.hits[:4], 1).tolist() == [[0, 1, 1, 1]]


# Snap


@given(st.lists(st.sampled_from(["Анна", "Нью-Йорк", " ", "\n", "8,1", "👩‍🚀", "сло\xadво"]), min_size=1), st.data())
def test_a_range_snaps_to_the_tokens_that_it_touches(words: list[str], data: st.DataObject) -> None:
    text = "".join(words)
    views = windows(Document("d", text), 64, 64)
    assume(views)
    tokens = views[0].tokens
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start + 1, len(text)))
    touched = [place for place, token in enumerate(tokens) if token.start < stop and start < token.stop]
    first, last = Snap(views[0])(start, stop)
    assert 0 <= first <= last < len(tokens)
    if touched:
        assert (first, last) == (touched[0], touched[-1])


def test_half_a_word_is_a_word_and_blanks_belong_to_what_follows() -> None:
    snap = Snap(windows(Document("d", "  Анна   Ким  "), 8, 8)[0])
    assert snap(3, 5) == snap(2, 6) == (0, 0)
    assert snap(5, 10) == (0, 1)
    assert snap(6, 12) == snap(9, 12) == snap(7, 8) == (1, 1)
    assert snap(0, 1) == (0, 0)
    assert snap(12, 14) == (1, 1)  # nothing follows
