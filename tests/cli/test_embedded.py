"""``relik-ml annotate`` with the model that ships in the package, and with what is left of it after damage."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from relik_ml.data import read_documents
from tests.cli.conftest import refused
from tests.cli.conftest import run as relik_ml
from tests.cli.test_annotate import run


@pytest.fixture
def pretrained(root: Path) -> Path:
    folder = root / "relik_ml" / "pretrained"
    if not (folder / "manifest.json").is_file():
        pytest.skip("relik_ml/pretrained holds no model")
    return folder


def test_the_embedded_model_refuses_english(
    root: Path, pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a folder, here as the base installation writes it, without zstd."""
    monkeypatch.delitem(sys.modules, "backports.zstd", raising=False)
    monkeypatch.setitem(sys.modules, "backports", None)
    source = Path(shutil.copytree(root / "examples" / "ru", tmp_path / "in"))
    (source / "london.txt").write_text("Charles Dickens was born in Portsmouth and lived in London.", "utf-8")
    refused(run(source / "london.txt"), 3, "language", "'london'", "got:   en, ", "--lang ru")
    assert run("--lang", "ru", source / "london.txt").exit_code == 0
    result = run("--model", "fast", source, "--jobs", "1", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert len(list(read_documents(tmp_path / "out" / "part-00000.jsonl"))) == 3
    (bad,) = map(json.loads, (tmp_path / "out" / "bad.jsonl").read_text("utf-8").splitlines())
    assert (bad["where"], bad["got"][:4]) == (str(source / "london.txt"), "en, ")


@pytest.mark.parametrize("readme", ["README.md", "README.ru.md"])
def test_it_says_what_the_readme_says_it_says(root: Path, pretrained: Path, tmp_path: Path, readme: str) -> None:
    shown = next(part for part in (root / readme).read_text("utf-8").split("```text\n") if part.startswith("anna: "))
    paragraphs = [each.rstrip("\n…` ") for each in re.split("\n\n|(?<=»)\n", shown.partition("  …")[0])]
    text = "Анна Ахматова родилась в Одессе. Её сын Лев Гумилёв работал в Ленинградском университете."
    (tmp_path / "anna.txt").write_text(text, "utf-8")
    result = run(tmp_path / "anna.txt", "--view", "--no-color")
    assert len(paragraphs) > 3
    for each in filter(None, paragraphs):
        assert each in result.stdout, each


FLOORS = {
    "accurate": {"ner": 0.815, "el.inkb": 0.705, "re.document.boundaries": 0.47, "cie.triples": 0.33},
    "fast": {"ner": 0.79, "el.inkb": 0.695, "re.document.boundaries": 0.435, "cie.triples": 0.31},
}
CALIBRATION = {"mention": 0.03, "link": 0.03, "triple": 0.06}


@pytest.mark.parametrize("model", [pytest.param("accurate", marks=pytest.mark.slow), "fast"])
def test_it_reaches_on_nerel_what_its_card_says(
    pretrained: Path, shared_data: Path, tmp_path: Path, model: str
) -> None:
    """From the text to the scores by the commands alone; the floors are a little below the figures of the card."""
    gold, out = tmp_path / "dev.jsonl", tmp_path / "predicted.jsonl"
    convert = ["convert", "nerel", "--source", shared_data / "nerel", "--split", "dev", "--out", tmp_path]
    assert relik_ml(*convert).exit_code == 0
    assert run(gold, "--model", model, "--out", out).exit_code == 0
    report = json.loads(relik_ml("score", gold, out, "--json").stdout)
    found = {name: report["scores"][name]["f1"] for name in FLOORS[model]}
    assert {name: score for name, score in found.items() if score < FLOORS[model][name]} == {}
    errors = report["calibration_error"]
    assert {kind: errors[kind] for kind, most in CALIBRATION.items() if errors[kind] > most} == {}
