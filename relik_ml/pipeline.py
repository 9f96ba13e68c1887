"""``Relik``: a text or a document in, the document with mentions, links and triples out.

::

    from relik_ml import Relik

    relik = Relik.from_pretrained()
    document = relik("Анна Ахматова родилась в Одессе.")
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from relik_ml import hub
from relik_ml.bundle import EMBEDDED, Bundle, Settings, load, save
from relik_ml.errors import ConfigError
from relik_ml.reader import Reader
from relik_ml.retriever import Retriever
from relik_ml.text import Morphology, Part, evidence, fill, merge, same_link, sentences, settle_links, windows
from relik_ml.types import Annotated, Document, Link, Mention, Retrieved, Span, Triple, Window

PREDICTED = Annotated(mentions="silver", types="silver", links="silver", entities="silver", triples="silver")
"""What a machine said of a document."""

Read = Callable[[Sequence[Retrieved]], list[Part]]
"""One way of reading windows: ``Reader`` or ``Reader.describe``."""

TOGETHER = 16
"""Windows that are retrieved and read together: enough to batch well, few enough to stream."""


class Relik:
    """Retriever and reader over whole documents."""

    def __init__(self, retriever: Retriever, reader: Reader, settings: Settings) -> None:
        self.retriever, self.reader, self.settings = retriever, reader, settings
        self._lemma = retriever.names.lemma if retriever.names else Morphology().lemma

    @classmethod
    def from_pretrained(
        cls, path: str | Path | None = None, *, index: str | Path | None = None, device: str = "cpu"
    ) -> Relik:
        """Load a model folder; without ``path`` the model that ships with the package. No network is used.

        ``"accurate"``, which is the default, and ``"fast"`` are the models that ship with the package, unless there are
        folders of these names.
        Only a text such as ``"owner/model"``, where there is no such folder, is looked for on the Hugging Face Hub.
        ``index`` is another index folder to link to, built by the same retriever.

        Raises:
            ModelError: the folder is no model, a file of it is missing or damaged, or the Hub has none of that name.
        """
        return cls(*load(_folder(path), None if index is None else Path(index), device))

    def configured(self, settings: Settings) -> Relik:
        """The same retriever and network with the thresholds and calibration of other settings."""
        encode, inventory = self.reader.encode, settings.inventory
        reader = Reader(self.reader.model, encode, inventory, settings.thresholds, settings.calibration)
        return Relik(self.retriever, reader, settings)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write everything to one folder, which ``from_pretrained`` loads; it appears whole or not at all."""
        save(Bundle(self.retriever, self.reader, self.settings), Path(folder))

    def push_to_hub(self, name: str, *, private: bool | None = None, api: hub.Api | None = None) -> str:
        """Save the model and upload it as ``owner/model`` to the Hugging Face Hub; returns its address.

        ``private`` is for a repository that is yet to be made. The token is that of ``hf auth login`` or HF_TOKEN.

        Raises:
            ConfigError: there is no token, or the name is none.
            OutputError: the Hub refused, or cannot be reached.
        """
        with TemporaryDirectory() as home:
            self.save_pretrained(folder := Path(home, "model"))
            return hub.publish(folder, name, private=private, api=api)

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
        for document, parts, lost in self._parts(map(_bare, documents), self.reader):
            yield above(_stated(_noted(self._settled(merge(document, parts)), {"candidates": lost})), min_score)

    def describe(self, documents: Iterable[Document], *, min_score: float = 0.0) -> Iterator[Document]:
        """Links of the mentions that documents have, and triples between them, in order and as a stream.

        Mentions stay as they are, in place, type, id and order; their links, entities and triples are replaced.
        Their types say which of them are looked up. Those that the reader cannot read (discontinuous, longer than it
        spans, of another type than its own) keep an ``unknown`` link, take part in no triple and are counted in
        ``meta["dropped"]``. Triples below ``min_score`` are left out.

        Raises:
            ConfigError: a document is in a language that the model was not trained on.
        """
        for document, parts, lost in self._parts(map(_asked, documents), self.reader.describe):
            unread = len(document.mentions) - len({mention.id for part in parts for mention in part.mentions})
            found = _stated(_noted(fill(document, parts), {"candidates": lost, "mentions": unread}))
            triples = tuple(triple for triple in found.triples if (triple.score or 0.0) >= min_score)
            yield replace(found, entities=same_link(found.mentions), triples=triples)

    def retrieve(self, documents: Iterable[Document]) -> Iterator[Retrieved]:
        """The candidates of every window of the documents, in order and as a stream; documents stay as they are.

        Raises:
            ConfigError: a document is in a language that the model was not trained on.
        """
        for chunk in _chunks(map(self._cut, documents)):
            yield from self.retriever([window for _, views in chunk for window in views])

    def _parts(self, documents: Iterable[Document], read: Read) -> Iterator[tuple[Document, list[Part], int]]:
        """Each document with what was read in its windows, and the number of candidates that had no room."""
        for chunk in _chunks(map(self._cut, documents)):
            parts = self._read([window for _, views in chunk for window in views], read)
            for document, views in chunk:
                own = list(islice(parts, len(views)))
                yield document, [part for part, _ in own], sum(lost for _, lost in own)

    def _settled(self, document: Document) -> Document:
        """The document, links of single mentions settled by what the whole of it says."""
        return replace(document, mentions=settle_links(document.text, document.mentions, self._lemma))

    def _cut(self, document: Document) -> tuple[Document, list[Window]]:
        if document.lang not in self.settings.languages:
            known = ", ".join(self.settings.languages)
            raise ConfigError(
                "the model does not know this language",
                where=f"document {document.id!r}",
                got=document.lang,
                fix=f"give --lang {known}, or a --model trained on it",
            )
        return document, windows(document, self.settings.window, self.settings.stride)

    def _read(self, views: Sequence[Window], read: Read) -> Iterator[tuple[Part, int]]:
        """The windows' parts in their order, each with the number of candidates that the encoder had no room for.

        ``TOGETHER`` are worked on at a time, in a book as in a page.
        """
        for start in range(0, len(views), TOGETHER):
            found = self.retriever(views[start : start + TOGETHER])
            fitted = self.reader.encode.fit(found)
            lost = (_candidates(one) - _candidates(other) for one, other in zip(found, fitted, strict=True))
            yield from zip(read(fitted), lost, strict=True)


def _folder(path: str | Path | None) -> Path:
    """Where a model lies that is named like this."""
    if path is None:
        return EMBEDDED["accurate"]
    if str(path) in EMBEDDED and not Path(path).exists():
        return EMBEDDED[str(path)]
    return hub.fetch(str(path)) if hub.is_name(path) else Path(path)


def _bare(document: Document) -> Document:
    return replace(document, mentions=(), entities=(), triples=(), annotated=PREDICTED)


def _asked(document: Document) -> Document:
    """The document with its mentions alone: what was known of their links and triples cannot be an answer."""
    annotated = replace(PREDICTED, mentions=document.annotated.mentions, types=document.annotated.types)
    mentions = tuple(replace(mention, link=Link()) for mention in document.mentions)
    return replace(document, mentions=mentions, entities=(), triples=(), annotated=annotated)


def _stated(document: Document) -> Document:
    """The document, its triples with the sentences that state them."""
    spoken = list(sentences(document.text)) if document.triples else []
    mentions = {mention.id: mention for mention in document.mentions}
    return replace(document, triples=tuple(_in_sentences(spoken, mentions, triple) for triple in document.triples))


def _in_sentences(spoken: Sequence[Span], mentions: Mapping[str, Mention], triple: Triple) -> Triple:
    """The triple with the sentences that its arguments stand in."""
    spans = [mentions[triple.subject].span, mentions[triple.object].span]
    first = bisect_right(spoken, min(span.start for span in spans), key=lambda sentence: sentence.stop)
    last = bisect_left(spoken, max(span.stop for span in spans), key=lambda sentence: sentence.start)
    return replace(triple, evidence=evidence(spoken[first:last], spans))


def _candidates(item: Retrieved) -> int:
    return len(item.entities) + len(item.relations)


def _noted(document: Document, lost: Mapping[str, int]) -> Document:
    dropped = {name: count for name, count in lost.items() if count}
    return replace(document, meta={**document.meta, "dropped": dropped}) if dropped else document


def above(document: Document, min_score: float) -> Document:
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
