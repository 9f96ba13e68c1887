"""Documents as spaCy Docs: all mentions in ``doc.spans["relik"]``, facts in ``doc._.triples``; stored as a DocBin.

The label of a span is the mention's type, ``kb_id_`` the id of its link and ``id_`` its own id. ``attrs`` of the group
hold, in the order of the spans, ``status``, ``score`` and ``label`` of the links, ``value`` and ``mention_score``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.vocab import Vocab

from relik_ml.text import sentences, tokens
from relik_ml.types import Document, Mention

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


def write(documents: Iterable[Document], path: Path, losses: Counter[str]) -> None:
    """Write documents as a DocBin. Tokens are split at mentions, so offsets are exact."""
    vocab, stored = Vocab(), DocBin(store_user_data=True)
    for document in documents:
        stored.add(annotated(to_doc(document, vocab), document, losses))
    stored.to_disk(path)


def to_doc(document: Document, vocab: Vocab) -> Doc:
    """The text of a document as a Doc with sentences. Tokens are split where a mention or evidence starts or ends."""
    heads = {start for start, _ in sentences(document.text)}
    spans = [mention.span for mention in document.mentions] + [s for t in document.triples for s in t.evidence]
    pieces = list(_pieces(document.text, heads | {start for start, _ in spans}, {stop for _, stop in spans}))
    return Doc(
        vocab,
        words=[word for _, word, _ in pieces],
        spaces=[space for _, _, space in pieces],
        sent_starts=[start in heads or not number for number, (start, _, _) in enumerate(pieces)],
    )


def annotated(doc: Doc, document: Document, losses: Counter[str]) -> Doc:
    """Add the mentions and facts of a document to a Doc of the same text. Moved spans are counted."""
    register()
    mentions = document.mentions
    spans = [_span(doc, mention, losses) for mention in mentions]
    attributes = {
        "status": [mention.link.status for mention in mentions],
        "score": [mention.link.score for mention in mentions],
        "mention_score": [mention.score for mention in mentions],
        "value": [mention.value.value if mention.value else None for mention in mentions],
        "label": [mention.link.label for mention in mentions],
    }
    doc.spans[KEY] = SpanGroup(doc, name=KEY, attrs=attributes, spans=spans)
    indices = {mention.id: index for index, mention in enumerate(mentions)}
    doc.user_data[KEY] = [
        {
            "subject": indices[triple.subject],
            "relation": triple.relation,
            "object": indices[triple.object],
            "property": triple.property.id if triple.property else None,
            "inverse": triple.property is not None and triple.property.inverse,
            "evidence": [_tokens(doc, *span, losses, EVIDENCE_MOVED) for span in triple.evidence],
            "score": triple.score,
        }
        for triple in document.triples
    ]
    doc.user_data[f"{KEY}.document"] = document.id
    return doc


def triples(doc: Doc) -> tuple[SpacyTriple, ...]:
    """The value of ``doc._.triples``."""
    group = list(doc.spans[KEY]) if KEY in doc.spans else []
    return tuple(
        SpacyTriple(**fact | {
            "subject": group[fact["subject"]],
            "object": group[fact["object"]],
            "evidence": tuple(doc[start:stop] for start, stop in fact["evidence"]),
        })
        for fact in doc.user_data.get(KEY, ())
    )  # fmt: skip


def register() -> None:
    """Register ``doc._.triples`` with spaCy, if it is not registered."""
    if not Doc.has_extension("triples"):
        Doc.set_extension("triples", getter=triples)


def _pieces(text: str, starts: set[int], stops: set[int]) -> Iterator[tuple[int, str, bool]]:
    """The start and text of each spaCy token, and whether a blank follows that is not part of a token."""
    cuts = sorted({0, len(text)} | starts | stops | {at for start, stop, _ in tokens(text) for at in (start, stop)})
    index = 0
    while index < len(cuts) - 1:
        start, stop = cuts[index], cuts[index + 1]
        index += 1
        gap = text[stop : cuts[index + 1]] if index < len(cuts) - 1 else ""
        blank = gap == " " and stop not in starts and stop + 1 not in stops and not text[start:stop].isspace()
        index += blank
        yield start, text[start:stop], blank


def _span(doc: Doc, mention: Mention, losses: Counter[str]) -> Span:
    start, stop = _tokens(doc, mention.start, mention.stop, losses, MOVED)
    return Span(doc, start, stop, label=mention.type, kb_id=mention.link.id or "", span_id=mention.id)


def _tokens(doc: Doc, start: int, stop: int, losses: Counter[str], moved: str) -> list[int]:
    """The token range of a span; expanded to whole tokens if the span ends inside a token."""
    found = doc.char_span(start, stop)
    if found is None:
        losses[moved] += 1
        found = doc.char_span(start, stop, alignment_mode="expand")
    assert found is not None, "a span that is not empty overlaps a token"
    return [found.start, found.end]
