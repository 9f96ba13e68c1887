"""Joining gold and predicted documents by id, and adding up every score over them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from relik_ml.errors import DataError
from relik_ml.scheme import NEREL, Scheme
from relik_ml.score.bootstrap import intervals
from relik_ml.score.calibration import KINDS, Bin, judge, reliability
from relik_ml.score.counts import Counts
from relik_ml.score.facts import closed
from relik_ml.score.links import linking
from relik_ml.score.mentions import boundaries, typed, typed_places
from relik_ml.score.report import TYPE, Report
from relik_ml.score.triples import Sentences, relations
from relik_ml.types import Document

Pair = tuple[Document, Document]
Scorer = Callable[[Document, Document], Iterator[tuple[str, Counts]]]


def score(
    gold: Iterable[Document],
    predicted: Iterable[Document],
    *,
    scheme: Scheme = NEREL,
    sentences: Sentences | None = None,
    bootstrap: int = 0,
) -> Report:
    """Compare predicted with gold documents, joined by id.

    ``bootstrap`` resamples of the documents give each F1 an interval; 0 gives none.

    A gold document without a prediction is scored as if nothing had been found in it; a predicted document
    that gold does not have is ignored; both are reported. A layer counts only in the documents whose gold
    annotates it. ``sentences`` splits a text (by default ``relik_ml.text.tokens.sentences``).
    DataError when an id is used twice, two texts of one id differ, or gold is empty.
    """
    guesses, right = _by_id(predicted, "predicted"), _by_id(gold, "gold")
    if not right:
        raise DataError("there is nothing to score against", got="no gold documents", fix="give a file that holds some")
    pairs = [(document, _partner(document, guesses)) for document in right.values()]
    scorers = _scorers(scheme, sentences or _default_sentences())
    counts = [dict(_counted(pair, scorers)) for pair in pairs]
    return Report(
        scores=_add_up(counts),
        documents=len(pairs),
        entities="gold" if all(typed_places(one) == typed_places(other) for one, other in pairs) else "end to end",
        missing=tuple(id for id in right if id not in guesses),
        extra=tuple(id for id in guesses if id not in right),
        notes=tuple(_notes(list(right.values()))),
        intervals=intervals(counts, bootstrap, TYPE) if bootstrap else {},
        reliability=_reliability(pairs, scheme),
    )


def _reliability(pairs: list[Pair], scheme: Scheme) -> dict[str, list[Bin]]:
    """How often scores are right, by kind; of predictions without scores nothing is told."""
    scored = [pair for pair in pairs if any(mention.score is not None for mention in pair[1].mentions)]
    judged = judge([gold for gold, _ in scored], [predicted for _, predicted in scored], scheme)
    return {kind: reliability(judged[kind]) for kind in KINDS if kind in judged}


def _scorers(scheme: Scheme, sentences: Sentences) -> dict[Scorer, tuple[str, ...]]:
    """Each scorer with the layers that gold must annotate for it."""
    return {
        boundaries: ("mentions",),
        typed: ("mentions", "types"),
        partial(linking, scheme=scheme): ("mentions", "links"),
        partial(relations, scheme=scheme, sentences=sentences): ("mentions", "triples"),
        partial(closed, scheme=scheme): ("mentions", "links", "triples"),
    }


def _counted(pair: Pair, scorers: dict[Scorer, tuple[str, ...]]) -> Iterator[tuple[str, Counts]]:
    """All counts of one document."""
    gold, predicted = pair
    for scorer, layers in scorers.items():
        if all(getattr(gold.annotated, layer) != "none" for layer in layers):
            yield from scorer(gold, predicted)


def _add_up(documents: Iterable[Mapping[str, Counts]]) -> dict[str, Counts]:
    totals: defaultdict[str, Counts] = defaultdict(Counts)
    for document in documents:
        for name, counts in document.items():
            totals[name] += counts
    return dict(totals)


def _by_id(documents: Iterable[Document], side: str) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for document in documents:
        if document.id in found:
            fix = "give every document its own id"
            raise DataError("two documents have one id", where=f"{side} documents", got=repr(document.id), fix=fix)
        found[document.id] = document
    return found


def _partner(gold: Document, guesses: dict[str, Document]) -> Document:
    found = guesses.get(gold.id)
    if found is None:
        return Document(gold.id, gold.text, lang=gold.lang)
    if found.text != gold.text:
        place = next((n for n, (a, b) in enumerate(zip(gold.text, found.text, strict=False)) if a != b), None)
        place = min(len(gold.text), len(found.text)) if place is None else place
        got = f"gold {gold.text[place : place + 20]!r}, predicted {found.text[place : place + 20]!r}"
        where = f"document {gold.id!r}, character {place}"
        raise DataError("gold and predicted text differ", where=where, got=got, fix="annotate the gold text unchanged")
    return found


def _notes(gold: list[Document]) -> Iterator[str]:
    for layer in ("mentions", "types", "links", "triples"):
        states = Counter(getattr(document.annotated, layer) for document in gold)
        for state in ("none", "partial", "silver"):
            if states[state]:
                what = "not annotated, so not scored," if state == "none" else state
                yield f"gold {layer} are {what} in {states[state]} of {len(gold)} documents"


def _default_sentences() -> Sentences:
    from relik_ml.text import sentences

    return sentences
