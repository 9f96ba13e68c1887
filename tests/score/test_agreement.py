"""The measures of coreference, against published figures, an exhaustive alignment and themselves."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.score import MEASURES, best_alignment, clusters, compare, score
from relik_ml.types import Annotated, Document, Entity, Mention

partitions = st.lists(st.integers(0, 3), min_size=1, max_size=8).map(
    lambda owners: clusters(*([n for n, each in enumerate(owners) if each == owner] for owner in set(owners)))
)


@pytest.mark.parametrize(("name", "recall", "precision"), [
    ("coref.muc", 2 / 5, 2 / 5),
    ("coref.b3", (4 / 3 + 1 / 3 + 1 / 4 + 1) / 7, 4 / 8),
    ("coref.ceafe", 1.3 / 2, 1.3 / 3),
    ("coref.lea", (1 + 4 / 6) / 7, (2 + 4 / 6) / 8),
])  # fmt: skip
def test_the_example_of_the_reference_scorer(name: str, recall: float, precision: float) -> None:
    """Pradhan et al. 2014, section 4.3; LEA from the definition of Moosavi and Strube 2016."""
    found = compare(MEASURES[name], clusters("abc", "defg"), clusters("ab", "cd", "fghi"))
    assert (found.recall, found.precision) == pytest.approx((recall, precision))


@given(partitions, partitions)
def test_measures_are_shares_and_perfect_for_equals(one: list[frozenset[int]], other: list[frozenset[int]]) -> None:
    for measure in MEASURES.values():
        found, itself = compare(measure, one, other), compare(measure, one, one)
        assert 0 <= found.recall <= 1 + 1e-9
        assert 0 <= found.precision <= 1 + 1e-9
        assert itself.f1 == pytest.approx(1 if itself.gold else 0)  # MUC sees no singletons


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_alignment_is_the_best_of_all(rows: int, columns: int, seed: int) -> None:
    similarity = np.round(np.random.default_rng(seed).random((rows, columns)) * 4) / 4
    wide = similarity if rows <= columns else similarity.T
    sums = (wide[range(len(wide)), list(chosen)].sum() for chosen in permutations(range(wide.shape[1]), len(wide)))
    assert best_alignment(similarity) == pytest.approx(max(sums))


def document(*entities: str) -> Document:
    """Of the letters of the text, those of each entity corefer; an entity of one letter is just a mention."""
    letters = sorted(set("".join(entities)))
    mentions = tuple(Mention(each, "abcdefghi".index(each), "abcdefghi".index(each) + 1, "X") for each in letters)
    groups = tuple(Entity(f"E{number}", tuple(each)) for number, each in enumerate(entities) if len(each) > 1)
    known = Annotated(mentions="complete", types="none", entities="complete")
    return Document("d", "abcdefghi", mentions=mentions, entities=groups, annotated=known)


def test_documents_are_scored_by_spans() -> None:
    report = score([document("abc", "defg")], [document("ab", "cd", "fghi")])
    assert {name: round(each.f1, 2) for name, each in report.agreements.items()} == {
        "coref.muc": 0.4, "coref.b3": 0.45, "coref.ceafe": 0.52, "coref.lea": 0.28,
    }  # fmt: skip
    assert "\nMUC                                    40.00   40.00   40.00\n" in report.table()
    assert report.json()["coreference"]["coref.ceafe"]["recall"] == pytest.approx(0.65)
    alone = score([document("ab", "c")], [document("a", "b", "c")]).agreements
    assert alone["coref.b3"].recall == pytest.approx(2 / 3)
    assert alone["coref.b3"].precision == 1


def test_entities_that_are_not_annotated_are_not_scored() -> None:
    gold = Document("d", "ab", mentions=(Mention("a", 0, 1, "X"),), annotated=Annotated(mentions="complete"))
    report = score([gold], [gold])
    assert (report.agreements, report.json()["coreference"]) == ({}, {})
    assert "MUC" not in report.table()
