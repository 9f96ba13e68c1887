"""Documents as spaCy Docs: all mentions in ``doc.spans["relik"]``, facts in ``doc._.triples``; stored as a DocBin.

A span's label is the mention's type, its ``kb_id_`` the link's id and its ``id_`` the mention's. ``attrs`` of the group
hold, in the order of the spans, ``status`` and ``score`` of the links, ``value`` of literals and ``mention_score``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from relik_ml.errors import ConfigError
from relik_ml.export.characters import Characters, utf8
from relik_ml.export.losses import left_out
from relik_ml.text import sentences, tokens
from relik_ml.types import Document, Mention

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span
    from spacy.vocab import Vocab

KEY = "relik"
MOVED = "mentions moved to the borders of tokens"
EVIDENCE_MOVED = "evidence spans moved to the borders of tokens"


class SpacyTriple(NamedTuple):
    """A fact of a Doc: its arguments and evidence are spans of that Doc."""

    subject: Span
    relation: str
    object: Span
    property: str | None
    inverse: bool
    evidence: tuple[Span, ...]
    score: float | None


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write documents as a DocBin; how many, and what was left out. Offsets stay exact: tokens are cut to fit."""
    _require_spacy()
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    vocab, losses = Vocab(), Counter(documents=0)
    stored = DocBin(store_user_data=True)
    for document in documents:
        losses.update({"documents": 1} | _unheld(document))
        stored.add(annotated(to_doc(document, vocab, losses), document, losses))
    stored.to_disk(path)
    return losses


def to_doc(document: Document, vocab: Vocab, losses: Counter[str]) -> Doc:
    """The text of a document as a Doc with its sentences; a token ends wherever a mention or evidence does."""
    from spacy.tokens import Doc

    spoken = {start for start, _ in sentences(document.text)}
    spans = [mention.span for mention in document.mentions] + [s for t in document.triples for s in t.evidence]
    pieces = list(_pieces(document.text, spoken | {start for start, _ in spans}, {stop for _, stop in spans}))
    held = utf8(losses)
    words = [held(word) for _, word, _ in pieces]
    heads: list[bool | int | None] = [start in spoken or not place for place, (start, _, _) in enumerate(pieces)]
    return Doc(vocab, words=words, spaces=[space for _, _, space in pieces], sent_starts=heads)


def annotated(doc: Doc, document: Document, losses: Counter[str]) -> Doc:
    """The Doc, of the same text, with the mentions and facts of a document; what had to be moved is counted."""
    from spacy.tokens import SpanGroup

    register()
    held = utf8(losses)
    spans = [_span(doc, mention, held, losses) for mention in document.mentions]
    doc.spans[KEY] = SpanGroup(doc, name=KEY, attrs=_attributes(document.mentions, held), spans=spans)
    places = {mention.id: place for place, mention in enumerate(document.mentions)}
    doc.user_data[KEY] = [
        {
            "subject": places[triple.subject],
            "relation": held(triple.relation),
            "object": places[triple.object],
            "property": held(triple.property.id) if triple.property else None,
            "inverse": triple.property is not None and triple.property.inverse,
            "evidence": [_tokens(doc, *span, losses) for span in triple.evidence],
            "score": triple.score,
        }
        for triple in document.triples
    ]
    doc.user_data[f"{KEY}.document"] = held(document.id)
    return doc


def triples(doc: Doc) -> tuple[SpacyTriple, ...]:
    """What ``doc._.triples`` gives."""
    group = list(doc.spans[KEY]) if KEY in doc.spans else []
    return tuple(
        SpacyTriple(
            group[fact["subject"]], fact["relation"], group[fact["object"]], fact["property"], fact["inverse"],
            tuple(doc[start:stop] for start, stop in fact["evidence"]), fact["score"],
        )
        for fact in doc.user_data.get(KEY, ())
    )  # fmt: skip


def register() -> None:
    """Make ``doc._.triples`` known to spaCy; again does no harm."""
    from spacy.tokens import Doc

    if not Doc.has_extension("triples"):
        Doc.set_extension("triples", getter=triples)


def _pieces(text: str, starts: set[int], stops: set[int]) -> Iterator[tuple[int, str, bool]]:
    """The start of each token of spaCy, its text, and whether one blank follows it that is no token."""
    cuts = sorted({0, len(text)} | starts | stops | {at for start, stop, _ in tokens(text) for at in (start, stop)})
    place = 0
    while place < len(cuts) - 1:
        start, stop = cuts[place], cuts[place + 1]
        place += 1
        gap = text[stop : cuts[place + 1]] if place < len(cuts) - 1 else ""
        blank = gap == " " and stop not in starts and stop + 1 not in stops and not text[start:stop].isspace()
        place += blank
        yield start, text[start:stop], blank


def _span(doc: Doc, mention: Mention, held: Characters, losses: Counter[str]) -> Span:
    from spacy.tokens import Span

    start, stop = _tokens(doc, mention.start, mention.stop, losses, MOVED)
    return Span(doc, start, stop, label=held(mention.type), kb_id=held(mention.link.id or ""), span_id=held(mention.id))


def _tokens(doc: Doc, start: int, stop: int, losses: Counter[str], moved: str = EVIDENCE_MOVED) -> list[int]:
    """The tokens of a range of the text; the next larger ones when it ends inside a token."""
    exact = doc.char_span(start, stop)
    losses[moved] += exact is None
    found = doc.char_span(start, stop, alignment_mode="expand") if exact is None else exact
    assert found is not None, "a range that is not empty touches a token"
    return [found.start, found.end]


def _attributes(mentions: Iterable[Mention], held: Characters) -> dict[str, list[Any]]:
    return {
        "status": [mention.link.status for mention in mentions],
        "score": [mention.link.score for mention in mentions],
        "mention_score": [mention.score for mention in mentions],
        "value": [held(mention.value.value) if mention.value else None for mention in mentions],
        "label": [held(mention.link.label) if mention.link.label is not None else None for mention in mentions],
    }


def _require_spacy() -> None:
    try:
        import spacy  # noqa: F401
    except ModuleNotFoundError:
        fix = 'pip install "relik-ml[spacy]"'
        raise ConfigError("a DocBin is written by spaCy, which is not installed", fix=fix) from None


def _unheld(document: Document) -> Counter[str]:
    return left_out(document, "alternative links", "fragments", "raw forms and precisions of values", "entities")
