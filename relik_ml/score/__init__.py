"""How good predicted documents are: additive counts, one module for each kind of score, one report.

>>> from relik_ml.types import Annotated, Document, Mention
>>> text = "Чехов родился в Таганроге."
>>> chekhov, taganrog = Mention("T1", 0, 5, "PERSON"), Mention("T2", 16, 25, "CITY")
>>> known = Annotated(mentions="complete", types="complete")
>>> gold = Document("d", text, mentions=(chekhov, taganrog), annotated=known)
>>> score([gold], [Document("d", text, mentions=(chekhov,))]).scores["ner"]
Counts(correct=1, guessed=1, gold=2)
"""

from __future__ import annotations

from relik_ml.scheme import NEREL, Scheme
from relik_ml.score.calibration import Calibration, Scaling, calibration_error, judge
from relik_ml.score.counts import Counts, exact
from relik_ml.score.report import HEADLINES, TITLES, Report
from relik_ml.score.retrieval import KS, Recall, recall, record, retrieval, table
from relik_ml.score.scoring import score

__all__ = [
    "HEADLINES",
    "KS",
    "NEREL",
    "TITLES",
    "Calibration",
    "Counts",
    "Recall",
    "Report",
    "Scaling",
    "Scheme",
    "calibration_error",
    "exact",
    "judge",
    "recall",
    "record",
    "retrieval",
    "score",
    "table",
]
