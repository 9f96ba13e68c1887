"""The commands of docs/guides/own-entities.md, run as they are written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from relik_ml.data import read_documents

BLOCK = re.compile(r"(?:Save this as `([^`]+)`:\n\n)?^```(text|bash)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINKS = {
    "Мария Ковалёва": "staff-1", "Олегом Зиминым": "staff-2", "Дарье Шуваловой": "staff-3", "Степан Тарасюк": "staff-4",
    "Елизавета Рябова": "staff-7", "В. С. Кулагин": "staff-8", "Петру Сомову": "staff-11",
    "Анны-Марии Штольц": "staff-12",
}  # fmt: skip


def test_the_guide_links_ones_own_entities(root: Path, tmp_path: Path) -> None:
    if not (root / "relik_ml" / "pretrained" / "manifest.json").is_file():
        pytest.skip("relik_ml/pretrained holds no model")
    guide, printed = (root / "docs/guides/own-entities.md").read_text("utf-8"), []
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, "PATH": programs, "RELIK_ML_DATA": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    for name, kind, text in BLOCK.findall(guide):
        if kind == "text":
            (tmp_path / name).write_text(text, "utf-8")
        else:
            run = subprocess.run(["bash", "-ec", text], cwd=tmp_path, env=environ, capture_output=True, text=True)
            assert run.returncode == 0, run.stderr
            printed.append(run.stdout)
    assert printed[0].splitlines()[0].split()[1] == "staff-1", printed[0]
    (document,) = read_documents(tmp_path / "letter.jsonl")
    found = {document.surface(mention): mention.link.id for mention in document.mentions}
    assert LINKS.items() <= found.items(), found
    assert sum(str(id).startswith("own-") for id in found.values()) >= 3, found
    assert "staff-" in (tmp_path / "facts.csv").read_text("utf-8")
    assert [*(tmp_path / "data").iterdir()] == []
