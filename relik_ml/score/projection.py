"""Predictions in the labels of another corpus: its coarser types, and only the relations that it annotates.

A model predicts the types of its scheme. A corpus such as CoNLL04 has coarser ones, ``Loc`` for all kinds of places.

>>> from relik_ml.scheme import NEREL
>>> from relik_ml.types import Annotated, Mention
>>> text = "Moscow, 1990"
>>> gold = Document("d", text, mentions=(Mention("T1", 0, 6, "Loc"),), annotated=Annotated("complete", "complete"),
...                 meta={"dataset": "conll04"})
>>> found = Document("d", text, mentions=(Mention("T1", 0, 6, "CITY"), Mention("T2", 8, 12, "DATE")))
>>> [(mention.id, mention.type) for mention in projections([gold], NEREL)["conll04"](found).mentions]
[('T1', 'Loc'), ('T2', 'Other')]
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from relik_ml.scheme import NEREL, Scheme
from relik_ml.types import Document


@dataclass(frozen=True)
class Projection:
    """The labels of a corpus as a view of a model's labels."""

    types: Mapping[str, str]
    """The corpus's type of each type of the model; mentions of other types are left out."""
    relations: Set[str]

    def __call__(self, document: Document) -> Document:
        """The document with the mentions and relations that the corpus would annotate, under its names of types."""
        kept = [mention for mention in document.mentions if mention.type in self.types]
        ids = {mention.id for mention in kept}
        triples = (each for each in document.triples if each.relation in self.relations)
        return replace(
            document,
            mentions=tuple(replace(mention, type=self.types[mention.type]) for mention in kept),
            entities=tuple(
                replace(entity, mentions=left)
                for entity in document.entities
                if (left := tuple(id for id in entity.mentions if id in ids))
            ),
            triples=tuple(each for each in triples if {each.subject, each.object} <= ids),
        )


def projections(gold: Iterable[Document], scheme: Scheme) -> dict[str, Projection]:
    """For each corpus of gold that has coarser types than the scheme: what a prediction is in its labels."""
    relations: dict[str, set[str]] = {}
    for document in gold:
        if document.corpus in scheme.coarse:
            relations.setdefault(document.corpus, set()).update(triple.relation for triple in document.triples)
    return {corpus: Projection(_types(scheme.coarse[corpus]), known) for corpus, known in relations.items()}


def projected(gold: Iterable[Document], predicted: Iterable[Document], scheme: Scheme = NEREL) -> list[Document]:
    """Each predicted document in the labels of the corpus of its gold, see ``Projection``; both in one order."""
    documents = list(gold)
    views = projections(documents, scheme)
    return [viewed(views, *pair) for pair in zip(documents, predicted, strict=True)]


def viewed(views: Mapping[str, Projection], gold: Document, predicted: Document) -> Document:
    """A predicted document in the labels of the corpus of its gold."""
    view = views.get(gold.corpus)
    return view(predicted) if view else predicted


def left_out(
    views: Mapping[str, Projection], pairs: Sequence[tuple[Document, Document]], guesses: Mapping[str, Document]
) -> Iterator[str]:
    """A note on each view that a report used; ``guesses`` are the predictions as they were."""
    for corpus, view in views.items():
        ours = [(guesses[one.id], other) for one, other in pairs if one.corpus == corpus and one.id in guesses]
        lost = sum(len(whole.mentions) - len(part.mentions) for whole, part in ours)
        names = ", ".join(sorted({*view.types.values()}))
        yield f"predicted types were mapped to those of gold ({names}); {lost} mentions of other types were left out"


def _types(coarse: Mapping[str, Set[str]]) -> dict[str, str]:
    finer = {type_: name for name, members in coarse.items() for type_ in members}
    return {**{name: name for name in coarse}, **finer}
