"""Lemmas and grammemes of single words."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest

from relik_ml.text import Morphology


@pytest.fixture(scope="module")
def morphology() -> Morphology:
    return Morphology()


@pytest.mark.parametrize(("word", "lemma"), [
    ("Путиным", "путин"),
    ("Владимиром", "владимир"),
    ("российского", "российский"),
    ("Королёвым", "королев"),
    ("Елизаве\u0301ты", "елизавета"),
    ("Мос\xadквы", "москва"),
    ("Толсто\u0438\u0306", "толстой"),
    ("МИНСКЕ", "минск"),
    ("Microsoft", "microsoft"),
    ("Straße", "strasse"),
    ("2024", "2024"),
    ("«", "«"),
    ("", ""),
    ("\u0301", ""),
])  # fmt: skip
def test_lemma(morphology: Morphology, word: str, lemma: str) -> None:
    assert morphology.lemma(word) == lemma


def test_a_megabyte_without_blanks_is_no_word(morphology: Morphology) -> None:
    assert morphology.lemma("Я" * 1_000_000) == "я" * 1_000_000


def test_a_copy_works(morphology: Morphology) -> None:
    assert copy.deepcopy(morphology).lemma("Минска") == "минск"


def test_the_dictionary_is_loaded_at_first_use_only() -> None:
    code = "import sys; from relik_ml.text import Morphology; Morphology(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pymorphy3", "razdel", "torch"} & set(loaded)
