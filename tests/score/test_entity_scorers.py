"""Scores of entities and of relations between them, against slow counts that are written out after the papers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.score import Counts, ScoreReport, score
from relik_ml.types import Annotated, Document, Entity, Link, Mention, Triple

ALL = Annotated("complete", "complete", "none", "complete", "complete", entity_triples=True)
TEXT = "Anna Orlova left Omsk. Orlova, she said, liked Tver."
NAMES = {"A1": "Anna Orlova", "A2": "Orlova,", "A3": "she", "O": "Omsk", "T": "Tver"}
MENTIONS = tuple(
    Mention(id, TEXT.rindex(name), TEXT.rindex(name) + len(name.rstrip(",")), "LOC" if id in "OT" else "PER")
    for id, name in NAMES.items()
)
ANNA = Entity("E1", ("A1", "A2", "A3"))
BORN, LIVES = Triple("A1", "P19", "O"), Triple("A3", "P551", "T")
GOLD = Document("d", TEXT, "en", MENTIONS, (ANNA,), (BORN, LIVES), ALL)


def shares(report: ScoreReport, name: str) -> tuple[float, float]:
    found = report.agreements[name]
    return found.precision, found.recall


# Ign-F1 (Yao et al. 2019)


def test_a_relation_known_from_training_counts_for_recall_alone() -> None:
    train = replace(GOLD, id="t", text=TEXT.replace("she", "Eva"), triples=(BORN,))  # Orlova was born in Omsk there too
    wrong = Triple("A1", "P19", "T")
    report = score([GOLD], [replace(GOLD, triples=(replace(BORN, subject="A2"), LIVES, wrong))], train=[train])
    assert report.scores["re.entities"] == Counts(2, 3, 2)
    assert shares(report, "re.entities.ign") == (1 / 2, 2 / 2)
    assert "  unseen in training (Ign-F1)          50.00  100.00   66.67\n" in report.table()
    assert report.json()["scores"]["re.entities.ign"] == {"precision": 1 / 2, "recall": 1.0, "f1": 2 / 3}
    others = replace(train, text=TEXT.replace("Orlova", "Petrov").replace("she", "Eva"))
    assert shares(score([GOLD], [GOLD], train=[others]), "re.entities.ign") == (1, 1)


def test_training_documents_that_are_of_no_use_get_a_note() -> None:
    pairs = replace(GOLD, annotated=replace(ALL, entity_triples=False))
    for gold, train in ((pairs, GOLD), (GOLD, replace(GOLD, triples=()))):
        report = score([gold], [GOLD], train=[train])
        assert "re.entities.ign" not in report.agreements
        assert "training documents were not used" in report.table()
    assert "training" not in score([GOLD], [GOLD]).table()


# Slow counts on plain lists


def groups(document: Document) -> dict[str, list[Mention]]:
    """The mentions of each entity by its id; a mention that is in none is one by its own id."""
    known = {mention.id: mention for mention in document.mentions}
    inside = [id for entity in document.entities for id in entity.mentions]
    found = {entity.id: [known[id] for id in entity.mentions] for entity in document.entities}
    return found | {mention.id: [mention] for mention in document.mentions if mention.id not in inside}


def related(document: Document) -> list[tuple[str, str, str]]:
    home = {mention.id: id for id, members in groups(document).items() for mention in members}
    found: list[tuple[str, str, str]] = []
    for triple in document.triples:
        fact = home[triple.subject], triple.relation, home[triple.object]
        if fact not in found:
            found.append(fact)
    return found


def slow_ign(gold: Document, predicted: Document, train: Document) -> tuple[float, float]:
    """The formula of the program of DocRED, for a prediction that has the entities of gold."""
    known, entities = [], groups(train)
    for subject, relation, object in related(train):
        for one, other in product(entities[subject], entities[object]):
            known.append((train.surface(one), train.surface(other), relation))
    entities, submitted, std = groups(gold), related(predicted), related(gold)
    correct = correct_in_train = 0
    for subject, relation, object in submitted:
        if (subject, relation, object) in std:
            correct += 1
            pairs = product(entities[subject], entities[object])
            correct_in_train += any((gold.surface(a), gold.surface(b), relation) in known for a, b in pairs)
    left = len(submitted) - correct_in_train
    return (correct - correct_in_train) / left if left else 0, correct / len(std) if std else 0


Item = tuple[Any, ...]
Things = list[tuple[Any, list[Item]]]


def typed_clusters(document: Document) -> Things:
    found = []
    for members in groups(document).values():
        types = [mention.type for mention in members]
        kind = max(types, key=lambda name: (types.count(name), -types.index(name)))
        spans = sorted(mention.span for mention in members)
        found.append(((kind, spans), [(kind, span) for span in spans]))
    return distinct(found)


def cluster_relations(document: Document) -> Things:
    entities = {id: sorted(mention.span for mention in members) for id, members in groups(document).items()}
    return distinct([
        ((name, entities[one], entities[other]), [(name, *pair) for pair in product(entities[one], entities[other])])
        for one, name, other in related(document)
    ])  # fmt: skip


def distinct(things: Things) -> Things:
    return [thing for number, thing in enumerate(things) if thing not in things[:number]]


def slow_soft(one: Things, other: Things) -> float:
    """The mean share of the parts of a thing that are parts of anything on the other side."""
    parts = [part for _, parts in other for part in parts]
    credit = [sum(part in parts for part in mine) / len(mine) for _, mine in one]
    return sum(credit) / len(credit) if credit else 0


def slow_hard(one: Things, other: Things) -> float:
    right = [whole for whole, _ in one if whole in [theirs for theirs, _ in other]]
    return len(right) / len(one) if one else 0


# Documents of six letters


@st.composite
def documents(draw: st.DrawFn, mentions: tuple[Mention, ...] | None = None) -> Document:
    bounds = st.tuples(st.integers(0, 5), st.integers(1, 2), st.sampled_from(["PER", "LOC"]))
    if mentions is None:
        drawn = sorted(draw(st.sets(bounds, min_size=1, max_size=6)))
        mentions = tuple(Mention(f"T{n}", a, a + size, name) for n, (a, size, name) in enumerate(drawn))
    owners = draw(st.lists(st.integers(0, 3), min_size=len(mentions), max_size=len(mentions)))
    members = {n: tuple(m.id for m, each in zip(mentions, owners, strict=True) if each == n) for n in (1, 2, 3)}
    entities = tuple(Entity(f"E{n}", ids) for n, ids in members.items() if ids)
    return replace(related_at_will(draw, mentions), entities=entities)


def related_at_will(draw: st.DrawFn, mentions: tuple[Mention, ...]) -> Document:
    names = st.sampled_from([mention.id for mention in mentions])
    triples = draw(st.lists(st.builds(Triple, names, st.sampled_from(["P19", "P551"]), names), max_size=6))
    return Document("d", "abbaab", mentions=mentions, triples=tuple(triples), annotated=ALL)


@st.composite
def described(draw: st.DrawFn) -> tuple[Document, Document, Document]:
    """Gold, a prediction that has its entities, and a training document. No two of their mentions have one span."""
    spans = tuple(Mention(f"T{n}", n, n + 1, "PER") for n in range(6))
    gold, train = draw(documents(spans)), draw(documents())
    return gold, replace(related_at_will(draw, spans), entities=gold.entities), train


@given(described())
def test_ign_f1_agrees_with_the_formula_of_docred(drawn: tuple[Document, Document, Document]) -> None:
    gold, predicted, train = drawn
    report = score([gold], [predicted], train=[train])
    if train.triples:
        assert shares(report, "re.entities.ign") == pytest.approx(slow_ign(gold, predicted, train))
        assert report.agreements["re.entities.ign"].precision <= report.scores["re.entities"].precision + 1e-9
        assert report.agreements["re.entities.ign"].recall == report.scores["re.entities"].recall


@given(documents(), documents())
def test_scores_of_dwie_agree_with_slow_counts(gold: Document, predicted: Document) -> None:
    report, itself = score([gold], [predicted]), score([gold], [gold])
    layers: dict[str, Callable[[Document], Things]] = {"ner": typed_clusters, "re": cluster_relations}
    for layer, things in layers.items():
        right, guessed = things(gold), things(predicted)
        hard, soft = report.scores[f"dwie.{layer}.hard"], report.agreements[f"dwie.{layer}.soft"]
        assert (hard.precision, hard.recall) == (slow_hard(guessed, right), slow_hard(right, guessed))
        assert (soft.precision, soft.recall) == pytest.approx((slow_soft(guessed, right), slow_soft(right, guessed)))
        assert hard.f1 <= soft.f1 + 1e-9
        assert hard.f1 <= 1
        assert itself.scores[f"dwie.{layer}.hard"].f1 == itself.agreements[f"dwie.{layer}.soft"].f1 == bool(right)


def test_dwie_gives_a_share_for_part_of_an_entity_and_counts_what_nothing_can_find() -> None:
    stray = replace(MENTIONS[4], type="ORG")
    predicted = replace(GOLD, mentions=(*MENTIONS[:2], MENTIONS[3], stray), triples=(BORN,),
                        entities=(Entity("E1", ("A1", "A2")),))  # fmt: skip
    gold = replace(GOLD, meta={"dataset": "dwie", "unreachable": [[0, "in0", 7], [0, "in0", 7], [7, "gpe0", 1]]})
    report = score([gold], [predicted])
    assert shares(report, "dwie.ner.soft") == pytest.approx(((1 + 1 + 0) / 3, (2 / 3 + 1 + 0) / 3))
    assert report.scores["dwie.ner.hard"] == Counts(1, 3, 3)
    assert shares(report, "dwie.re.soft") == pytest.approx((1, (2 / 3 + 0) / 2))
    assert report.scores["dwie.re.hard"] == Counts(0, 1, 2 + 2)
    assert "dwie" not in str(
        score([replace(gold, annotated=replace(ALL, entities="partial"))], [GOLD]).json()["scores"]
    )
    bare = score([replace(gold, annotated=replace(ALL, types="none", triples="none"))], [GOLD]).json()["scores"]
    assert not any(name.startswith(("dwie", "re.entities")) for name in bare)


def test_one_span_in_two_entities_is_one_cluster_of_coreference() -> None:
    twice = replace(GOLD, mentions=(*MENTIONS, replace(MENTIONS[3], id="O2")), entities=(Entity("E2", ("O",)), ANNA))
    both = replace(twice, entities=(*twice.entities, Entity("E3", ("O2",))))
    assert score([twice], [both]).agreements["coref.muc"].gold == score([both], [twice]).agreements["coref.muc"].gold


# CoNLL04 and AIDA


SENTENCES = (
    ("Anna Orlova works for Omsk Steel in Omsk.", "Peop Org Loc", "0-11 22-32 36-40", "Work_For:0-1 OrgBased_In:1-2"),
    ("Pavel of Tver shot Ivan.", "Peop Loc Peop", "0-5 9-13 19-23", "Live_In:0-1 Kill:0-2"),
    ("Tver lies in Russia.", "Loc Loc", "0-4 13-19", "Located_In:0-1"),
)


def sentence(number: int, text: str, types: str, spans: str, relations: str) -> Document:
    bounds = [map(int, span.split("-")) for span in spans.split()]
    named = enumerate(zip(types.split(), bounds, strict=True))
    mentions = tuple(Mention(f"T{n}", start, stop, name) for n, (name, (start, stop)) in named)
    parts = [relation.partition(":") for relation in relations.split()]
    triples = tuple(Triple(f"T{pair[0]}", name, f"T{pair[-1]}") for name, _, pair in parts)
    known = Annotated("complete", "complete", "none", "none", "complete")
    return Document(str(number), text, "en", mentions, (), triples, known, {"dataset": "conll04"})


def strict(document: Document, relation: str) -> Iterator[Item]:
    mentions = {mention.id: mention for mention in document.mentions}
    for triple in document.triples:
        if triple.relation == relation:
            ends = mentions[triple.subject], mentions[triple.object]
            yield (document.id, *((mention.start, mention.stop, mention.type) for mention in ends))


def test_strict_relations_of_conll04_agree_with_a_slow_count() -> None:
    gold = [sentence(number, *each) for number, each in enumerate(SENTENCES)]
    mistyped = replace(gold[0].mentions[1], type="Loc")
    short = replace(gold[1].mentions[0], stop=4)
    predicted = [
        replace(gold[0], mentions=(gold[0].mentions[0], mistyped, gold[0].mentions[2])),
        replace(gold[1], triples=(*gold[1].triples, Triple("T2", "Live_In", "T1"))),
        replace(gold[2], triples=(*gold[2].triples, Triple("T1", "Located_In", "T0"))),
    ]
    for guesses in (predicted, [predicted[0], replace(predicted[1], mentions=(short, *gold[1].mentions[1:])), gold[2]]):
        report, f1, sums = score(gold, guesses), [], [0, 0, 0]
        for relation in ("Kill", "Live_In", "Located_In", "OrgBased_In", "Work_For"):
            right = [fact for document in gold for fact in strict(document, relation)]
            found = [fact for document in guesses for fact in strict(document, relation)]
            counts = sum(fact in right for fact in found), len(found), len(right)
            assert report.relations[relation] == Counts(*counts)
            f1.append(2 * counts[0] / (counts[1] + counts[2]))
            sums = [one + other for one, other in zip(sums, counts, strict=True)]
        assert report.scores["re.document.strict"] == Counts(*sums)
        assert report.relations_macro_f1 == pytest.approx(sum(f1) / 5)
        assert report.json()["relations_macro_f1"] == pytest.approx(sum(f1) / 5)
        macro = f"macro F1, the mean over relations, is {20 * sum(f1):.2f}"
        assert f'strict RE (micro) is "relations: document, strict"; {macro}' in report.table()
    assert "CoNLL04" not in score([*gold, GOLD], [*gold, GOLD]).table()


def test_aida_has_the_macro_f1_of_gerbil() -> None:
    tver, omsk = (Mention(f"T{n}", a, a + 4, "X", link=Link("linked", f"Q{n}")) for n, a in enumerate((0, 9)))
    known = Annotated("complete", "none", "complete")
    one = Document("1", "Tver and Omsk", mentions=(tver, omsk), annotated=known, meta={"dataset": "aida"})
    two, none = replace(one, id="2"), replace(one, id="3", mentions=())
    report = score([one, two, none], [replace(one, mentions=(tver,)), replace(two, mentions=()), none])
    assert report.scores["el.inkb"] == Counts(1, 1, 4)
    assert report.inkb_macro_f1 == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert (
        'InKB F1 (micro) is "links: in the knowledge base"; macro F1, the mean over documents, is 55.56'
        in report.table()
    )
