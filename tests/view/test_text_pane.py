"""Text, facts and cards of the page, in a real Chromium without a window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from relik_ml.types import Document
from relik_ml.view import show as frame
from tests.view.browsing import TEXT, crowd, example, names, one, text_of, wait

pytest.importorskip("selenium", reason="the page in a browser: selenium is not installed")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


def test_bars_lie_in_lanes(show: Callable[..., Any]) -> None:
    """Every mention has as many bars under the letters that it covers as there are mentions over these."""
    browser = show(example())
    script = """return Array.from(document.querySelectorAll("#text p > span:not(.tag)"),
        (each) => [each.textContent, each.style.backgroundImage])"""
    bars = {text: (image.count("gradient"), "repeating" in image) for text, image in browser.execute_script(script)}
    assert bars["Ленинградском"] == (2, False)
    assert bars[" общежитии"] == (1, False)
    assert bars["Гага\u0301"] == (1, False)
    assert bars["рин"] == (2, True)  # one is not in the index
    assert bars[" и Титов"] == (2, True)  # the other one goes on behind a gap
    assert bars[" "] == (1, True)
    assert bars["летали"] == (1, False)
    assert bars[" родилась в "] == (0, False)


def test_a_fact_lights_its_words_and_its_sentence(show: Callable[..., Any]) -> None:
    browser = show(example())
    one(browser, "#tab-facts").click()
    one(browser, '#facts [data-fact="0"]').click()
    assert text_of(browser, "#text .subject") == "Анна Ахматова"
    assert text_of(browser, "#text .object") == "Одессе"
    assert text_of(browser, "#text .evidence:not(.tag)") == TEXT[: TEXT.index(". ") + 1]
    assert text_of(browser, "#card blockquote") == TEXT[: TEXT.index(". ") + 1]
    one(browser, "#tab-graph").click()
    assert names(browser, "edge.lit") == ["место рождения"]
    assert names(browser, "node.chosen") == ["Анна Ахматова", "Одесса"]


def test_nested_mentions_are_reached_one_by_one(show: Callable[..., Any]) -> None:
    browser = show(example())
    (piece,) = (each for each in browser.find_elements(By.CSS_SELECTOR, "#text .piece") if each.text == "Ленинградском")
    piece.click()
    assert one(browser, "#card h2").text == "Санкт-Петербург"
    piece.click()
    assert one(browser, "#card h2").text == "Ленинградском общежитии"


def test_filters_take_away_and_give_back(show: Callable[..., Any]) -> None:
    browser = show(example())
    one(browser, "#tab-facts").click()
    one(browser, "#filter-button").click()
    slide = "const s = document.getElementById('score'); s.value = 0.5; s.dispatchEvent(new Event('input'))"
    browser.execute_script(slide)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#facts .fact")) == 1  # Одесса has 0.4, one fact 0.3
    one(browser, "#types .chip input").click()  # PERSON
    assert text_of(browser, "#facts").startswith("Фильтры скрыли все факты.")
    one(browser, "#reset").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#facts .fact")) == 3


def test_relations_and_types_are_said_in_two_languages(show: Callable[..., Any]) -> None:
    browser = show(example())
    one(browser, "#language").click()
    one(browser, "#tab-map").click()
    assert "place of birth" in text_of(browser, "#map .leaf")
    assert browser.execute_script("return document.documentElement.lang") == "en"
    assert one(browser, "#counts").text == "7 mentions · 3 facts"


def test_the_keyboard_reaches_everything(show: Callable[..., Any]) -> None:
    browser = show(example())
    one(browser, "#text .first").send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element.text == "Одессе"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert one(browser, "#card h2").text == "Одесса"
    one(browser, "#graph").send_keys(Keys.ARROW_RIGHT, Keys.ENTER)
    assert "Анна Ахматова" in text_of(browser, "#graph-live")
    assert one(browser, "#card h2").text == "Анна Ахматова"
    one(browser, "#tab-graph").send_keys(Keys.ARROW_RIGHT)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert one(browser, "#facts-pane").is_displayed()
    browser.execute_script("document.querySelector('#facts .fact').focus()")
    browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN, Keys.ENTER)
    assert text_of(browser, "#text .subject") == "Лев"
    stops = browser.execute_script("return document.querySelectorAll('#text [tabindex=\"0\"]').length")
    assert stops == 1
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert browser.execute_script(outline) == "solid"


def test_names_stand_in_the_text_and_the_rest_on_a_card(show: Callable[..., Any]) -> None:
    browser = show(example())
    tags = browser.execute_script(
        "return Array.from(document.querySelectorAll('.tag'), (each) => each.dataset.text).filter(Boolean)"
    )
    assert tags == ["Санкт-Петербург"]  # «Одессе» says its name itself
    browser.execute_script("document.querySelector('#text .first').focus()")
    assert one(browser, "#tip").text.split("\n") == [
        "Анна Ахматова", "человек · Q80440", "русская поэтесса", "упоминание 0,99",
    ]  # fmt: skip


def test_search_finds_names_ids_and_words(show: Callable[..., Any]) -> None:
    browser = show(example(), *crowd(3))
    for query, wanted in (
        ("ахмат", "Анна Ахматова"),
        ("Q656", "Санкт-Петербург"),
        ("общежит", "Ленинградском общежитии"),
    ):
        one(browser, "#search").clear()
        one(browser, "#search").send_keys(query, Keys.ENTER)
        assert one(browser, "#card h2").text == wanted
    one(browser, "#search").clear()
    one(browser, "#search").send_keys("были в городе")
    one(browser, "#found li").click()
    assert "Тара-0" in text_of(browser, "#text")


def test_an_address_restores_the_selection(show: Callable[..., Any]) -> None:
    documents = [example(), *crowd(3)]
    browser = show(*documents)
    one(browser, "#tab-facts").click()
    one(browser, '#facts [data-fact="0"]').click()
    wait(browser, "location.hash.includes('fact=0')")
    address = browser.execute_script("return location.hash")
    browser = show(*documents, address=address)
    assert one(browser, "#facts-pane").is_displayed()
    assert text_of(browser, "#card blockquote") == TEXT[: TEXT.index(". ") + 1]
    tap_address = "#doc=" + quote("встреча 2") + "&node=Q80440"
    browser = show(*documents, address=tap_address)
    assert one(browser, "#card h2").text == "Анна Ахматова"
    assert "Тара-2" in text_of(browser, "#text")


def test_a_phone_shows_one_pane_and_nothing_sticks_out(show: Callable[..., Any]) -> None:
    browser = show(example(), width=360, height=740)
    assert one(browser, "#text-pane").is_displayed()
    assert not one(browser, "#graph-pane").is_displayed()
    assert one(browser, ".bar").size["height"] < 60  # one row
    one(browser, "#tab-facts").click()
    one(browser, "#facts .fact").click()
    one(browser, "#card .to-text").click()
    assert one(browser, "#text-pane").is_displayed()
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360


def test_there_may_be_nothing_to_show(show: Callable[..., Any]) -> None:
    assert one(show(), "#notice").text == "There are no documents here."
    browser = show(Document("empty", ""))
    assert text_of(browser, "#text") == "В документе нет текста."
    assert one(browser, "#graph-hint").text == "Фактов не найдено."


def test_a_notebook_shows_the_page_in_its_frame(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{frame(example())}", encoding="utf-8")
    size = {"width": 1360, "height": 860, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(path.as_uri())
    browser.switch_to.frame(0)
    assert text_of(browser, "#text") == TEXT
    wait(browser, "document.getElementById('graph')._cyreg")
    assert len(names(browser)) == 4
    browser.switch_to.default_content()
    assert browser.get_log("browser") == []
