"""Model folders that earlier versions wrote still load, and say what they said."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.types import Document
from tests.corpus import bare

GOLDEN = Path(__file__).with_name("golden")


def rounded(document: Document) -> Any:
    """The document as plain values, scores as precise as they are on disk."""
    return json.loads(json.dumps(asdict(document)), parse_float=lambda text: round(float(text), 4))


def test_joint_model_of_format_3_still_reads_alike(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")
    relik = Relik.from_pretrained(GOLDEN / "joint")
    expected = [*read_documents(GOLDEN / "joint.jsonl")]
    assert all(document.mentions for document in expected)
    assert expected[0].triples
    found = [*relik.annotate(map(bare, expected))]
    assert [rounded(document) for document in found] == [rounded(document) for document in expected]
    relik.save_pretrained(tmp_path / "again")
    assert [*Relik.from_pretrained(tmp_path / "again").annotate(map(bare, expected))] == found
    for name in ("reader.safetensors", "retriever/model.safetensors", "tokenizer/tokenizer.json"):
        assert (tmp_path / "again" / name).read_bytes() == (GOLDEN / "joint" / name).read_bytes()
