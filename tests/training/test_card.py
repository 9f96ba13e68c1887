"""The model card says what was measured."""

import re

from relik_ml import Relik
from relik_ml.score import score
from relik_ml.training import Data, Origin, Task, model_card
from tests.corpus import RELATIONS, TYPES, bare, documents


def test_the_card_says_how_reliable_scores_are(tiny: Relik) -> None:
    gold = documents()
    report = score(gold, tiny.annotate(map(bare, gold)))
    origin = Origin(Data(gold, gold, TYPES, [], [], RELATIONS), "the command")
    card = model_card(Task("Title", "Mentions"), origin, report, None, tiny.retriever.index)
    rows = re.findall(r"^\| 0\.\d to [01]\.\d \|.*", card, re.MULTILINE)
    mentions = [int(cell[1].replace(",", "")) for row in rows if (cell := re.search(r"\| (?:\d+% of ([\d,]+))", row))]
    assert sum(mentions) == report.scores["ner"].guessed
    assert "| expected calibration error |" in card
    assert "ours, 20 documents" in card
