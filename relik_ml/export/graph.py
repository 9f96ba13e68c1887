"""The knowledge graph of documents: nodes for what mentions refer to, and facts between them with their evidence.

>>> from relik_ml.types import Link, Property
>>> text = "Анна Ахматова родилась в Одессе. Ахматова — поэт."
>>> poet = Link("linked", "Q80440")
>>> anna, again = Mention("A", 0, 13, "PERSON", link=poet), Mention("B", 33, 41, "PERSON", link=poet)
>>> born = Triple("A", "PLACE_OF_BIRTH", "C", Property("P19"), (Span(0, 32),), 0.9)
>>> found = graph([Document("d", text, mentions=(anna, Mention("C", 25, 31, "CITY"), again), triples=(born,))])
>>> [(node.id, node.label, node.qid, [ref.mention for ref in node.mentions]) for node in found.nodes]
[('n1', 'Анна Ахматова', 'Q80440', ['A', 'B']), ('n2', 'Одессе', None, ['C'])]
>>> [(fact.subject, fact.pid, fact.object, fact.sentence) for fact in found.facts]
[('n1', 'P19', 'n2', 'Анна Ахматова родилась в Одессе.')]

Mentions are one node when their links have the same id, in any document, or else when they belong to one entity of
their document. Other mentions are nodes of their own. A mention without a link takes the link of its entity if the
members agree on one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from relik_ml.facts import identities, kinds
from relik_ml.types import Document, FactKind, Mention, Span, Status, Triple, Value

MERGED = "labels and types of mentions that are not those of their thing"

_ITEM = re.compile(r"Q[1-9][0-9]{0,11}")
_PROPERTY = re.compile(r"P[1-9][0-9]{0,11}")


class Ref(NamedTuple):
    """A mention of a document, both by id."""

    document: str
    mention: str


@dataclass(frozen=True, slots=True)
class Node:
    """What one or more mentions refer to. ``id`` is ``n`` and a number.

    ``label`` is the most frequent label of the links, or else the most frequent surface; ``type`` is the most frequent
    type. Ties go to the earliest. ``link`` and ``status`` are those of the links, or else of the first mention.
    ``value`` is the first literal.
    """

    id: str
    label: str
    type: str
    status: Status
    link: str | None
    mentions: tuple[Ref, ...]
    value: Value | None = None

    @property
    def qid(self) -> str | None:
        """The Wikidata item, if the link's id has the form of one."""
        return checked_item(self.link)


@dataclass(frozen=True, slots=True)
class Edge:
    """A fact: a triple between two nodes as one document states it. ``id`` is ``f`` and a number.

    ``subject`` and ``object`` are ids of nodes, ``mentions`` the ids of the triple's two mentions in ``document``.
    ``property_id`` is the triple's property; with ``inverse`` it runs from object to subject. ``evidence`` is the
    triple's, in code points, and ``sentence`` the text of the evidence, its spans joined by blanks.
    ``kind`` is how the text puts it, or why it is no news.
    """

    id: str
    subject: str
    relation: str
    object: str
    document: str
    mentions: tuple[str, str]
    property_id: str | None = None
    inverse: bool = False
    evidence: tuple[Span, ...] = ()
    sentence: str = ""
    score: float | None = None
    kind: FactKind = "stated"

    @property
    def pid(self) -> str | None:
        """The Wikidata property, if ``property_id`` has the form of one."""
        return checked_property(self.property_id)


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in the order of their first mentions, and facts in the order of their triples."""

    nodes: tuple[Node, ...]
    facts: tuple[Edge, ...]


def graph(documents: Iterable[Document]) -> Graph:
    """The graph of documents, whose ids must differ. Every mention has a node, also if it is in no fact.

    All facts are here, also those of ``facts.HIDDEN`` kinds. Two triples with the same arguments and relation are
    two facts, because each has its own evidence.
    """
    groups: dict[object, list[tuple[Document, Mention]]] = {}
    triples: list[tuple[Document, Triple, FactKind]] = []
    for document in documents:
        keys = identities(document)
        for mention in document.mentions:
            groups.setdefault(keys[mention.id], []).append((document, mention))
        triples += ((document, *fact) for fact in zip(document.triples, kinds(document), strict=True))
    nodes = tuple(_node(f"n{number}", group) for number, group in enumerate(groups.values(), 1))
    homes = {ref: node.id for node in nodes for ref in node.mentions}
    return Graph(nodes, tuple(_fact(f"f{number}", *each, homes) for number, each in enumerate(triples, 1)))


def checked_item(id: str | None) -> str | None:
    """The id if it has the form of a Wikidata item's, else None.

    >>> checked_item("Q42"), checked_item("Q42> <http://e.org/p"), checked_item("Q٤")
    ('Q42', None, None)
    """
    return id if id is not None and _ITEM.fullmatch(id) else None


def checked_property(id: str | None) -> str | None:
    """The id if it has the form of a Wikidata property's, else None."""
    return id if id is not None and _PROPERTY.fullmatch(id) else None


def count_merged(documents: Iterable[Document], found: Graph, losses: Counter[str]) -> None:
    """Add to ``losses`` the mentions whose label or type is not that of their node."""
    things = {ref: node for node in found.nodes for ref in node.mentions}
    for document in documents:
        for mention in document.mentions:
            thing = things[Ref(document.id, mention.id)]
            losses[MERGED] += mention.type != thing.type or mention.link.label not in (None, thing.label)


def offsets(spans: Iterable[Span]) -> str:
    """Spans as text: ``start:stop``, separated by blanks.

    >>> offsets([Span(0, 5), Span(7, 9)])
    '0:5 7:9'
    """
    return " ".join(f"{start}:{stop}" for start, stop in spans)


def _node(id: str, group: list[tuple[Document, Mention]]) -> Node:
    mentions = [mention for _, mention in group]
    labels = [mention.link.label for mention in mentions if mention.link.label]
    links = [mention.link.id for mention in mentions if mention.link.id]
    return Node(
        id,
        label=_commonest(labels or [document.surface(mention) for document, mention in group]),
        type=_commonest([mention.type for mention in mentions]),
        status="linked" if links else mentions[0].link.status,
        link=links[0] if links else None,
        mentions=tuple(Ref(document.id, mention.id) for document, mention in group),
        value=next((mention.value for mention in mentions if mention.value), None),
    )


def _commonest(texts: list[str]) -> str:
    """The most frequent text; ties go to the earliest."""
    return Counter(texts).most_common(1)[0][0]


def _fact(id: str, document: Document, triple: Triple, kind: FactKind, homes: Mapping[Ref, str]) -> Edge:
    return Edge(
        id,
        subject=homes[Ref(document.id, triple.subject)],
        relation=triple.relation,
        object=homes[Ref(document.id, triple.object)],
        document=document.id,
        mentions=(triple.subject, triple.object),
        property_id=triple.property.id if triple.property else None,
        inverse=triple.property is not None and triple.property.inverse,
        evidence=triple.evidence,
        sentence=" ".join(document.text[start:stop] for start, stop in triple.evidence),
        score=triple.score,
        kind=kind,
    )
