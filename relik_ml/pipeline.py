"""``Relik``: a text or a document in, the document with mentions, links and triples out.

::

    from relik_ml import Relik

    relik = Relik.from_pretrained()
    document = relik("Анна Ахматова родилась в Одессе.")
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from relik_ml.errors import ConfigError
from relik_ml.reader.reader import Reader
from relik_ml.retriever.retriever import Retriever
from relik_ml.text.coreference import same_link
from relik_ml.text.evidence import evidence
from relik_ml.text.tokens import sentences
from relik_ml.text.windows import Part, merge, windows
from relik_ml.types import Annotated, Document, Mention, Span, Triple, Window

if TYPE_CHECKING:
    from relik_ml.bundle import Settings

PREDICTED = Annotated(mentions="silver", types="silver", links="silver", entities="silver", triples="silver")
"""What a machine said of a document."""

TOGETHER = 16
"""Windows that are retrieved and read together: enough to batch well, few enough to stream."""


class Relik:
    """Retriever and reader over whole documents."""

    def __init__(self, retriever: Retriever, reader: Reader, settings: Settings) -> None:
        self.retriever, self.reader, self.settings = retriever, reader, settings

    @classmethod
    def from_pretrained(
        cls, path: str | Path | None = None, *, index: str | Path | None = None, device: str = "cpu"
    ) -> Relik:
        """Load a model folder; without ``path`` the model that ships with the package. No network is used.

        ``index`` is another index folder to link to, built by the same retriever.

        Raises:
            ModelError: the folder is no model, or a file of it is missing or damaged.
        """
        from relik_ml.bundle import EMBEDDED, load

        return load(Path(path) if path else EMBEDDED, Path(index) if index else None, device)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write everything to one folder, which ``from_pretrained`` loads; it appears whole or not at all."""
        from relik_ml.bundle import save

        save(self, Path(folder))

    def __call__(self, text: str | Document, lang: str = "ru", min_score: float = 0.0) -> Document:
        """Annotate one text."""
        document = text if isinstance(text, Document) else Document(id="text", text=text, lang=lang)
        return next(self.annotate([document], min_score=min_score))

    def annotate(self, documents: Iterable[Document], *, min_score: float = 0.0) -> Iterator[Document]:
        """Annotate documents, in order and as a stream. What they were annotated with is replaced.

        Mentions and triples below ``min_score`` (a probability) are left out, and triples with a mention that is.

        Raises:
            ConfigError: a document is in a language that the model was not trained on.
        """
        for chunk in _chunks(map(self._cut, documents)):
            parts = self.reader(self.retriever([window for _, views in chunk for window in views]))
            of = {id_: list(group) for id_, group in groupby(parts, key=lambda part: id(part.window.document))}
            yield from (self._merged(document, of.get(id(document), []), min_score) for document, _ in chunk)

    def _cut(self, document: Document) -> tuple[Document, list[Window]]:
        if document.lang not in self.settings.languages:
            known = ", ".join(self.settings.languages)
            raise ConfigError(
                "the model does not know this language",
                where=f"document {document.id!r}",
                got=document.lang,
                fix=f"give --lang {known}, or a --model trained on it",
            )
        bare = replace(document, mentions=(), entities=(), triples=(), annotated=PREDICTED)
        return bare, windows(bare, self.settings.window, self.settings.stride)

    @staticmethod
    def _merged(document: Document, parts: Sequence[Part], min_score: float) -> Document:
        merged = merge(document, [_above(part, min_score) for part in parts])
        spoken = list(sentences(document.text))
        mentions = {mention.id: mention for mention in merged.mentions}
        triples = tuple(replace(t, evidence=evidence(spoken, _arguments(mentions, t))) for t in merged.triples)
        return replace(merged, entities=same_link(merged.mentions), triples=triples)


def _arguments(mentions: Mapping[str, Mention], triple: Triple) -> list[Span]:
    return [mentions[triple.subject].span, mentions[triple.object].span]


def _above(part: Part, min_score: float) -> Part:
    mentions = tuple(mention for mention in part.mentions if (mention.score or 0.0) >= min_score)
    kept = {mention.id for mention in mentions}
    triples = (triple for triple in part.triples if (triple.score or 0.0) >= min_score)
    return Part(part.window, mentions, tuple(t for t in triples if t.subject in kept and t.object in kept))


def _chunks(cut: Iterable[tuple[Document, list[Window]]]) -> Iterator[list[tuple[Document, list[Window]]]]:
    """Documents together until they have ``TOGETHER`` windows."""
    chunk: list[tuple[Document, list[Window]]] = []
    for document, views in cut:
        chunk.append((document, views))
        if sum(len(each) for _, each in chunk) >= TOGETHER:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
