"""Lemmas and grammemes of single words."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest

from relik_ml.text import Morphology
from relik_ml.text.morph import UNKNOWN


@pytest.fixture(scope="module")
def morphology() -> Morphology:
    return Morphology()


@pytest.mark.parametrize(
    ("word", "lemma"),
    [
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
    ],
)
def test_lemma(morphology: Morphology, word: str, lemma: str) -> None:
    assert morphology.lemma(word) == lemma


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("Владимир Путин", {"Владимира Путина", "Владимиру Путину", "Владимиром Путиным", "Владимире Путине"}),
        ("Валентина Матвиенко", {"Валентины Матвиенко", "Валентине Матвиенко", "Валентину Матвиенко"}),
        ("Московская область", {"Московской области", "Московскую область", "Московской областью"}),
        ("Министерство иностранных дел", {"Министерства иностранных дел", "Министерством иностранных дел"}),
        ("МИНСК", {"МИНСКА", "МИНСКЕ"}),
        ("«Заря» (2024)", {"«Зари» (2024)", "«Зарёй» (2024)"}),
        ("Microsoft Office", set()),
        ("", set()),
    ],
)
def test_the_case_forms_of_a_name(morphology: Morphology, name: str, forms: set[str]) -> None:
    found = morphology.inflect(name)
    assert forms <= set(found)
    assert name not in found
    assert len(set(found)) == len(found)
    assert bool(found) == bool(forms)


def test_names_are_flagged_by_any_likely_parse(morphology: Morphology) -> None:
    assert {"Name", "Geox", "ablt"} <= morphology.grammemes("Владимиром")  # the man first, but the city too


def test_words_outside_the_dictionary_are_flagged(morphology: Morphology) -> None:
    assert UNKNOWN not in morphology.grammemes("Москвы")
    assert UNKNOWN in morphology.grammemes("Глокозёбра")
    assert UNKNOWN in morphology.grammemes("")


def test_a_megabyte_without_blanks_is_no_word(morphology: Morphology) -> None:
    assert morphology.lemma("Я" * 1_000_000) == "я" * 1_000_000
    assert morphology.grammemes("Я" * 1_000_000) == {UNKNOWN}


def test_the_cache_is_bounded_and_remembers() -> None:
    small = Morphology(cache=2)
    assert [small.lemma(word) for word in ("Минска", "Гродно", "Бреста", "Минска")][-1] == "минск"
    assert small._analysis.cache_info().currsize == 2


def test_a_copy_works(morphology: Morphology) -> None:
    assert copy.deepcopy(morphology).lemma("Минска") == "минск"


def test_the_dictionary_is_loaded_at_first_use_only() -> None:
    code = "import sys; from relik_ml.text import morph, tokens, windows; morph.Morphology(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pymorphy3", "razdel", "torch"} & set(loaded)
