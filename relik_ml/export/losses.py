"""What a document holds, by kind: an export names the kinds that its format has no place for.

>>> from relik_ml.types import Mention
>>> document = Document("d", "Тула", mentions=(Mention("T1", 0, 4, "CITY", score=0.9),))
>>> left_out(document, "scores of mentions", "entities")
Counter({'scores of mentions left out': 1})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from relik_ml.export.graph import Graph, Ref
from relik_ml.types import Document

MERGED = "labels and types of mentions that are not those of their thing"

_KINDS: Mapping[str, Callable[[Document], int]] = {
    "scores of mentions": lambda document: sum(mention.score is not None for mention in document.mentions),
    "scores of links": lambda document: sum(mention.link.score is not None for mention in document.mentions),
    "scores of triples": lambda document: sum(triple.score is not None for triple in document.triples),
    "labels of links": lambda document: sum(mention.link.label is not None for mention in document.mentions),
    "alternative links": lambda document: sum(len(mention.link.alternatives) for mention in document.mentions),
    "fragments": lambda document: sum(len(mention.fragments) for mention in document.mentions),
    "values": lambda document: sum(mention.value is not None for mention in document.mentions),
    "raw forms and precisions of values": lambda document: sum(m.value is not None for m in document.mentions),
    "link states": lambda document: sum(m.link.status in ("nil", "unlinkable") for m in document.mentions),
    "mentions outside triples": lambda document: len(
        {mention.id for mention in document.mentions}
        - {id for triple in document.triples for id in (triple.subject, triple.object)}
    ),
    "offsets of mentions": lambda document: len(document.mentions),
    "entities": lambda document: len(document.entities),
    "triples": lambda document: len(document.triples),
    "properties": lambda document: sum(triple.property is not None for triple in document.triples),
    "evidence spans": lambda document: sum(len(triple.evidence) for triple in document.triples),
}


def left_out(document: Document, *kinds: str) -> Counter[str]:
    """How many things of these kinds a document holds, each as a loss; kinds that it lacks are not named."""
    return +Counter({f"{kind} left out": _KINDS[kind](document) for kind in kinds})


def left_out_of_graph(documents: Iterable[Document], found: Graph, *kinds: str) -> Counter[str]:
    """How many ``documents`` there are, and what of them their graph in a format without these kinds does not hold."""
    losses, things = Counter(documents=0), found.by_mention()
    for document in documents:
        losses.update({"documents": 1} | left_out(document, *kinds))
        for mention in document.mentions:
            thing = things[Ref(document.id, mention.id)]
            losses[MERGED] += mention.type != thing.type or mention.link.label not in (None, thing.label)
    return losses
