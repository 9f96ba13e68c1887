"""Index folders that earlier versions wrote still open, search and change as they did.

``golden/packed``, ``mapped`` and ``clusters`` (faiss) have the format relik-ml-index/2, ``first`` has relik-ml-index/1.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relik_ml.index import PassageIndex, add_rows, remove_rows
from relik_ml.types import Entry

GOLDEN = Path(__file__).parent / "golden"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_bytes())
QUERIES = ["Антон живёт в Каменке", "трамвай идёт по мосту", "рассказ"]


class Letters:
    """The encoder of the golden folders: normalised counts of frequent letters."""

    dimension, fingerprint = 8, "g" * 64

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = np.array([[text.lower().count(letter) for letter in "аеинорст"] for text in texts], np.float32)
        normalised: NDArray[np.float32] = counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1)
        return normalised

    queries = passages


@pytest.mark.parametrize("name", EXPECTED)
def test_older_folder_opens_and_searches_the_same(name: str, tmp_path: Path) -> None:
    if name == "clusters":
        pytest.importorskip("faiss")
    index, expected, encoder = PassageIndex.open(GOLDEN / name), EXPECTED[name], Letters()
    index.require(encoder)
    rows, scores = index.nearest(encoder.queries(QUERIES), 4)
    assert rows.tolist() == expected["rows"]
    assert np.allclose(scores, expected["scores"], atol=1e-4)
    found, _ = index.nearest(encoder.queries(QUERIES), 3, index.by_kind("entity"))
    assert [[index.entries.ids[row] for row in line] for line in found.tolist()] == expected["ids"]
    assert PassageIndex.verify(GOLDEN / name) == len(index.manifest["files"])
    if name != "clusters":
        assert index.entries[index.row("Q4")] == Entry("Q4", "entity", "«Тихий час»", "рассказ о сне\nи о чае 🫖")
        assert index.extra["names"]["numbers"].tolist() == [0, 1, 2]
        assert index.rows("Q3") == ([3, 4] if index.per_id == 2 else [2])

    added = add_rows(index, [Entry("N7", "entity", "ааа")], encoder, tmp_path / "more", lambda old, kept, rows: old)
    assert len(index) in added.nearest(np.eye(8, dtype=np.float32)[:1], len(added))[0]
    fewer = remove_rows(added, ["N7"], tmp_path / "fewer", lambda old, kept, rows: old)
    assert list(fewer.entries) == list(index.entries)
    assert np.allclose(fewer.nearest(encoder.queries(QUERIES), 4)[1], expected["scores"], atol=1e-4)
