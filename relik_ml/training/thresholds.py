"""Fits thresholds and calibration of a reader on held-out documents of train."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from relik_ml.bundle import Settings
from relik_ml.pipeline import Relik
from relik_ml.reader import Reader
from relik_ml.score import Calibration, judge, projected, score
from relik_ml.text import merge
from relik_ml.training.candidates import held_out_candidates
from relik_ml.types import Document

MENTIONS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
LINKS = (0.5, 0.4, 0.3, 0.2, 0.1, 0.05)
RELATIONS = (0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15)


def tuned(relik: Relik, documents: Sequence[Document]) -> Settings:
    """The settings with the thresholds that score best on the documents, and calibrated.

    The thresholds of mentions, relations and links are chosen one after the other, that of links by links and facts.
    Without documents the settings are returned unchanged. The names that the documents added to the index are held out.
    """
    if not documents:
        return relik.settings
    settings, encode = relik.settings, relik.reader.encode
    items = [
        encode.fit(held_out_candidates(relik.retriever, [each], settings.window, settings.stride)[0])
        for each in documents
    ]

    def read(link: float) -> list[Document]:
        """Every mention and triple above the lowest thresholds."""
        loose = replace(settings.thresholds, mention=min(MENTIONS), relation=min(RELATIONS), link=link)
        reader = Reader(relik.reader.network, encode, settings.inventory, loose)
        return [merge(document, reader(found)) for document, found in zip(documents, items, strict=True)]

    found = {link: read(link) for link in LINKS}
    mention = max(MENTIONS, key=lambda each: _f1(documents, above(found[LINKS[0]], each, 1.0), "ner"))
    scored = "re.document.boundaries", "cie.triples"
    relation = max(RELATIONS, key=lambda each: _f1(documents, above(found[LINKS[0]], mention, each), *scored))
    scored = "el.inkb", "cie.triples"
    link = max(LINKS, key=lambda each: _f1(documents, above(found[each], mention, relation), *scored))
    judged = judge(documents, projected(documents, above(found[link], mention, relation)))
    thresholds = replace(settings.thresholds, mention=mention, link=link, relation=relation)
    return replace(settings, thresholds=thresholds, calibration=Calibration.fit(judged))


def above(documents: Iterable[Document], mention: float, triple: float) -> list[Document]:
    """The documents with only those mentions and triples whose scores are above these thresholds."""
    found = []
    for document in documents:
        mentions = tuple(each for each in document.mentions if (each.score or 0.0) > mention)
        kept = {each.id for each in mentions}
        triples = (each for each in document.triples if (each.score or 0.0) > triple)
        triples_kept = tuple(each for each in triples if {each.subject, each.object} <= kept)
        found.append(replace(document, mentions=mentions, triples=triples_kept))
    return found


def _f1(gold: Sequence[Document], predicted: Sequence[Document], *names: str) -> float:
    """The sum of the F1 of some scores, as far as the documents have them."""
    scores = score(gold, predicted).scores
    return sum(scores[name].f1 for name in names if name in scores)
