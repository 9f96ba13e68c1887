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
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, overload

from relik_ml import hub
from relik_ml.bundle import EMBEDDED, Backend, Bundle, Settings, load, save
from relik_ml.config import PROFILES, MinScores, ProfileName
from relik_ml.data import document_from_object
from relik_ml.reader import Reader
from relik_ml.retriever import Retriever
from relik_ml.scheme import NEREL
from relik_ml.text import (
    Morphology,
    Nominative,
    Part,
    evidence,
    fill,
    merge,
    named,
    same_referent,
    sentences,
    settle_links,
    windows,
    with_language,
)
from relik_ml.types import Annotated, Document, Link, LinkCandidate, Mention, Retrieved, Triple, Window

PREDICTED = Annotated(mentions="silver", types="silver", links="silver", entities="silver", triples="silver")
"""How the documents that a model annotates are annotated."""

Given = str | Mapping[str, Any] | Document
"""What can be annotated."""

Read = Callable[[Sequence[Retrieved]], list[Part]]
"""One way of reading windows: ``Reader`` or ``Reader.describe``."""

BATCH = 32
"""Windows that are retrieved and read together: enough to batch well, few enough to stream."""


ALIAS = 0.9
"""The least score of a triple between two names that makes them names of one entity."""


class Relik:
    """Retriever and reader over whole documents."""

    def __init__(self, retriever: Retriever, reader: Reader, settings: Settings) -> None:
        self.retriever, self.reader, self.settings = retriever, reader, settings
        self._names, self._least = Nominative(Morphology()), MinScores()
        self._lemma = retriever.names.lemma if retriever.names else Morphology().lemma

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        *,
        index: str | Path | None = None,
        device: str = "cpu",
        backend: Backend | None = None,
    ) -> Relik:
        """Load a model folder; without ``path`` the model that ships with the package. No network is used.

        ``"accurate"``, which is the default, and ``"fast"`` are the models that ship with the package, unless there are
        folders of these names. Only a text such as ``"owner/model"``, where there is no such folder, is looked up on
        the Hugging Face Hub. ``index`` is another index folder to link to, built by the same retriever. ``backend`` is
        ``"onnx"`` (ONNX Runtime, on the processor), ``"int8"`` (the same with products of 8-bit integers) or
        ``"torch"``; the default is ONNX Runtime for a model that has graphs, and otherwise torch.

        Raises:
            ModelError: the folder is no model, a file of it is missing or damaged, or the Hub has none of that name.
            ConfigError: the backend is not installed, or cannot use the device.
        """
        return cls(*load(model_folder(path), None if index is None else Path(index), device, backend))

    def configured(self, settings: Settings) -> Relik:
        """The same retriever and network with the thresholds and calibration of other settings."""
        encode, inventory = self.reader.encode, settings.inventory
        reader = Reader(self.reader.network, encode, inventory, settings.thresholds, settings.calibration)
        return Relik(self.retriever, reader, settings)

    def with_profile(self, profile: ProfileName) -> Relik:
        """The same model that makes fewer errors (``"precision"``) or finds more (``"recall"``), see ``PROFILES``.

        ``"balanced"`` is the model as it is.
        """
        chosen = PROFILES[profile]
        lowered = self.settings.thresholds.lowered(chosen.factor)
        found = self.configured(replace(self.settings, thresholds=lowered))
        found._least = chosen.min_score
        return found

    def save_pretrained(self, folder: str | Path) -> None:
        """Write everything to one folder, which ``from_pretrained`` loads; it appears whole or not at all."""
        save(Bundle(self.retriever, self.reader, self.settings), Path(folder))

    def push_to_hub(self, name: str, *, private: bool | None = None, api: Any = None) -> str:
        """Save the model and upload it as ``owner/model`` to the Hugging Face Hub; returns its address.

        ``private`` counts only for a new repository. The token is that of ``hf auth login`` or HF_TOKEN.

        Raises:
            ConfigError: there is no token, or the name is not of the form ``owner/model``.
            OutputError: the Hub refused, or cannot be reached.
        """
        with TemporaryDirectory() as home:
            self.save_pretrained(folder := Path(home, "model"))
            return hub.publish(folder, name, private=private, api=api)

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, text: Given, lang: str | None = ..., min_score: float | MinScores = ..., candidates: int = ...
    ) -> Document: ...
    @overload
    def __call__(
        self, text: Iterable[Given], lang: str | None = ..., min_score: float | MinScores = ..., candidates: int = ...
    ) -> list[Document]: ...
    def __call__(
        self,
        text: Given | Iterable[Given],
        lang: str | None = None,
        min_score: float | MinScores = 0.0,
        candidates: int = 0,
    ) -> Document | list[Document]:
        """Annotate one text, or a list of texts. The document of a text alone has the id ``text``."""
        if isinstance(text, str):
            text = Document(id="text", text=text, lang=lang or "")
        one = isinstance(text, Mapping | bytes) or not isinstance(text, Iterable)
        given: Any = [text] if one else text
        found = list(self.annotate(given, lang=lang, min_score=min_score, candidates=candidates))
        return found[0] if one else found

    def annotate(
        self,
        documents: Iterable[Given],
        *,
        lang: str | None = None,
        min_score: float | MinScores = 0.0,
        candidates: int = 0,
    ) -> Iterator[Document]:
        """Annotate texts, dictionaries and documents, in order and as a stream. Old annotations are replaced.

        A dictionary needs a ``text``; its ``id`` and ``lang`` are used, and other fields go to ``meta``. What has no id
        is called ``text-1``, ``text-2``, …, by its number. ``lang`` is the language of what does not state its own;
        None detects it.

        Candidates that the encoder had no room for are counted in ``meta["dropped"]``. Mentions and triples below
        ``min_score`` (a probability) are left out, and so are the triples of such mentions; a link below it becomes
        ``unknown`` and keeps its entity as a candidate. Links get at most so many ``candidates``.

        Raises:
            DataError: a document is in a language that the model was not trained on, or a dictionary has no text.
            TypeError: it is something else.
        """
        given = (_document(each, number, lang or "") for number, each in enumerate(documents, 1))
        for document, parts, dropped in self._read(map(_bare, given), partial(self.reader, candidates=candidates)):
            found = merge(document, parts)
            found = replace(found, mentions=self._settled(found))
            found = replace(found, triples=with_evidence(found), meta=with_dropped(found.meta, candidates=dropped))
            yield above(found, self._least.at_least(MinScores.of(min_score)))

    def describe(
        self, documents: Iterable[Document], *, min_score: float | MinScores = 0.0, candidates: int = 0
    ) -> Iterator[Document]:
        """Link the mentions that documents have, and find the triples between them, in order and as a stream.

        Mentions keep their span, type, id and order; their links, entities and triples are replaced. Their types
        decide whether they are linked. Mentions that the reader cannot read (discontinuous, too long, of an unknown
        type) keep an ``unknown`` link, take part in no triple and are counted in ``meta["dropped"]``. Triples below
        ``min_score`` are left out, and links below it become ``unknown``, as in ``annotate``.

        Raises:
            DataError: a document is in a language that the model was not trained on.
        """
        least = replace(self._least.at_least(MinScores.of(min_score)), mention=0.0)
        read = partial(self.reader.describe, candidates=candidates)
        for document, parts, dropped in self._read(map(_asked, documents), read):
            found = fill(document, parts)
            found = replace(found, mentions=self._settled(found))
            unread = len(document.mentions) - len({mention.id for part in parts for mention in part.mentions})
            meta = with_dropped(found.meta, candidates=dropped, mentions=unread)
            yield above(replace(found, triples=with_evidence(found), meta=meta), least)

    def retrieve(self, documents: Iterable[Document]) -> Iterator[Retrieved]:
        """The candidates of every window of the documents, in order and as a stream; documents stay as they are.

        Raises:
            DataError: a document is in a language that the model was not trained on.
        """
        for batch in self._batches(documents):
            yield from self.retriever([window for _, window in batch if window.tokens])

    def _settled(self, document: Document) -> tuple[Mention, ...]:
        """The mentions with links that agree across the document, and names for what has no link."""
        return named(document.text, settle_links(document.text, document.mentions, self._lemma), self._names)

    def _read(self, documents: Iterable[Document], read: Read) -> Iterator[tuple[Document, Sequence[Part], int]]:
        """Each document with what was read in its windows, and the number of candidates that were dropped."""
        for _, group in groupby(self._parts(documents, read), key=itemgetter(0)):
            _, parts, dropped = zip(*group, strict=True)
            yield parts[0].window.document, parts, sum(dropped)

    def _parts(self, documents: Iterable[Document], read: Read) -> Iterator[tuple[int, Part, int]]:
        """Every window retrieved, fitted and read: the number of its document, its part, the candidates dropped."""
        for batch in self._batches(documents):
            found = self.retriever([window for _, window in batch if window.tokens])
            fitted = self.reader.encode.fit(found)
            results = zip(read(fitted), map(_dropped, found, fitted), strict=True)
            for number, window in batch:
                yield number, *(next(results) if window.tokens else (Part(window), 0))

    def _batches(self, documents: Iterable[Document]) -> Iterator[list[tuple[int, Window]]]:
        """The windows of all documents, each with the number of its document, ``BATCH`` at a time."""
        numbered = ((number, window) for number, document in enumerate(documents) for window in self._cut(document))
        while batch := list(islice(numbered, BATCH)):
            yield batch

    def _cut(self, document: Document) -> list[Window]:
        """The document's windows; one that is empty where it has no tokens, so that it stays in the stream."""
        document = with_language(document, self.settings.languages)
        return windows(document, self.settings.window, self.settings.stride) or [Window(document, 0, 0, ())]


def model_folder(path: str | Path | None) -> Path:
    """The folder of the model with this name or path, fetched from the Hugging Face Hub if it is there."""
    if path is None:
        return EMBEDDED["accurate"]
    if str(path) in EMBEDDED and not Path(path).exists():
        return EMBEDDED[str(path)]
    return hub.fetch(str(path)) if hub.is_name(path) else Path(path)


def _document(given: Given, number: int, lang: str) -> Document:
    if isinstance(given, Document):
        return given
    if isinstance(given, str):
        return Document(f"text-{number}", given, lang)
    if isinstance(given, Mapping):
        return document_from_object(given, f"text {number}", f"text-{number}", lang)
    raise TypeError(f"text {number} must be a str, a dict or a Document, not {type(given).__name__}")


def _bare(document: Document) -> Document:
    return replace(document, mentions=(), entities=(), triples=(), annotated=PREDICTED)


def _asked(document: Document) -> Document:
    """The document with its mentions only, so that known links and triples are never returned as predictions."""
    annotated = replace(PREDICTED, mentions=document.annotated.mentions, types=document.annotated.types)
    mentions = tuple(replace(mention, link=Link()) for mention in document.mentions)
    return replace(document, mentions=mentions, entities=(), triples=(), annotated=annotated)


def with_evidence(document: Document) -> tuple[Triple, ...]:
    """The document's triples, each with the sentences of its arguments."""
    spoken = list(sentences(document.text)) if document.triples else []
    mentions = {mention.id: mention for mention in document.mentions}

    def cited(triple: Triple) -> Triple:
        spans = [mentions[triple.subject].span, mentions[triple.object].span]
        first = bisect_right(spoken, min(span.start for span in spans), key=lambda sentence: sentence.stop)
        last = bisect_left(spoken, max(span.stop for span in spans), key=lambda sentence: sentence.start)
        return replace(triple, evidence=evidence(spoken[first:last], spans))

    return tuple(map(cited, document.triples))


def with_dropped(meta: Mapping[str, Any], **counts: int) -> Mapping[str, Any]:
    """``meta`` with the counts that are not zero under ``dropped``."""
    dropped = {name: count for name, count in counts.items() if count}
    return {**meta, "dropped": dropped} if dropped else meta


def _dropped(item: Retrieved, fitted: Retrieved) -> int:
    """How many candidates were dropped."""
    return len(item.entities) + len(item.relations) - len(fitted.entities) - len(fitted.relations)


def above(document: Document, min_score: float | MinScores, candidates: int | None = None) -> Document:
    """The mentions and triples with at least this score. Ids stay: they mean the same at any score.

    A link below it becomes ``unknown`` and keeps its candidates, at least its own entity. ``candidates`` is the most
    that a link keeps.
    """
    least = MinScores.of(min_score)
    likely = (mention for mention in document.mentions if (mention.score or 0.0) >= least.mention)
    mentions = tuple(mention.with_link(_sure(mention.link, least.link, candidates)) for mention in likely)
    kept = {mention.id for mention in mentions}
    likely_too = (triple for triple in document.triples if (triple.score or 0.0) >= least.fact)
    triples = tuple(triple for triple in likely_too if triple.subject in kept and triple.object in kept)
    aliases = (each for each in triples if each.relation in NEREL.aliases and (each.score or 0.0) >= ALIAS)
    return replace(document, mentions=mentions, entities=same_referent(mentions, aliases), triples=triples)


def _sure(link: Link, least: float, candidates: int | None) -> Link:
    if candidates is not None and len(link.candidates) > candidates:
        link = replace(link, candidates=link.candidates[:candidates])
    if link.status not in ("linked", "nil") or (link.score or 0.0) >= least:
        return link
    own = (LinkCandidate(link.id, link.label, link.score),) if link.id else ()
    return Link(candidates=link.candidates or own)
