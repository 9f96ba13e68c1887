"""LlamaIndex, where it is installed: the extractor as its property graph calls it."""

from dataclasses import replace

import pytest

from relik_ml.types import Document, Link, Mention, Property, Span, Triple

pytest.importorskip("llama_index.core")

TEXT = "Анна Ахматова родилась в Одессе."
ANNA = Mention("T1", 0, 13, "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"))
CITY = Mention("T2", 25, 31, "CITY", link=Link("nil"))
BORN = Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, 32),), 0.25)


def found(document: Document) -> Document:
    return replace(document, mentions=(ANNA, CITY), triples=(BORN,))


def test_a_property_graph_takes_the_facts() -> None:
    from llama_index.core.graph_stores import SimplePropertyGraphStore
    from llama_index.core.graph_stores.types import KG_NODES_KEY, KG_RELATIONS_KEY, EntityNode
    from llama_index.core.schema import TextNode

    from relik_ml.integrations.llama_index import RelikExtractor

    kept = EntityNode(name="был", label="X")
    node = TextNode(text=TEXT, metadata={KG_NODES_KEY: [kept]})
    (same,) = RelikExtractor(relik=found)([node])
    entities, relations = same.metadata[KG_NODES_KEY], same.metadata[KG_RELATIONS_KEY]
    assert [(entity.name, entity.label) for entity in entities] == [
        ("был", "X"), ("Анна Ахматова (Q80440)", "PERSON"), ("Одессе", "CITY"),
    ]  # fmt: skip
    store = SimplePropertyGraphStore()
    store.upsert_nodes(entities)
    store.upsert_relations(relations)
    ((subject, relation, object),) = store.get_triplets(relation_names=["PLACE_OF_BIRTH"])
    assert (subject.properties["wikidata"], object.name) == ("Q80440", "Одессе")
    assert relation.properties == {"sentence": TEXT, "score": 0.25, "wikidata": "P19", "inverse": False}
