"""Data for the script of the page: lanes of mentions, pieces of text, and the graph.

>>> university = Mention("T1", 2, 27, "ORGANIZATION")
>>> city = Mention("T2", 2, 15, "CITY")
>>> document = Document("d", "В Ленинградском университете", mentions=(university, city))
>>> drawing(document)["lanes"]
[1, 0]
>>> for stop, inside, between in drawing(document)["pieces"]:
...     print(stop, inside, between)
2 [] []
15 [1, 0] []
27 [0] []
28 [] []
"""

from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from typing import Any

import numpy as np

from relik_ml.data import document_to_json
from relik_ml.export import Edge, Node, graph
from relik_ml.facts import HIDDEN, ranked
from relik_ml.text import Utf16
from relik_ml.types import Document, Mention

Piece = tuple[int, list[int], list[int]]


def drawing(document: Document) -> dict[str, Any]:
    """The data of a document for the page, ready for JSON.

    Mentions, nodes and facts are referred to by index. Offsets are UTF-16 units, as in JavaScript, except those in
    ``document``, which are code points.

    ``lanes`` has a lane for every mention, 0 next to the text. ``pieces`` are ``[stop, mentions inside, mentions
    between]``, each from the stop of the previous one; a piece is between the fragments of a discontinuous mention. The
    script of the page joins the nodes of several documents and places them. Facts are in the order of the triples;
    their ``order`` is by interest, ``kind`` is None for what is stated, and ``hidden`` is whether views leave it out
    by default.
    """
    units = Utf16(document.text)
    mentions = {mention.id: index for index, mention in enumerate(document.mentions)}
    lanes = _lanes(document.mentions)
    found = graph([document])
    nodes = {node.id: index for index, node in enumerate(found.nodes)}
    order = {triple: place for place, (triple, _) in enumerate(ranked(document, hidden=True))}
    return {
        "document": document_to_json(document),
        "lanes": lanes,
        "pieces": [(units.from_point(stop), *over) for stop, *over in _pieces(document, lanes)],
        "nodes": [_node(node, mentions) for node in found.nodes],
        "facts": [
            _fact(fact, nodes, mentions, units) | {"order": order[triple]}
            for triple, fact in zip(document.triples, found.facts, strict=True)
        ],
    }


# The text


def _lanes(mentions: Sequence[Mention]) -> list[int]:
    """A lane for each mention. Mentions that overlap have different lanes, outer ones further from the text.

    A discontinuous mention occupies its lane over its whole envelope.
    """
    starts, stops = _ends([mention.span for mention in mentions])
    lanes = np.full(len(mentions), -1)
    for index in np.lexsort((starts, stops - starts)):
        over = (starts < stops[index]) & (starts[index] < stops) & (lanes >= 0)
        inner = over & (starts[index] <= starts) & (stops <= stops[index])
        taken = set(lanes[over].tolist())
        lanes[index] = next(lane for lane in count(lanes[inner].max(initial=-1) + 1) if lane not in taken)
    found: list[int] = lanes.tolist()
    return found


def _pieces(document: Document, lanes: Sequence[int]) -> Iterator[Piece]:
    """The text in pieces, cut where a mention, a fragment, evidence or a line starts or stops.

    A piece is its stop, the mentions that contain it, and the mentions between whose fragments it lies, inner ones
    first.
    """
    fragments = [(index, span) for index, m in enumerate(document.mentions) for span in m.fragments or (m.span,)]
    spans = [span for _, span in fragments] + [span for triple in document.triples for span in triple.evidence]
    cuts = {offset for span in spans for offset in span} | {0, len(document.text)}
    cuts |= {offset for offset, char in enumerate(document.text, 1) if char == "\n"}
    owners = np.array([index for index, _ in fragments], dtype=int)
    starts, stops = _ends([mention.span for mention in document.mentions])
    first, last = _ends([span for _, span in fragments])
    for start, stop in pairwise(sorted(cuts)):
        inside = set(owners[(first <= start) & (start < last)].tolist())
        over = sorted(np.flatnonzero((starts <= start) & (start < stops)).tolist(), key=lambda index: lanes[index])
        yield stop, [index for index in over if index in inside], [index for index in over if index not in inside]


def _ends(spans: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
    """The starts and stops as two arrays."""
    found = np.array(spans, dtype=int).reshape(-1, 2)
    return found[:, 0], found[:, 1]


# The graph


def _node(node: Node, mentions: dict[str, int]) -> dict[str, Any]:
    return {
        "label": node.label,
        "type": node.type,
        "status": node.status,
        "item": node.qid,
        "mentions": [mentions[ref.mention] for ref in node.mentions],
    }


def _fact(fact: Edge, nodes: dict[str, int], mentions: dict[str, int], units: Utf16) -> dict[str, Any]:
    return {
        "subject": nodes[fact.subject],
        "relation": fact.relation,
        "object": nodes[fact.object],
        "mentions": [mentions[id] for id in fact.mentions],
        "property": fact.pid,
        "inverse": fact.inverse,
        "evidence": [[units.from_point(start), units.from_point(stop)] for start, stop in fact.evidence],
        "score": fact.score,
        "kind": None if fact.kind == "stated" else fact.kind,
        "hidden": fact.kind in HIDDEN,
    }
