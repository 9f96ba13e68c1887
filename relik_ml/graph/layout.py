"""What a store holds of a document: quads as lines of N-Quads without the final point.

A fact is a named graph: it has one triple if the text states or quotes it. Everything else is in the default graph,
where a quad takes a third of the space. For the fact ``DOCUMENT#fact=1`` that is the document (``prov:wasQuotedFrom``),
the relation, the score, the sentence, and ``relik:offsets`` in code points: the mention of the relation's subject, that
of its object, and the spans of the evidence. A fact that is not asserted has ``relik:kind`` and, in place of a graph,
``rdf:subject``, ``rdf:predicate`` and ``rdf:object``. `relik_ml.export.triples` makes the triples.

>>> span_list(written_spans([(0, 19), (52, 61)]))
[(0, 19), (52, 61)]
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import NamedTuple

from relik_ml.export.graph import Edge, Node
from relik_ml.export.iris import ITSRDF, NIF, PROV, RDF, RDFS, VOCABULARY, XSD, Iris
from relik_ml.export.terms import iri, literal
from relik_ml.export.triples import ASSERTED, DocumentTriples
from relik_ml.text import Morphology, Nominative, evidence, sentences
from relik_ml.types import Document, Mention, Triple

ID, CHECKSUM, TEXT_CHECKSUM, TEXT = (
    *(VOCABULARY + name for name in ("document", "checksum", "textChecksum")), f"{NIF}isString",
)  # fmt: skip
QUOTED, RELATION, KIND, SCORE, SENTENCE, OFFSETS = (
    f"{PROV}wasQuotedFrom", *(VOCABULARY + name for name in ("relation", "kind", "score", "sentence", "offsets")),
)  # fmt: skip
REIFIED = tuple(RDF + name for name in ("subject", "predicate", "object"))
HOME, REFERENT, ANCHOR = f"{NIF}referenceContext", f"{ITSRDF}taIdentRef", f"{NIF}anchorOf"
LABEL, TYPE, STATUS, LINK, VALUE, NAME = (
    f"{RDFS}label", *(VOCABULARY + name for name in ("type", "status", "link", "value", "name")),
)  # fmt: skip
MEMBER, UNRESOLVED = VOCABULARY + "member", VOCABULARY + "unresolved"
"""Predicates: of documents, of facts, of mentions, of things, and of entities that were resolved."""
LOCAL = "urn:relik-ml:entity:"
"""Begins the IRI of an entity that no index knows; its id follows."""

_RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)


class Description(NamedTuple):
    """How a document describes a thing."""

    labels: tuple[str, ...]
    guesses: tuple[str, ...]
    """Labels made of words of the text, for want of better ones."""
    about: dict[str, str]
    """Type, status and the like by predicate, as terms in N-Triples syntax."""
    keys: set[str]
    """The keys of the text's names."""


class Rewrite(NamedTuple):
    """What a store is to hold of a document. Terms and lines are in N-Triples syntax."""

    document: str
    """The IRI."""
    lines: list[str]
    """Of the default graph, without points."""
    asserted: dict[str, str]
    """The triple of each fact that has a graph."""
    things: dict[str, Description | None]
    """What is None stays described as it is."""


def document_quads(document: Document, iris: Iris, checksum: str, model: str = "") -> Rewrite:
    """All that a store holds of a document; a line may occur twice."""
    found = DocumentTriples(_cited(document), iris)
    home = iri(iris.document(document.id))
    things = list(found.things())
    lines = [*_about(document, home, checksum, model), *_mentions(found, home, things)]
    mentions = {mention.id: mention for mention in document.mentions}
    asserted = {}
    for number, fact in enumerate(found.graph.facts, 1):
        name, triple = iri(iris.fact(document.id, number)), found.triple(fact)
        if fact.kind in ASSERTED:
            asserted[name] = " ".join(triple)
        else:
            lines += [f"{name} <{part}> {term}" for part, term in zip(REIFIED, triple, strict=True)]
        offsets = written_spans([*(mentions[id].span for id in fact.mentions), *fact.evidence])
        lines += [f"{name} <{QUOTED}> {home}", f"{name} <{OFFSETS}> {literal(offsets)}", *_fact(fact, name)]
    described: dict[str, Description | None] = {}
    for thing, node in things:
        of_it = [mentions[ref.mention] for ref in node.mentions]
        described[thing] = _description(document.text, of_it, node, found.value_of(node))
    return Rewrite(iris.document(document.id), lines, asserted, described)


def name_key(name: str) -> str:
    """A name as ``relik:name`` holds it.

    >>> name_key("Королёв  Сергей")
    'королев сергей'
    """
    return " ".join(name.casefold().replace("ё", "е").split())


def written_spans(spans: Iterable[tuple[int, int]]) -> str:
    """Spans as text."""
    return " ".join(f"{start},{stop}" for start, stop in spans)


def span_list(text: str) -> list[tuple[int, int]]:
    """The spans of a text, each of two numbers. ValueError if it is anything else."""
    pairs = (pair.split(",") for pair in text.split(" "))
    return [(int(start), int(stop)) for start, stop in pairs]


def sha256(*parts: bytes) -> str:
    """The checksum of parts."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _about(document: Document, home: str, checksum: str, model: str) -> Iterator[str]:
    meta = json.dumps(dict(document.meta), ensure_ascii=False, sort_keys=True, default=str) if document.meta else ""
    about = {
        ID: document.id, TEXT: document.text, CHECKSUM: checksum, TEXT_CHECKSUM: sha256(document.text.encode()),
        f"{VOCABULARY}language": document.lang, f"{VOCABULARY}model": model, f"{VOCABULARY}meta": meta,
    }  # fmt: skip
    return (f"{home} <{name}> {literal(text)}" for name, text in about.items() if text or name == TEXT)


def _mentions(found: DocumentTriples, home: str, things: Iterable[tuple[str, Node]]) -> Iterator[str]:
    mentions = {mention.id: mention for mention in found.document.mentions}
    for thing, node in things:
        for ref in node.mentions:
            name, mention = found.mentions[ref.mention], mentions[ref.mention]
            yield f"{name} <{HOME}> {home}"
            yield f"{name} <{REFERENT}> {thing}"
            yield f"{name} <{ANCHOR}> {literal(found.document.text[mention.start : mention.stop])}"


def _fact(fact: Edge, name: str) -> Iterator[str]:
    yield f"{name} <{RELATION}> {literal(fact.relation)}"
    yield f"{name} <{SENTENCE}> {literal(fact.sentence)}"
    if fact.kind != "stated":
        yield f"{name} <{KIND}> {literal(fact.kind)}"
    if fact.score is not None:
        yield f"{name} <{SCORE}> {literal(repr(fact.score), XSD + 'double')}"
    if fact.property_id is not None and fact.pid is None:
        yield f"{name} <{VOCABULARY}property> {literal(fact.property_id)}"


def _description(text: str, mentions: Sequence[Mention], node: Node, value: str | None) -> Description:
    surfaces = [text[mention.start : mention.stop] for mention in mentions]
    russian = Counter(name for name in surfaces if _RUSSIAN.search(name))
    named = any(mention.link.label for mention in mentions)
    guesses = () if named else (node.label,)
    if node.qid and russian and not _RUSSIAN.search(node.label):
        guesses = (*guesses, _nominative(russian.most_common(1)[0][0], node.type))
    about = {TYPE: literal(node.type), STATUS: literal(node.status)}
    if node.link is not None and node.qid is None:
        about[LINK] = literal(node.link)
    if value:
        about[VALUE] = value
    return Description((node.label,) if named else (), guesses, about, {*map(name_key, surfaces)})


@lru_cache(maxsize=1 << 14)
def _nominative(name: str, type: str) -> str:
    names = _russian_names()
    return names.persons([name])[name] if type == "PERSON" else names.phrase(name)


@cache
def _russian_names() -> Nominative:
    return Nominative(Morphology())


def _cited(document: Document) -> Document:
    """The document with the evidence of each fact in order; without any, the sentences of its mentions."""
    split, mentions = list(sentences(document.text)), {mention.id: mention for mention in document.mentions}

    def cited(triple: Triple) -> Triple:
        ends = [mentions[triple.subject].span, mentions[triple.object].span]
        return replace(triple, evidence=tuple(sorted({*(triple.evidence or evidence(split, ends) or ends)})))

    return replace(document, triples=tuple(map(cited, document.triples)))
