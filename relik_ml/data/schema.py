"""What makes a document sound: the rules of the schema ``relik-ml/1``, and the checker that applies them.

>>> check(Document(id="d", text="Путин родился в Ленинграде.", mentions=(Mention("T1", 20, 90, "CITY"),)))
["mention 'T1': [20, 90) lies outside the text of 27 characters"]
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from relik_ml.errors import DataError
from relik_ml.types import Completeness, Document, Entity, Link, Mention, Status, Triple

SCHEMA = "relik-ml/1"
LAYERS = ("mentions", "types", "links", "entities", "triples")
"""What ``Document.annotated`` speaks of."""

_STATUSES, _STATES = get_args(Status), get_args(Completeness)


def require_sound(document: Document, where: str) -> None:
    """Refuse a document that breaks the schema (DataError, which names ``where`` and the first five faults)."""
    if faults := check(document):
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        got = "; ".join(faults[:5]) + more
        raise DataError("the document breaks the schema", where=where, got=got, fix="correct or re-convert it")


def check(document: Document) -> list[str]:
    """Everything in which a document breaks the schema, one sentence each; empty when it is sound."""
    length = len(document.text)
    mentions = {mention.id for mention in document.mentions}
    found = [] if document.id else ["the document has no id"]
    found += _repeated("mention", document.mentions) + _repeated("entity", document.entities)
    for mention in document.mentions:
        if faults := _mention_faults(mention, length):
            found += (f"mention {mention.id!r}: {fault}" for fault in faults)
    for entity in document.entities:
        found += (f"entity {entity.id!r}: no mention {id!r}" for id in entity.mentions if id not in mentions)
    for triple in document.triples:
        if faults := _triple_faults(triple, mentions, length):
            name = f"triple {triple.subject!r} {triple.relation!r} {triple.object!r}"
            found += (f"{name}: {fault}" for fault in faults)
    for layer in LAYERS:
        if (state := getattr(document.annotated, layer)) not in _STATES:
            found.append(f"annotated.{layer} is {state!r}, not one of {', '.join(_STATES)}")
    return found


def _repeated(kind: str, values: Sequence[Mention | Entity]) -> list[str]:
    if len({value.id for value in values}) == len(values):
        return []
    counts = Counter(value.id for value in values)
    return [f"{kind} {id!r}: the id is used {count} times" for id, count in counts.items() if count > 1]


def _mention_faults(mention: Mention, length: int) -> list[str]:
    found = _span_faults(mention.start, mention.stop, length) + _link_faults(mention.link)
    if mention.fragments:
        found += _fragment_faults(mention, length)
    return found if mention.score is None else found + _score_faults(mention.score)


def _fragment_faults(mention: Mention, length: int) -> list[str]:
    found = [fault for start, stop in mention.fragments for fault in _span_faults(start, stop, length)]
    envelope = min(f.start for f in mention.fragments), max(f.stop for f in mention.fragments)
    if envelope != (mention.start, mention.stop):
        found.append(f"[{mention.start}, {mention.stop}) is not the envelope of its fragments")
    return found


def _link_faults(link: Link) -> list[str]:
    found = [] if link.score is None else _score_faults(link.score)
    if link.status not in _STATUSES:
        found.append(f"link status {link.status!r} is not one of {', '.join(_STATUSES)}")
    elif link.status == "linked" and not link.id:
        found.append("linked without an id")
    elif link.status != "linked" and (link.id is not None or link.alternatives):
        found.append(f"{link.status} but with the id {link.id or link.alternatives[0]!r}")
    return found


def _triple_faults(triple: Triple, mentions: set[str], length: int) -> list[str]:
    found = [f"no mention {id!r}" for id in (triple.subject, triple.object) if id not in mentions]
    for start, stop in triple.evidence:
        found += _span_faults(start, stop, length)
    return found if triple.score is None else found + _score_faults(triple.score)


def _span_faults(start: int, stop: int, length: int) -> list[str]:
    if 0 <= start < stop <= length:
        return []
    if start >= stop:
        return [f"[{start}, {stop}) is empty or backwards"]
    return [f"[{start}, {stop}) lies outside the text of {length} characters"]


def _score_faults(score: float) -> list[str]:
    return [] if math.isfinite(score) else [f"the score {score} is not finite"]
