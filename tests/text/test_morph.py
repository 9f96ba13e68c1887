"""Lemmas and grammemes of single words."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pymorphy3 import MorphAnalyzer

from relik_ml.text import Morphology, tokens

ODD = "А Я ё Ёж стали Стекла берег кот-то по-русски Нью-Йорком вице-премьера ИП-1 зюганята псевдокошкой нефтьюшка"
WITHOUT_C = """
import json, sys
sys.modules["dawg"] = None
from relik_ml.text import Morphology
print(json.dumps([*map(Morphology().lemma, json.load(sys.stdin))]))
"""


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


@pytest.fixture(scope="module")
def forms(root: Path) -> list[str]:
    texts = [path.read_text(encoding="utf-8") for path in (root / "examples" / "ru").glob("*.txt")]
    return sorted({*ODD.split(), *(token.text for text in texts for token in tokens(text))})


def test_lemma_is_that_of_the_likeliest_parse(morphology: Morphology, forms: list[str]) -> None:
    analyzer = MorphAnalyzer(lang="ru")
    expected = [analyzer.parse(form)[0].normal_form.casefold().replace("ё", "е") for form in forms]
    assert [morphology.lemma(form) for form in forms] == expected


def test_lemmas_do_not_depend_on_the_c_dictionary(morphology: Morphology, forms: list[str]) -> None:
    pytest.importorskip("dawg", reason="the C dictionary is not installed: pip install relik-ml[fast]")
    command = [sys.executable, "-c", WITHOUT_C]
    run = subprocess.run(command, input=json.dumps(forms), capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [morphology.lemma(form) for form in forms]


def test_a_megabyte_without_blanks_is_no_word(morphology: Morphology) -> None:
    assert morphology.lemma("Я" * 1_000_000) == "я" * 1_000_000


def test_a_copy_works(morphology: Morphology) -> None:
    assert copy.deepcopy(morphology).lemma("Минска") == "минск"


def test_the_dictionary_is_loaded_at_first_use_only() -> None:
    code = "import sys; from relik_ml.text import Morphology; Morphology(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pymorphy3", "razdel", "torch"} & set(loaded)
