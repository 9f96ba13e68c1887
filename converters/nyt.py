"""NYT (Riedel et al. 2010, Zeng et al. 2018): sentences of the New York Times with relations of Freebase.

The relations come from distant supervision. Two layouts are read: token spans in ``spo_details`` (JointER), or names
without a place in ``entityMentions`` and ``relationMentions`` (CopyRE). docs/converters/nyt.md lists what is repaired.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated as Typed

import msgspec
from msgspec import Meta

from relik_ml.data import Report
from relik_ml.types import Annotated, Document, Mention, Property, Span

from ._clusters import Relations, distinct_mentions, listed
from ._json_files import JsonConverter, Place
from ._tokens import Tokenized, tokenized

ANNOTATED = Annotated("partial", "silver", "none", "none", "silver")
NO_RELATION, UNTYPED = "None", "ENTITY"
PROPERTIES = {
    "/business/company/founders": Property("P112"), "/business/company/industry": Property("P452"),
    "/business/company/major_shareholders": Property("P127"), "/business/company/place_founded": Property("P740"),
    "/business/company_shareholder/major_shareholder_of": Property("P127", inverse=True),
    "/business/person/company": Property("P108"), "/location/administrative_division/country": Property("P17"),
    "/location/country/administrative_divisions": Property("P150"), "/location/country/capital": Property("P36"),
    "/location/location/contains": Property("P131", inverse=True),
    "/location/neighborhood/neighborhood_of": Property("P131"),
    "/people/deceased_person/place_of_death": Property("P20"),
    "/people/ethnicity/people": Property("P172", inverse=True),
    "/people/person/children": Property("P40"), "/people/person/ethnicity": Property("P172"),
    "/people/person/nationality": Property("P27"), "/people/person/place_lived": Property("P551"),
    "/people/person/place_of_birth": Property("P19"), "/people/person/profession": Property("P106"),
    "/people/person/religion": Property("P140"), "/sports/sports_team/location": Property("P159"),
    "/sports/sports_team_location/teams": Property("P159", inverse=True),
}  # fmt: skip
Name = Typed[str, Meta(min_length=1)]


class Named(msgspec.Struct, frozen=True):
    """A name in the sentence and its type."""

    text: Name
    label: Name


class Related(msgspec.Struct, frozen=True, rename={"subject": "em1Text", "object": "em2Text"}):
    """A relation between two names."""

    subject: Name
    object: Name
    label: Name


RAW = {"sentence": "sentText", "names": "entityMentions", "relations": "relationMentions"}


class Sentence(msgspec.Struct, frozen=True, rename=RAW):
    """A record of either layout. ``spo_details``: start, stop, type of the subject, relation, and of the object."""

    tokens: list[str] | None = None
    spo_details: list[tuple[int, int, Name, Name, int, int, Name]] | None = None
    sentence: str | None = None
    names: list[Named] = []
    relations: list[Related] | None = None

    def __post_init__(self) -> None:
        if (self.tokens is None or self.spo_details is None) and (self.sentence is None or self.relations is None):
            raise ValueError("neither tokens with spo_details nor sentText with relationMentions")


@dataclass(frozen=True, kw_only=True)
class Nyt(JsonConverter[Sentence]):
    """The converter."""

    name: str = "nyt"
    kind: type[Sentence] = Sentence
    languages: tuple[str, ...] = ("en",)
    tasks: tuple[str, ...] = ("ner", "re")
    licence: str = "text of the New York Times (LDC2008T19), not to be passed on"
    citation: str = "Riedel et al., Modeling Relations and Their Mentions without Labeled Text, ECML PKDD 2010"

    def document(self, record: Sentence, place: Place, report: Report) -> Document:
        """The document of a sentence, named by its number in the file."""
        tokens = record.tokens if record.tokens is not None else (record.sentence or "").split()
        text = tokenized([tokens], self.natural)
        relations = _placed if record.spo_details is not None and record.tokens is not None else _named
        found = relations(record, tokens, text, place.where, report)
        mentions, triples = distinct_mentions(found.entities), tuple(found.found.values())
        id = f"{self.name}/{place.split}/{place.number}"
        return Document(id, text.text, "en", mentions, (), triples, ANNOTATED, self.meta(place))


def _placed(record: Sentence, tokens: Sequence[str], text: Tokenized, where: str, report: Report) -> Relations:
    """The relations of the layout with token spans."""
    details = record.spo_details or []
    marks = dict.fromkeys(mark for spo in details for mark in (spo[:3], spo[4:]))
    number = {mark: number for number, mark in enumerate(marks)}
    mentions = listed(((text.span(start, stop), type) for start, stop, type in marks), where, report)
    relations = Relations(mentions, (), where, report)
    for spo in details:
        _add(relations, number[spo[:3]], spo[3], number[spo[4:]], text)
    return relations


def _named(record: Sentence, tokens: Sequence[str], text: Tokenized, where: str, report: Report) -> Relations:
    """The relations of the layout with names: each between the nearest places of its names."""
    types = {_plain(name.text): name.label for name in record.names}
    for name in (name for related in record.relations or () for name in (related.subject, related.object)):
        if _plain(name) not in types:
            report.defect("argument not among the entities: added", "relations", where, repr(name))
            types[_plain(name)] = UNTYPED
    mentions: dict[str, list[Mention]] = {}
    for name, type in types.items():
        report.count("names")
        spans = list(_places(name, tokens, text))
        if len(spans) != 1:
            what = "name several times in the text: a mention each" if spans else "name not in the text: dropped"
            report.defect(what, "names", where, repr(name))
        known = sum(map(len, mentions.values()))
        mentions[name] = [Mention(f"T{known + number}", *span, type) for number, span in enumerate(spans, 1)]
    relations = Relations(mentions, (), where, report)
    for related in record.relations or ():
        if related.label == NO_RELATION:
            report.count("pairs without a relation: left out")
        else:
            _add(relations, _plain(related.subject), related.label, _plain(related.object), text)
    return relations


def _add(relations: Relations, subject: int | str, name: str, object: int | str, text: Tokenized) -> None:
    relations.add(subject, name, object, PROPERTIES.get(name), [Span(0, len(text.text))])


def _places(name: str, tokens: Sequence[str], text: Tokenized) -> Iterator[Span]:
    words, plain = name.split(), [_plain(token) for token in tokens]
    for start in range(len(tokens) - len(words) + 1 if words else 0):
        if plain[start : start + len(words)] == words and (span := text.span(start, start + len(words))):
            yield span


def _plain(name: str) -> str:
    """A name without accents, which the layout with names has in some places only."""
    decomposed = unicodedata.normalize("NFD", name)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


converter = Nyt()
