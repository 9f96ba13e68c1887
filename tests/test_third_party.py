"""A converter of somebody else: the package of docs/converters/index.md, really installed, found and run."""

import os
import re
import subprocess
import sys
from pathlib import Path

from relik_ml.data import read_documents


def test_an_installed_package_brings_its_converter(root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "converters" / "index.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    entry = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert (len(code), len(entry)) == (1, 1)
    package = tmp_path / "towns"
    package.mkdir()
    (package / "towns.py").write_text(code[0], encoding="utf-8")
    head = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    project = '[project]\nname = "towns"\nversion = "1"\n[tool.setuptools]\npy-modules = ["towns"]\n'
    (package / "pyproject.toml").write_text(head + project + entry[0], encoding="utf-8")
    target, corpus = tmp_path / "target", tmp_path / "corpus"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), str(package)], check=True, capture_output=True)
    corpus.mkdir()
    lines = "Омск стоит на Иртыше\t0\t4\tCITY\nбеда\nВот Тара\t4\t8\tCITY\n"
    (corpus / "train.tsv").write_text(lines, encoding="utf-8")
    done = _convert(target, corpus, tmp_path / "out", "--skip-bad", "--workers", "2", "--lang", "sr")
    assert done.returncode == 0, done.stderr
    documents = list(read_documents(tmp_path / "out" / "train.jsonl"))
    assert [(d.id, d.lang, d.surface(d.mentions[0])) for d in documents] == [
        ("towns/train/1", "sr", "Омск"), ("towns/train/3", "sr", "Тара"),
    ]  # fmt: skip
    assert "bad: the line is no town: skipped" in done.stderr
    bad = _convert(target, corpus, tmp_path / "bad")
    assert (bad.returncode, (tmp_path / "bad" / "train.jsonl").exists()) == (3, False)
    assert "train.tsv:2" in bad.stderr


def _convert(target: Path, corpus: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relik_ml", "convert", "towns", "--source", str(corpus), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(target), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([*command, *options], env=environment, capture_output=True, text=True, encoding="utf-8")
