"""Linking alone and relations alone: end to end on our twenty documents, with tiny pretrained encoders."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from relik_ml import Relik
from relik_ml.data import write_documents
from relik_ml.index import IndexConfig, PassageIndex
from relik_ml.retriever import TextEncoder
from relik_ml.types import Annotated, Link
from tests.corpus import ENTITIES, documents
from tests.recipes.test_cie_ru import data, weights
from tests.recipes.test_interruption import one_thread

pytest.importorskip("accelerate", reason="recipes need the extra relik-ml[train]")

__all__ = ["data", "one_thread"]  # fixtures of other recipes' tests

WINDOWS = ("--window", 24, "--stride", 16)
SMALL = ("--preset", "small", "--layers", 2, "--vocabulary", 200)
FULL = ("--preset", "full")
RETRIEVER = ("--retriever-epochs", 2, "--retriever-batch", 64, "--negatives", 20, "--candidates", 4, "--dense", 2)
RECIPES = {"el_ru": RETRIEVER, "re_ru": (), "cie_ru": RETRIEVER}


def run(name: str, data: Path, out: Path, *flags: object) -> tuple[int, str]:
    preset = () if {"--preset", "--config"} & {*flags} else FULL
    retriever = () if "small" in flags else RECIPES[name]
    arguments = ["--data", data, *WINDOWS, *preset, *retriever, *flags, "--out", out]
    if name != "re_ru" and "--entities" not in flags:
        arguments += ["--entities", data / "entities.jsonl"]
    found = CliRunner().invoke(import_module(f"relik_ml.recipes.{name}").command, [*map(str, arguments)])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.output
    return found.exit_code, found.output


def run_file(file: Path, out: Path) -> tuple[int, str]:
    """Relations alone, with nothing but a configuration file."""
    found = CliRunner().invoke(
        import_module("relik_ml.recipes.re_ru").command, ["--config", str(file), "--out", str(out)]
    )
    return found.exit_code, found.output


def scores(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out.with_name(out.name + ".scores.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize(
    ("name", "flags", "scored", "not_scored"),
    [
        ("el_ru", (), {"ner", "el.inkb"}, {"re.document.boundaries", "cie.triples"}),
        ("re_ru", (), {"ner", "re.document.boundaries"}, {"el.inkb", "cie.triples"}),
        ("re_ru", ("--mentions", "gold"), {"re.document.boundaries"}, {"el.inkb", "cie.triples"}),
    ],
)
def test_small_twice_with_one_seed(
    data: Path, checkpoints: Path, tmp_path: Path, name: str, flags: tuple[str, ...], scored: set[str],
    not_scored: set[str],
) -> None:  # fmt: skip
    """The model loads and says what it was trained to say; a second run has the same weights."""
    small = (*SMALL, "--encoder", checkpoints / "e5-small", "--reader-epochs", 2, "--reader-rate", 0.01, *flags)
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        code, output = run(name, data, out, *small)
        assert code == 0, output
    assert weights(outs[0]) == weights(outs[1])
    assert len(weights(outs[0])) >= 3
    found = scores(outs[0])["scores"]
    assert scored <= found.keys()
    assert not not_scored & found.keys()
    assert scores(outs[0])["entities"] == ("gold" if flags else "end to end")
    model = Relik.from_pretrained(outs[0])
    (said,) = (model.describe if flags else model.annotate)([documents()[12]])
    assert not (said.triples if name == "el_ru" else [m for m in said.mentions if m.link.status == "linked"])
    assert f"recipes/{name}.py --preset small" in (outs[0] / "README.md").read_text("utf-8")
    assert not list(tmp_path.glob("*.checkpoint"))


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


@pytest.mark.parametrize(("name", "flags"), [("el_ru", ()), ("re_ru", ("--relations", 10))])
def test_two_steps_with_tiny_mdeberta_and_e5_on_two_data_sets(
    data: Path, foreign: Path, checkpoints: Path, tmp_path: Path, name: str, flags: tuple[object, ...]
) -> None:
    folders = ("--retriever", checkpoints / "xlmr", "--reader", checkpoints / "mdeberta", "--data", foreign)
    code, output = run(name, data, tmp_path / "out", *folders, *flags, "--reader-epochs", 2, "--reader-tokens", 4000)
    assert code == 0, output
    assert "epoch 2: ner " in output
    assert "18 + 8 documents" in output
    assert "out of the network's reach: 0 of " in output
    assert Relik.from_pretrained(tmp_path / "out").annotate([documents()[12]])


def test_everything_that_saves_memory_at_once(data: Path, checkpoints: Path, tmp_path: Path) -> None:
    """LoRA, gradient checkpointing, accumulation and layer-wise decay under bf16; adapters lie alone, too."""
    from accelerate.state import AcceleratorState

    folders = ("--retriever", checkpoints / "xlmr", "--reader", checkpoints / "mdeberta")
    flags = ("--lora", 4, "--gradient-checkpointing", "--reader-chunk", 20, "--reader-layer-decay", 0.9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
        AcceleratorState._reset_state(reset_partial_state=True)
        code, output = run("el_ru", data, tmp_path / "out", *folders, *flags, "--reader-epochs", 1)
    precision = AcceleratorState().mixed_precision
    AcceleratorState._reset_state(reset_partial_state=True)
    assert code == 0, output
    assert precision == "bf16"
    assert Relik.from_pretrained(tmp_path / "out").annotate([documents()[12]])
    adapters = {
        path.relative_to(tmp_path / "out.adapters").as_posix()
        for path in (tmp_path / "out.adapters").rglob("*.safetensors")
    }
    assert adapters == {
        "reader/adapter_model.safetensors",
        "reader/heads.safetensors",
        "retriever/adapter_model.safetensors",
    }


@pytest.mark.parametrize(
    ("name", "flags", "code", "said"),
    [
        ("el_ru", ("--relations", 4), 2, "--relations"),
        ("el_ru", ("--candidates", 0), 7, "candidates"),
        ("cie_ru", ("--window", 8, "--stride", 9), 7, "1 <= stride <= window"),
        ("cie_ru", ("--preset", "small", "--index", "x", "--lora", 8), 7, "--index x, --lora 8"),
        ("re_ru", ("--layers", -1, "--reader-epochs", 0), 7, "reader_epochs, layers"),
        ("re_ru", ("--seed", -1), 7, "seed"),
        ("re_ru", ("--seed", 2**32), 7, "seed above 4294967295"),
        ("re_ru", ("--patience", -1), 7, "patience"),
        ("cie_ru", ("--preset", "small", "--dropout", 1.5, "--added-gold", 2), 7, "added_gold above 1, dropout"),
        ("cie_ru", ("--reader-layer-decay", 2), 7, "reader_layer_decay above 1"),
        ("el_ru", ("--preset", "small", "--reader", "x"), 7, "--reader x"),
        ("el_ru", ("--corpus", "x.txt", "--vocabulary", 9), 7, "--vocabulary 9"),
        ("el_ru", ("--back", 1), 7, "add --resume"),
        ("cie_ru", ("--reader-tokens", 100, "--reader-chunk", 101), 7, "101 of 100 tokens"),
        ("re_ru", ("--resume",), 7, "begin without --resume"),
        ("re_ru", ("--config", "no.yaml"), 7, "no.yaml"),
    ],
)
def test_bad_settings(data: Path, tmp_path: Path, name: str, flags: tuple[object, ...], code: int, said: str) -> None:
    refused(run(name, data, tmp_path / "out", *flags), code, said)
    assert not list(tmp_path.iterdir())


def refused(found: tuple[int, str], code: int, said: str) -> None:
    """One message, and nothing has been trained."""
    assert found[0] == code, found[1]
    assert said in found[1]
    assert "epoch " not in found[1]
    assert sum(line.startswith("error: ") for line in found[1].lower().splitlines()) == 1


@pytest.mark.parametrize(
    ("folder", "flags", "said"),
    [
        ("xlmr", (), "only BERT encoders"),
        ("modernbert", (), "cannot be trimmed"),
        ("e5-small", ("--layers", 3), "3 of 2"),
        ("none", (), "cannot load the tokenizer"),
    ],
)
def test_encoders_that_cannot_be_read_apart(
    data: Path, checkpoints: Path, tmp_path: Path, folder: str, flags: tuple[object, ...], said: str
) -> None:
    found = run("cie_ru", data, tmp_path / "out", *SMALL, "--encoder", checkpoints / folder, *flags)
    refused(found, 7, said)
    assert "the encoder cannot be used" in found[1]


def test_no_gold_for_the_task(data: Path, tmp_path: Path) -> None:
    bare = [replace(d, triples=()) for d in documents()]
    write_documents(bare[:12], tmp_path / "train.jsonl")
    write_documents(documents()[12:], tmp_path / "dev.jsonl")
    refused(run("re_ru", tmp_path, tmp_path / "out"), 7, "the train split has no gold triples")
    unlinked = [replace(d, mentions=tuple(replace(m, link=Link()) for m in d.mentions)) for d in documents()]
    write_documents(documents()[:12], tmp_path / "train.jsonl")
    write_documents(unlinked[12:], tmp_path / "dev.jsonl")
    entities = ("--entities", data / "entities.jsonl")
    refused(run("el_ru", tmp_path, tmp_path / "out", *entities), 7, "the dev split has no gold links")
    write_documents([], tmp_path / "dev.jsonl")
    refused(run("el_ru", tmp_path, tmp_path / "out", *entities), 7, "the dev split is empty")


def test_an_index_of_another_encoder(data: Path, tiny_folder: Path, checkpoints: Path, tmp_path: Path) -> None:
    folders = ("--retriever", checkpoints / "xlmr", "--reader", checkpoints / "mdeberta")
    found = run("cie_ru", data, tmp_path / "out", *folders, "--index", tiny_folder / "index")
    refused(found, 5, "built by another encoder")


def test_windows_that_no_reader_could_take(data: Path, checkpoints: Path, tmp_path: Path) -> None:
    """Dev's, too, which is first read when an epoch is over."""
    write_documents(documents()[:12], tmp_path / "train.jsonl")
    write_documents([replace(documents()[12], text=documents()[12].text + 700 * " слово")], tmp_path / "dev.jsonl")
    folders = ("--retriever", checkpoints / "xlmr", "--reader", checkpoints / "xlmr")
    for flags in (folders, (*SMALL, "--encoder", checkpoints / "e5-small")):
        given = ("--entities", data / "entities.jsonl", "--window", 600, "--stride", 600)
        found = run("cie_ru", tmp_path, tmp_path / "out", *flags, *given)
        refused(found, 7, "longer than the encoder can read")
        assert "candidates" not in found[1]
        assert {path.name for path in tmp_path.glob("out*")} <= {"out.encoder"}


def test_an_index_without_relations(data: Path, checkpoints: Path, tmp_path: Path) -> None:
    encoder = TextEncoder.from_pretrained(checkpoints / "xlmr")
    PassageIndex.build(list(ENTITIES), encoder, tmp_path / "index", IndexConfig("float16", "ours"))
    folders = ("--retriever", checkpoints / "xlmr", "--reader", checkpoints / "mdeberta")
    refused(run("cie_ru", data, tmp_path / "out", *folders, "--index", tmp_path / "index"), 7, "no relation")


def test_a_configuration_file(data: Path, tmp_path: Path) -> None:
    """It stands between flags and preset; what it does not know it says."""
    file = tmp_path / "my.yaml"
    file.write_text(f"preset: small\nwindow: 8\nstride: 16\ndata: {data}\n", "utf-8")
    refused(run("re_ru", data, tmp_path / "out", "--config", file, "--window", 9), 7, "--window 9 --stride 16")
    for content, said in (("windw: 8\nepochs: 2", "epochs, windw"), ("- 1", "list"), ("a: [", "cannot be read")):
        file.write_text(content, "utf-8")
        refused(run("re_ru", data, tmp_path / "out", "--config", file), 7, said)
    file.write_text(f"data: [{data}, {tmp_path}]", "utf-8")
    refused(run_file(file, tmp_path / "out"), 3, "train.jsonl")
    for content in ("reader_epochs: 2.5", "window: true", "resume: 2", "data: {a: b}", "mentions: no", "data: [1]"):
        file.write_text(f"seed: 1\nreader_rate: 2e-5\n{content}", "utf-8")
        refused(run("re_ru", data, tmp_path / "out", "--config", file), 7, "has other values than fit")
    file.write_text("reader_epochs: many", "utf-8")
    refused(run("re_ru", data, tmp_path / "out", "--config", file), 2, "reader-epochs")
