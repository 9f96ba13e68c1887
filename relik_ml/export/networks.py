"""The knowledge graph of documents for Gephi, yEd, Cytoscape and other viewers: GraphML and GEXF, by networkx.

Nodes and edges are named ``n1`` and ``f1``; every text of the documents is the value of an attribute.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from relik_ml.errors import ConfigError
from relik_ml.export.characters import Characters, xml
from relik_ml.export.graph import Fact, Node, graph
from relik_ml.export.losses import left_out_of_graph
from relik_ml.export.table import offsets
from relik_ml.types import Document

UNHELD = (
    "offsets of mentions", "scores of mentions", "scores of links", "alternative links", "fragments",
    "raw forms and precisions of values",
)  # fmt: skip
"""What a viewer of graphs has no place for."""

_DATE = re.compile(rb' lastmodifieddate="[0-9-]*"')


def write_graphml(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write the graph of documents as GraphML; how many documents, and what was left out."""
    networkx = _networkx()
    network, losses = _network(documents)
    # ElementTree leaves carriage returns of an element as they are, and every reader makes line feeds of them.
    path.write_bytes(_written(networkx.write_graphml_xml, network).replace(b"\r", b"&#13;"))
    return losses


def write_gexf(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write the graph of documents as GEXF; how many documents, and what was left out."""
    networkx = _networkx()
    network, losses = _network(documents)
    dated = _written(networkx.write_gexf, network)
    path.write_bytes(_DATE.sub(b"", dated, count=1))  # the same documents make the same file on any day
    return losses


def _networkx() -> Any:
    try:
        import networkx
    except ModuleNotFoundError:
        fix = 'pip install "relik-ml[export]"'
        raise ConfigError("graphs are written by networkx, which is not installed", fix=fix) from None
    return networkx


def _written(write: Callable[[Any, Any], None], network: Any) -> bytes:
    file = io.BytesIO()
    write(network, file)
    return file.getvalue()


def _network(documents: Iterable[Document]) -> tuple[Any, Counter[str]]:
    kept = list(documents)
    found = graph(kept)
    losses = left_out_of_graph(kept, found, *UNHELD)
    held = xml(losses)
    network = _networkx().MultiDiGraph()
    for node in found.nodes:
        network.add_node(node.id, **_held(_node(node), held))
    for fact in found.facts:
        network.add_edge(fact.subject, fact.object, key=fact.id, id=fact.id, **_held(_edge(fact), held))
    return network, losses


def _node(node: Node) -> dict[str, str | int | float | None]:
    return {
        "label": node.label,
        "kind": node.type,
        "status": node.status,
        "link": node.link,
        "value": node.value.value if node.value else None,
        "datatype": node.value.datatype if node.value else None,
        "mentions": len(node.mentions),
        "document": node.mentions[0].document,
    }


def _edge(fact: Fact) -> dict[str, str | int | float | None]:
    return {
        "label": fact.relation,
        "property": fact.property_id,
        "inverse": str(fact.inverse).lower() if fact.property_id is not None else None,
        "document": fact.document,
        "sentence": fact.sentence,
        "evidence": offsets(fact.evidence),
        "score": fact.score,
    }


def _held(attributes: dict[str, str | int | float | None], held: Characters) -> dict[str, str | int | float]:
    """The attributes that there are; these formats know no null."""
    known = {name: value for name, value in attributes.items() if value is not None}
    return {name: held(value) if isinstance(value, str) else value for name, value in known.items()}
