"""A model folder: the same model comes back, damage is noticed and named, nothing else is ever lost."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from relik_ml import Relik, bundle
from relik_ml.bundle import Encoders, Settings, assemble, is_model
from relik_ml.data import FILE, read_manifest, write_manifest
from relik_ml.errors import ConfigError, ModelError, OutputError
from relik_ml.index import PassageIndex
from relik_ml.models.weights import SMALLEST, packed
from relik_ml.names import Learnt, NameIndex
from relik_ml.text import Morphology
from relik_ml.types import Property
from tests.corpus import ENTITIES, RELATIONS, TYPES, bare, documents

FILES = ("README.md", "config.json", "reader.safetensors", "tokenizer.json", "words.safetensors")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("the network was touched")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user who has not said that the network is off."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


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


def test_what_is_loaded_is_the_model_with_packed_weights(tiny: Relik, tiny_folder: Path) -> None:
    """To the last bit: word embeddings are kept as they are, and scores of subwords too."""
    loaded = Relik.from_pretrained(tiny_folder)
    weights = dict(tiny.reader.model.named_parameters())
    large = {name for name, weight in weights.items() if weight.dim() == 2 and weight.numel() >= SMALLEST}
    expected = {name: packed(w) if name in large else w for name, w in tiny.reader.model.state_dict().items()}
    found = loaded.reader.model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in found.items())
    assert {"encoder.body.words.nibbles", "encoder.body.layers.1.attention.weight"} < found.keys()
    reader = loaded.reader.over(loaded.reader.model)
    assert annotated(Relik(tiny.retriever, reader, tiny.settings)) == annotated(loaded)


def test_saving_what_was_loaded_changes_nothing(tiny_folder: Path, tmp_path: Path) -> None:
    loaded = Relik.from_pretrained(tiny_folder)
    loaded.save_pretrained(tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(tiny_folder)
    assert annotated(Relik.from_pretrained(tmp_path / "again")) == annotated(loaded)


def test_only_safetensors_json_and_the_card(tiny_folder: Path, tiny: Relik) -> None:
    names = set(files_of(tiny_folder))
    assert {name for name in names if "/" not in name} == {*FILES, FILE}
    assert {Path(name).suffix for name in names} <= {".json", ".xz", ".safetensors", ".md"}
    assert (tiny_folder / "README.md").read_text("utf-8") == tiny.settings.card


def test_a_folder_can_be_given_as_text_and_moved(copied: Path, tmp_path: Path) -> None:
    moved = copied.rename(tmp_path / "модель")
    assert annotated(Relik.from_pretrained(str(moved)))


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


def test_settings_are_in_a_config_that_the_hub_understands(tiny_folder: Path, tiny: Relik) -> None:
    config = json.loads((tiny_folder / "config.json").read_text("utf-8"))
    assert (config["model_type"], config["library_name"]) == ("relik-ml", "relik-ml")
    assert Settings.from_json(config, tiny.settings.card) == tiny.settings
    assert read_manifest(tiny_folder, bundle.FORMAT).keys() == {"format", "files", "sizes"}


def test_an_old_model_over_word_vectors_is_refused(copied: Path) -> None:
    record = json.loads((copied / "config.json").read_text("utf-8"))
    del record["apart"]
    (copied / "config.json").write_text(json.dumps({**record, "compact": {"words": 9, "hidden": 4}}), "utf-8")
    write_manifest(copied, replace(bundle.FORMAT, name="relik-ml-model/2"), {})
    with pytest.raises(ModelError, match="no longer read") as caught:
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


def test_a_small_model_saved_on_another_index_takes_it_along(tiny_folder: Path, tmp_path: Path) -> None:
    PassageIndex.build([*ENTITIES[:3], *RELATIONS], None, tmp_path / "names")
    Relik.from_pretrained(tiny_folder, index=tmp_path / "names").save_pretrained(tmp_path / "model")
    assert len(Relik.from_pretrained(tmp_path / "model").retriever.index) == 3 + len(RELATIONS)


def test_vectors_of_an_index_are_idle_in_a_small_model(tiny_folder: Path, checkpoints: Path, tmp_path: Path) -> None:
    from relik_ml.retriever import TextEncoder

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
    with pytest.raises(ConfigError, match="device cannot be used") as caught:
        Relik.from_pretrained(tiny_folder, device=device)
    assert device in caught.value.got


def test_no_index_where_one_was_promised(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no index") as caught:
        Relik.from_pretrained(tiny_folder, index=tmp_path)
    assert str(tmp_path) in caught.value.where


# Damage


def test_a_flipped_byte_is_noticed_wherever_it_is(copied: Path) -> None:
    names = sorted(files_of(copied))
    assert {*FILES, FILE, "index/manifest.json"} < set(names)
    for name in names:
        path = copied / name
        content = path.read_bytes()
        for place in {0, len(content) // 2, len(content) - 2}:
            path.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
            with pytest.raises(ModelError) as caught:
                Relik.from_pretrained(copied)
            assert caught.value.where == str(path)
            assert caught.value.fix
        path.write_bytes(content)
    assert Relik.from_pretrained(copied)


def test_a_missing_or_cut_file_is_named(copied: Path) -> None:
    for name in sorted(files_of(copied)):
        path = copied / name
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(ModelError) as caught:
            Relik.from_pretrained(copied)
        assert caught.value.where == str(path)
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ModelError) as caught:
            Relik.from_pretrained(copied)
        assert caught.value.where == str(path)
        path.write_bytes(content)


def test_a_format_from_the_future(copied: Path) -> None:
    record = read_manifest(copied, bundle.FORMAT)
    fields = {name: value for name, value in record.items() if name not in ("format", "files")}
    write_manifest(copied, replace(bundle.FORMAT, name="relik-ml-model/99"), fields)
    with pytest.raises(ModelError, match="unknown format") as caught:
        Relik.from_pretrained(copied)
    assert caught.value.got == "relik-ml-model/99"
    assert bundle.FORMAT.name in caught.value.fix


def test_weights_of_another_network_are_refused(copied: Path, tiny: Relik) -> None:
    record = read_manifest(copied, bundle.FORMAT)
    fields = {name: value for name, value in record.items() if name not in ("format", "files")}
    bundle.save_packed({"spans.start.0.bias": torch.zeros(48)}, copied / "reader.safetensors")
    write_manifest(copied, bundle.FORMAT, fields)
    with pytest.raises(ModelError, match="weights do not fit"):
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


def test_an_empty_folder_and_missing_parents_are_fine(tiny: Relik, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    tiny.save_pretrained(tmp_path / "empty")
    tiny.save_pretrained(tmp_path / "a" / "b")
    assert is_model(tmp_path / "empty")
    assert is_model(tmp_path / "a" / "b")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), MemoryError()])
def test_an_interrupted_save_leaves_the_old_model(
    copied: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before = files_of(copied)
    relik = Relik.from_pretrained(copied)

    def fail(*_: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(bundle, "write_manifest", fail)
    with pytest.raises((type(error), OutputError)):
        relik.save_pretrained(copied)
    assert files_of(copied) == before
    assert [path.name for path in copied.parent.iterdir()] == ["model"]


# Pretrained encoders


@pytest.fixture
def joint(checkpoints: Path, tiny: Relik, tmp_path: Path) -> Relik:
    """Untrained, with thresholds at which it finds something nevertheless."""
    from dataclasses import asdict

    from relik_ml.models import JointEncoder
    from relik_ml.reader import JointInputs
    from relik_ml.retriever import TextEncoder, load_tokenizer

    torch.manual_seed(0)
    encoder = JointEncoder.from_pretrained(checkpoints / "mdeberta", types=len(TYPES), entities=4, relations=5)
    inputs = JointInputs(load_tokenizer(checkpoints / "mdeberta"), encoder.config)
    retriever = TextEncoder.from_pretrained(checkpoints / "xlmr")
    settings = replace(
        tiny.settings, apart=None, joint=asdict(encoder.config), window=24, stride=16,
        heads=replace(tiny.settings.heads, width=encoder.config.width, hit_features=0),
        retriever=replace(tiny.settings.retriever, entities=4, dense=4),
        thresholds=replace(tiny.settings.thresholds, start=0.12, end=0.08, mention=0.0, relation=1e-6),
    )  # fmt: skip
    index = PassageIndex.build([*ENTITIES, *RELATIONS], retriever, tmp_path / "joint-index")
    return Relik(*assemble(settings, Encoders(encoder, inputs, retriever), index), settings)


@pytest.mark.usefixtures("no_network", "online")
def test_a_joint_model_there_and_back(joint: Relik, tmp_path: Path) -> None:
    joint.save_pretrained(tmp_path / "model")
    loaded = Relik.from_pretrained(tmp_path / "model")
    assert loaded.settings == joint.settings
    found = annotated(loaded)
    assert found == annotated(joint)
    assert sum(len(document.mentions) for document in found) > 20
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "README.md", "config.json", FILE, "index", "retriever", "tokenizer", "reader.safetensors",
    }  # fmt: skip
    loaded.save_pretrained(tmp_path / "again")
    assert annotated(Relik.from_pretrained(tmp_path / "again")) == found


def test_a_joint_model_of_the_format_before_is_read_and_written_over(joint: Relik, tmp_path: Path) -> None:
    """Its settings named another kind of encoder that it had not."""
    folder = tmp_path / "model"
    joint.save_pretrained(folder)
    record = json.loads((folder / "config.json").read_text("utf-8"))
    del record["apart"]
    (folder / "config.json").write_text(json.dumps({**record, "compact": None}), "utf-8")
    write_manifest(folder, replace(bundle.FORMAT, name="relik-ml-model/2"), {})
    old = Relik.from_pretrained(folder)
    assert old.settings == joint.settings
    expected = annotated(old)
    old.save_pretrained(folder)
    assert json.loads((folder / FILE).read_text("utf-8"))["format"] == bundle.FORMAT.name
    assert annotated(Relik.from_pretrained(folder)) == expected


def test_a_joint_model_and_the_index_of_another_encoder(joint: Relik, checkpoints: Path, tmp_path: Path) -> None:
    from relik_ml.retriever import TextEncoder

    joint.save_pretrained(tmp_path / "model")
    PassageIndex.build(ENTITIES, TextEncoder.from_pretrained(checkpoints / "e5-small"), tmp_path / "index")
    with pytest.raises(ModelError, match="built by another encoder"):
        Relik.from_pretrained(tmp_path / "model", index=tmp_path / "index")


def test_a_joint_model_on_bare_names_is_not_saved(joint: Relik, tmp_path: Path) -> None:
    joint.save_pretrained(tmp_path / "model")
    PassageIndex.build([*ENTITIES, *RELATIONS], None, tmp_path / "names")
    with pytest.raises(ConfigError, match="without vectors"):
        Relik.from_pretrained(tmp_path / "model", index=tmp_path / "names").save_pretrained(tmp_path / "other")
    assert not (tmp_path / "other").exists()
