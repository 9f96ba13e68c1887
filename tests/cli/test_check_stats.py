"""``relik-ml check`` and ``relik-ml stats``: every violation with its line, and the known figures of NEREL."""

import gzip
import json
from pathlib import Path

import pytest

from relik_ml.data import Report, document_line, measure, write_documents
from relik_ml.plugins import load_converter
from relik_ml.types import Document, Link, Mention, Triple
from tests.cli.conftest import run

TEXT = "Анна Ахматова родилась в Одессе. Её муж — Николай Гумилёв."
POET = Mention("T1", 0, 13, "PERSON", link=Link("linked", "Q80440"))
FIRST = Mention("T2", 0, 4, "PERSON")
CITY = Mention("T3", 25, 31, "CITY", link=Link("nil"))
HUSBAND = Mention("T4", 42, 57, "PERSON")
TRIPLES = (Triple("T1", "PLACE_OF_BIRTH", "T3"), Triple("T1", "SPOUSE", "T4"))
DOCUMENT = Document("д/1", TEXT, mentions=(POET, FIRST, CITY, HUSBAND), triples=TRIPLES)


def test_every_violation_is_named_with_line_and_document(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    good = document_line(DOCUMENT, "")
    wrong = json.loads(good)
    wrong["id"], wrong["text"] = "д/2", "Анна"
    lines = [good, b'{"id": \n', json.dumps(wrong).encode() + b"\n", good, b'{"id": "x", "schema": "no"}\n', b"\xff\n"]
    path.write_bytes(gzip.compress(b"".join(lines)))
    done = run("check", path)
    assert done.exit_code == 1
    said = [line.removeprefix(f"{path}:") for line in done.stdout.splitlines()]
    assert [line.partition(":")[0] for line in said] == ["2", "3", "3", "3", "4", "5", "5", "6"]
    assert said[1] == "3: document 'д/2': mention 'T1': [0, 13) lies outside the text of 4 characters"
    assert "document 'д/1': the id of line 1 again" in said[4]
    assert "'x'" in said[5]
    assert "8 violations" in done.stderr
    path.write_bytes(gzip.compress(good))
    assert (run("check", path).exit_code, run("check", path).stdout) == (0, "")


def test_all_faults_of_a_document_are_printed(tmp_path: Path) -> None:
    record = json.loads(document_line(DOCUMENT, ""))
    many = record | {"mentions": [{"id": f"T{n}", "start": 90, "stop": 91, "type": "CITY"} for n in range(1, 21)]}
    (tmp_path / "a.jsonl").write_text(json.dumps(many) + "\n")
    assert len(run("check", tmp_path / "a.jsonl").stdout.splitlines()) == 20
    record["colour"] = "red"
    record["mentions"][0]["start"] = "0"
    record["mentions"][3]["link"]["status"] = [[]]
    record["triples"][1]["evidence"] = None
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    said = run("check", tmp_path / "a.jsonl").stdout.splitlines()
    named = ("'colour' - at `$`", "`$.mentions[0].start`", "`$.mentions[3].link.status`", "`$.triples[1].evidence`")
    assert len(said) == len(named)
    assert all(part in line for part, line in zip(named, said, strict=True)), said


@pytest.mark.parametrize(("old", "new"), [
    ('"id": "д/1"', '"id": ""'),
    ('"meta": {}', '"meta": {"a": 1e999}'),
    ('"start": 0', f'"start": {"[" * 975}{"]" * 975}'),
])  # fmt: skip
def test_what_could_not_be_written_again_is_a_violation(tmp_path: Path, old: str, new: str) -> None:
    line = document_line(DOCUMENT, "").decode()
    (tmp_path / "a.jsonl").write_text(line.replace(old, new, 1))
    done = run("check", tmp_path / "a.jsonl")
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)


def test_a_file_that_is_not_there_is_bad_data(tmp_path: Path) -> None:
    assert run("check", tmp_path / "a.jsonl").exit_code == run("stats", tmp_path / "a.jsonl").exit_code == 3


def test_stats_as_json_and_as_a_table(tmp_path: Path) -> None:
    write_documents([DOCUMENT], tmp_path / "a.jsonl")
    found = json.loads(run("stats", "--json", tmp_path / "a.jsonl").stdout)
    assert (found["documents"], found["characters"], found["mentions"], found["triples"]) == (1, len(TEXT), 4, 2)
    assert found["types"] == {"PERSON": 3, "CITY": 1}
    assert found["links"] == {"linked": 1, "nil": 1, "unlinkable": 0, "unknown": 2}
    assert found["nesting"]["levels"] == {"0": 3, "1": 1}
    assert found["relations"] == {"PLACE_OF_BIRTH": 1, "SPOUSE": 1}
    assert found["reach"]["sentence"] == {"count": 1, "share": 0.5}
    assert found["reach"]["window 32"]["count"] == 2
    table = run("stats", tmp_path / "a.jsonl").stdout
    assert ["in", "one", "sentence", "1", "50.00", "%"] in [line.split() for line in table.splitlines()]


def test_the_shares_of_nerel(shared_data: Path) -> None:
    """Published over all three splits; train and dev alone come within 0.2 of a hundredth."""
    converter, source = load_converter("nerel"), shared_data / "nerel"
    train, dev = (measure(converter.read(source, split, Report())) for split in ("train", "dev"))
    assert (train.counts["tokens"], dev.counts["tokens"]) == (196_429, 23_784)
    found = train + dev
    shares = {name: 100 * entry["share"] for name, entry in found.json()["reach"].items()}
    published = {"sentence": 76.7, "window 32": 84.7, "window 64": 94.0, "window 128": 98.5, "window 256": 99.8}
    assert shares == {name: pytest.approx(share, abs=0.2) for name, share in published.items()}
    assert 100 * found.counts["inside another"] / found.counts["mentions"] == pytest.approx(21.2, abs=0.2)
    assert (found.quantile(0.95), found.quantile(1)) == (425, 1_991)
    assert found.quantile(0.5) == pytest.approx(242, abs=3)
