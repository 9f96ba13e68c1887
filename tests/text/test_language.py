"""The language of a text, and the refusal of one that a model does not know."""

import pytest

from relik_ml.errors import DataError
from relik_ml.text import with_language
from relik_ml.types import Document

TEXTS = {
    "ru": "Вчера губернатор приехал в Тулу и открыл новый завод, где будут работать триста человек.",
    "en": "Yesterday the governor came to Tula and opened a new factory, where three hundred people will work.",
    "uk": "Учора губернатор приїхав до Полтави й відкрив новий завод, де працюватимуть триста людей.",
    "be": "Учора губернатар прыехаў у Гомель і адкрыў новы завод, дзе будуць працаваць трыста чалавек.",
    "bg": "Кметът на Пловдив съобщи вчера, че новият завод ще бъде открит през лятото и ще даде работа на триста души.",
    "de": "Gestern kam der Gouverneur nach Halle und eröffnete ein neues Werk, in dem dreihundert Menschen arbeiten.",
}


def language(text: str, *known: str, stated: str = "") -> str:
    return with_language(Document("d", text, stated), known).lang


@pytest.mark.parametrize("lang", TEXTS)
def test_a_text_is_read_in_its_own_language_or_refused(lang: str) -> None:
    assert language(TEXTS[lang], *TEXTS) == lang
    assert language(TEXTS[lang], "sah", lang) == lang, "beside a language that cannot be detected"
    others = [each for each in TEXTS if each != lang]
    with pytest.raises(DataError, match="language") as caught:
        language(TEXTS[lang], *others)
    assert (caught.value.where, caught.value.got[:4]) == ("document 'd'", f"{lang}, ")
    assert f"--lang {others[0]}" in caught.value.fix
    assert language(TEXTS[lang], *others, stated=others[0]) == others[0]


@pytest.mark.parametrize(
    "text", ["", "\ud800", "CNN", "Стэн Ли", "Хиллари Клинтон", "Apple, Google, Microsoft, Amazon", "1913 " * 99]
)
def test_what_is_short_or_unclear_is_never_refused(text: str) -> None:
    assert language(text, "ru") == "ru"
    assert language(text, "de", "ru") in ("de", "ru")


def test_names_in_other_letters_leave_a_text_russian() -> None:
    assert language("Компания Apple показала новый iPhone 17 Pro Max и MacBook.", "ru", "en") == "ru"
    assert language(TEXTS["ru"].replace("Тулу", "Київ"), *TEXTS) == "ru"
    assert language(TEXTS["ru"] * 50 + TEXTS["en"] * 500, *TEXTS) == "ru", "the beginning decides"


def test_a_stated_language_must_be_known() -> None:
    with pytest.raises(DataError, match="language") as caught:
        language(TEXTS["ru"], "ru", "en", stated="de")
    assert (caught.value.got, "ru, en" in caught.value.fix) == ("'de'", True)
