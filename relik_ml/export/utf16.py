"""Documents for readers that count UTF-16 units (JavaScript, Java, .NET): the same JSON with other offsets.

>>> from relik_ml.types import Mention
>>> record = utf16_record(Document("d", "🚀 Байконур", mentions=(Mention("T1", 2, 10, "CITY"),)))
>>> record["offsets"], record["mentions"][0]["start"], record["mentions"][0]["stop"]
('utf-16', 3, 11)

The schema ``relik-ml/1`` has no field ``offsets``, so its readers refuse such a line and never take the offsets for
code points.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from relik_ml.data import document_to_json
from relik_ml.text import Utf16
from relik_ml.types import Document


def write(documents: Iterable[Document], path: Path, losses: Counter[str]) -> None:
    """Write documents as JSON Lines with UTF-16 offsets, as a stream."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            print(json.dumps(utf16_record(document), ensure_ascii=False, allow_nan=False), file=file)


def utf16_record(document: Document) -> dict[str, Any]:
    """A document as a JSON object in which every offset counts UTF-16 units."""
    record, units = document_to_json(document), Utf16(document.text)

    def spans(pairs: list[list[int]]) -> list[list[int]]:
        return [[units.from_point(start), units.from_point(stop)] for start, stop in pairs]

    for mention in record["mentions"]:
        ((mention["start"], mention["stop"]),) = spans([[mention["start"], mention["stop"]]])
        mention["fragments"] = spans(mention["fragments"])
    for triple in record["triples"]:
        triple["evidence"] = spans(triple["evidence"])
    return {"schema": record.pop("schema"), "offsets": "utf-16", **record}
