"""What decoding adds to logits: rules of links, lines and cells, thresholds and calibrated scores."""

from collections.abc import Sequence

import numpy as np
import pytest

from relik_ml.config import Thresholds
from relik_ml.network import ReaderOutput
from relik_ml.reader import Decoder, Inventory
from relik_ml.score import Calibration, Scaling
from relik_ml.text import Part, windows
from relik_ml.types import Candidate, Document, Entry, Hit, Retrieved

INVENTORY = Inventory((Entry("CITY", "type", "город"),), frozenset({"CITY"}))
MINSK, PINSK = Entry("Q2280", "entity", "Минск"), Entry("Q214", "entity", "Пинск")
KNOWS = Entry("KNOWS", "relation", "знаком с")


def read(
    text: str, spans: Sequence[tuple[int, int]], links: Sequence[float], hits: Sequence[Hit] = (),
    decoder: Decoder = Decoder(INVENTORY),
) -> Part:  # fmt: skip
    """What is decoded when the network believes in these spans of tokens, each with the same logits of links."""
    document = Document("d", text)
    (view,) = windows(document, 64, 64)
    item = Retrieved(view, (Candidate(MINSK, 1.0), Candidate(PINSK, 1.0)), (Candidate(KNOWS, 0.0),), tuple(hits))
    tokens, count = len(view.tokens), len(spans)
    output = ReaderOutput(
        np.full((1, tokens), 9.0), np.full((1, tokens, 4), 9.0), np.array([spans]),
        np.ones((1, count), bool), np.zeros((1, count, 1)),
        np.tile(links, (1, count, 1)), np.full((1, count, count, 1), 0.5),
    )  # fmt: skip
    return decoder(output, [item])[0]


def ids(part: Part) -> list[str | None]:
    return [mention.link.id for mention in part.mentions]


@pytest.mark.parametrize("apart", ["\n", "\t", "\r\n", "\u2028", " \t "])
def test_a_mention_never_crosses_a_line_or_a_cell(apart: str) -> None:
    part = read(f"Минск{apart}Пинск", [(0, 0), (0, 1), (1, 1)], [0.0, 5.0, 0.0])
    assert [part.window.document.text[m.start : m.stop] for m in part.mentions] == ["Минск", "Пинск"]
    assert {(t.subject, t.object) for t in part.triples} == {("T1", "T3"), ("T3", "T1")}


HERE, INSIDE, PINSK_HERE = Hit(0, 5, 0, ()), Hit(7, 12, 0, ()), Hit(7, 12, 1, ())


@pytest.mark.parametrize(("text", "spans", "links", "hits", "expected"), [
    # An entity is linked only where its name is the mention; one found by vector alone, anywhere.
    ("Минск, Минск", [(0, 0), (2, 2)], [0.0, 5.0, 0.0], [HERE], ["Q2280", None]),
    ("Минск, Минск", [(0, 0), (0, 2)], [0.0, 5.0, 0.0], [HERE, INSIDE], ["Q2280", None]),
    ("Минск, Пинск", [(0, 0), (2, 2)], [0.0, 0.0, 5.0], [HERE], ["Q214", "Q214"]),
    # The second best is linked if the best is named elsewhere.
    ("Минск, Пинск", [(2, 2)], [0.0, 5.0, 3.0], [HERE, PINSK_HERE], ["Q214"]),
])  # fmt: skip
def test_named_entities_are_linked_at_their_names(
    text: str, spans: list[tuple[int, int]], links: list[float], hits: list[Hit], expected: list[str | None]
) -> None:
    assert ids(read(text, spans, links, hits)) == expected


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, None), (0.25, "Q2280")])
def test_link_threshold_weighs_the_best_entity_against_nil(threshold: float, expected: str | None) -> None:
    decoder = Decoder(INVENTORY, Thresholds(link=threshold))
    assert ids(read("Минск", [(0, 0)], [0.5, 0.0, -9.0], decoder=decoder)) == [expected]


def test_scores_are_calibrated_and_thresholds_are_not() -> None:
    halved = {kind: Scaling(1.0, -2.0) for kind in ("mention", "link", "nil", "triple")}
    plain, scaled = (
        read("Минск и Пинск", [(0, 0), (2, 2)], [0.0, 5.0, 0.0], decoder=Decoder(INVENTORY, calibration=calibration))
        for calibration in (Calibration(), Calibration(halved))
    )
    assert len(plain.triples) == len(scaled.triples) == 2
    for before, after in zip(plain.mentions, scaled.mentions, strict=True):
        assert before.score is not None
        assert after.score == pytest.approx(Scaling(1.0, -2.0)(before.score), abs=1e-3)
        assert (after.link.score or 1) < (before.link.score or 0)
    assert (scaled.triples[0].score or 1) < (plain.triples[0].score or 0)
