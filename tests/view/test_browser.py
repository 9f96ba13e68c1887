"""The page in a real Chromium without a window."""

import csv
import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from relik_ml.data import read_documents
from relik_ml.types import Document, Link, Mention, Property, Span, Triple
from relik_ml.view import report
from relik_ml.view import show as frame
from tests.export.hostile import STRINGS
from tests.export.hostile import everywhere as hostile

pytest.importorskip("selenium", reason="the page in a browser: selenium is not installed")
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

TEXT = (
    "🚀 Анна Ахматова родилась в Одессе 👩‍🚀. Гага\u0301рин и Титов летали.\nЕё сын Лев жил в Ленинградском общежитии."
)


def span(part: str) -> tuple[int, int]:
    start = TEXT.index(part)
    return start, start + len(part)


def example() -> Document:
    """Nested, crossing and discontinuous mentions, a pair of facts, emoji and a combining accent."""
    torn = (Span(*span("Гага\u0301рин")), Span(*span("летали")))
    mentions = (
        Mention("T1", *span("Анна Ахматова"), "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"), score=0.99),
        Mention("T2", *span("Одессе"), "CITY", link=Link("linked", "Q1874", "Одесса"), score=0.4),
        Mention("T3", torn[0].start, torn[1].stop, "EVENT", torn),
        Mention("T4", *span("рин и Титов"), "PERSON", link=Link("nil")),
        Mention("T5", *span("Лев"), "PERSON", link=Link("nil"), score=0.8),
        Mention("T6", *span("Ленинградском общежитии"), "ORGANIZATION"),
        Mention("T7", *span("Ленинградском"), "CITY", link=Link("linked", "Q656", "Санкт-Петербург"), score=0.9),
    )
    facts = (
        Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, TEXT.index(". ") + 1),), 0.96),
        Triple("T5", "PLACE_RESIDES_IN", "T6", Property("P551"), (Span(TEXT.index("Её"), len(TEXT)),), 0.3),
        Triple("T5", "PARENT_OF", "T1", Property("P40", inverse=True), (Span(TEXT.index("Её"), len(TEXT)),), 0.7),
    )
    return Document("example", TEXT, "ru", mentions, (), facts)


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of documents; at the end nothing may have gone wrong in it, nor been asked of any machine."""

    def opened(*documents: Document, width: int = 1360, height: int = 860) -> Any:
        path = tmp_path / "report.html"
        path.write_text(report(documents), encoding="utf-8", newline="\n")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(path.as_uri())
        return browser

    yield opened
    assert browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)") == []
    assert browser.execute_script("return window.hacked") is None
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def one(browser: Any, selector: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, selector)


def text_of(browser: Any, selector: str) -> str:
    """All text of what a selector finds, exactly."""
    script = "return Array.from(document.querySelectorAll(arguments[0]), (each) => each.textContent).join('')"
    return str(browser.execute_script(script, selector))


def saved(browser: Any, button: str) -> str:
    """What a button would save: the blob is read in place of being downloaded."""
    return str(browser.execute_async_script(
        """const done = arguments[1];
        const decoder = new TextDecoder("utf-8", {ignoreBOM: true});
        URL.createObjectURL = (blob) => { blob.arrayBuffer().then((held) => done(decoder.decode(held))); return "#"; };
        document.getElementById(arguments[0]).click();""",
        button,
    ))  # fmt: skip


def test_bars_lie_in_lanes(show: Callable[..., Any]) -> None:
    """Every mention has as many bars under the letters that it covers as there are mentions over these."""
    browser = show(example())
    script = """return Array.from(document.querySelectorAll("#text p > span:not(.tag)"),
        (each) => [each.textContent, each.style.backgroundImage])"""
    bars = {text: (image.count("gradient"), "repeating" in image) for text, image in browser.execute_script(script)}
    assert bars["Ленинградском"] == (2, False)
    assert bars[" общежитии"] == (1, False)
    assert bars["Гага\u0301"] == (1, False)
    assert bars["рин"] == (2, False)
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
    assert text_of(browser, "#graph .edge.lit .label") == "место рождения"


def test_a_node_shows_its_mentions_and_wikidata(show: Callable[..., Any]) -> None:
    browser = show(example())
    one(browser, "#graph .node").click()
    assert one(browser, "#card h2").text == "Анна Ахматова"
    assert one(browser, "#card a").get_attribute("href") == "https://www.wikidata.org/wiki/Q80440"
    assert text_of(browser, "#text .chosen") == "Анна Ахматова"
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not one(browser, "#card").is_displayed()


def test_nested_mentions_are_reached_one_by_one(show: Callable[..., Any]) -> None:
    browser = show(example())
    (piece,) = (each for each in browser.find_elements(By.CSS_SELECTOR, "#text .piece") if each.text == "Ленинградском")
    piece.click()
    assert one(browser, "#card h2").text == "Санкт-Петербург"
    piece.click()
    assert one(browser, "#card h2").text == "Ленинградском общежитии"


def test_filters_take_away_and_give_back(show: Callable[..., Any]) -> None:
    browser = show(example())
    one(browser, "#filter-button").click()
    slide = "const s = document.getElementById('score'); s.value = 0.5; s.dispatchEvent(new Event('input'))"
    browser.execute_script(slide)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#facts .fact")) == 1  # Одесса has 0.4, one fact 0.3
    one(browser, "#types .chip input").click()  # PERSON
    assert text_of(browser, "#facts") == "Фильтры скрыли все факты."
    assert not browser.find_elements(By.CSS_SELECTOR, "#graph .node:not(.hidden)")
    one(browser, "#reset").click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#facts .fact")) == 3


def test_relations_and_types_are_said_in_two_languages(show: Callable[..., Any]) -> None:
    browser = show(example())
    one(browser, "#language").click()
    one(browser, "#tab-map").click()
    assert "place of birth" in text_of(browser, "#map .relation")
    assert browser.execute_script("return document.documentElement.lang") == "en"
    assert one(browser, "#counts").text == "7 mentions · 3 facts"


def test_the_keyboard_reaches_everything(show: Callable[..., Any]) -> None:
    browser = show(example())
    one(browser, "#text .first").send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element.text == "Одессе"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert one(browser, "#card h2").text == "Одесса"
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


def test_boxes_can_be_dragged(show: Callable[..., Any]) -> None:
    browser = show(example())
    node = one(browser, "#graph .node")
    before, lines = node.get_attribute("transform"), edge_lines(browser)
    ActionChains(browser).drag_and_drop_by_offset(node, 60, 40).perform()
    assert node.get_attribute("transform") != before
    assert edge_lines(browser) != lines
    assert not one(browser, "#card").is_displayed()  # a drag is no click


def edge_lines(browser: Any) -> list[str]:
    return [each.get_attribute("d") for each in browser.find_elements(By.CSS_SELECTOR, "#graph .line")]


def test_documents_are_saved_as_they_came(show: Callable[..., Any], tmp_path: Path) -> None:
    documents = [example(), hostile("</script>\u2028\ud800 🚀")]
    browser = show(*documents)
    path = tmp_path / "saved.jsonl"
    path.write_text(saved(browser, "save-jsonl"), encoding="utf-8", newline="\n")
    assert list(read_documents(path)) == documents


def test_facts_are_saved_as_a_table(show: Callable[..., Any]) -> None:
    rows = list(csv.DictReader(StringIO(saved(show(example()), "save-csv").removeprefix("\ufeff"), newline="")))
    assert [(row["subject"], row["relation"], row["object"]) for row in rows] == [
        ("Анна Ахматова", "PLACE_OF_BIRTH", "Одессе"), ("Лев", "PLACE_RESIDES_IN", "Ленинградском общежитии"),
        ("Лев", "PARENT_OF", "Анна Ахматова"),
    ]  # fmt: skip
    start, stop = span("Одессе")
    assert (rows[0]["object_start"], rows[0]["object_stop"], rows[0]["score"]) == (str(start), str(stop), "0.96")


def test_hostile_strings_are_only_text(show: Callable[..., Any]) -> None:
    browser = show(*(hostile(string, number) for number, string in enumerate(STRINGS)))
    script = """const seen = [], select = document.getElementById("document");
    for (let index = 0; index < arguments[0]; index += 1) {
      select.value = index;
      select.dispatchEvent(new Event("change"));
      document.querySelector("#facts .fact").click();
      seen.push([JSON.stringify(document.getElementById("text").textContent),
        JSON.stringify(document.querySelector("#card blockquote").textContent),
        Array.from(document.querySelectorAll("a:not(.skip)"), (each) => each.href)]);
    }
    return [seen, Array.from(new Set(Array.from(document.querySelectorAll("*"), (each) => each.localName))).sort()]"""
    seen, tags = browser.execute_script(script, len(STRINGS))
    texts = [json.loads(text) for text, _, _ in seen]
    assert texts == [f"Так {string}, в 1941." for string in STRINGS]
    assert [json.loads(quote) for _, quote, _ in seen] == texts
    assert all(links == [] for _, _, links in seen)
    assert not {"img", "iframe", "object", "embed", "b", "i", "base"} & set(tags)


@pytest.mark.parametrize("string", STRINGS[:70:5])
def test_hostile_strings_are_saved_as_text(show: Callable[..., Any], string: str) -> None:
    browser = show(hostile(string))
    rows = list(csv.reader(StringIO(saved(browser, "save-csv").removeprefix("\ufeff"), newline="")))
    assert [len(row) for row in rows] == [23, 23]
    found = rows[1][1].removeprefix("'")
    assert found == string.encode("utf-16", "surrogatepass").decode("utf-16", "replace").removeprefix("'")
    root = ElementTree.fromstring(saved(browser, "save-svg"))
    assert {each.tag.partition("}")[2] for each in root.iter()} == {
        "svg", "defs", "marker", "path", "g", "text", "rect", "title",
    }  # fmt: skip


def test_a_phone_shows_one_pane_and_nothing_sticks_out(show: Callable[..., Any]) -> None:
    browser = show(example(), width=360, height=740)
    assert one(browser, "#text-pane").is_displayed()
    assert not one(browser, "#graph-pane").is_displayed()
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
    browser.get(path.as_uri())
    browser.switch_to.frame(0)
    assert text_of(browser, "#text") == TEXT
    assert browser.find_elements(By.CSS_SELECTOR, "#graph .node")
    browser.switch_to.default_content()
    assert browser.get_log("browser") == []
