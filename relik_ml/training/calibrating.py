"""Thresholds and calibration of a reader, fitted on documents of train that it has not learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from relik_ml.bundle import Settings
from relik_ml.models.config import Thresholds
from relik_ml.pipeline import Relik
from relik_ml.reader.reader import Reader
from relik_ml.score import score
from relik_ml.score.calibration import Calibration, judge
from relik_ml.text.windows import merge
from relik_ml.training.candidates import held_out_candidates
from relik_ml.types import Document, Retrieved

LINKS = (0.5, 0.4, 0.33, 0.25)
RELATIONS = (0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15)


def tuned(relik: Relik, documents: Sequence[Document]) -> Settings:
    """The settings with the thresholds of links and relations that score best on the documents, and calibrated.

    Nothing changes where there are no documents. Candidates are found as if the documents had taught no names.
    """
    if not documents:
        return relik.settings
    settings, reader = relik.settings, relik.reader
    items = [
        held_out_candidates(relik.retriever, [document], settings.window, settings.stride)[0] for document in documents
    ]

    def read(thresholds: Thresholds) -> list[Document]:
        plain = Reader(reader.model, reader.encode, settings.inventory, thresholds)
        return _read(plain, documents, items)

    loose = replace(settings.thresholds, relation=min(RELATIONS))
    read_with = {link: read(replace(loose, link=link)) for link in LINKS}
    link = max(LINKS, key=lambda each: _f1(documents, read_with[each], "el.inkb"))
    found = read_with[link]
    relation = max(RELATIONS, key=lambda each: _f1(documents, above(found, each), "re.document.boundaries"))
    judged = judge(documents, above(found, relation))
    thresholds = replace(settings.thresholds, link=link, relation=relation)
    return replace(settings, thresholds=thresholds, calibration=Calibration.fit(judged))


def above(documents: Iterable[Document], threshold: float) -> list[Document]:
    """The documents with those triples only whose score is above a threshold."""
    return [
        replace(document, triples=tuple(triple for triple in document.triples if (triple.score or 0.0) > threshold))
        for document in documents
    ]


def _f1(gold: Sequence[Document], predicted: Sequence[Document], name: str) -> float:
    scores = score(gold, predicted).scores
    return scores[name].f1 if name in scores else 0.0


def _read(reader: Reader, documents: Sequence[Document], items: Sequence[Sequence[Retrieved]]) -> list[Document]:
    return [
        merge(document, reader(reader.encode.fit(list(found))))
        for document, found in zip(documents, items, strict=True)
    ]
