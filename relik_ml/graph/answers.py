"""Answers as people and programs read them: aligned columns, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from relik_ml.export.iris import BASE, ENTITY
from relik_ml.export.table import cell
from relik_ml.graph.database import GraphStore
from relik_ml.graph.layout import LOCAL
from relik_ml.graph.questions import FoundFact
from relik_ml.graph.things import Statement, document_of, label_of, shortened
from relik_ml.scheme import NEREL

WIDTH = 60
"""The longest text of a cell in a table."""
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def named(store: GraphStore, term: Any) -> str:
    """A term for people: label and item, label and document, or the text of a literal."""
    if hasattr(term, "datatype") or term.value.startswith("urn:relik-ml:vocabulary:"):
        return shortened(term.value)
    label = label_of(store, term)
    if term.value.startswith(BASE) and label == term.value:
        return unquote(label.removeprefix(BASE))
    if term.value.startswith((ENTITY, LOCAL)):
        return f"{label} ({term.value.removeprefix(ENTITY).removeprefix(LOCAL)})"
    home = f" [{document_of(term.value)}]" * ("#" in term.value)
    return f"{label}{home}"


def relation_name(relation: str) -> str:
    """The Russian name of a relation of NEREL; another relation as it is."""
    known = NEREL.relations.get(relation)
    return known.label_ru if known else relation


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], below: Sequence[Sequence[str]] = ()) -> str:
    """Aligned columns, and ``below`` each row its lines. Controls are shown as spaces."""
    cells = [[_fit(value) for value in row] for row in rows]
    if not cells:
        return "nothing found"
    widths = [max(map(_width, column)) for column in zip(columns, *cells, strict=True)]
    lines = [_line(columns, widths), _line(["─" * width for width in widths], widths)]
    for number, row in enumerate(cells):
        lines.append(_line(row, widths))
        lines += [f"    {_CONTROLS.sub(' ', line)}" for line in (below[number] if below else ())]
    return "\n".join(lines)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV in which no cell is a formula for a spreadsheet."""
    out = io.StringIO()
    written = csv.writer(out, lineterminator="\n")
    written.writerow(columns)
    written.writerows([cell(value if isinstance(value, (int, float)) else str(value)) for value in row] for row in rows)
    return out.getvalue().rstrip("\n")


def as_json(value: Any) -> str:
    """JSON for people and programs."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def citations(statements: Iterable[Statement]) -> list[str]:
    """A line for each statement: its sentence, document and score."""
    return [
        f"«{statement.sentence}» — {statement.document}"
        + ("" if statement.score is None else f", {statement.score:.2f}")
        + ("" if statement.kind == "stated" else f", {statement.kind}")
        for statement in statements
    ]


def fact_cells(store: GraphStore, fact: FoundFact) -> tuple[object, ...]:
    """A fact as a row of ``FACT_COLUMNS``."""
    relation = relation_name(fact.relation) + f" ({fact.kind})" * (fact.kind != "stated")
    score = "" if fact.score is None else f"{fact.score:.2f}"
    return named(store, fact.subject), relation, named(store, fact.object), score, fact.documents


FACT_COLUMNS = ("subject", "relation", "object", "score", "documents")


def fact_record(store: GraphStore, fact: FoundFact) -> dict[str, Any]:
    """A fact with all its sources, for JSON."""
    return {
        "subject": _term(store, fact.subject),
        "relation": fact.relation,
        "property": shortened(fact.statements[0].predicate.value),
        "object": _term(store, fact.object),
        "kind": fact.kind,
        "score": fact.score,
        "sources": [source_record(statement) for statement in fact.statements],
    }


def source_record(statement: Statement) -> dict[str, Any]:
    """What states a fact, with offsets in code points."""
    return {
        "document": statement.document, "sentence": statement.sentence, "evidence": statement.evidence,
        "mentions": statement.mentions, "score": statement.score, "kind": statement.kind,
    }  # fmt: skip


def written_facts(
    store: GraphStore, found: Sequence[FoundFact], format: str, sources: bool = False, dated: bool = False
) -> str:
    """Facts as a ``table``, ``json`` or ``csv``; ``sources`` adds sentences, ``dated`` puts the object first.

    CSV with ``sources`` has a row for each source.
    """
    if format == "json":
        return as_json([fact_record(store, fact) for fact in found])
    order = (2, 0, 1, 3, 4) if dated else range(len(FACT_COLUMNS))
    columns = ["date" if dated and at == 2 else FACT_COLUMNS[at] for at in order]
    rows = [[cells[at] for at in order] for cells in (fact_cells(store, fact) for fact in found)]
    if format == "csv":
        if not sources:
            return as_csv(columns, rows)
        pairs = ((row, each) for row, fact in zip(rows, found, strict=True) for each in fact.statements)
        return as_csv([*columns, "document", "sentence"], [[*row, it.document, it.sentence] for row, it in pairs])
    below = [citations(fact.statements) for fact in found] if sources else ()
    return table(columns, rows, below)


def _term(store: GraphStore, term: Any) -> dict[str, str]:
    if hasattr(term, "datatype"):
        return {"value": term.value, "datatype": shortened(term.datatype.value)}
    return {"id": term.value, "label": label_of(store, term)}


def _fit(value: object) -> str:
    text = _CONTROLS.sub(" ", str(value))
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width - _width(text)) for text, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()
