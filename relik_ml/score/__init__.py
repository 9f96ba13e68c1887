"""How good predicted documents are: additive counts, one report, the calibration of scores, recall of retrieval.

>>> from relik_ml.types import Annotated, Document, Mention
>>> text = "Чехов родился в Таганроге."
>>> chekhov, taganrog = Mention("T1", 0, 5, "PERSON"), Mention("T2", 16, 25, "CITY")
>>> known = Annotated(mentions="complete", types="complete")
>>> gold = Document("d", text, mentions=(chekhov, taganrog), annotated=known)
>>> score([gold], [Document("d", text, mentions=(chekhov,))]).scores["ner"]
Counts(correct=1, guessed=1, gold=2)
"""

from relik_ml.scheme import NEREL, Scheme
from relik_ml.score.agreement import MEASURES, Agreement, best_alignment, clusters, compare
from relik_ml.score.calibration import BINS, Calibration, Judged, Scaling, calibration_error, judge, reliability
from relik_ml.score.counts import Counts, exact, matched
from relik_ml.score.projection import projected
from relik_ml.score.retrieval import KS, Recall, recall, record, retrieval, table
from relik_ml.score.score_report import HEADLINES, TITLES, ScoreReport
from relik_ml.score.scoring import score

__all__ = [
    "BINS", "HEADLINES", "KS", "MEASURES", "NEREL", "TITLES", "Agreement", "Calibration", "Counts", "Judged",
    "Recall", "Scaling", "Scheme", "ScoreReport", "best_alignment", "calibration_error", "clusters", "compare",
    "exact", "judge", "matched", "projected", "recall", "record", "reliability", "retrieval", "score", "table",
]  # fmt: skip
