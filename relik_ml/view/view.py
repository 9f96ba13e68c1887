"""A document as the page's script reads it: the record itself, and beside it all that is computed from it.

Offsets are UTF-16 units, for these are what JavaScript counts; those in the record stay code points.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Any

from relik_ml.data import document_to_json
from relik_ml.export.graph import Fact, Graph, Node, graph
from relik_ml.text import Utf16
from relik_ml.types import Document
from relik_ml.view.layers import lanes, pieces
from relik_ml.view.layout import MOST, layout
from relik_ml.view.mindmap import mindmap

SHOWN = 30
"""Characters of a label that a box of the drawing has room for."""

_NARROW, _WIDE, _PADDING = 7.9, 15.0, 24.0


def view(document: Document) -> dict[str, Any]:
    """What the page shows of a document, ready for JSON.

    ``pieces`` are ``[stop, mentions inside, mentions between]``, each from where the last one stops; ``lanes`` has a
    lane for every mention; ``nodes`` and ``facts`` are the graph, mentions and nodes named by their places; a node
    has ``at`` (the middle of its box) if it is drawn, and ``undrawn`` counts those in facts that are not.
    """
    units = Utf16(document.text)
    places = {mention.id: place for place, mention in enumerate(document.mentions)}
    found = graph([document])
    homes = {node.id: place for place, node in enumerate(found.nodes)}
    facts = [(homes[fact.subject], homes[fact.object]) for fact in found.facts]
    drawn = _drawn(facts)
    return {
        "document": document_to_json(document),
        "lanes": lanes(document.mentions),
        "pieces": [[units.from_point(piece.stop), piece.inside, piece.between] for piece in pieces(document)],
        "nodes": _nodes(found, facts, drawn, places),
        "facts": [_fact(fact, *ends, places, units) for fact, ends in zip(found.facts, facts, strict=True)],
        "map": [branch._asdict() for branch in mindmap(facts)],
        "undrawn": len({end for ends in facts for end in ends}) - len(drawn),
    }


def _drawn(facts: list[tuple[int, int]]) -> list[int]:
    """The places of the nodes that are in most facts."""
    return sorted(node for node, _ in Counter(end for ends in facts for end in ends).most_common(MOST))


def _nodes(
    found: Graph, facts: list[tuple[int, int]], drawn: list[int], places: dict[str, int]
) -> list[dict[str, Any]]:
    index = {node: place for place, node in enumerate(drawn)}
    edges = [(index[subject], index[object]) for subject, object in facts if subject in index and object in index]
    points = layout([width(found.nodes[node].label) for node in drawn], edges)
    at = dict(zip(drawn, points, strict=True))
    return [_node(node, places) | {"at": at.get(place)} for place, node in enumerate(found.nodes)]


def _node(node: Node, places: dict[str, int]) -> dict[str, Any]:
    return {
        "label": node.label,
        "type": node.type,
        "status": node.status,
        "item": node.qid,
        "mentions": [places[ref.mention] for ref in node.mentions],
        "width": width(node.label),
    }


def _fact(fact: Fact, subject: int, object: int, places: dict[str, int], units: Utf16) -> dict[str, Any]:
    return {
        "subject": subject,
        "relation": fact.relation,
        "object": object,
        "mentions": [places[id] for id in fact.mentions],
        "property": fact.pid,
        "inverse": fact.inverse,
        "evidence": [[units.from_point(start), units.from_point(stop)] for start, stop in fact.evidence],
        "score": fact.score,
    }


def width(label: str) -> float:
    """About how many pixels wide the box of a label is.

    >>> width("Одесса") < width("Санкт-Петербург") < width("я" * 99) == width("я" * 999)
    True
    """
    letters = (_WIDE if unicodedata.east_asian_width(char) in "WF" else _NARROW for char in label[:SHOWN])
    return round(_PADDING + sum(letters), 1)
