"""``Relik``: a text or a document in, the document with mentions, links and triples out.

::

    from relik_ml import Relik

    relik = Relik.from_pretrained()
    document = relik("Анна Ахматова родилась в Одессе.")
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from relik_ml.bundle import EMBEDDED, Bundle, Settings, load, save
from relik_ml.errors import ConfigError
from relik_ml.reader.reader import Reader
from relik_ml.retriever.retriever import Retriever
from relik_ml.text.coreference import same_link
from relik_ml.text.evidence import evidence
from relik_ml.text.tokens import sentences
from relik_ml.text.windows import Part, merge, windows
from relik_ml.types import Annotated, Document, Mention, Retrieved, Span, Triple, Window

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
        return cls(*load(EMBEDDED if path is None else Path(path), None if index is None else Path(index), device))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write everything to one folder, which ``from_pretrained`` loads; it appears whole or not at all."""
        save(Bundle(self.retriever, self.reader, self.settings), Path(folder))

    def __call__(self, text: str | Document, lang: str = "ru", min_score: float = 0.0) -> Document:
        """Annotate one text."""
        document = text if isinstance(text, Document) else Document(id="text", text=text, lang=lang)
        return next(self.annotate([document], min_score=min_score))

    def annotate(self, documents: Iterable[Document], *, min_score: float = 0.0) -> Iterator[Document]:
        """Annotate documents, in order and as a stream. What they were annotated with is replaced.

        Candidates that an encoder had no room for are counted in ``meta["dropped"]``.

        Mentions and triples below ``min_score`` (a probability) are left out, and triples with a mention that is.

        Raises:
            ConfigError: a document is in a language that the model was not trained on.
        """
        for chunk in _chunks(map(self._cut, documents)):
            parts = self._read([window for _, views in chunk for window in views])
            for document, views in chunk:
                own = list(islice(parts, len(views)))
                merged = self._merged(document, [part for part, _ in own])
                yield _above(_noted(merged, sum(lost for _, lost in own)), min_score)

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

    def _read(self, views: Sequence[Window]) -> Iterator[tuple[Part, int]]:
        """The windows' parts in their order, each with the number of candidates that the encoder had no room for.

        ``TOGETHER`` are worked on at a time, in a book as in a page.
        """
        for start in range(0, len(views), TOGETHER):
            found = self.retriever(views[start : start + TOGETHER])
            fitted = self.reader.encode.fit(found)
            lost = (_candidates(one) - _candidates(other) for one, other in zip(found, fitted, strict=True))
            yield from zip(self.reader(fitted), lost, strict=True)

    @staticmethod
    def _merged(document: Document, parts: Sequence[Part]) -> Document:
        merged = merge(document, parts)
        spoken = list(sentences(document.text)) if merged.triples else []
        mentions = {mention.id: mention for mention in merged.mentions}
        return replace(merged, triples=tuple(_stated(spoken, mentions, triple) for triple in merged.triples))


def _stated(spoken: Sequence[Span], mentions: Mapping[str, Mention], triple: Triple) -> Triple:
    """The triple with the sentences that its arguments stand in."""
    spans = [mentions[triple.subject].span, mentions[triple.object].span]
    first = bisect_right(spoken, min(span.start for span in spans), key=lambda sentence: sentence.stop)
    last = bisect_left(spoken, max(span.stop for span in spans), key=lambda sentence: sentence.start)
    return replace(triple, evidence=evidence(spoken[first:last], spans))


def _candidates(item: Retrieved) -> int:
    return len(item.entities) + len(item.relations)


def _noted(document: Document, lost: int) -> Document:
    return replace(document, meta={**document.meta, "dropped": {"candidates": lost}}) if lost else document


def _above(document: Document, min_score: float) -> Document:
    """What is at least so sure, by the highest score of any window. Ids stay: they mean the same at any score."""
    mentions = tuple(mention for mention in document.mentions if (mention.score or 0.0) >= min_score)
    kept = {mention.id for mention in mentions}
    triples = (triple for triple in document.triples if (triple.score or 0.0) >= min_score)
    return replace(
        document,
        mentions=mentions,
        entities=same_link(mentions),
        triples=tuple(t for t in triples if t.subject in kept and t.object in kept),
    )


def _chunks(cut: Iterable[tuple[Document, list[Window]]]) -> Iterator[list[tuple[Document, list[Window]]]]:
    """Documents together until they have ``TOGETHER`` windows; empty ones count too, lest they hold up the stream."""
    chunk: list[tuple[Document, list[Window]]] = []
    for document, views in cut:
        chunk.append((document, views))
        if sum(max(1, len(each)) for _, each in chunk) >= TOGETHER:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
