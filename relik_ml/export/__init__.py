"""Documents in the formats of other tools, and the knowledge graph that several of these formats use.

JSON Lines, the library's own format, is in ``relik_ml.data``. Two modules need an extra and are imported by name:
``relik_ml.export.rdf`` (rdflib) and ``relik_ml.export.docbin`` (spaCy).
"""

from relik_ml.export.exporter import EXPORTERS, Exporter
from relik_ml.export.graph import Edge, Graph, Node, Ref, graph
from relik_ml.export.json_formats import read_jsonld, utf16_record
from relik_ml.export.table import to_frame

__all__ = [
    "EXPORTERS", "Edge", "Exporter", "Graph", "Node", "Ref", "graph", "read_jsonld", "to_frame", "utf16_record",
]  # fmt: skip
