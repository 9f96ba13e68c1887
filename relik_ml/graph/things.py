"""Things of a store by id or by name, and the statements of facts about them.

>>> document_of("urn:relik-ml:document:%D0%B0%2F1#fact=2")
'а/1'
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote

from relik_ml.data import load_extra
from relik_ml.errors import DataError
from relik_ml.export.graph import checked_item
from relik_ml.export.iris import BASE, ENTITY, PROV, RDF, RDFS, VOCABULARY
from relik_ml.graph.database import PREFIXES, GraphStore
from relik_ml.graph.loading import NAME, name_key

LOCAL = "urn:relik-ml:entity:"
"""Begins the IRI of an entity that no index knows; its id follows."""
MEMBER = f"{VOCABULARY}member"
"""From such an entity to what is known of it from one document."""
_LOCAL_ID = re.compile("L[a-z2-7]{10}")
_LABELS = 50
"""The most labels of a thing that are looked at: many documents may name it."""


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
        if any(True for _ in store.quads(thing, f"{RDFS}label")):
            return [thing]
        if entity := next((quad.subject for quad in store.quads(None, MEMBER, thing)), None):
            return [entity]
        raise _unknown(store, name)
    key = name_key(name)
    found = list(dict.fromkeys(quad.subject for quad in store.quads(None, NAME, string(key))))
    if not found:
        raise _unknown(store, name)
    exact = [thing for thing in found if name_key(label_of(store, thing)) == key]
    return sorted(exact or found, key=str)


def label_of(store: GraphStore, term: Any) -> str:
    """What to call a term: the commonest Russian label, or else English or other one; of a literal its text."""
    if term.value is None or hasattr(term, "datatype"):
        return str(term.value)
    labels = Counter(quad.object for quad in islice(store.quads(term, f"{RDFS}label"), _LABELS))
    if not labels:
        return shortened(term.value)
    languages = {"ru": 0, "en": 1}
    return str(min(labels, key=lambda name: (languages.get(name.language, 2), -labels[name], name.value)).value)


def type_of(store: GraphStore, thing: Any) -> str:
    """The commonest type of a thing; empty without one."""
    types = Counter(quad.object.value for quad in islice(store.quads(thing, f"{VOCABULARY}type"), _LABELS))
    return types.most_common(1)[0][0] if types else ""


def shortened(iri: str) -> str:
    """An IRI with a prefix, where there is one.

    >>> shortened("http://www.wikidata.org/prop/direct/P19")
    'wdt:P19'
    """
    for prefix, start in PREFIXES.items():
        if iri.startswith(start):
            return f"{prefix}:{iri.removeprefix(start)}"
    return iri


def statements_about(store: GraphStore, thing: Any) -> Iterator[Statement]:
    """All facts with this subject or object, of any kind."""
    ids = (quad.subject for name in ("subject", "object") for quad in store.quads(None, RDF + name, thing))
    return map_statements(store, ids)


def statements_of(store: GraphStore, subject: Any, predicate: Any, object: Any) -> Iterator[Statement]:
    """The facts that are this triple."""
    pattern = f"rdf:subject {subject} ; rdf:predicate {predicate} ; rdf:object {object}"
    return map_statements(store, (row["f"] for row in store.select(f"SELECT ?f {{ ?f {pattern} }}")))


def map_statements(store: GraphStore, ids: Iterable[Any]) -> Iterator[Statement]:
    """The statements of these ids, each once."""
    return (_statement(store, id) for id in dict.fromkeys(ids))


def _statement(store: GraphStore, id: Any) -> Statement:
    found: dict[str, list[Any]] = {}
    for quad in store.quads(id):
        found.setdefault(quad.predicate.value, []).append(quad.object)
    (subject,), (predicate,), (object,) = (found[RDF + name] for name in ("subject", "predicate", "object"))
    relation, kind, sentence = (found[VOCABULARY + name][0].value for name in ("relation", "kind", "sentence"))
    one, other = (_span(found[VOCABULARY + name][0]) for name in ("subjectMention", "objectMention"))
    score = found.get(f"{VOCABULARY}score")
    evidence = tuple(sorted(map(_span, found.get(f"{PROV}wasQuotedFrom", ()))))
    number = float(score[0].value) if score else None
    return Statement(id.value, subject, predicate, object, relation, kind, sentence, number, (one, other), evidence)


def _span(term: Any) -> tuple[int, int]:
    start, stop = term.value.rpartition("#char=")[2].partition(";")[0].split(",")
    return int(start), int(stop)


def _unknown(store: GraphStore, name: str, got: str = "") -> DataError:
    fix = "give a Wikidata item such as Q7327, the id of an entity, or a name as a text or the index has it"
    key = name_key(name).replace("\\", "\\\\").replace('"', '\\"')
    if len(key) > 1 and not got:
        query = f'SELECT DISTINCT ?name {{ ?t relik:name ?name FILTER (CONTAINS(?name, "{key}")) }} LIMIT 5'
        if close := [row["name"].value for row in store.select(query)]:
            fix = f"give a name that is there, such as {', '.join(map(repr, close))}"
    return DataError("the store knows no such thing", where=str(store.path), got=got or repr(name), fix=fix)
