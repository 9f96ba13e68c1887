"""The knowledge graph of documents as the CSV files that ``neo4j-admin database import`` reads.

Labels and relationship types are names of the documents only if they are plain words; the texts themselves always
stand in properties, exactly as they are. The files are made for that importer, not for spreadsheets.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from relik_ml.export.characters import utf8
from relik_ml.export.graph import Fact, Graph, Node, graph
from relik_ml.export.losses import left_out_of_graph
from relik_ml.export.networks import UNHELD
from relik_ml.export.table import offsets
from relik_ml.types import Document

NODES, RELATIONSHIPS = "nodes.csv", "relationships.csv"
NODE_COLUMNS = (
    "id:ID", "label", "type", "status", "link", "value", "datatype", "mentions:int", "document", ":LABEL",
)  # fmt: skip
RELATIONSHIP_COLUMNS = (
    ":START_ID", ":END_ID", "id", "relation", "property", "inverse:boolean", "document", "sentence", "evidence",
    "score:double", ":TYPE",
)  # fmt: skip
LABEL, RELATED = "Entity", "RELATED"

_WORD = re.compile(r"[^\W\d_]\w{0,63}")

Row = list[str | int | float | None]


def write(documents: Iterable[Document], folder: Path) -> Counter[str]:
    """Write ``nodes.csv`` and ``relationships.csv`` to a folder; how many documents, and what was left out."""
    kept = list(documents)
    found = graph(kept)
    losses = left_out_of_graph(kept, found, *UNHELD)
    _write(folder / NODES, NODE_COLUMNS, _nodes(found, losses), losses)
    _write(folder / RELATIONSHIPS, RELATIONSHIP_COLUMNS, _relationships(found, losses), losses)
    return losses


def _write(path: Path, columns: tuple[str, ...], rows: Iterator[Row], losses: Counter[str]) -> None:
    held = utf8(losses)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows([held(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


def _nodes(found: Graph, losses: Counter[str]) -> Iterator[Row]:
    for node in found.nodes:
        plain = _WORD.fullmatch(node.type) is not None
        losses["types that make no label"] += not plain
        yield [*_texts(node), len(node.mentions), node.mentions[0].document, f"{LABEL};{node.type}" if plain else LABEL]


def _texts(node: Node) -> Row:
    value = node.value
    literal = (value.value, value.datatype) if value else (None, None)
    return [node.id, node.label, node.type, node.status, node.link, *literal]


def _relationships(found: Graph, losses: Counter[str]) -> Iterator[Row]:
    for fact in found.facts:
        plain = _WORD.fullmatch(fact.relation) is not None
        losses[f"relations that make no relationship type: {RELATED}"] += not plain
        yield [fact.subject, fact.object, *_provenance(fact), fact.relation if plain else RELATED]


def _provenance(fact: Fact) -> Row:
    inverse = str(fact.inverse).lower() if fact.property_id is not None else None
    return [
        fact.id, fact.relation, fact.property_id, inverse, fact.document, fact.sentence, offsets(fact.evidence),
        fact.score,
    ]  # fmt: skip
