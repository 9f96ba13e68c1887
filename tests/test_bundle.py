"""A model folder: the same model comes back, damage is noticed and named, nothing else is ever lost."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from relik_ml import Relik, bundle
from relik_ml.bundle import Settings
from relik_ml.data import FILE, write_manifest
from relik_ml.errors import ConfigError, ModelError, OutputError
from relik_ml.index import PassageIndex
from relik_ml.models import save_packed
from relik_ml.names import Learnt, NameIndex
from relik_ml.text import Morphology
from relik_ml.types import Property
from tests.corpus import ENTITIES, RELATIONS, bare, documents

JOINT = Path(__file__).with_name("golden") / "joint"
FILES = ("README.md", "config.json", "reader.safetensors", "tokenizer.json", "words.safetensors")


@pytest.fixture
def copied(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(tiny_folder, tmp_path / "model")


def annotated(relik: Relik) -> list[Any]:
    return list(relik.annotate(map(bare, documents())))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# There and back


@pytest.mark.usefixtures("no_network")
def test_the_same_annotations_without_a_network(tiny: Relik, tmp_path: Path) -> None:
    tiny.save_pretrained(tmp_path / "model")
    loaded = Relik.from_pretrained(tmp_path / "model")
    assert loaded.settings == tiny.settings
    for one, other in zip(annotated(loaded), annotated(tiny), strict=True):
        # Matrices are packed: places, types and links stay, a score may move a little.
        assert [(m.span, m.type, m.link.status, m.link.id) for m in one.mentions] == [
            (m.span, m.type, m.link.status, m.link.id) for m in other.mentions
        ]
        assert [m.score for m in one.mentions] == pytest.approx([m.score for m in other.mentions], abs=0.05)
        assert [(t.subject, t.relation, t.object, t.evidence) for t in one.triples] == [
            (t.subject, t.relation, t.object, t.evidence) for t in other.triples
        ]


def test_saving_what_was_loaded_changes_nothing(tiny_folder: Path, tmp_path: Path) -> None:
    loaded = Relik.from_pretrained(tiny_folder)
    loaded.save_pretrained(tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(tiny_folder)
    assert annotated(Relik.from_pretrained(tmp_path / "again")) == annotated(loaded)


def test_saving_over_an_older_model_even_the_one_that_was_loaded(copied: Path) -> None:
    before = files_of(copied)
    relik = Relik.from_pretrained(copied)
    relik.settings = replace(relik.settings, card="другая карточка")
    relik.save_pretrained(copied)
    after = files_of(copied)
    assert after.pop("README.md").decode() == "другая карточка"
    assert {name for name in after if after[name] != before[name]} == {FILE}
    assert Relik.from_pretrained(copied).settings.card == "другая карточка"
    assert [path.name for path in copied.parent.iterdir()] == ["model"]


def test_an_old_model_over_word_vectors_is_refused(copied: Path) -> None:
    record = json.loads((copied / "config.json").read_text("utf-8"))
    del record["apart"]
    (copied / "config.json").write_text(json.dumps({**record, "compact": {"words": 9, "hidden": 4}}), "utf-8")
    write_manifest(copied, replace(bundle.FORMAT, name="relik-ml-model/2"), {})
    with pytest.raises(ModelError, match="no longer") as caught:
        Relik.from_pretrained(copied)
    assert caught.value.where == str(copied)
    assert "word vectors" in caught.value.got
    assert "--preset small" in caught.value.fix


def test_settings_survive_json(tiny: Relik) -> None:
    settings = replace(tiny.settings, languages=("ru", "uk"), window=7, stride=5, card="")
    typed = replace(settings.inventory, typed={("BORN", "PERSON", "CITY"): Property("P19", inverse=True)})
    settings = replace(settings, inventory=typed)
    assert Settings.from_json(json.loads(json.dumps(settings.to_json())), "") == settings
    old = settings.to_json()
    del old["inventory"]["typed"]
    assert Settings.from_json(old, "").inventory.typed == {}, "models written before have none"


# Another index


def test_an_index_elsewhere(tiny: Relik, tiny_folder: Path, tmp_path: Path) -> None:
    without = [entry for entry in (*ENTITIES, *RELATIONS) if entry.id != "Q1874"]
    names = NameIndex.build(without, Learnt(), Morphology().lemma)
    PassageIndex.build(without, None, tmp_path / "index", extra={"names": names.arrays()})
    other = Relik.from_pretrained(tiny_folder, index=tmp_path / "index")
    assert len(other.retriever.index) == len(without)
    assert "Q1874" in {mention.link.id for mention in tiny(documents()[0].text).mentions}
    found = {mention.link.id for mention in other(documents()[0].text).mentions}
    assert "Q1874" not in found
    assert "Q80440" in found
    PassageIndex.build([*ENTITIES, *RELATIONS], None, tmp_path / "names")
    assert Relik.from_pretrained(tiny_folder, index=str(tmp_path / "names"))("Анна Ахматова").mentions


def test_vectors_of_an_index_are_idle_in_a_small_model(tiny_folder: Path, checkpoints: Path, tmp_path: Path) -> None:
    from relik_ml.encoders import TextEncoder

    encoder = TextEncoder.from_pretrained(checkpoints / "xlmr")
    PassageIndex.build([*ENTITIES, *RELATIONS], encoder, tmp_path / "index")
    loaded = Relik.from_pretrained(tiny_folder, index=tmp_path / "index")
    assert loaded.retriever.index.vectors is not None
    assert annotated(loaded)


def test_an_index_without_relations_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    PassageIndex.build(ENTITIES, None, tmp_path / "index")
    with pytest.raises(ModelError, match="no relations"):
        Relik.from_pretrained(tiny_folder, index=tmp_path / "index")


@pytest.mark.parametrize("device", ["cuda", "no such device"])
def test_a_device_that_is_not_there(tiny_folder: Path, device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ConfigError, match="device") as caught:
        Relik.from_pretrained(tiny_folder, device=device)
    assert device in caught.value.got


# Damage


def test_damage_is_noticed_and_named_wherever_it_is(copied: Path) -> None:
    """A flipped byte, a missing file, half a file."""
    names = sorted(files_of(copied))
    assert {*FILES, FILE, "index/manifest.json"} < set(names)
    for name in names:
        path = copied / name
        content = path.read_bytes()
        at = {0, len(content) // 2, len(content) - 2}
        flipped = [content[:i] + bytes([content[i] ^ 0x41]) + content[i + 1 :] for i in at]
        for damaged in (*flipped, content[: len(content) // 2], None):
            path.unlink()
            if damaged is not None:
                path.write_bytes(damaged)
            with pytest.raises(ModelError) as caught:
                Relik.from_pretrained(copied)
            assert caught.value.where == str(path)
            path.write_bytes(content)
    assert Relik.from_pretrained(copied)


def test_other_formats_and_other_weights_are_refused(copied: Path) -> None:
    write_manifest(copied, replace(bundle.FORMAT, name="relik-ml-model/99"), {})
    with pytest.raises(ModelError, match="unknown format") as caught:
        Relik.from_pretrained(copied)
    assert caught.value.got == "relik-ml-model/99"
    assert bundle.FORMAT.name in caught.value.fix
    record = json.loads((copied / "config.json").read_text("utf-8"))
    for damaged in ({**record, "window": "wide"}, {name: record[name] for name in record if name != "inventory"}):
        (copied / "config.json").write_text(json.dumps(damaged), "utf-8")
        write_manifest(copied, bundle.FORMAT, {})
        with pytest.raises(ModelError, match="settings") as caught:
            Relik.from_pretrained(copied)
        assert caught.value.where == str(copied / "config.json")
    (copied / "config.json").write_text(json.dumps(record), "utf-8")
    save_packed({"spans.start.0.bias": torch.zeros(48)}, copied / "reader.safetensors")
    write_manifest(copied, bundle.FORMAT, {})
    with pytest.raises(ModelError, match="weights"):
        Relik.from_pretrained(copied)


@pytest.mark.parametrize("name", ["empty", "nothing", "file", "index"])
def test_a_folder_that_is_no_model(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("{}")
    shutil.copytree(tiny_folder / "index", tmp_path / "index")
    with pytest.raises(ModelError) as caught:
        Relik.from_pretrained(tmp_path / name)
    assert str(tmp_path / name) in caught.value.where


def test_an_empty_name_is_not_the_embedded_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="holds no model"):
        Relik.from_pretrained("")


# Writing


def test_something_that_is_no_model_is_never_written_over(tiny: Relik, tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "config.json").write_text("{}")
    shutil.copytree(tiny_folder / "index", tmp_path / "index")
    (tmp_path / "file").write_text("text")
    for name in ("photos", "checkpoint", "index", "file"):
        before = files_of(tmp_path)
        with pytest.raises(OutputError) as caught:
            tiny.save_pretrained(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)
        assert files_of(tmp_path) == before


# Joint models


def test_joint_model_of_format_2_is_read_and_written_over(tmp_path: Path) -> None:
    """Its settings named another kind of encoder that it did not have."""
    pytest.importorskip("transformers", reason="pretrained encoders need the extra relik-ml[train]")
    folder = shutil.copytree(JOINT, tmp_path / "model")
    record = json.loads((folder / "config.json").read_text("utf-8"))
    del record["apart"]
    (folder / "config.json").write_text(json.dumps({**record, "compact": None}), "utf-8")
    write_manifest(folder, replace(bundle.FORMAT, name="relik-ml-model/2"), {})
    old, new = Relik.from_pretrained(folder), Relik.from_pretrained(JOINT)
    assert old.settings == new.settings
    old.save_pretrained(folder)
    assert json.loads((folder / FILE).read_text("utf-8"))["format"] == bundle.FORMAT.name
    assert annotated(Relik.from_pretrained(folder)) == annotated(new)


def test_joint_model_with_another_index(checkpoints: Path, tmp_path: Path) -> None:
    """Names alone serve any encoder; vectors must be its own."""
    from relik_ml.encoders import TextEncoder

    entries = [*ENTITIES, *RELATIONS]
    PassageIndex.build(entries, TextEncoder.from_pretrained(checkpoints / "e5-small"), tmp_path / "vectors")
    with pytest.raises(ModelError, match="another encoder"):
        Relik.from_pretrained(JOINT, index=tmp_path / "vectors")
    PassageIndex.build(entries, None, tmp_path / "names")
    relik = Relik.from_pretrained(JOINT, index=tmp_path / "names")
    relik.save_pretrained(tmp_path / "model")
    assert annotated(Relik.from_pretrained(tmp_path / "model")) == annotated(relik)
