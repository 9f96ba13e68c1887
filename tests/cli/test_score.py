"""``relik-ml score`` from the outside."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from relik_ml.data import write_documents
from relik_ml.types import Annotated, Document, Mention, Triple
from tests.cli.conftest import refused
from tests.cli.conftest import run as relik_ml
from tests.corpus import documents as corpus

GOLD = Document(
    id="d",
    text="Чехов родился в Таганроге.",
    mentions=(Mention("T1", 0, 5, "PERSON"), Mention("T2", 16, 25, "CITY")),
    annotated=Annotated(mentions="complete", types="complete"),
)
GUESS = Document("d", GOLD.text, mentions=GOLD.mentions[:1])


def run(folder: Path, *options: str, predicted: Document = GUESS) -> Result:
    write_documents([GOLD], folder / "gold.jsonl")
    write_documents([predicted], folder / "pred.jsonl")
    return relik_ml("score", *options, folder / "gold.jsonl", folder / "pred.jsonl")


def test_scores_are_printed_as_a_table_or_json(tmp_path: Path) -> None:
    table, record = run(tmp_path), run(tmp_path, "--json")
    assert table.exit_code == record.exit_code == 0
    assert "entities: span and type *             100.00   50.00   66.67" in table.stdout
    assert json.loads(record.stdout)["scores"]["ner"]["f1"] == 2 / 3


def test_bad_input_is_a_message_and_exit_code_3(tmp_path: Path) -> None:
    refused(run(tmp_path, predicted=Document("d", "Другой текст")), 3, "text differ")
    (tmp_path / "gold.jsonl").write_bytes(b'{"schema": "relik-ml/1", "id": "d", "te')
    for gold, message in {"gold": "gold.jsonl, line 1", "none": "none.jsonl"}.items():
        refused(relik_ml("score", tmp_path / f"{gold}.jsonl", tmp_path / "pred.jsonl"), 3, message)


@pytest.mark.parametrize("options", [["--model", "x"], ["--index", "x"], ["--retrieval"]])
def test_options_of_the_other_way_are_refused(tmp_path: Path, options: list[str]) -> None:
    result = run(tmp_path, *options)
    assert (result.exit_code, "--retrieval" in result.stderr) == (2, True)
    assert relik_ml("score", tmp_path / "gold.jsonl").exit_code == 2


def test_training_documents_add_ign_f1(tmp_path: Path) -> None:
    known = Annotated("complete", "complete", triples="complete", entity_triples=True)
    gold = replace(GOLD, triples=(Triple("T1", "P19", "T2"),), annotated=known)
    write_documents([gold], tmp_path / "train.jsonl")
    write_documents([gold], tmp_path / "both.jsonl")
    options = ["score", "--json", tmp_path / "both.jsonl", tmp_path / "both.jsonl"]
    found = json.loads(relik_ml(*options, "--train", tmp_path / "train.jsonl").stdout)["scores"]
    assert found["re.entities.ign"] == {"precision": 0, "recall": 1, "f1": 0}
    assert "re.entities.ign" not in json.loads(relik_ml(*options).stdout)["scores"]
    refused(relik_ml(*options, "--train", tmp_path / "none.jsonl"), 3, "none.jsonl")


def test_retrieval_is_scored_by_group(tiny_folder: Path, tmp_path: Path) -> None:
    documents = corpus()
    write_documents(documents, tmp_path / "gold.jsonl")
    write_documents(documents[:1], tmp_path / "train.jsonl")
    options = ["score", "--retrieval", tmp_path / "gold.jsonl", "--model", tiny_folder]
    people = relik_ml(*options, "--train", tmp_path / "train.jsonl")
    assert people.exit_code == 0, people.output
    groups = {row.split("|")[1].strip() for row in people.stdout.splitlines()}
    assert {"all", "seen", "unseen", "PERSON"} <= groups
    found = json.loads(relik_ml(*options, "--json").stdout)
    linked = sum(mention.link.id is not None for document in documents for mention in document.mentions)
    assert found["all"]["gold"] >= linked > 0
    assert found["all"]["in index"] == 1.0
    assert 0 < found["all"]["recall@1"] < found["all"]["recall@10"] == 1.0
    assert "seen" not in found, "without --train nothing has been seen"
    (tmp_path / "entries.jsonl").write_text('{"id": "Q80440", "kind": "entity", "name": "Анна Ахматова"}\n', "utf-8")
    sources = (tmp_path / "entries.jsonl", "nerel_relations")
    assert relik_ml("index", "build", *sources, "--out", tmp_path / "own").exit_code == 0
    found = json.loads(relik_ml(*options, "--index", tmp_path / "own", "--json").stdout)
    assert 0 < found["all"]["in index"] < 1.0, "an index of one's own"
