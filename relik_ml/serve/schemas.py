"""The JSON of requests and answers, as OpenAPI describes and pydantic checks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from relik_ml.serve.settings import Limits

TEXT = "Анна Ахматова родилась в Одессе."
Offsets = Literal["code-points", "utf-16"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Text(_Request):
    """A text of several; ``id`` comes back with its document."""

    text: str
    id: str | None = Field(None, min_length=1, max_length=200)
    lang: str = "ru"


class _Wishes(_Request):
    min_score: float = Field(0.0, ge=0, le=1, description="Leave out what the model is less sure of.")
    offsets: Offsets = Field("code-points", description="What offsets count: code points, or UTF-16 units.")


class One(_Wishes):
    """One text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": TEXT, "lang": "ru"}]})

    text: str
    id: str | None = Field(None, min_length=1, max_length=200)
    lang: str = "ru"


class Many(_Wishes):
    """Several texts; the answer has their documents in the same order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"texts": [{"id": "anna", "text": TEXT}], "offsets": "utf-16"}]}
    )

    texts: list[Text] = Field(min_length=1)


def _kind(request: Any) -> str:
    several = "texts" in request if isinstance(request, dict) else isinstance(request, Many)
    return "texts" if several else "text"


Request = Annotated[Annotated[One, Tag("text")] | Annotated[Many, Tag("texts")], Discriminator(_kind)]


class Shown(_Request):
    """What the page asks."""

    text: str
    lang: str = "ru"
    min_score: float = Field(0.0, ge=0, le=1)


# Answers


class Link(BaseModel):
    """What a mention refers to."""

    status: Literal["linked", "nil", "unlinkable", "unknown"]
    id: str | None = Field(description="The Wikidata item, when linked.")
    label: str | None
    alternatives: list[str]
    score: float | None


class Value(BaseModel):
    """What a literal stands for."""

    datatype: str
    raw: str
    value: str
    precision: str | None


class Mention(BaseModel):
    """A typed span, half-open; ``fragments`` only when it is discontinuous."""

    id: str
    start: int
    stop: int
    fragments: list[tuple[int, int]]
    type: str
    score: float | None
    link: Link
    value: Value | None = None


class Entity(BaseModel):
    """Mentions that stand for one thing."""

    id: str
    mentions: list[str]
    induced: str


class Property(BaseModel):
    """A Wikidata property, and whether it runs from object to subject."""

    id: str
    inverse: bool


class Triple(BaseModel):
    """A fact: two mentions by their ids, and the spans of text that state it."""

    subject: str
    relation: str
    object: str
    property: Property | None
    evidence: list[tuple[int, int]]
    score: float | None


class Document(BaseModel):
    """A text with what was found in it, as on disk (docs/index.md)."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    schema_: Literal["relik-ml/1"] = Field(alias="schema")
    offsets: Literal["utf-16"] | None = Field(None, description="Present when offsets count UTF-16 units.")
    id: str
    lang: str
    text: str
    mentions: list[Mention]
    entities: list[Entity]
    triples: list[Triple]
    annotated: dict[str, Literal["complete", "partial", "silver", "none"]]
    meta: dict[str, Any]


class Answer(BaseModel):
    """The documents, in the order of the texts."""

    documents: list[Document]


class Refusal(BaseModel):
    """Why a request was refused; ``detail`` says all of it in one line."""

    detail: str
    what: str
    got: str
    fix: str


class State(BaseModel):
    """How the service is."""

    status: str
    version: str


def bounded(schema: dict[str, Any], limits: Limits, languages: Sequence[str]) -> dict[str, Any]:
    """An OpenAPI document that also says what this service's limits and languages are."""
    parts = schema["components"]["schemas"]
    for name in ("One", "Text"):
        fields = parts[name]["properties"]
        fields["text"] |= {"maxLength": limits.characters, "examples": [TEXT]}
        fields["lang"] |= {"enum": list(languages)}
    parts["Many"]["properties"]["texts"]["maxItems"] = limits.texts
    schema["paths"]["/nif"]["post"]["parameters"][0]["schema"]["enum"] = list(languages)
    return schema
