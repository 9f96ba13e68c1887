"""LlamaIndex: an extractor of entities and facts for its property graphs.

::

    PropertyGraphIndex.from_documents(documents, kg_extractors=[RelikExtractor(relik=Relik.from_pretrained())])
"""

from collections.abc import Sequence
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.graph_stores.types import KG_NODES_KEY, KG_RELATIONS_KEY, EntityNode, Relation
from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent

from relik_ml.export import Edge, Node, graph
from relik_ml.types import Document


class RelikExtractor(TransformComponent):
    """Adds the entities that a text mentions, and the facts between them, to the nodes of LlamaIndex.

    ``relik`` is a ``relik_ml.Relik``, or another function from Document to Document. The name of a linked entity
    includes its Wikidata id, so that entities with the same label stay separate in a graph store.
    """

    relik: Any = Field(exclude=True)
    lang: str = "ru"

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Append entities and relations to the metadata of the nodes, and return the nodes."""
        for node in nodes:
            text = node.get_content(metadata_mode=MetadataMode.NONE)
            found = graph([self.relik(Document(node.node_id, text, self.lang))])
            things = {thing.id: _entity(thing) for thing in found.nodes}
            facts = [_relation(fact, things[fact.subject], things[fact.object]) for fact in found.facts]
            node.metadata[KG_NODES_KEY] = [*node.metadata.get(KG_NODES_KEY, []), *things.values()]
            node.metadata[KG_RELATIONS_KEY] = [*node.metadata.get(KG_RELATIONS_KEY, []), *facts]
        return nodes


def _entity(thing: Node) -> EntityNode:
    """The node of an entity. The name of an unlinked entity is not unique across texts."""
    name = f"{thing.label} ({thing.qid})" if thing.qid else thing.label
    known = {"label": thing.label, "wikidata": thing.qid, "status": thing.status}
    return EntityNode(name=name, label=thing.type, properties={key: value for key, value in known.items() if value})


def _relation(fact: Edge, subject: EntityNode, object: EntityNode) -> Relation:
    known = {"sentence": fact.sentence, "score": fact.score, "wikidata": fact.pid, "inverse": fact.inverse}
    told = {key: value for key, value in known.items() if value is not None}
    return Relation(label=fact.relation, source_id=subject.id, target_id=object.id, properties=told)
