"""A knowledge graph over any number of annotated documents, that one can ask. It needs the extra ``graph``."""

from relik_ml.graph.answers import named, written_facts
from relik_ml.graph.database import GraphStore, export_nquads, open_store
from relik_ml.graph.loading import Loader, SourceFile, find_sources, remove_documents
from relik_ml.graph.lookups import Lookups
from relik_ml.graph.merging import Resolved, local_things, merge, resolve, restore, split
from relik_ml.graph.neo4j import export_neo4j
from relik_ml.graph.questions import Conflict, FoundFact, conflicts, facts, likely, path, timeline
from relik_ml.graph.resolution import RULES, LocalThing, cluster
from relik_ml.graph.sparql import ask, written_answer
from relik_ml.graph.things import Statement, find_things, label_of
from relik_ml.graph.verification import Content, Fault, describe, verify

__all__ = [
    "RULES", "Conflict", "Content", "Fault", "FoundFact", "GraphStore", "Loader", "LocalThing", "Lookups",
    "Resolved", "SourceFile", "Statement", "ask", "cluster", "conflicts", "describe", "export_neo4j",
    "export_nquads", "facts", "find_sources", "find_things", "label_of", "likely", "local_things", "merge", "named",
    "open_store", "path", "remove_documents", "resolve", "restore", "split", "timeline", "verify", "written_answer",
    "written_facts",
]  # fmt: skip
