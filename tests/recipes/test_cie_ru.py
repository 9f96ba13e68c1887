"""The reader's recipe from end to end, on our twenty documents and on some of NEREL, with tiny encoders."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from relik_ml import Relik
from relik_ml.data import check, read_documents, write_documents
from relik_ml.encoders import TextEncoder
from relik_ml.index import IndexConfig, PassageIndex
from relik_ml.types import Annotated, Link
from tests.corpus import ENTITIES, documents
from tests.recipes.conftest import FULL, FURTHER, RETRIEVER, SMALL
from tests.recipes.running import refused, run, scores, weights


def test_the_command_leaves_a_model_that_annotate_loads(
    root: Path, data: Path, places: tuple[object, ...], small: Path, tmp_path: Path
) -> None:
    """As a user starts it: in processes of their own. One seed gives one model."""
    out, found = tmp_path / "second", tmp_path / "found.jsonl"
    flags = [*SMALL, "--candidates", 12, *places, "--out", out]
    annotate = ["-m", "relik_ml", "annotate", "--model", out, data / "dev.jsonl", "--out", found]
    for command in (["recipes/cie_ru.py", *flags], annotate):
        words = [sys.executable, *map(str, command)]
        done = subprocess.run(words, cwd=root, capture_output=True, encoding="utf-8", timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    said = list(read_documents(found))
    assert [document.text for document in said] == [document.text for document in documents()[12:]]
    assert not any(check(document) for document in said)
    first, second = weights(small), weights(out)
    assert {"reader.safetensors", "words.safetensors", "index/names.safetensors"} <= first.keys()
    assert first == second
    assert (small / "tokenizer.json").read_bytes() == (out / "tokenizer.json").read_bytes()


def test_small_leaves_a_card_scores_and_nothing_else(small: Path, data: Path) -> None:
    assert sorted(path.name for path in small.parent.iterdir()) == [
        "first", "first.encoder", "first.index", "first.scores.json",
    ]  # fmt: skip
    index = json.loads((small / "index" / "manifest.json").read_text("utf-8"))
    assert index["rows"] > 49 + 2
    assert not list((small / "index").glob("vectors*")), "it finds by name alone"
    card = (small / "README.md").read_text("utf-8")
    assert "accelerate launch --cpu recipes/cie_ru.py --preset small --task cie --data" in card
    assert "--num-epochs 2" in card
    assert str(data.parent) not in card
    assert scores(small)["documents"] == 8
    assert scores(small)["scores"]["ner"]["gold"] == sum(len(document.mentions) for document in documents()[12:])


def test_silver_documents_change_the_reader_alone(
    data: Path, places: tuple[object, ...], small: Path, tmp_path: Path
) -> None:
    write_documents(documents()[12:16], tmp_path / "silver.jsonl")
    flags = (*SMALL, "--candidates", 12, *places, "--silver", tmp_path / "silver.jsonl")
    done = run("cie_ru", *flags, "--out", tmp_path / "out")
    assert done.code == 0, done.output
    plain, found = weights(small), weights(tmp_path / "out")
    assert {name for name in plain if plain[name] != found[name]} == {"reader.safetensors"}
    assert (small / "tokenizer.json").read_bytes() == (tmp_path / "out" / "tokenizer.json").read_bytes()


def test_start_trains_a_model_further(data: Path, places: tuple[object, ...], small: Path, tmp_path: Path) -> None:
    """Also on a second language, whose relations are its own."""
    english = [
        replace(
            document, lang="en", meta={"dataset": "ours"}, annotated=replace(document.annotated, links="none"),
            mentions=tuple(replace(mention, link=Link()) for mention in document.mentions),
            triples=tuple(replace(triple, relation="P50") for triple in document.triples),
        )
        for document in documents()[12:16]
    ]  # fmt: skip
    write_documents(english, tmp_path / "english" / "train.jsonl")
    further = (*FURTHER, "--candidates", 12, *places[2:4], "--start", small)
    flags = (*further, "--data", data, "--data", tmp_path / "english", "--out", tmp_path / "out")
    done = run("cie_ru", *flags, "--learning-rate", 1e-8, "--encoder-learning-rate", 1e-8)
    assert done.code == 0, done.output
    assert scores(tmp_path / "out")["scores"]["ner"] == scores(small)["scores"]["ner"]
    relik = Relik.from_pretrained(tmp_path / "out", backend="torch")
    assert relik.settings.languages == ("en", "ru")
    assert "P50" in relik.settings.retriever.labels["en"]
    done = run("cie_ru", *further, "--data", data, "--out", tmp_path / "kept", "--start-share", 1)
    assert done.code == 0, done.output
    assert weights(tmp_path / "kept")["reader.safetensors"] == weights(small)["reader.safetensors"]
    refused(run("cie_ru", *flags, "--layers", 1), 7, "--start")


def test_a_larger_model_teaches_a_smaller_one(places: tuple[object, ...], small: Path, tmp_path: Path) -> None:
    flags = (*SMALL, "--candidates", 12, *places, "--layers", 1, "--out")
    for name, taught in (
        ("alone", ()),
        ("taught", ("--teacher", small)),
        ("gold", ("--teacher", small, "--teacher-weight", 0)),
    ):
        done = run("cie_ru", *flags, tmp_path / name, *taught)
        assert done.code == 0, done.output
    assert weights(tmp_path / "alone") == weights(tmp_path / "gold")
    assert weights(tmp_path / "alone") != weights(tmp_path / "taught")


def test_a_trimmed_encoder_that_is_there_is_taken(
    data: Path, places: tuple[object, ...], small: Path, tmp_path: Path
) -> None:
    """It need not be cut down again, and its own name is not asked for."""
    shutil.copytree(small.with_name("first.encoder"), tmp_path / "out.encoder")
    flags = (*SMALL, "--candidates", 12, *places[:4], "--encoder", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert run("cie_ru", *flags).code == 0
    assert weights(small) == weights(tmp_path / "out")


@pytest.mark.parametrize(("flags", "scored", "not_scored"), [
    (("--task", "el"), {"ner", "el.inkb"}, {"re.document.boundaries", "cie.triples"}),
    (("--task", "re"), {"ner", "re.document.boundaries"}, {"el.inkb", "cie.triples"}),
    (("--task", "re", "--mentions", "gold"), {"re.document.boundaries"}, {"el.inkb", "cie.triples"}),
])  # fmt: skip
def test_a_task_leaves_out_what_is_not_its_own(
    data: Path, tmp_path: Path, flags: tuple[object, ...], scored: set[str], not_scored: set[str]
) -> None:
    out = tmp_path / "out"
    encoder = ("--encoder", data / "encoder", "--learning-rate", 0.01)
    done = run("cie_ru", *SMALL, *flags, "--data", data, *encoder, "--out", out)
    assert done.code == 0, done.output
    assert scored <= scores(out)["scores"].keys()
    assert not not_scored & scores(out)["scores"].keys()
    model, gold = Relik.from_pretrained(out), "gold" in flags
    assert scores(out)["entities"] == ("gold" if gold else "end to end")
    (said,) = (model.describe if gold else model.annotate)([documents()[12]])
    assert not (said.triples if "el" in flags else [m for m in said.mentions if m.link.status == "linked"])
    assert f"recipes/cie_ru.py --preset small {' '.join(map(str, flags[:2]))}" in (out / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six documents to learn from, as another converter writes them: no types, some mentions only, other relations."""
    folder = tmp_path_factory.mktemp("foreign")
    partial = Annotated("partial", "none", "silver", "none", "silver")
    found = []
    for document in documents()[12:18]:
        mentions = tuple(replace(mention, type="ENTITY") for mention in document.mentions)
        triples = tuple(replace(triple, relation="P19") for triple in document.triples)
        found.append(replace(document, mentions=mentions, triples=triples, annotated=partial))
    write_documents(found, folder / "train.jsonl")
    return folder


@pytest.mark.parametrize(("task", "flags"), [("cie", RETRIEVER), ("el", RETRIEVER), ("re", ("--relations", 10))])
def test_full_on_two_data_sets(
    data: Path, foreign: Path, encoders: tuple[object, ...], tmp_path: Path, task: str, flags: tuple[object, ...]
) -> None:
    given = encoders if task != "re" else (*encoders[:2], *encoders[4:])
    steps = ("--data", foreign, "--tokens-per-step", 4000)
    done = run("cie_ru", *FULL, *given, "--task", task, *flags, *steps, "--out", tmp_path / "out")
    assert done.code == 0, done.output
    assert "epoch 1: ner " in done.output
    assert "out of the network's reach: 0 of " in done.output
    assert Relik.from_pretrained(tmp_path / "out").annotate([documents()[12]])


def test_everything_that_saves_memory_at_once(
    monkeypatch: pytest.MonkeyPatch, encoders: tuple[object, ...], tmp_path: Path
) -> None:
    """LoRA, gradient checkpointing, accumulation and layer-wise decay under bf16; adapters lie alone, too."""
    from accelerate.state import AcceleratorState

    flags = ("--lora-rank", 4, "--gradient-checkpointing", "--chunk-tokens", 20, "--layer-decay", 0.9)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    done = run("cie_ru", *FULL, *RETRIEVER, "--task", "el", *encoders, *flags, "--out", tmp_path / "out")
    precision = AcceleratorState().mixed_precision
    AcceleratorState._reset_state(reset_partial_state=True)
    assert done.code == 0, done.output
    assert precision == "bf16"
    assert Relik.from_pretrained(tmp_path / "out").annotate([documents()[12]])
    assert weights(tmp_path / "out.adapters").keys() == {
        "reader/adapter_model.safetensors", "reader/heads.safetensors", "retriever/adapter_model.safetensors",
    }  # fmt: skip


@pytest.mark.parametrize(("flags", "code", "said"), [
    (("--preset", "huge"), 2, "huge"),
    (("--no-such-flag",), 2, "no-such-flag"),
    (("--seed", "x"), 2, "seed"),
    (("--task", "el", "--relations", 4), 7, "--relations 4"),
    (("--mentions", "gold"), 7, "--mentions gold"),
    (("--window", 8, "--stride", 9), 7, "1 <= stride <= window"),
    (("--index", "x", "--lora-rank", 8), 7, "--lora-rank 8, --index x"),
    (("--preset", "full", "--vocabulary", 9), 7, "--vocabulary 9"),
    (("--held-out", 2), 7, "held-out"),
    (("--back", 1), 7, "add --resume"),
    (("--resume",), 7, "begin without --resume"),
    (("--config", "no.yaml"), 7, "no.yaml"),
    (("--corpus", "no.txt"), 3, "no.txt"),
    (("--data", "nowhere"), 3, "nowhere"),
])  # fmt: skip
def test_bad_settings(data: Path, tmp_path: Path, flags: tuple[object, ...], code: int, said: str) -> None:
    given = () if "--data" in flags else ("--data", data)
    refused(run("cie_ru", *SMALL, *given, *flags, "--out", tmp_path / "out"), code, said)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("folder", "flags", "said"), [
    ("xlmr", (), "only BERT encoders"),
    ("modernbert", (), "cannot be trimmed"),
    ("e5-small", ("--layers", 3), "3 of 2"),
    ("none", (), "cannot load the tokenizer"),
])  # fmt: skip
def test_encoders_that_cannot_be_read_apart(
    data: Path, checkpoints: Path, tmp_path: Path, folder: str, flags: tuple[object, ...], said: str
) -> None:
    given = ("--data", data, "--encoder", checkpoints / folder, "--out", tmp_path / "out")
    refused(run("cie_ru", *SMALL, *given, *flags), 7, said)


def test_full_offline_names_the_other_preset(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    done = run("cie_ru", "--preset", "full", "--data", data, "--out", tmp_path / "out")
    refused(done, 7, "--preset small")
    assert not list(tmp_path.glob("out*"))


def test_no_gold_for_the_task(data: Path, tmp_path: Path) -> None:
    mine = ("--data", tmp_path, "--out", tmp_path / "out")
    write_documents([replace(d, triples=()) for d in documents()[:12]], tmp_path / "train.jsonl")
    write_documents(documents()[12:], tmp_path / "dev.jsonl")
    refused(run("cie_ru", *SMALL, "--task", "re", *mine), 7, "the train split has no gold triples")
    write_documents([], tmp_path / "dev.jsonl")
    refused(run("cie_ru", *SMALL, *mine), 7, "the dev split is empty")


def test_an_index_that_does_not_fit(
    data: Path, encoders: tuple[object, ...], tiny_folder: Path, checkpoints: Path, tmp_path: Path
) -> None:
    flags = (*FULL, *encoders, "--out", tmp_path / "out")
    refused(run("cie_ru", *flags, "--index", tiny_folder / "index"), 5, "built by another encoder")
    encoder = TextEncoder.from_pretrained(checkpoints / "xlmr")
    PassageIndex.build(list(ENTITIES), encoder, tmp_path / "index", IndexConfig("float16", "ours"))
    refused(run("cie_ru", *flags, "--index", tmp_path / "index"), 7, "no relation")


def test_windows_that_no_reader_could_take(checkpoints: Path, places: tuple[object, ...], tmp_path: Path) -> None:
    """Dev's, too, which is first read when an epoch is over."""
    write_documents(documents()[:12], tmp_path / "train.jsonl")
    write_documents([replace(documents()[12], text=documents()[12].text + 700 * " слово")], tmp_path / "dev.jsonl")
    folders = ("--retriever", checkpoints / "xlmr", "--reader", checkpoints / "xlmr")
    long = (*places[2:4], "--data", tmp_path, "--window", 600, "--stride", 600, "--out", tmp_path / "out")
    for flags in ((*FULL, *folders), (*SMALL, *places[4:])):
        done = run("cie_ru", *flags, *long)
        refused(done, 7, "longer than the encoder can read")
        assert "candidates" not in done.output


def test_nothing_of_others_is_written_over(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "cat.jpg").write_bytes(b"cat")
    refused(run("cie_ru", *SMALL, "--data", data, "--out", tmp_path / "mine"), 6, "other files")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cat.jpg", "mine"]
