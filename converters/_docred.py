"""The converter of DocRED and its revisions: Wikipedia paragraphs with entities and relations of whole documents.

A file is a list of documents: ``sents`` are token lists, ``vertexSet`` the entities as lists of mentions ``{name,
sent_id, pos: [start, stop], type}``, ``labels`` the relations ``{h, t, r, evidence}`` between entities.
docs/converters/docred.md lists what is repaired and left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated as Typed

import msgspec
from msgspec import Meta

from relik_ml.data import Report
from relik_ml.types import Annotated, Document, Link, LinkCandidate, Mention, Property, Span

from ._clusters import Relations, clusters, distinct_mentions
from ._json_files import SPLITS, JsonConverter, Place
from ._tokens import Tokenized, tokenized

LITERALS = frozenset({"TIME", "NUM"})
LICENCE = "MIT; the text of Wikipedia CC BY-SA 3.0"
PARAGRAPHS = Annotated("complete", "complete", "none", "complete", "partial", entity_triples=True)
DISTANT = Annotated("silver", "silver", "none", "silver", "silver", entity_triples=True)


class Mark(msgspec.Struct, frozen=True):
    """A mention: tokens ``pos`` of the sentence ``sent_id``. ``name`` is its text with other blanks."""

    sent_id: int
    pos: tuple[int, int]
    type: Typed[str, Meta(min_length=1)]
    wikidata_qcode: Typed[str, Meta(pattern=r"^Q[1-9][0-9]*\Z")] | None = None


class Label(msgspec.Struct, frozen=True):
    """A relation; ``evidence`` numbers sentences."""

    h: int
    t: int
    r: Typed[str, Meta(pattern=r"^P[1-9][0-9]*\Z")]
    evidence: list[int] = []


class Page(msgspec.Struct, frozen=True, rename="camel"):
    """A document. ``labels`` are missing where they are held back."""

    title: str
    sents: list[list[str]]
    vertex_set: list[list[Mark]]
    labels: list[Label] | None = None

    def __post_init__(self) -> None:
        if not self.title.isprintable() or not self.title:
            raise ValueError("title is empty or holds control characters")


@dataclass(frozen=True, kw_only=True)
class DocRed(JsonConverter[Page]):
    """The converter of one of them."""

    annotated: Annotated = PARAGRAPHS
    kind: type[Page] = Page
    languages: tuple[str, ...] = ("en",)
    tasks: tuple[str, ...] = ("ner", "re")
    licence: str = LICENCE
    splits: tuple[str, ...] = ("train", "dev", "test", "distant", "all")
    words: Mapping[str, str] = field(default_factory=lambda: {"distant": "distant", **SPLITS})

    def document(self, record: Page, place: Place, report: Report) -> Document:
        """The document of a page, whose title is its id."""
        where = place.where
        text = tokenized(record.sents, self.natural)
        entities = _entities(record, text, where, report)
        sentences = text.sentences()
        kept = [span for span in sentences if span]
        relations = Relations(entities, kept, where, report)
        for label in record.labels or ():
            relations.add(label.h, label.r, label.t, Property(label.r), _stated(label, sentences, where, report))
        annotated = DISTANT if place.split == "distant" else self.annotated
        if record.labels is None:
            annotated = replace(annotated, triples="none")
        meta = self.meta(place, title=record.title, sentences=[[*span] for span in kept])
        id, triples = f"{self.name}/{place.split}/{record.title}", tuple(relations.found.values())
        mentions = distinct_mentions(entities)
        return Document(id, text.text, "en", mentions, clusters(entities), triples, annotated, meta)


def _entities(page: Page, text: Tokenized, where: str, report: Report) -> dict[int, list[Mention]]:
    """The mentions of each entity, with its type and its link."""
    entities: dict[int, list[Mention]] = {}
    elsewhere: set[Span] = set()
    items: set[str] = set()
    number = 0
    for key, marks in enumerate(page.vertex_set):
        spans = _spans(marks, text, where, report)
        type = Counter(mark.type for mark in marks).most_common(1)[0][0] if marks else ""
        link = _link(type, marks, where, report)
        if link.id in items:
            report.defect("item of two entities: kept", "entities linked", where, str(link.id))
        items |= {link.id} if link.id else set()
        found = entities[key] = []
        for span, mark in spans.items():
            got = f"{text.text[span.start : span.stop]!r} {mark.type}"
            if span in elsewhere:
                report.defect("mention in two entities: kept in both", "mentions listed", where, got)
            if mark.type != type:
                report.defect("type unlike most of its entity: theirs taken", "mentions listed", where, f"{got} {type}")
            number += 1
            found.append(Mention(f"T{number}", *span, type, link=link))
        elsewhere.update(spans)
    return entities


def _spans(marks: list[Mark], text: Tokenized, where: str, report: Report) -> dict[Span, Mark]:
    report.count("mentions listed", len(marks))
    found: dict[Span, Mark] = {}
    for mark in marks:
        place = f"sentence {mark.sent_id}, tokens {mark.pos[0]} to {mark.pos[1]}"
        if (span := text.span(*mark.pos, mark.sent_id)) is None:
            report.defect("mention outside the text: dropped", "mentions listed", where, place)
        elif span in found:
            report.defect("mention twice in an entity: one kept", "mentions listed", where, place)
        else:
            found[span] = mark
    return found


def _link(type: str, marks: list[Mark], where: str, report: Report) -> Link:
    """The item that most mentions of an entity have, with all of them as candidates if there are several."""
    votes = Counter(mark.wikidata_qcode for mark in marks if mark.wikidata_qcode)
    if not votes:
        return Link("unlinkable") if type in LITERALS else Link()
    likeliest, *others = votes.most_common()
    report.count("entities linked")
    if not others:
        return Link("linked", likeliest[0])
    report.defect("several items in an entity: the most frequent taken", "entities linked", where, " ".join(votes))
    shares = [LinkCandidate(item, score=count / votes.total()) for item, count in (likeliest, *others)]
    return Link("linked", likeliest[0], candidates=tuple(shares))


def _stated(label: Label, sentences: Sequence[Span | None], where: str, report: Report) -> list[Span]:
    """The sentences that state a relation."""
    report.count("relations without evidence", not label.evidence)
    known = {number for number in label.evidence if 0 <= number < len(sentences)}
    for number in set(label.evidence) - known:
        report.defect("evidence that is no sentence: dropped", "relations", where, f"{label.r} {number}")
    return [span for number in sorted(known) if (span := sentences[number])]
