"""Joining gold and predicted documents by id, and adding up every score over them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from relik_ml.errors import DataError
from relik_ml.scheme import NEREL, Scheme
from relik_ml.score.agreement import Agreement
from relik_ml.score.calibration import KINDS, judge, reliability
from relik_ml.score.counts import Counts
from relik_ml.score.entity_scorers import agreements, entity_counts, named_facts
from relik_ml.score.projection import left_out, projections, viewed
from relik_ml.score.score_report import MACRO, TYPE, Interval, ScoreReport
from relik_ml.score.scorers import Sentences, counted, typed_spans
from relik_ml.text import sentences as split
from relik_ml.types import Document

UNUSED = "training documents were not used: they have no relations, or gold relates no entities"


def score(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    *,
    scheme: Scheme = NEREL,
    sentences: Sentences = split,
    bootstrap: int = 0,
    train: Iterable[Document] | None = None,
) -> ScoreReport:
    """Compare predicted with gold documents, joined by id.

    ``bootstrap`` resamples of the documents give each F1 an interval; 0 gives none. With training documents
    ``re.entities.ign`` leaves out relations that these state.

    A gold document without a prediction is scored as if nothing had been found in it; a predicted document that gold
    does not have is ignored; both are reported. A layer counts only in the documents whose gold annotates it.
    DataError if an id is used twice, two texts of one id differ, or gold is empty.
    """
    guesses, right = _by_id(predicted, "predicted"), _by_id(gold, "gold")
    if not right:
        raise DataError("there is nothing to score against", got="no gold documents", fix="give a file that holds some")
    views = projections(right.values(), scheme)
    pairs = [(document, viewed(views, document, _partner(document, guesses))) for document in right.values()]
    counts = [dict(chain(counted(*pair, scheme, sentences), entity_counts(*pair, scheme))) for pair in pairs]
    totals: defaultdict[str, Counts] = defaultdict(Counts)
    for name, each in (item for document in counts for item in document.items()):
        totals[name] += each
    known = named_facts(train or (), scheme)
    agreed: defaultdict[str, Agreement] = defaultdict(Agreement)
    for name, found in (item for pair in pairs for item in agreements(*pair, scheme, known)):
        agreed[name] += found
    unused = [UNUSED] if train is not None and "re.entities.ign" not in agreed else []
    scored = [pair for pair in pairs if any(mention.score is not None for mention in pair[1].mentions)]
    judged = judge((one for one, _ in scored), (other for _, other in scored), scheme)
    return ScoreReport(
        scores=dict(totals),
        documents=len(pairs),
        entities="gold" if all(typed_spans(one) == typed_spans(other) for one, other in pairs) else "end to end",
        missing=tuple(id for id in right if id not in guesses),
        extra=tuple(id for id in guesses if id not in right),
        notes=(*_notes(list(right.values())), *left_out(views, pairs, guesses), *unused),
        intervals=_intervals(counts, bootstrap) if bootstrap else {},
        agreements=dict(agreed),
        corpora=frozenset(document.corpus for document in right.values()),
        inkb_macro_f1=_inkb_macro_f1(counts),
        reliability={kind: reliability(judged[kind]) for kind in KINDS if kind in judged},
    )


def _by_id(documents: Iterable[Document], side: str) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for document in documents:
        if document.id in found:
            fix = "give every document its own id"
            raise DataError("two documents have one id", where=f"{side} documents", got=repr(document.id), fix=fix)
        found[document.id] = document
    return found


def _partner(gold: Document, guesses: Mapping[str, Document]) -> Document:
    found = guesses.get(gold.id)
    if found is None:
        return Document(gold.id, gold.text, lang=gold.lang)
    if found.text != gold.text:
        differ = (at for at, (one, other) in enumerate(zip(gold.text, found.text, strict=False)) if one != other)
        at = next(differ, min(len(gold.text), len(found.text)))
        got = f"gold {gold.text[at : at + 20]!r}, predicted {found.text[at : at + 20]!r}"
        where = f"document {gold.id!r}, character {at}"
        raise DataError("gold and predicted text differ", where=where, got=got, fix="annotate the gold text unchanged")
    return found


def _notes(gold: list[Document]) -> Iterator[str]:
    for layer in ("mentions", "types", "links", "triples"):
        states = Counter(getattr(document.annotated, layer) for document in gold)
        for state in ("none", "partial", "silver"):
            if states[state]:
                what = "not annotated, so not scored," if state == "none" else state
                yield f"gold {layer} are {what} in {states[state]} of {len(gold)} documents"
    if number := sum(document.annotated.entity_triples for document in gold):
        what = "between entities, so pairs of mentions score too low,"
        yield f"gold triples are {what} in {number} of {len(gold)} documents"


def _inkb_macro_f1(documents: Iterable[Mapping[str, Counts]]) -> float | None:
    """The mean F1 of the documents; it is 1 where gold has no link and none was guessed."""
    found = [counts["el.inkb"] for counts in documents if "el.inkb" in counts]
    return sum(1.0 if each.empty else each.f1 for each in found) / len(found) if found else None


def _intervals(documents: Sequence[Mapping[str, Counts]], samples: int) -> dict[str, Interval]:
    """The 95 % interval of each F1 by the bootstrap over documents (Efron 1979), percentile method.

    The macro F1, over the types that gold has, is added as ``"macro"``.
    """
    names = sorted({name for counts in documents for name in counts})
    rows = [[counts.get(name, Counts()) for name in names] for counts in documents]
    table = np.array([[(each.correct, each.guessed, each.gold) for each in row] for row in rows])
    chosen = np.random.default_rng(1).integers(0, len(documents), (samples, len(documents)))
    times = np.apply_along_axis(np.bincount, 1, chosen, minlength=len(documents))
    correct, guessed, gold = np.moveaxis(np.tensordot(times, table, 1), 2, 0)  # (samples, names) each
    f1 = 2 * correct / np.maximum(guessed + gold, 1)
    if single := [at for at, name in enumerate(names) if name.startswith(TYPE)]:
        there = gold[:, single] > 0
        macro = (f1[:, single] * there).sum(1) / np.maximum(there.sum(1), 1)
        names, f1 = [*names, MACRO], np.column_stack([f1, macro])
    low, high = np.quantile(f1, [0.025, 0.975], axis=0).round(4).tolist()
    return dict(zip(names, zip(low, high, strict=True), strict=True))
