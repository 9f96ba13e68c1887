"""The knowledge graph of documents as GraphML and GEXF, written by networkx, and as CSV files for Neo4j.

Nodes have ids such as ``n1``, edges such as ``f1``. Text of the documents is only written as attribute values, and as
labels and relationship types of Neo4j if it is a plain word. The CSV files are for Neo4j, not for spreadsheets.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from relik_ml.export.graph import Edge, Graph, Node, count_merged, graph, offsets
from relik_ml.types import Document

NODE_COLUMNS = (
    "id:ID", "label", "type", "status", "link", "value", "datatype", "mentions:int", "document", ":LABEL",
)  # fmt: skip
RELATIONSHIP_COLUMNS = (
    ":START_ID", ":END_ID", "id", "relation", "property", "inverse:boolean", "document", "sentence", "evidence",
    "score:double", ":TYPE",
)  # fmt: skip

_DATE = re.compile(rb' lastmodifieddate="[0-9-]*"')
_WORD = re.compile(r"[^\W\d_]\w{0,63}")

Cell = str | int | float | None


def write_graphml(documents: Iterable[Document], path: Path, losses: Counter[str]) -> None:
    """Write the graph of documents as GraphML."""
    import networkx

    file = io.BytesIO()
    networkx.write_graphml_xml(_network(documents, losses), file)
    # ElementTree does not escape carriage returns in text, and XML readers turn them into line feeds.
    path.write_bytes(file.getvalue().replace(b"\r", b"&#13;"))


def write_gexf(documents: Iterable[Document], path: Path, losses: Counter[str]) -> None:
    """Write the graph of documents as GEXF, without the date, so that the output is reproducible."""
    import networkx

    file = io.BytesIO()
    networkx.write_gexf(_network(documents, losses), file)
    path.write_bytes(_DATE.sub(b"", file.getvalue(), count=1))


def write_neo4j(documents: Iterable[Document], folder: Path, losses: Counter[str]) -> None:
    """Write the graph of documents as ``nodes.csv`` and ``relationships.csv``."""
    found = _graph(documents, losses)
    nodes, edges = [], []
    for node in found.nodes:
        losses["types that make no label"] += not plain(node.type)
        nodes.append([node.id, *_node(node).values(), f"Entity;{node.type}" if plain(node.type) else "Entity"])
    for fact in found.facts:
        losses["relations that make no relationship type: RELATED"] += not plain(fact.relation)
        kind = fact.relation if plain(fact.relation) else "RELATED"
        edges.append([fact.subject, fact.object, fact.id, *_edge(fact).values(), kind])
    write_rows(folder / "nodes.csv", NODE_COLUMNS, nodes)
    write_rows(folder / "relationships.csv", RELATIONSHIP_COLUMNS, edges)


def _graph(documents: Iterable[Document], losses: Counter[str]) -> Graph:
    kept = list(documents)
    found = graph(kept)
    count_merged(kept, found, losses)
    return found


def _network(documents: Iterable[Document], losses: Counter[str]) -> Any:
    import networkx

    found, network = _graph(documents, losses), networkx.MultiDiGraph()
    for node in found.nodes:
        network.add_node(node.id, **_known(_node(node)))
    for fact in found.facts:
        network.add_edge(fact.subject, fact.object, key=fact.id, id=fact.id, **_known(_edge(fact)))
    return network


def _node(node: Node) -> dict[str, Cell]:
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


def _edge(fact: Edge) -> dict[str, Cell]:
    return {
        "label": fact.relation,
        "property": fact.property_id,
        "inverse": str(fact.inverse).lower() if fact.property_id is not None else None,
        "document": fact.document,
        "sentence": fact.sentence,
        "evidence": offsets(fact.evidence),
        "score": fact.score,
    }


def _known(attributes: dict[str, Cell]) -> dict[str, Cell]:
    """The attributes that are not None, because GraphML and GEXF have no null."""
    return {name: value for name, value in attributes.items() if value is not None}


def plain(name: str) -> bool:
    """Whether a name may be a label or a relationship type of Neo4j."""
    return _WORD.fullmatch(name) is not None


def write_rows(path: Path, columns: tuple[str, ...], rows: Iterable[list[Cell]]) -> int:
    """Write a table; the number of its rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(columns)
        return sum(1 for row in rows if written.writerow(row))
