"""Relations looked up by hand: by what they are called, in any inflection, and by what they mean.

A window is given the relations nearest to it, or all of them, so an index keeps no names of them. They are few, at most
some ten thousand: here their names are indexed when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from relik_ml.errors import ConfigError
from relik_ml.index import Ints, PassageEncoder, PassageIndex
from relik_ml.names import Learnt, NameIndex
from relik_ml.text import windows
from relik_ml.types import Candidate, Document, Window

_PIECE = 64, 48


def find_relations(
    index: PassageIndex, encoder: PassageEncoder | None, text: str, k: int, lemma: Callable[[str], str]
) -> list[tuple[Candidate, str]]:
    """The k best relations for a text, each once, with the way it was found: name or vector.

    What is named comes first, then what is near; a score is the weight of the name and the cosine, as far as a relation
    has them, as of entities in ``Retriever.lookup``.

    Raises:
        ConfigError: the index has no relations.
        ModelError: it was built by another encoder.
    """
    rows = index.by_kind("relation")
    if not len(rows):
        fix = "build it with a source of relations too: nerel_relations, or wikidata_properties=FOLDER"
        raise ConfigError("the index holds no relations", where=str(index.folder), fix=fix)
    pieces = windows(Document("query", text), *_PIECE)
    named, near = _named(index, rows, pieces, lemma), _near(index, rows, pieces, encoder, k)
    scores = {row: named.get(row, 0.0) + near.get(row, 0.0) for row in {**named, **near}}
    found: dict[str, tuple[Candidate, str]] = {}
    for row in sorted(scores, key=lambda row: (row not in named, -scores[row], row)):
        candidate = Candidate(index.entries[row], scores[row])
        found.setdefault(candidate.entry.id, (candidate, "name" if row in named else "vector"))
    return list(found.values())[:k]


def _named(index: PassageIndex, rows: Ints, pieces: list[Window], lemma: Callable[[str], str]) -> dict[int, float]:
    """The rows that pieces of a text name, each with the weight of its best name."""
    names = NameIndex.build([replace(index.entries[row], kind="entity") for row in rows.tolist()], Learnt(), lemma)
    weights: dict[int, float] = {}
    for hits in names.find_all([piece.tokens for piece in pieces], per_span=len(rows)):
        for hit in hits:
            row = int(rows[hit.row])
            weights[row] = max(hit.weight, weights.get(row, hit.weight))
    return weights


def _near(
    index: PassageIndex, rows: Ints, pieces: list[Window], encoder: PassageEncoder | None, k: int
) -> dict[int, float]:
    """The k rows nearest to each piece, each with the cosine to its nearest piece."""
    if encoder is None or not pieces:
        return {}
    index.require(encoder)
    places, scores = index.nearest(encoder.queries([piece.text for piece in pieces]), k, rows)
    found: dict[int, float] = {}
    for row, score in zip(places.ravel().tolist(), scores.ravel().tolist(), strict=True):
        found[row] = max(score, found.get(row, score))
    return found
