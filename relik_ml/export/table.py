r"""Facts as CSV for spreadsheets: one fact a row, with its sentence, offsets and score.

>>> cell("=1+1"), cell("'так"), cell("Анна"), cell(0.5)
("'=1+1", "''так", 'Анна', 0.5)

A cell that a spreadsheet could run as a formula, or that begins with an apostrophe, is prefixed with an apostrophe.
Remove one leading apostrophe from each cell to restore the text. The encoding is UTF-8 with a byte order mark, which
spreadsheets expect.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from relik_ml.data import load_extra
from relik_ml.export.graph import offsets
from relik_ml.facts import HIDDEN, kinds, ranked
from relik_ml.types import Document, Mention

COLUMNS = (
    "document", "subject", "subject_type", "subject_status", "subject_link", "subject_label", "subject_value",
    "subject_start", "subject_stop", "relation", "property", "inverse", "object", "object_type", "object_status",
    "object_link", "object_label", "object_value", "object_start", "object_stop", "score", "kind", "evidence",
    "sentence",
)  # fmt: skip

_INVISIBLE = "\\s\x00-\x20\x7f-\xa0\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
# The start of a formula (OWASP, CSV Injection), also after blanks and invisible characters.
_FORMULA = re.compile(f"[{_INVISIBLE}]*['=+@|%\\-＝＋＠－]|[\t\r\n]")

Cell = str | int | float | None


def write(documents: Iterable[Document], path: Path, losses: Counter[str]) -> None:
    """Write the facts of documents to one file, as a stream."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for document in documents:
            told = {id for triple in document.triples for id in (triple.subject, triple.object)}
            losses["mentions outside triples left out"] += len({mention.id for mention in document.mentions} - told)
            losses.update(f"facts left out: {kind}" for kind in kinds(document) if kind in HIDDEN)
            rows.writerows([cell(each) for each in row] for row in _rows(document))


def to_frame(documents: Document | Iterable[Document], *, hidden: bool = False) -> Any:
    """The facts of documents as a ``pandas.DataFrame`` with the columns of the CSV file.

    ``hidden`` adds the facts that views hide, as in ``Document.facts``.

    Raises:
        ConfigError: pandas is not installed.
    """
    pandas = load_extra("pandas", "pandas")
    given = [documents] if isinstance(documents, Document) else documents
    return pandas.DataFrame([row for document in given for row in _rows(document, hidden)], columns=list(COLUMNS))


def cell(value: Cell) -> Cell:
    """The value, escaped so that no spreadsheet runs it as a formula."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _rows(document: Document, hidden: bool = False) -> Iterator[list[Cell]]:
    mentions = {mention.id: mention for mention in document.mentions}
    for triple, kind in ranked(document, hidden):
        known = triple.property
        yield [
            document.id,
            *_argument(document, mentions[triple.subject]),
            triple.relation,
            known.id if known else None,
            str(known.inverse).lower() if known else None,
            *_argument(document, mentions[triple.object]),
            triple.score,
            kind,
            offsets(triple.evidence),
            " ".join(document.text[start:stop] for start, stop in triple.evidence),
        ]


def _argument(document: Document, mention: Mention) -> tuple[Cell, ...]:
    link, value = mention.link, mention.value
    return (
        document.surface(mention), mention.type, link.status, link.id, link.label,
        value.value if value else None, mention.start, mention.stop,
    )  # fmt: skip
