"""The pipeline: twenty documents that it has learnt, hostile texts, windows, and what must not change the result."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from relik_ml import Relik
from relik_ml.config import PROFILES, MinScores
from relik_ml.data import check, document_from_json, document_to_json
from relik_ml.errors import DataError
from relik_ml.pipeline import BATCH, PREDICTED, above
from relik_ml.score import score
from relik_ml.text import sentences, windows
from relik_ml.types import Annotated, Document, Entity, Link, LinkCandidate, Mention, Span, Triple
from tests.corpus import bare, documents

TOLERANCE = 2e-4
"""Scores are rounded to four places; how a batch is padded may turn the last one."""


def without_scores(document: Document) -> Document:
    mentions = (replace(m, score=None, link=replace(m.link, score=None)) for m in document.mentions)
    triples = (replace(triple, score=None) for triple in document.triples)
    return replace(document, mentions=tuple(mentions), triples=tuple(triples))


def scores(document: Document) -> list[float | None]:
    found = [score for mention in document.mentions for score in (mention.score, mention.link.score)]
    return [*found, *(triple.score for triple in document.triples)]


def assert_same(one: Document, other: Document) -> None:
    assert without_scores(one) == without_scores(other)
    assert scores(one) == pytest.approx(scores(other), abs=TOLERANCE)


def long_document(times: int = 3) -> Document:
    """Several windows; tokens of the same sentences at other offsets."""
    return Document("long", "\n".join([document.text for document in documents()] * times), meta={"source": "много"})


def test_twenty_documents_are_learnt(tiny: Relik) -> None:
    gold = documents()
    report = score(gold, tiny.annotate(map(bare, gold)))
    for name in ("ner", "el.inkb", "el.nil", "re.document.boundaries", "re.document.strict", "cie.triples"):
        assert report.scores[name].f1 >= 0.98, (name, report.scores[name])
    # So that the figures above mean something: there is something to find, and it is not found by an untrained model.
    assert [report.scores[name].gold for name in ("ner", "el.inkb", "re.document.boundaries")] == [74, 57, 28]


def test_everything_has_a_score_and_passes_the_checker(tiny: Relik) -> None:
    for document in tiny.annotate([*map(bare, documents()), long_document()]):
        assert check(document) == []
        assert document.mentions
        assert document.annotated == PREDICTED
        assert all(mention.score is not None and 0 <= mention.score <= 1 for mention in document.mentions)
        assert all(m.link.score is not None for m in document.mentions if m.link.status in ("linked", "nil"))
        assert all(triple.score is not None for triple in document.triples)
        assert document_from_json(document_to_json(document), "") == document


@pytest.mark.parametrize("text", ["", " ", "\n\n\t\u00a0\u2028", "\ufeff", "\ud800", "😀", "а", "—", "\u0301"])
def test_texts_with_little_or_nothing_in_them(tiny: Relik, text: str) -> None:
    document = tiny(text)
    assert document.text == text
    assert check(document) == []
    if not text.strip():
        assert document.mentions == ()


@pytest.mark.parametrize("piece", ["а", "Москва", "Мэр-Москвы,", "12345678", "а́ж"])
def test_a_megabyte_without_a_blank_is_read(tiny: Relik, piece: str) -> None:
    text = (piece * 1_000_000)[: 1_000_000 if piece != "Мэр-Москвы," else 100_000]
    document = tiny(text)
    assert document.text == text
    assert check(document) == []


def test_a_document_of_several_windows_keeps_its_offsets(tiny: Relik) -> None:
    document = long_document()
    assert len(windows(document, tiny.settings.window, tiny.settings.stride)) > 2 * BATCH // 3
    found = tiny(document)
    assert (found.id, found.text, found.meta) == (document.id, document.text, document.meta)
    starts, start = [], 0
    for gold in documents() * 3:
        starts.append(start)
        start += len(gold.text) + 1
    expected = {
        (start + m.start, start + m.stop, m.type) for start, gold in zip(starts, documents() * 3, strict=True)
        for m in gold.mentions
    }  # fmt: skip
    right = expected & {(m.start, m.stop, m.type) for m in found.mentions}
    assert len(right) > 0.8 * len(expected)
    assert [m.start for m in found.mentions] == sorted(m.start for m in found.mentions)


def test_what_was_annotated_before_is_ignored_entirely(tiny: Relik) -> None:
    for gold in documents()[:5]:
        lied = replace(gold, mentions=(Mention("X", 0, 1, "LIE"),), triples=(Triple("X", "LIES", "X"),))
        expected = tiny(bare(gold))
        assert tiny(gold) == expected
        assert tiny(lied) == expected
        assert tiny(replace(gold, annotated=Annotated())) == expected
    before = tiny(bare(documents()[-1]))  # even what this very model said, put in another order
    assert len(before.mentions) > 1
    assert tiny(replace(before, mentions=before.mentions[::-1])) == before


def test_a_document_does_not_depend_on_its_company(tiny: Relik) -> None:
    """Twins and empty documents included, and each in its turn."""
    twin = documents()[1]
    given = [Document("blank", " "), *documents(), twin, twin, long_document(), Document("empty", ""), *documents()]
    together = list(tiny.annotate(given))
    assert [(d.id, d.text, d.meta) for d in together] == [(d.id, d.text, d.meta) for d in given]
    for alone, one in zip(map(tiny, given), together, strict=True):
        assert_same(alone, one)
    for one, other in zip(tiny.annotate(given[::-1]), together[::-1], strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("method", ["annotate", "describe"])
def test_a_language_that_the_model_does_not_know(tiny: Relik, method: str) -> None:
    stream = getattr(tiny, method)([*documents()[:1], Document("english", "London", lang="en")])
    with pytest.raises(DataError, match="language") as caught:
        list(stream)
    assert "'english'" in caught.value.where
    assert caught.value.got == "'en'"


def test_each_text_is_read_in_its_own_language(tiny: Relik) -> None:
    texts = ["The poet was born near Odessa and lived in Leningrad for many years.", documents()[0].text]
    both = tiny.configured(replace(tiny.settings, languages=("en", "ru")))
    assert [found.lang for found in both(texts)] == ["en", "ru"]
    assert [found.lang for found in both(texts, lang="en")] == ["en", "en"]
    with pytest.raises(DataError, match="language") as caught:
        tiny(texts[0])
    assert "--lang ru" in caught.value.fix


def test_texts_dictionaries_and_documents_are_read_alike(tiny: Relik) -> None:
    gold = documents()[0]
    text, alone = gold.text, tiny(gold.text)
    several = tiny([text, {"text": text, "id": 7, "date": "1913"}, {"text": text}, gold])
    assert isinstance(several, list)
    assert [(found.id, found.meta) for found in several] == [
        ("text-1", {}), ("7", {"date": "1913"}), ("text-3", {}), (gold.id, gold.meta),
    ]  # fmt: skip
    for found in [*several, *tiny.annotate(iter([text])), tiny({"text": text})]:
        assert_same(replace(found, id="text", meta={}), replace(alone, meta={}))
    assert tiny([]) == []
    with pytest.raises(DataError, match="text"):
        tiny({"body": text})
    with pytest.raises(TypeError, match="text 2"):
        tiny([text, 7])  # type: ignore[list-item]


def test_profiles_make_fewer_errors_or_find_more(tiny: Relik) -> None:
    document = bare(documents()[0])
    few, all, more = (tiny.with_profile(name)(document) for name in ("precision", "balanced", "recall"))
    assert all == tiny(document)
    assert few == tiny(document, min_score=PROFILES["precision"].min_score)
    low = PROFILES["recall"].factor * tiny.settings.thresholds.mention
    assert tiny.with_profile("recall").settings.thresholds.mention == low
    assert {m.span for m in few.mentions} <= {m.span for m in all.mentions} <= {m.span for m in more.mentions}
    assert tiny.with_profile("precision")(document, min_score=1.01).mentions == (), "the higher of both counts"


def test_min_score_leaves_out_mentions_and_their_triples(tiny: Relik) -> None:
    document = long_document()
    everything = tiny(document)
    levels = sorted({mention.score or 0.0 for mention in everything.mentions})
    level = levels[len(levels) // 2]
    some = tiny(document, min_score=MinScores(mention=level, fact=level))
    kept = tuple(mention for mention in everything.mentions if (mention.score or 0) >= level)
    ids = {mention.id for mention in kept}
    assert 0 < len(kept) < len(everything.mentions)
    assert some.mentions == kept
    assert some.triples == tuple(
        t for t in everything.triples if (t.score or 0) >= level and {t.subject, t.object} <= ids
    )
    assert len(some.triples) < len(everything.triples)
    assert check(some) == []
    assert all(set(entity.mentions) <= ids for entity in some.entities)
    assert tiny(document, min_score=1.01).mentions == ()
    assert above(everything, MinScores(mention=level, fact=level)) == some


@pytest.mark.parametrize("method", ["annotate", "describe"])
def test_an_unsure_link_becomes_unknown_with_its_candidates(tiny: Relik, method: str) -> None:
    annotate, gold = getattr(tiny, method), documents()
    everything, asked = list(annotate(gold)), list(annotate(gold, candidates=2))
    links = [mention.link for document in everything for mention in document.mentions]
    rivals = [mention.link for document in asked for mention in document.mentions]
    assert [replace(link, candidates=()) for link in rivals] == links
    for link in rivals:
        scores = [each.score or 0 for each in link.candidates]
        assert len(scores) <= 2
        assert scores == sorted(scores, reverse=True)
        if link.status == "linked":
            assert link.candidates[0] == LinkCandidate(link.id or "", link.label, link.score)
    assert {len(link.candidates) for link in rivals if link.status == "linked"} == {1, 2}
    level = sorted(link.score or 0 for link in links if link.status == "linked")[10]
    for document, sure, kept in zip(
        everything, annotate(gold, min_score=MinScores(link=level)), asked, strict=True,
    ):  # fmt: skip
        assert check(sure) == []
        assert document_from_json(document_to_json(sure), "") == Document.from_dict(sure.to_dict()) == sure
        assert [mention.id for mention in sure.mentions] == [mention.id for mention in document.mentions]
        assert sure.triples == document.triples
        for before, after in zip(document.mentions, sure.mentions, strict=True):
            unsure = before.link.status in ("linked", "nil") and (before.link.score or 0) < level
            own = LinkCandidate(before.link.id or "", before.link.label, before.link.score)
            lost = Link(candidates=(own,) if before.link.id else ())
            assert after.link == (lost if unsure else before.link)
        assert above(kept, MinScores(link=1.01)).mentions[0].link == Link(candidates=kept.mentions[0].link.candidates)


def test_evidence_is_the_sentences_of_both_arguments(tiny: Relik) -> None:
    seen = 0
    for document in tiny.annotate([*documents(), long_document()]):
        spoken, mentions = list(sentences(document.text)), {m.id: m for m in document.mentions}
        for triple in document.triples:
            arguments = [mentions[triple.subject].span, mentions[triple.object].span]
            expected = [s for s in spoken if any(touch(s, argument) for argument in arguments)]
            assert list(triple.evidence) == expected
            assert expected
            seen += len(expected) > 1
    assert seen  # some facts need two sentences


def touch(one: Span, other: Span) -> bool:
    return max(one.start, other.start) < min(one.stop, other.stop)


@pytest.mark.parametrize("method", ["annotate", "describe"])
@pytest.mark.parametrize("text", ["Москва и Минск.", "", " \n"])
def test_documents_are_streamed(tiny: Relik, text: str, method: str) -> None:
    pulled = 0

    def many() -> Iterator[Document]:
        nonlocal pulled
        for number in range(1000):
            pulled += 1
            yield Document(f"d{number}", text)

    first = list(islice(getattr(tiny, method)(many()), 3))
    assert [document.id for document in first] == ["d0", "d1", "d2"]
    assert pulled <= BATCH


# Given mentions


def described(relik: Relik, document: Document) -> Document:
    return next(relik.describe([document]))


def test_twenty_documents_are_learnt_on_gold_mentions(tiny: Relik) -> None:
    gold = documents()
    report = score(gold, tiny.describe(gold))
    assert report.entities == "gold"
    for name in ("el.inkb", "el.nil", "el.gold_spans", "re.document.strict", "cie.triples"):
        assert report.scores[name].f1 >= 0.98, (name, report.scores[name])


def test_given_mentions_of_coarser_types_are_linked_alike(tiny: Relik) -> None:
    """As those of Loc, which DocRED and CoNLL04 have for all kinds of places."""
    names = {"PERSON": "Peop", "CITY": "Loc", "COUNTRY": "Loc", "ORGANIZATION": "Org", "DATE": "Other"}
    for gold in documents():
        types = (names.get(mention.type, "Other") for mention in gold.mentions)
        mentions = tuple(replace(mention, type=type) for mention, type in zip(gold.mentions, types, strict=True))
        coarse = described(tiny, replace(gold, mentions=mentions, meta={"dataset": "conll04"}))
        links = [(m.link.id, m.type in names) for m in described(tiny, gold).mentions]
        assert [(m.link.id, old.type in names) for m, old in zip(coarse.mentions, gold.mentions, strict=True)] == links


def test_given_mentions_stay_and_their_links_are_not_read(tiny: Relik) -> None:
    for gold in documents():
        found = described(tiny, gold)
        assert [replace(m, link=Link()) for m in found.mentions] == [replace(m, link=Link()) for m in gold.mentions]
        assert (found.id, found.text, found.meta) == (gold.id, gold.text, gold.meta)
        assert found.annotated == replace(PREDICTED, mentions="complete", types="complete")
        assert check(found) == []
        lied = replace(
            gold,
            mentions=tuple(replace(m, link=Link("linked", "Q1", "ложь", score=1.0)) for m in gold.mentions),
            entities=(Entity("E1", (gold.mentions[0].id,)),),
            triples=(Triple(gold.mentions[0].id, "LIES", gold.mentions[-1].id),),
        )
        assert described(tiny, lied) == found


def test_a_given_type_decides_whether_a_mention_is_linked(tiny: Relik) -> None:
    gold = documents()[0]
    person, city, _ = gold.mentions
    found = described(tiny, replace(gold, mentions=(replace(person, type="DATE"), city)))
    assert [(m.type, m.link.status) for m in found.mentions] == [("DATE", "unlinkable"), ("CITY", "linked")]


def test_mentions_out_of_reach_stay_and_are_counted(tiny: Relik) -> None:
    gold = documents()[0]
    person, city, date = gold.mentions
    parted = Mention("D", 0, city.stop, "PERSON", fragments=(person.span, city.span))
    long = Mention("L", 0, len(gold.text), "PERSON")
    strange = replace(city, id="S", type="STRANGE")
    found = described(tiny, replace(gold, mentions=(parted, person, long, city, strange, date)))
    assert [m.id for m in found.mentions] == ["D", "T1", "L", "T2", "S", "T3"]
    assert found.mentions[0] == parted
    assert [m.link.status for m in found.mentions if m.id in "DLS"] == ["unknown"] * 3
    assert found.meta == {**gold.meta, "dropped": {"mentions": 3}}
    assert found.triples == described(tiny, gold).triples != ()


def test_given_mentions_of_several_windows(tiny: Relik) -> None:
    text, mentions = "", list[Mention]()
    for number, gold in enumerate(documents() * 3):
        moved = (
            replace(m, id=f"{m.id}-{number}", start=m.start + len(text), stop=m.stop + len(text)) for m in gold.mentions
        )
        mentions += moved
        text += gold.text + "\n"
    given = Document("long", text, mentions=tuple(mentions))
    found = described(tiny, given)
    assert check(found) == []
    assert [(m.id, m.span) for m in found.mentions] == [(m.id, m.span) for m in mentions]
    assert "dropped" not in found.meta
    right = [m.link.id for gold in documents() * 3 for m in gold.mentions]
    same = [one == m.link.id for one, m in zip(right, found.mentions, strict=True)]
    assert sum(same) > 0.9 * len(same)
    facts = [(t.subject, t.relation, t.object) for t in found.triples]
    assert len(set(facts)) == len(facts) > 0
    order = {mention.id: number for number, mention in enumerate(mentions)}
    assert facts == sorted(facts, key=lambda fact: (order[fact[0]], order[fact[2]], fact[1]))


def test_describing_documents_without_text_or_mentions(tiny: Relik) -> None:
    blank = Document("blank", " \n", mentions=(Mention("T1", 0, 1, "CITY"),))
    empty, bared, kept = tiny.describe([Document("empty", ""), bare(documents()[0]), blank])
    assert [(d.mentions, d.triples) for d in (empty, bared)] == [((), ()), ((), ())]
    assert kept.mentions == blank.mentions
    assert kept.meta == {"dropped": {"mentions": 1}}
    assert list(tiny.describe([])) == []
