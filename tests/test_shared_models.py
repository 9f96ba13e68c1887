"""Two models in one folder, with one index and one vocabulary: what is shared, checked and refused."""

import shutil
from pathlib import Path

import pytest

from relik_ml import Relik
from relik_ml.bundle import EMBEDDED, nest
from relik_ml.errors import ModelError
from tests.corpus import documents

TEXT = documents()[0].text


@pytest.fixture
def nested(tiny_folder: Path, tmp_path: Path) -> Path:
    """A model with a copy of itself inside, ``fast``."""
    parent = tmp_path / "parent"
    shutil.copytree(tiny_folder, parent)
    nest(tiny_folder, parent, "fast")
    return parent


def test_a_nested_model_reads_like_the_model_it_was(tiny_folder: Path, nested: Path) -> None:
    assert Relik.from_pretrained(nested / "fast")(TEXT) == Relik.from_pretrained(tiny_folder)(TEXT)


def test_a_nested_model_is_saved_whole(nested: Path, tmp_path: Path) -> None:
    Relik.from_pretrained(nested / "fast").save_pretrained(tmp_path / "whole")
    shutil.rmtree(nested)
    assert Relik.from_pretrained(tmp_path / "whole")(TEXT).mentions


@pytest.mark.parametrize("name", ["words.safetensors", "index/names.safetensors"])
def test_damage_to_what_is_shared_is_noticed(nested: Path, name: str) -> None:
    data = bytearray((nested / name).read_bytes())
    data[-1] ^= 1
    (nested / name).write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        Relik.from_pretrained(nested / "fast")


def test_models_with_another_index_are_not_put_together(nested: Path, tiny_folder: Path) -> None:
    with (nested / "index" / "manifest.json").open("a") as file:
        file.write(" ")
    with pytest.raises(ModelError, match="index"):
        nest(tiny_folder, nested, "other")


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_models_are_found_by_name(name: str) -> None:
    if not (EMBEDDED[name] / "manifest.json").is_file():
        pytest.skip("relik_ml/pretrained holds no such model")
    assert Relik.from_pretrained(name).settings.apart
