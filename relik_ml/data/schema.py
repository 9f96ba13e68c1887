"""The rules of a valid document, beyond the types of its fields.

>>> check(Document(id="d", text="Путин родился в Ленинграде.", mentions=(Mention("T1", 20, 90, "CITY"),)))
["mention 'T1': [20, 90) lies outside the text of 27 characters"]
"""

from collections import Counter
from collections.abc import Collection, Sequence

from relik_ml.errors import DataError
from relik_ml.types import Document, Entity, Link, Mention, Span, Triple


def require_valid(document: Document, where: str) -> None:
    """Raise DataError with the first five faults when a document is not valid."""
    if faults := check(document):
        more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
        got, fix = "; ".join(faults[:5]) + more, "correct the document, or convert it again"
        raise DataError("the document breaks the schema", where=where, got=got, fix=fix)


def check(document: Document) -> list[str]:
    """All faults of a document, one sentence each. Empty when it is valid."""
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
    return found


def _repeated(kind: str, values: Sequence[Mention | Entity]) -> list[str]:
    if len({value.id for value in values}) == len(values):
        return []
    counts = Counter(value.id for value in values)
    return [f"{kind} {id!r}: the id is used {count} times" for id, count in counts.items() if count > 1]


def _mention_faults(mention: Mention, length: int) -> list[str]:
    found = _span_faults(mention.span, length) + _link_faults(mention.link)
    if mention.fragments:
        found += [fault for fragment in mention.fragments for fault in _span_faults(fragment, length)]
        if mention.span != (min(f.start for f in mention.fragments), max(f.stop for f in mention.fragments)):
            found.append(f"[{mention.start}, {mention.stop}) is not the envelope of its fragments")
    return found


def _link_faults(link: Link) -> list[str]:
    if link.status == "linked":
        return [] if link.id else ["linked without an id"]
    if link.id is not None or link.alternatives:
        return [f"{link.status} but with the id {link.id or link.alternatives[0]!r}"]
    return []


def _triple_faults(triple: Triple, mentions: Collection[str], length: int) -> list[str]:
    found = [f"no mention {id!r}" for id in (triple.subject, triple.object) if id not in mentions]
    return found + [fault for span in triple.evidence for fault in _span_faults(span, length)]


def _span_faults(span: Span, length: int) -> list[str]:
    start, stop = span
    if 0 <= start < stop <= length:
        return []
    if start >= stop:
        return [f"[{start}, {stop}) is empty or backwards"]
    return [f"[{start}, {stop}) lies outside the text of {length} characters"]
