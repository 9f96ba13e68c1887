"""Things of a store by id or by name, and the statements of facts about them.

>>> document_of("urn:relik-ml:document:%D0%B0%2F1#fact=2")
'а/1'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import unquote

from relik_ml.data import load_extra
from relik_ml.errors import DataError
from relik_ml.export.graph import checked_item
from relik_ml.export.iris import BASE, ENTITY
from relik_ml.graph import layout
from relik_ml.graph.database import PREFIXES, GraphStore, fact_of
from relik_ml.graph.layout import LOCAL, name_key, span_list

_LOCAL_ID = re.compile("L[a-z2-7]{10}")


class Statement(NamedTuple):
    """A fact as one document states it. Subject, predicate and object are terms of RDF, with inverses settled."""

    id: str
    subject: Any
    predicate: Any
    object: Any
    relation: str
    kind: str
    sentence: str
    score: float | None
    mentions: tuple[tuple[int, int], tuple[int, int]]
    """Where the document mentions subject and object of the relation, in code points."""
    evidence: tuple[tuple[int, int], ...]

    @property
    def document(self) -> str:
        """The id of the document."""
        return document_of(self.id)


class Claim(NamedTuple):
    """The triple of a fact. What is asserted has no kind here."""

    fact: Any
    subject: Any
    predicate: Any
    object: Any
    kind: str = ""


def document_of(iri: str) -> str:
    """The id of the document that the IRI of a part of it names."""
    return unquote(iri.partition("#")[0].removeprefix(BASE))


def find_things(store: GraphStore, name: str) -> list[Any]:
    """The things of an id, an IRI, or a name: those that have the name as their label, or else in some text.

    The IRI of a thing of one document leads to the entity that it was resolved to.

    Raises:
        DataError: nothing in the store has this id or name.
    """
    node, string = (getattr(load_extra("pyoxigraph", "graph"), kind) for kind in ("NamedNode", "Literal"))
    item = name.removeprefix("wd:")
    iri = ENTITY + item if checked_item(item) else LOCAL + item if _LOCAL_ID.fullmatch(item) else ""
    iri = name if name.startswith((BASE, LOCAL, "http:", "https:")) else iri
    if iri:
        try:
            thing = node(iri)
        except ValueError as error:
            raise _unknown(store, name, str(error)) from None
        if any(True for _ in store.quads(thing, layout.LABEL)):
            return [thing]
        if entity := next((quad.subject for quad in store.quads(None, layout.MEMBER, thing)), None):
            return [entity]
        raise _unknown(store, name)
    key = name_key(name)
    found = list(dict.fromkeys(quad.subject for quad in store.quads(None, layout.NAME, string(key))))
    if not found:
        raise _unknown(store, name)
    exact = [thing for thing in found if name_key(label_of(store, thing)) == key]
    return sorted(exact or found, key=str)


def label_of(store: GraphStore, term: Any) -> str:
    """What to call a term: its Russian label, or else the English or other one; of a literal its text."""
    if term.value is None or hasattr(term, "datatype"):
        return str(term.value)
    labels = {quad.object.language: str(quad.object.value) for quad in store.quads(term, layout.LABEL)}
    return next((labels[language] for language in ("ru", "en", *labels) if language in labels), shortened(term.value))


def type_of(store: GraphStore, thing: Any) -> str:
    """The type of a thing; empty without one."""
    return store.value(thing.value, layout.TYPE) or ""


def shortened(iri: str) -> str:
    """An IRI with a prefix, where there is one.

    >>> shortened("http://www.wikidata.org/prop/direct/P19")
    'wdt:P19'
    """
    for prefix, start in PREFIXES.items():
        if iri.startswith(start):
            return f"{prefix}:{iri.removeprefix(start)}"
    return iri


def claims_about(store: GraphStore, thing: Any) -> Iterator[Claim]:
    """All facts with this subject or object, of any kind; one with both comes twice."""
    for quad in chain(store.quads(thing), store.quads(None, None, thing)):
        if fact := fact_of(quad):
            yield Claim(fact, quad.subject, quad.predicate, quad.object)
        elif quad.predicate.value in layout.REIFIED:
            known = {each.predicate.value: each.object for each in store.quads(quad.subject, graph="")}
            subject, predicate, object = (known[name] for name in layout.REIFIED)
            yield Claim(quad.subject, subject, predicate, object, known[layout.KIND].value)


def statements_of(store: GraphStore, subject: Any, predicate: Any, object: Any) -> Iterator[Statement]:
    """The facts that state or quote this triple."""
    facts = map(fact_of, store.quads(subject, predicate.value, object))
    return map_statements(store, filter(None, facts))


def map_statements(store: GraphStore, ids: Iterable[Any]) -> Iterator[Statement]:
    """The statements of these ids, each once."""
    return (_statement(store, id) for id in dict.fromkeys(ids))


def is_fact(store: GraphStore, term: Any) -> bool:
    """Whether a term is the IRI of a fact of the store."""
    return any(True for _ in store.quads(term, layout.QUOTED))


def _statement(store: GraphStore, id: Any) -> Statement:
    known = {quad.predicate.value: quad.object for quad in store.quads(id, graph="")}
    asserted = next(store.quads(graph=id.value), None)
    subject, predicate, object = asserted.triple if asserted else (known[name] for name in layout.REIFIED)
    relation, sentence, offsets = (known[name].value for name in (layout.RELATION, layout.SENTENCE, layout.OFFSETS))
    kind = known[layout.KIND].value if layout.KIND in known else "stated"
    one, other, *evidence = span_list(offsets)
    number = float(known[layout.SCORE].value) if layout.SCORE in known else None
    ends = (one, other)
    return Statement(
        id.value, subject, predicate, object, relation, kind, sentence, number, ends, tuple(evidence)
    )  # fmt: skip


def _unknown(store: GraphStore, name: str, got: str = "") -> DataError:
    fix = "give a Wikidata item such as Q7327, the id of an entity, or a name as a text or the index has it"
    key = name_key(name).replace("\\", "\\\\").replace('"', '\\"')
    if len(key) > 1 and not got:
        query = f'SELECT DISTINCT ?name {{ ?t relik:name ?name FILTER (CONTAINS(?name, "{key}")) }} LIMIT 5'
        if close := [row["name"].value for row in store.select(query)]:
            fix = f"give a name that is there, such as {', '.join(map(repr, close))}"
    return DataError("the store knows no such thing", where=str(store.path), got=got or repr(name), fix=fix)
