r"""A document as brat standoff: a text and, beside it, lines that annotate ranges of it.

>>> from relik_ml.types import Document, Link, Mention, Triple
>>> chekhov = Mention("T1", 0, 5, "PERSON", link=Link("linked", "Q5685", "Антон Чехов"))
>>> born = Triple("T1", "PLACE_OF_BIRTH", "town", score=0.9)
>>> document = Document("d", "Чехов из Таганрога", "ru", (chekhov, Mention("town", 9, 18, "CITY")), (), (born,))
>>> losses: Counter[str] = Counter()
>>> print(standoff(document, losses).replace("\t", "⇥"), end="")
T1⇥PERSON 0 5⇥Чехов
T2⇥CITY 9 18⇥Таганрога
R1⇥PLACE_OF_BIRTH Arg1:T1 Arg2:T2⇥
N1⇥Reference T1 Wikidata:Q5685⇥Антон Чехов
>>> losses["mention ids given anew"]
1

Brat cannot hold scores, values, evidence and properties, and does not distinguish literals from mentions of unknown
link. These are counted. ``lang``, ``annotated``, ``meta`` and the ids of entities are not counted, because every
document has them.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from urllib.parse import quote

from relik_ml.errors import DataError
from relik_ml.types import Document, Mention, Span

_ID = re.compile(r"T[0-9]{1,9}")
_ITEM = re.compile(r"Q[1-9][0-9]*")
_LINE_ENDS = re.compile(r"[\r\n]+")
_BLANKS = re.compile(r"\s+")
_SPECIAL = re.compile(r"%(?!\Z|[0-9A-F]{2})|[^\w\-. %]")
_HALF = re.compile(r"%[0-9A-F]?\Z")
_NAME_BYTES = 200  # file systems allow 255, suffix and temporary names included


def write(documents: Iterable[Document], folder: Path, losses: Counter[str]) -> None:
    """Write ``NAME.txt`` and ``NAME.ann`` for each document below a folder; ``file_name`` is the name.

    DataError when two documents have the same file name.
    """
    for document in documents:
        path = folder / file_name(document)
        _write_file(path, ".txt", document.text, document)
        _write_file(path, ".ann", standoff(document, losses), document)


def file_name(document: Document) -> str:
    """The path of a document without suffix: its id without its data set and the split ``all``, made safe as a path.

    The brat converter assigns the split ``all`` to files outside of split folders. Without it, converting and exporting
    a folder gives the same folder.

    >>> file_name(Document("nerel/dev/119336_text", "", meta={"dataset": "nerel"}))
    'dev/119336_text'
    >>> file_name(Document("brat/all/letters/1", "", meta={"dataset": "brat", "split": "all"}))
    'letters/1'
    >>> file_name(Document("../Анна: Ахматова", ""))
    '%2E%2E/Анна%3A Ахматова'
    """
    name = document.id.removeprefix(f"{document.meta.get('dataset')}/")
    if document.meta.get("split") == "all":
        name = name.removeprefix("all/")
    return "/".join(map(_safe, name.split("/")))


def standoff(document: Document, losses: Counter[str]) -> str:
    """The annotation of a document. Ids in the format of brat are kept."""
    ranges = {mention.id: _ranges(mention, document.text) for mention in document.mentions}
    ids = _ids([mention.id for mention in document.mentions if ranges[mention.id]], losses)
    losses["literal marks left out"] += sum(mention.link.status == "unlinkable" for mention in document.mentions)
    losses["labels of no link left out"] += sum(
        bool(m.link.label) and m.link.status in ("unlinkable", "unknown") for m in document.mentions
    )
    lines = [
        *_mentions(document, ranges, ids, losses),
        *_relations(document, ids, losses),
        *_references(document, ids, losses),
        *_equivalences(document, ids, losses),
    ]
    return "".join(f"{line}\n" for line in lines)


def _ranges(mention: Mention, text: str) -> list[Span]:
    """The fragments of a mention, split at line ends, as brat requires; no fragment is empty."""
    return [part for span in mention.fragments or (mention.span,) for part in _lines(span, text)]


def _lines(span: Span, text: str) -> Iterator[Span]:
    starts, stops = [span.start], []
    for end in _LINE_ENDS.finditer(text, span.start, span.stop):
        stops.append(end.start())
        starts.append(end.end())
    return (Span(start, stop) for start, stop in zip(starts, [*stops, span.stop], strict=True) if start < stop)


def _ids(names: list[str], losses: Counter[str]) -> dict[str, str]:
    """Brat's id for each mention: its own if it has the format of brat, else the next free number."""
    kept = {name for name in names if _ID.fullmatch(name)}
    free = (id for number in count(1) if (id := f"T{number}") not in kept)
    losses["mention ids given anew"] += len(names) - len(kept)
    return {name: name if name in kept else next(free) for name in names}


def _mentions(
    document: Document, ranges: dict[str, list[Span]], ids: dict[str, str], losses: Counter[str]
) -> Iterator[str]:
    for mention in document.mentions:
        if not (spans := ranges[mention.id]):
            losses["mentions of line ends alone left out"] += 1
            continue
        losses["mentions over line ends written without them"] += (*spans,) != (mention.fragments or (mention.span,))
        offsets = ";".join(f"{start} {stop}" for start, stop in spans)
        surface = " ".join(document.text[start:stop] for start, stop in spans)
        yield f"{ids[mention.id]}\t{_name(mention.type, losses)} {offsets}\t{surface}"


def _relations(document: Document, ids: dict[str, str], losses: Counter[str]) -> Iterator[str]:
    numbers = count(1)
    for triple in document.triples:
        if triple.subject in ids and triple.object in ids:
            relation = _name(triple.relation, losses)
            yield f"R{next(numbers)}\t{relation} Arg1:{ids[triple.subject]} Arg2:{ids[triple.object]}\t"
        else:
            losses["triples of mentions left out"] += 1


def _references(document: Document, ids: dict[str, str], losses: Counter[str]) -> Iterator[str]:
    """The link, then its alternatives. NULL for NIL; no line for an unknown link."""
    numbers = count(1)
    for mention in (mention for mention in document.mentions if mention.id in ids):
        link = mention.link
        first = "NULL" if link.status == "nil" else link.id
        for item in filter(None, (first, *link.alternatives)):
            if item != "NULL" and not _ITEM.fullmatch(item):
                losses["links to no Wikidata item left out"] += 1
                continue
            label = _label(link.label or "", losses) if item == first else ""
            yield f"N{next(numbers)}\tReference {ids[mention.id]} Wikidata:{item}\t{label}"


def _equivalences(document: Document, ids: dict[str, str], losses: Counter[str]) -> Iterator[str]:
    """Entities, except those that the links imply."""
    for entity in document.entities:
        members = [ids[id] for id in entity.mentions if id in ids]
        if entity.induced == "same-link":
            losses["entities left out that links imply"] += 1
        elif len(members) < 2:
            losses["entities of fewer than two mentions left out"] += 1
        else:
            losses["mentions of entities left out"] += len(entity.mentions) - len(members)
            losses["grounds of entities left out"] += entity.induced not in ("", "equiv")
            yield f"*\tEquiv {' '.join(members)}"


def _name(name: str, losses: Counter[str]) -> str:
    """The name of a type or relation without white space, which would end it in a line of brat."""
    written = _BLANKS.sub("_", name) or "_"
    losses["names written with _ for what brat cannot hold"] += written != name
    return written


def _label(label: str, losses: Counter[str]) -> str:
    written = _LINE_ENDS.sub(" ", label)
    losses["labels written on one line"] += written != label
    return written


def _safe(part: str) -> str:
    """A part of a path as a file name that is valid on all systems: escaped, not only dots, not too long.

    The function is idempotent.
    """
    name = _SPECIAL.sub(lambda found: quote(found[0], safe=""), part) or "%"
    if not name.strip(". "):
        name = name.replace(".", "%2E").replace(" ", "%20")
    if len(name.encode()) > _NAME_BYTES:
        digest = hashlib.sha256(part.encode()).hexdigest()[:16]
        name = _HALF.sub("", name.encode()[: _NAME_BYTES - 17].decode(errors="ignore")) + f"-{digest}"
    return name


def _write_file(path: Path, suffix: str, content: str, document: Document) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(path.name + suffix).open("xb") as file:
            file.write(content.encode("utf-8"))
    except (FileExistsError, NotADirectoryError):
        fix = "give them ids that differ in letters, digits or hyphens"
        where = f"document {document.id!r}"
        raise DataError("two documents would be one file", where=where, got=path.name + suffix, fix=fix) from None
