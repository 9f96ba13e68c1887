"""The retriever: candidates for windows, by name and by vector."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np

from relik_ml.errors import ConfigError
from relik_ml.index import Floats, Ints, PassageEncoder, PassageIndex
from relik_ml.names import NIL_ROW, NOTHING, Learnt, Matches, NameIndex, surface_keys
from relik_ml.text import windows
from relik_ml.types import Candidate, Document, Hit, Retrieved, Window

_LOOKUP_WINDOW = 64, 48
"""Size and stride of the windows of a query text; a name of up to 16 tokens lies whole in one of them."""


@dataclass(frozen=True)
class RetrieverConfig:
    """Numbers of candidates of a window."""

    entities: int = 100
    """K at most; names fill it first, vectors the rest."""
    dense: int = 10
    """Nearest entities by vector, which are always among the candidates."""
    relations: int = 50
    """K' at most; all of them when there are no more."""
    per_span: int = 10
    """Candidates of one name."""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The relations that the texts of a language are read for; of another language: all."""


class Retriever:
    """Finds candidates by name, which carries the evidence of a spelling, and by vector.

    Candidates found by name come first, by the weight of their best hit, then the others by their cosine to the window.
    A candidate's score is the sum of weight and cosine, as far as it has them. If there are too many candidates, the
    nearest ``RetrieverConfig.dense`` are kept, and of the others those with the highest weight. An entity or relation
    with a row for each language is one candidate, represented by its first row.
    """

    def __init__(
        self,
        index: PassageIndex,
        names: NameIndex | None,
        encoder: PassageEncoder | None,
        config: RetrieverConfig = RetrieverConfig(),
    ) -> None:
        self.index, self.names, self.encoder, self.config = index, names, encoder, config
        self._dense = encoder if index.vectors is not None else None  # an index of names serves any encoder
        if self._dense is not None:
            index.require(self._dense)
        self._firsts = index.entries.ids.firsts if index.per_id > 1 else None
        self._entities, self._relations = index.by_kind("entity"), index.by_kind("relation")
        self._relations_of: dict[str, tuple[Candidate, ...]] = {}

    def __call__(self, windows: Sequence[Window], held_out: Sequence[Learnt] | None = None) -> list[Retrieved]:
        """Candidates of each window.

        ``held_out`` has for each window the names that its document added to the index; they are not used. This is for
        training, so that the retriever meets a training document as it meets a new one.
        """
        found = self._find(windows, held_out)
        if self._dense is None:
            return [
                self._retrieved(window, names, {}, self._unranked(window.document.lang))
                for window, names in zip(windows, found, strict=True)
            ]
        queries = self._dense.queries([window.text for window in windows])
        entities = self._nearest(queries, self._entities, min(self.config.dense, self.config.entities))
        nearest = self._nearest(queries, self._relations, self.config.relations)
        relations = [
            self._candidates({row: score for row, score in near.items() if self._wanted(window.document.lang, row)})
            for window, near in zip(windows, nearest, strict=True)
        ]
        return [self._retrieved(*row) for row in zip(windows, found, entities, relations, strict=True)]

    def _find(self, windows: Sequence[Window], held_out: Sequence[Learnt] | None) -> list[Matches]:
        if self.names is None:
            return [NOTHING for _ in windows]
        texts = [window.tokens for window in windows]
        return self.names.match_all(texts, held_out, self.config.per_span, self._firsts, self.index.entries)

    def _nearest(self, queries: Floats, rows: Ints, k: int) -> list[dict[int, float]]:
        found, scores = self.index.nearest(queries, k, rows)
        found = found if self._firsts is None else self._firsts(found)
        return [dict(zip(*pair, strict=True)) for pair in zip(found.tolist(), scores.tolist(), strict=True)]

    def _unranked(self, lang: str) -> tuple[Candidate, ...]:
        if lang not in self._relations_of:
            rows = self._relations if self._firsts is None else np.unique(self._firsts(self._relations))
            wanted = [row for row in rows.tolist() if self._wanted(lang, row)]
            self._relations_of[lang] = self._candidates(dict.fromkeys(wanted[: self.config.relations], 0.0))
        return self._relations_of[lang]

    def _wanted(self, lang: str, row: int) -> bool:
        """Whether a relation is one of those that this language is read for."""
        return lang not in self.config.labels or self.index.entries.ids[row] in self.config.labels[lang]

    def _candidates(self, scores: Mapping[int, float]) -> tuple[Candidate, ...]:
        entries = self.index.entries
        return tuple([Candidate(entries[row], score) for row, score in scores.items()])

    def _retrieved(
        self, window: Window, found: Matches, near: Mapping[int, float], relations: tuple[Candidate, ...]
    ) -> Retrieved:
        weights = found.rows()
        likely = [row for row in weights if row not in near][: self.config.entities - len(near)]
        stay = {*likely, *near}
        chosen = dict.fromkeys([*(row for row in weights if row in stay), *near])
        index = {row: number for number, row in enumerate(chosen)}
        tokens = window.tokens
        hits = found.of(np.isin(found.row, list(chosen))).found()
        return Retrieved(
            window,
            self._candidates({row: weights.get(row, 0.0) + near.get(row, 0.0) for row in chosen}),
            relations,
            tuple([Hit(tokens[hit.first].start, tokens[hit.last].stop, index[hit.row], hit.features) for hit in hits]),
        )

    def lookup(self, text: str, k: int) -> list[tuple[Candidate, str]]:
        """The k best entities for a name or a text, each with the way it was found: name or vector.

        Entities found by name come first, then those found by vector, each by score. A long text is looked up window
        by window; the best window of an entity counts.
        """
        near = max(k, self.config.dense)
        config = replace(self.config, entities=near + k, dense=near, per_span=max(k, self.config.per_span))
        asked = Retriever(self.index, self.names, self.encoder, config)
        ranks: dict[str, tuple[bool, float, Candidate]] = {}
        for item in asked(windows(Document("query", text), *_LOOKUP_WINDOW)):
            named = {hit.candidate for hit in item.hits}
            for index, candidate in enumerate(item.entities):
                rank = (index in named, candidate.score, candidate)
                ranks[candidate.entry.id] = max(rank, ranks.get(candidate.entry.id, rank), key=itemgetter(0, 1))
        best = sorted(ranks.values(), key=itemgetter(0, 1), reverse=True)[:k]
        return [(candidate, "name" if named else "vector") for named, _, candidate in best]


def learn(document: Document, rows: Mapping[str, int], lemma: Callable[[str], str]) -> Learnt:
    """The names in an annotated document: each key with the row that it was linked to, once."""
    learnt = Learnt()
    for mention in document.mentions:
        link = mention.link
        if link.status in ("linked", "nil"):
            row = rows.get(link.id or "", NIL_ROW)
            # The label of an entry is its name; the label of a mention without an entry is the annotator's guess.
            names = [document.surface(mention), *([link.label] if link.id and link.label else [])]
            learnt.update({(key, row): 1 for name in names for key in surface_keys(name, lemma)})
    return Learnt(dict.fromkeys(learnt, 1))


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
