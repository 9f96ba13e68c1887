"""The values that flow through the library: all frozen, all made of the standard library.

Offsets are half-open ranges of Unicode code points in ``Document.text`` exactly as stored.
Nothing is ever normalised, stripped or re-based, so ``text[start:stop]`` is always the surface.

>>> text = "Путин родился в Ленинграде."
>>> born = Document(id="d", text=text, mentions=(Mention("T1", 0, 5, "PERSON"),))
>>> born.surface(born.mentions[0])
'Путин'
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, NamedTuple, Self

from relik_ml.facts import ranked

SCHEMA = "relik-ml/1"

Status = Literal["linked", "nil", "unlinkable", "unknown"]
Completeness = Literal["complete", "partial", "silver", "none"]
Kind = Literal["entity", "relation", "type"]
FactKind = Literal["stated", "quoted", "hypothetical", "negated", "repetition", "tautology", "literal"]
"""How a document puts a fact, or why it is no news. ``quoted`` and ``hypothetical`` come after what is stated.

``negated``: the text denies it. ``repetition``: an earlier fact says the same. ``tautology``: it follows from the words
of a mention, such as «президент США» — WORKPLACE → «США», or relates an entity to itself. ``literal``: a fact between
two dates, numbers or other values.
"""


class Span(NamedTuple):
    """A half-open range of code points."""

    start: int
    stop: int


class Token(NamedTuple):
    """A token of a text: its range and its surface."""

    start: int
    stop: int
    text: str


@dataclass(frozen=True, slots=True)
class LinkCandidate:
    """An entity that a mention may refer to, with the score of that link."""

    id: str
    label: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """What a mention refers to in the knowledge base.

    Status: ``linked`` (has ``id``), ``nil`` (in gold: absent from the knowledge base; in the output of a model: not in
    its index), ``unlinkable`` (a literal) or ``unknown`` (not annotated, or below the minimum score). ``alternatives``
    are ids that are right as well, ``candidates`` are what a model chose from, the likeliest first.
    """

    status: Status = "unknown"
    id: str | None = None
    label: str | None = None
    alternatives: tuple[str, ...] = ()
    score: float | None = None
    candidates: tuple[LinkCandidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A literal: its surface, its normalised value and the precision of the value."""

    datatype: str
    raw: str
    value: str
    precision: str | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """A typed span. ``start`` and ``stop`` are the envelope of ``fragments`` when it is discontinuous."""

    id: str
    start: int
    stop: int
    type: str
    fragments: tuple[Span, ...] = ()
    link: Link = Link()
    value: Value | None = None
    score: float | None = None

    @property
    def span(self) -> Span:
        """The envelope."""
        return Span(self.start, self.stop)

    def with_link(self, link: Link) -> Self:
        """The mention with this link; itself if that is its own."""
        return self if link is self.link else replace(self, link=link)


@dataclass(frozen=True, slots=True)
class Entity:
    """Coreferent mentions of one document; ``induced`` is the source of the coreference."""

    id: str
    mentions: tuple[str, ...]
    induced: str = ""


@dataclass(frozen=True, slots=True)
class Property:
    """The Wikidata property of a relation. ``inverse``: the relation's object is the property's subject."""

    id: str
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Triple:
    """A relation between two mentions, both named by id, with the spans of text that state it."""

    subject: str
    relation: str
    object: str
    property: Property | None = None
    evidence: tuple[Span, ...] = ()
    score: float | None = None


class Argument(NamedTuple):
    """The subject or object of a fact, by name: a mention and the entity that it refers to."""

    name: str
    """The name of the entity in the index; without a link the text."""
    text: str
    """As the document calls it."""
    type: str
    id: str | None
    """Of the entity, such as a Wikidata item. None without a link."""
    status: Status
    start: int
    stop: int


class Fact(NamedTuple):
    """A triple by names, with the text that states it.

    >>> born = Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, 27),), 0.9)
    >>> mentions = (Mention("T1", 0, 5, "PERSON", link=Link("linked", "Q7747", "Владимир Путин")),
    ...             Mention("T2", 16, 26, "CITY"))
    >>> (fact,) = Document("d", "Путин родился в Ленинграде.", "ru", mentions, triples=(born,)).facts()
    >>> fact.subject.name, fact.subject.id, fact.relation, fact.property.id, fact.object.name, fact.score
    ('Владимир Путин', 'Q7747', 'PLACE_OF_BIRTH', 'P19', 'Ленинграде', 0.9)
    >>> print(fact)
    Путин — PLACE_OF_BIRTH → Ленинграде
    """

    subject: Argument
    relation: str
    object: Argument
    property: Property | None
    sentence: str
    """The text of the evidence."""
    score: float | None
    kind: FactKind = "stated"

    def __str__(self) -> str:
        return f"{self.subject.text} — {self.relation} → {self.object.text}"


@dataclass(frozen=True, slots=True)
class Annotated:
    """How far each layer of a document is annotated, so that losses are masked and scores stay fair."""

    mentions: Completeness = "none"
    types: Completeness = "none"
    links: Completeness = "none"
    entities: Completeness = "none"
    triples: Completeness = "none"
    entity_triples: bool = False
    """A triple holds between the entities of its two mentions, whichever pair of their mentions was chosen to carry it.
    Otherwise a triple is between the two mentions themselves, such as the nearest pair."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its annotation. Gold, predicted and served documents have this type."""

    id: str
    text: str
    lang: str = "ru"
    mentions: tuple[Mention, ...] = ()
    entities: tuple[Entity, ...] = ()
    triples: tuple[Triple, ...] = ()
    annotated: Annotated = Annotated()
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def corpus(self) -> str:
        """The name of the corpus that the document was converted from; empty if there is none."""
        return str(self.meta.get("dataset", ""))

    def surface(self, mention: Mention) -> str:
        """The text of a mention: its fragments joined by one space."""
        spans = mention.fragments or (mention.span,)
        return " ".join(self.text[start:stop] for start, stop in spans)

    def facts(self, *, hidden: bool = False) -> list[Fact]:
        """The triples by names and with their kinds, the interesting ones first.

        Without what the text denies, repetitions, tautologies and facts between literals, unless ``hidden`` asks for
        them (see ``relik_ml.facts``).
        """
        known = {mention.id: self._argument(mention) for mention in self.mentions}
        return [
            Fact(
                known[triple.subject], triple.relation, known[triple.object], triple.property,
                " ".join(self.text[start:stop] for start, stop in triple.evidence), triple.score, kind,
            )
            for triple, kind in ranked(self, hidden)
        ]  # fmt: skip

    def _argument(self, mention: Mention) -> Argument:
        text, link = self.surface(mention), mention.link
        return Argument(link.label or text, text, mention.type, link.id, link.status, *mention.span)

    def to_dict(self) -> dict[str, Any]:
        """What a line of JSON holds, in lists and dictionaries."""
        record: dict[str, Any] = {"schema": SCHEMA, **_plain(replace(self, meta={}))}
        return {**record, "meta": dict(self.meta)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Document":
        """The document that ``to_dict`` has made such a dictionary of.

        Raises:
            TypeError: a field is missing or unknown. `relik_ml.data.check` finds all other faults.

        >>> document = Document("d", "Тула", mentions=(Mention("T1", 0, 4, "CITY"),))
        >>> Document.from_dict(document.to_dict()) == document
        True
        """
        document: Document = _built(cls, {name: value for name, value in record.items() if name != "schema"})
        return document


_KINDS: Mapping[str, type] = {
    "mentions": Mention, "entities": Entity, "triples": Triple, "link": Link, "value": Value, "property": Property,
    "annotated": Annotated, "candidates": LinkCandidate,
}  # fmt: skip
"""The types of fields that hold objects of this module, or lists of them."""


def _plain(value: Any) -> Any:
    """Dataclasses as dictionaries and tuples as lists. Without values, candidates and switches that are missing."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if not is_dataclass(value):
        return value
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    for name, kind in (("value", Mention), ("candidates", Link), ("entity_triples", Annotated)):
        if isinstance(value, kind) and not found[name]:
            del found[name]
    return {name: _plain(each) for name, each in found.items()}


def _built(kind: type, record: Mapping[str, Any]) -> Any:
    return kind(**{name: value if name == "meta" else _part(name, value) for name, value in record.items()})


def _part(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _built(_KINDS[name], value)
    if name in ("fragments", "evidence"):
        return tuple(Span(*span) for span in value)
    return tuple(_part(name, each) for each in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a knowledge source: an entity, a relation or a mention type.

    ``types`` are the ids of its classes (Wikidata's P31); ``popularity`` is any number that grows with how
    often the entry is meant, such as the logarithm of its sitelinks.
    """

    id: str
    kind: Kind
    name: str
    text: str = ""
    lang: str = "ru"
    aliases: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    popularity: float = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """A run of tokens of a document that one forward pass reads. Token offsets stay document offsets."""

    document: Document
    start: int
    stop: int
    tokens: tuple[Token, ...]

    @property
    def text(self) -> str:
        """The text of the window."""
        return self.document.text[self.start : self.stop]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that a retriever proposes, with its score (higher is better)."""

    entry: Entry
    score: float


class Hit(NamedTuple):
    """A match of a candidate's name in a window: its span in code points, the candidate's index in
    ``Retrieved.entities``, and the features of the match (``names.FEATURES``)."""

    start: int
    stop: int
    candidate: int
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A window with its candidates, best first."""

    window: Window
    entities: tuple[Candidate, ...]
    relations: tuple[Candidate, ...]
    hits: tuple[Hit, ...] = ()
