"""The facts of a document as RDF triples in N-Triples syntax: what `export ntriples` writes.

A thing is the Wikidata item of its mentions, or else has an IRI made of its document, type and name. A fact is an
``rdf:Statement`` (RDF reification) with its relation, kind, sentence, score and mentions, and with the spans of the
evidence as ``prov:wasQuotedFrom``. Facts that the text states or quotes are triples as well. Their predicate is the
Wikidata property of the relation, with subject and object swapped if it is inverse, or else ``related``. Dates and
numbers are literals where they are objects; the datatype of a date is as precise as the text.

>>> from relik_ml.types import Link, Mention, Property, Span, Triple
>>> anna = Mention("A", 0, 4, "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"))
>>> year = Mention("B", 15, 24, "DATE", link=Link("unlinkable"))
>>> born = Triple("A", "DATE_OF_BIRTH", "B", Property("P569"), (Span(0, 25),), 0.9)
>>> found = DocumentTriples(Document("d", "Анна родилась в 1889 году.", mentions=(anna, year), triples=(born,)), Iris())
>>> next(found.facts())
'<http://www.wikidata.org/entity/Q80440> <http://www.wikidata.org/prop/direct/P569> "1889"^^<...#gYear>'
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from relik_ml.export.graph import Edge, Node, count_merged, graph
from relik_ml.export.iris import BASE, NIF, PROV, RDF, RDFS, VOCABULARY, XSD, Iris, direct, entity
from relik_ml.export.terms import iri, label, literal, read_date, value_term
from relik_ml.types import Document, FactKind

ASSERTED: frozenset[FactKind] = frozenset({"stated", "quoted"})
"""The kinds of facts that are triples, not only statements."""
UNNAMED = "relations without a Wikidata property, written as related"

ANCHOR, LABEL, QUOTED = f"<{NIF}anchorOf>", f"<{RDFS}label>", f"<{PROV}wasQuotedFrom>"
_DATED = "DATE"


class DocumentTriples:
    """The triples of one document, as lines without the final point."""

    def __init__(self, document: Document, iris: Iris) -> None:
        self.document, self.graph, self._iris = document, graph([document]), iris
        self.mentions = {id: iri(name) for id, name in iris.mentions(document).items()}
        """The term of each mention by id."""
        self.referents: dict[str, str] = {}
        """The IRI of what each mention refers to."""
        self._things: dict[str, str] = {}
        self._literals: dict[str, str] = {}
        taken: Counter[str] = Counter()
        for node in self.graph.nodes:
            name = entity(node.link) or iris.thing(document.id, node.type, node.label)
            taken[name] += 1
            name += f";{taken[name]}" * (taken[name] > 1)
            self._things[node.id] = iri(name)
            self.referents |= {ref.mention: name for ref in node.mentions}
            if node.status == "unlinkable" or node.value:
                value = node.value or (read_date(node.label) if node.type == _DATED else None)
                self._literals[node.id] = value_term(value) if value else literal(node.label)

    def things(self) -> Iterator[tuple[str, Node]]:
        """The things, each with its term: what is no literal, and literals that are subjects."""
        subjects = {fact.object if fact.inverse else fact.subject for fact in self.graph.facts}
        for node in self.graph.nodes:
            if node.id not in self._literals or node.id in subjects:
                yield self._things[node.id], node

    def names(self) -> Iterator[str]:
        """Label, type and status of the things."""
        for thing, node in self.things():
            yield f"{thing} {LABEL} {label(node.label)}"
            yield f"{thing} {_relik('type')} {literal(node.type)}"
            yield f"{thing} {_relik('status')} {literal(node.status)}"
            if node.link is not None and node.qid is None:
                yield f"{thing} {_relik('link')} {literal(node.link)}"
            if node.id in self._literals:
                yield f"{thing} {_relik('value')} {self._literals[node.id]}"

    def facts(self) -> Iterator[str]:
        """The facts and their statements."""
        for number, fact in enumerate(self.graph.facts, 1):
            triple = self.triple(fact)
            if fact.kind in ASSERTED:
                yield " ".join(triple)
            statement = iri(self._iris.fact(self.document.id, number))
            yield f"{statement} {_rdf('type')} {_rdf('Statement')}"
            for name, term in zip(("subject", "predicate", "object"), triple, strict=True):
                yield f"{statement} {_rdf(name)} {term}"
            for predicate, term in self._statement(fact):
                yield f"{statement} {predicate} {term}"

    def sentences(self) -> Iterator[str]:
        """The text and the offsets of the evidence of the facts."""
        for start, stop in dict.fromkeys(span for fact in self.graph.facts for span in fact.evidence):
            span = iri(self._iris.span(self.document.id, start, stop))
            yield f"{span} {ANCHOR} {literal(self.document.text[start:stop])}"
            yield f"{span} {iri(NIF + 'beginIndex')} {literal(str(start), XSD + 'nonNegativeInteger')}"
            yield f"{span} {iri(NIF + 'endIndex')} {literal(str(stop), XSD + 'nonNegativeInteger')}"

    def value_of(self, node: Node) -> str | None:
        """The literal that a thing has as its value, if it has one."""
        return self._literals.get(node.id)

    def triple(self, fact: Edge) -> tuple[str, str, str]:
        """Subject, predicate and object of a fact, those of an inverse property swapped."""
        predicate = direct(fact.property_id)
        turned = fact.inverse and predicate is not None
        subject, object = (fact.object, fact.subject) if turned else (fact.subject, fact.object)
        named = iri(predicate or f"{VOCABULARY}related")
        return self._things[subject], named, self._literals.get(object) or self._things[object]

    def _statement(self, fact: Edge) -> Iterator[tuple[str, str]]:
        yield _relik("relation"), literal(fact.relation)
        yield _relik("kind"), literal(fact.kind)
        yield _relik("sentence"), literal(fact.sentence)
        yield _relik("subjectMention"), self.mentions[fact.mentions[0]]
        yield _relik("objectMention"), self.mentions[fact.mentions[1]]
        if fact.property_id is not None and fact.pid is None:
            yield _relik("property"), literal(fact.property_id)
        if fact.score is not None:
            yield _relik("score"), literal(repr(fact.score), XSD + "double")
        for start, stop in fact.evidence:
            yield QUOTED, iri(self._iris.span(self.document.id, start, stop))


def write_ntriples(documents: Iterable[Document], path: Path, losses: Counter[str], base: str = BASE) -> None:
    """Write the facts of documents to one N-Triples file, sorted within each document."""
    iris = Iris(base)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            found = DocumentTriples(document, iris)
            count_merged([document], found.graph, losses)
            losses[UNNAMED] += sum(fact.pid is None for fact in found.graph.facts)
            home = literal(document.id)
            numbers = range(1, len(found.graph.facts) + 1)
            homes = (f"{iri(iris.fact(document.id, n))} {_relik('document')} {home}" for n in numbers)
            lines = {*found.names(), *found.facts(), *found.sentences(), *homes}
            file.writelines(f"{line} .\n" for line in sorted(lines))


def _rdf(name: str) -> str:
    return f"<{RDF}{name}>"


def _relik(name: str) -> str:
    return f"<{VOCABULARY}{name}>"
