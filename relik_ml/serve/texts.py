"""What clients send and get: the JSON of requests and answers, and the checks of their texts."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from relik_ml.config import CANDIDATES
from relik_ml.errors import DataError
from relik_ml.pipeline import above
from relik_ml.serve.batcher import Batcher
from relik_ml.serve.middleware import Problem, ServiceConfig
from relik_ml.text import with_language
from relik_ml.types import Document

MIN_SCORE = "Leave out mentions and facts with a lower score; a link with a lower score becomes unknown."
OFFSETS = "The unit that offsets count."

Offsets = Literal["code-points", "utf-16"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Text(_Strict):
    """A text; ``id`` becomes the id of its document. Without ``lang`` its language is detected."""

    text: str
    id: str | None = Field(None, min_length=1, max_length=200)
    lang: str | None = None

    def document(self, number: int) -> Document:
        """The text as a document, named by its number unless it states an id."""
        return Document(self.id or f"text-{number}", self.text, self.lang or "")


class _Options(_Strict):
    min_score: float = Field(0.0, ge=0, le=1, description=MIN_SCORE)
    candidates: int = Field(0, ge=0, le=CANDIDATES, description="Write so many candidates of each link.")
    offsets: Offsets = Field("code-points", description=OFFSETS)


class One(Text, _Options):
    """One text."""


class Many(_Options):
    """Several texts; the response has their documents in the same order."""

    texts: list[Text] = Field(min_length=1)


def _kind(body: Any) -> str:
    return "many" if isinstance(body, dict) and "texts" in body else "one"


Ask = Annotated[Annotated[One, Tag("one")] | Annotated[Many, Tag("many")], Discriminator(_kind)]


class Answer(BaseModel):
    """The documents, in the order of the texts."""

    documents: list[Document]


class Refusal(BaseModel):
    """An error: what is wrong, what was found and how to fix it; ``detail`` is all of it in one line."""

    detail: str
    what: str
    got: str
    fix: str


class Texts:
    """Checks texts and annotates them with the batcher, for all routes."""

    def __init__(self, batcher: Batcher, config: ServiceConfig, languages: Sequence[str]) -> None:
        self.batcher, self.config, self.languages = batcher, config, tuple(languages)

    async def ask(self, asked: One | Many, request: Request) -> list[Document]:
        """The annotated documents of a JSON request, filtered by score."""
        texts: Sequence[Text] = asked.texts if isinstance(asked, Many) else [asked]
        documents = [each.document(n) for n, each in enumerate(texts, 1)]
        async with asyncio.timeout(self.config.timeout):
            found = await self.annotate(documents, request)
        return [above(document, asked.min_score, asked.candidates) for document in found]

    async def annotate(self, documents: Sequence[Document], request: Request) -> list[Document]:
        """The annotated documents. Problem 422 when they exceed the limits."""
        if len(documents) > self.config.max_texts:
            got, fix = f"{len(documents)} texts", f"send at most {self.config.max_texts} at once"
            raise Problem(422, "too many texts in one request", got, fix)
        return await self.batcher.annotate([self.checked(document) for document in documents], request.receive)

    def checked(self, document: Document) -> Document:
        """The document with its language. Problem 422 when it is too long or in none that the model knows."""
        if (length := len(document.text)) > self.config.max_characters:
            fix = f"cut it into texts of at most {self.config.max_characters:,} characters"
            raise Problem(422, "a text is too long", f"{length:,} characters", fix)
        try:
            return with_language(document, self.languages)
        except DataError as error:
            fix = f"send a lang to have it read all the same: {', '.join(self.languages)}"
            raise Problem(422, error.what, error.got, fix) from None
