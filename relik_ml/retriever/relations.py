"""Relations found for a text by what they are called, in any inflection, and by what they mean.

A window is given the relations nearest to it, or all of them, so an index keeps no names of them. They are few, at most
some ten thousand: here their names are indexed when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from relik_ml.errors import ConfigError
from relik_ml.index import PassageEncoder, PassageIndex
from relik_ml.names import Learnt, NameIndex
from relik_ml.text import windows
from relik_ml.types import Candidate, Document


def find_relations(
    index: PassageIndex, encoder: PassageEncoder | None, text: str, k: int, lemma: Callable[[str], str]
) -> list[tuple[Candidate, str]]:
    """The k best relations for a text, each once, with the way it was found: name or vector.

    Named relations come first, then the nearest. A score is the weight of the best name plus the cosine to the nearest
    part of the text, as far as a relation has them, as of entities in ``Retriever.lookup``.

    Raises:
        ConfigError: the index has no relations.
        ModelError: it was built by another encoder.
    """
    rows = index.by_kind("relation")
    if not len(rows):
        fix = "build it with a source of relations too: nerel_relations, or wikidata_properties=FOLDER"
        raise ConfigError("the index holds no relations", where=str(index.folder), fix=fix)
    parts = windows(Document("query", text), 64, 48)
    named, near = dict[int, float](), dict[int, float]()
    names = NameIndex.build([replace(index.entries[row], kind="entity") for row in rows.tolist()], Learnt(), lemma)
    for matches in names.match_all([part.tokens for part in parts], per_span=len(rows)):
        for position, weight in matches.rows().items():
            row = int(rows[position])
            named[row] = max(weight, named.get(row, weight))
    if encoder is not None and parts:
        index.require(encoder)
        found, cosines = index.nearest(encoder.queries([part.text for part in parts]), k, rows)
        for row, cosine in zip(found.ravel().tolist(), cosines.ravel().tolist(), strict=True):
            near[row] = max(cosine, near.get(row, cosine))
    best: dict[str, tuple[Candidate, str]] = {}
    for row in sorted({*named, *near}, key=lambda row: (row not in named, -named.get(row, 0) - near.get(row, 0), row)):
        candidate = Candidate(index.entries[row], named.get(row, 0.0) + near.get(row, 0.0))
        best.setdefault(candidate.entry.id, (candidate, "name" if row in named else "vector"))
    return list(best.values())[:k]
