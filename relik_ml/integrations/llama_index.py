"""LlamaIndex: an extractor of things and facts for its property graphs.

::

    PropertyGraphIndex.from_documents(documents, kg_extractors=[RelikExtractor(relik=Relik.from_pretrained())])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.graph_stores.types import KG_NODES_KEY, KG_RELATIONS_KEY, EntityNode, Relation
from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent

from relik_ml.export import Fact, Node, graph
from relik_ml.types import Document


class RelikExtractor(TransformComponent):
    """Adds to every node of LlamaIndex the things that its text mentions and the facts between them.

    ``relik`` is a ``relik_ml.Relik``, or anything that makes a Document of a Document. A thing is named by its label
    and, where it is linked, its Wikidata item, so that namesakes stay apart in a graph store.
    """

    relik: Any = Field(exclude=True)
    lang: str = "ru"

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """The same nodes; their metadata hold entities and relations besides those that were there."""
        for node in nodes:
            text = node.get_content(metadata_mode=MetadataMode.NONE)
            found = graph([self.relik(Document(node.node_id, text, self.lang))])
            things = {thing.id: _entity(thing) for thing in found.nodes}
            facts = [_relation(fact, things[fact.subject], things[fact.object]) for fact in found.facts]
            node.metadata[KG_NODES_KEY] = [*node.metadata.get(KG_NODES_KEY, []), *things.values()]
            node.metadata[KG_RELATIONS_KEY] = [*node.metadata.get(KG_RELATIONS_KEY, []), *facts]
        return nodes


def _entity(thing: Node) -> EntityNode:
    """A thing without a link is one only in its text; its name may be that of another in another text."""
    name = f"{thing.label} ({thing.qid})" if thing.qid else thing.label
    known = {"label": thing.label, "wikidata": thing.qid, "status": thing.status}
    return EntityNode(name=name, label=thing.type, properties={key: value for key, value in known.items() if value})


def _relation(fact: Fact, subject: EntityNode, object: EntityNode) -> Relation:
    known = {"sentence": fact.sentence, "score": fact.score, "wikidata": fact.pid, "inverse": fact.inverse}
    told = {key: value for key, value in known.items() if value is not None}
    return Relation(label=fact.relation, source_id=subject.id, target_id=object.id, properties=told)
