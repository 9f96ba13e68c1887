r"""Facts as a table (CSV) that spreadsheets open: a fact a row, with its sentence, offsets and score.

>>> cell("=1+1"), cell("'так"), cell("Анна")
("'=1+1", "''так", 'Анна')

A cell whose text could be run as a formula, or begins with an apostrophe, gets an apostrophe before it: take one
leading apostrophe off each cell and the texts are as they were. UTF-8 with a byte order mark, as spreadsheets want it.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from relik_ml.export.characters import utf8
from relik_ml.export.losses import left_out
from relik_ml.types import Document, Mention, Span

COLUMNS = (
    "document", "subject", "subject_type", "subject_status", "subject_link", "subject_label", "subject_value",
    "subject_start", "subject_stop", "relation", "property", "inverse", "object", "object_type", "object_status",
    "object_link", "object_label", "object_value", "object_start", "object_stop", "score", "evidence", "sentence",
)  # fmt: skip

_INVISIBLE = "\\s\x00-\x20\x7f-\xa0\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_FORMULA = re.compile(f"[{_INVISIBLE}]*['=+@|%\\-＝＋＠－]|[\t\r\n]")
"""What a spreadsheet may take for a formula (OWASP, CSV Injection), also behind blanks and invisible characters."""


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write the facts of documents to one file, as a stream; how many documents, and what was left out."""
    losses: Counter[str] = Counter(documents=0)
    held = utf8(losses)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for document in documents:
            losses.update({"documents": 1} | _unheld(document))
            rows.writerows([cell(held(c)) if isinstance(c, str) else c for c in row] for row in _rows(document))
    return losses


def cell(text: str) -> str:
    """The text as no spreadsheet takes it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _rows(document: Document) -> Iterator[list[str | int | float | None]]:
    mentions = {mention.id: mention for mention in document.mentions}
    for triple in document.triples:
        known = triple.property
        yield [
            document.id,
            *_argument(document, mentions[triple.subject]),
            triple.relation,
            known.id if known else None,
            str(known.inverse).lower() if known else None,
            *_argument(document, mentions[triple.object]),
            triple.score,
            offsets(triple.evidence),
            " ".join(document.text[start:stop] for start, stop in triple.evidence),
        ]


def _argument(document: Document, mention: Mention) -> tuple[str | int | None, ...]:
    link, value = mention.link, mention.value
    return (
        document.surface(mention), mention.type, link.status, link.id, link.label,
        value.value if value else None, mention.start, mention.stop,
    )  # fmt: skip


def offsets(spans: Iterable[Span]) -> str:
    """Spans as text: ``start:stop``, several parted by blanks.

    >>> offsets([Span(0, 5), Span(7, 9)])
    '0:5 7:9'
    """
    return " ".join(f"{start}:{stop}" for start, stop in spans)


def _unheld(document: Document) -> Counter[str]:
    return left_out(
        document, "mentions outside triples", "scores of mentions", "scores of links", "alternative links", "fragments",
        "raw forms and precisions of values", "entities",
    )  # fmt: skip
