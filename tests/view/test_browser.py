"""The page in a real Chromium without a window."""

import base64
import csv
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from relik_ml.data import Report, read_documents
from relik_ml.plugins import load_converter
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
        Mention("T3", torn[0].start, torn[1].stop, "WORK_OF_ART", torn),
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


DESCRIBED = {"Q80440": "русская поэтесса"}
PLACED = """document.getElementById('main').dataset.tab === 'text'
    || !document.getElementById('graph-hint').textContent.endsWith('…')"""


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of documents; at the end nothing may have gone wrong in it, nor been asked of any machine."""

    def opened(*documents: Document, width: int = 1360, height: int = 860, address: str = "") -> Any:
        path = tmp_path / "report.html"
        path.write_text(report(documents, descriptions=DESCRIBED), encoding="utf-8", newline="\n")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        browser.get(path.as_uri() + address)
        if documents:
            wait(browser, PLACED)
        return browser

    yield opened
    assert browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)") == []
    assert browser.execute_script("return window.hacked") is None
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def graph(browser: Any, script: str, *values: Any) -> Any:
    """What a script says about ``g``, the graph as Cytoscape holds it."""
    return browser.execute_script(f"const g = document.getElementById('graph')._cyreg.cy; {script}", *values)


def names(browser: Any, selector: str = "node") -> list[str]:
    found = "return g.elements(arguments[0]).not('.gone').map((each) => each.data('name')).sort()"
    return [str(name) for name in graph(browser, found, selector)]


def tap(browser: Any, name: str) -> None:
    graph(browser, "g.elements().filter((each) => each.data('name') === arguments[0]).first().emit('tap')", name)


def one(browser: Any, selector: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, selector)


def text_of(browser: Any, selector: str) -> str:
    """All text of what a selector finds, exactly."""
    script = "return Array.from(document.querySelectorAll(arguments[0]), (each) => each.textContent).join('')"
    return str(browser.execute_script(script, selector))


def wait(browser: Any, condition: str) -> None:
    for _ in range(100):
        if browser.execute_script(f"return Boolean({condition})"):
            return
        time.sleep(0.05)
    notices = [each.text for each in browser.find_elements("css selector", "#notice")]
    raise AssertionError(f"never came true: {condition}; notice: {notices}")


def saved_bytes(browser: Any, button: str) -> bytes:
    """What a button would save: the blob is read in place of being downloaded."""
    script = """const [button, done] = arguments, reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1]);
    URL.createObjectURL = (blob) => { reader.readAsDataURL(blob); return "#"; };
    document.getElementById(button).click();"""
    return base64.b64decode(browser.execute_async_script(script, button))


def saved(browser: Any, button: str) -> str:
    return saved_bytes(browser, button).decode("utf-8")


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


def test_a_node_shows_its_mentions_and_wikidata(show: Callable[..., Any]) -> None:
    browser = show(example())
    tap(browser, "Анна Ахматова")
    assert names(browser, "node.lit") == ["Анна Ахматова", "Лев", "Одесса"]  # the neighbourhood
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


PLACE = "const at = g.nodes().filter((each) => each.data('name') === 'Одесса').renderedPosition(); return [at.x, at.y]"


def test_dots_can_be_dragged(show: Callable[..., Any]) -> None:
    browser = show(example())
    time.sleep(0.3)  # until the pane has its size
    x, y = graph(browser, PLACE)
    pane = one(browser, "#graph")
    left, top = x - pane.size["width"] / 2, y - pane.size["height"] / 2
    actions = ActionChains(browser).move_to_element_with_offset(pane, round(left), round(top)).click_and_hold()
    actions.move_by_offset(30, 20).move_by_offset(30, 20).release().perform()
    moved = graph(browser, PLACE)
    assert moved[0] - x > 40
    assert moved[1] - y > 20
    assert not one(browser, "#card").is_displayed()  # a drag is no click


OUTSIDE = """return g.nodes().map((each) => each.renderedBoundingBox())
    .filter((box) => box.x1 < 0 || box.y1 < 0 || box.x2 > g.width() || box.y2 > g.height()).length"""
LETTERS = (
    "return Math.min(...g.nodes().filter((each) => each.data('text')).map((each) => each.data('letters') * g.zoom()))"
)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (820, 1100), (390, 844)])
def test_the_whole_graph_is_seen_on_opening(show: Callable[..., Any], width: int, height: int) -> None:
    browser = show(*crowd(12), width=width, height=height)
    one(browser, "#tab-graph").click()
    wait(browser, "document.getElementById('graph')._cyreg")
    time.sleep(0.4)
    assert graph(browser, OUTSIDE) == 0
    assert graph(browser, LETTERS) >= 10.9


def crowd(count: int) -> list[Document]:
    """Documents that name one linked person, one person who is not in the index, and a town each."""
    return [_meeting(number) for number in range(count)]


def _meeting(number: int) -> Document:
    text = f"Анна Ахматова и Марк Седых{'ов' if number % 2 else ''} были в городе Тара-{number}."
    found = []
    ends = (("Анна Ахматова", "PERSON"), (text[16 : text.index(" были")], "PERSON"), (f"Тара-{number}", "CITY"))
    for index, (name, kind) in enumerate(ends):
        start = text.index(name)
        link = Link("linked", "Q80440", "Анна Ахматова") if index == 0 else Link("nil")
        found.append(Mention(f"T{index}", start, start + len(name), kind, link=link, score=0.9))
    facts = [Triple("T0", "SPOUSE", "T1", None, (Span(0, len(text)),), 0.5)]
    facts += [Triple(f"T{index}", "PLACE_RESIDES_IN", "T2", None, (Span(0, len(text)),), 0.9) for index in (0, 1)]
    return Document(f"встреча {number}", text, "ru", tuple(found), (), tuple(facts))


def test_one_graph_over_all_documents(show: Callable[..., Any]) -> None:
    browser = show(*crowd(4))
    towns = [f"Тара-{number}" for number in range(4)]
    assert names(browser) == sorted(["Анна Ахматова", "Марк Седых", "Марк Седыхов", *towns])
    assert [name for name in names(browser, "edge") if "супруг" in name] == ["супруг ×2"] * 2
    tap(browser, "Тара-3")  # the text follows
    assert text_of(browser, "#text").endswith("Тара-3.")
    one(browser, "#scope").click()
    assert names(browser) == ["Анна Ахматова", "Марк Седыхов", "Тара-3"]


def test_another_document_clears_the_selection(show: Callable[..., Any]) -> None:
    browser = show(*crowd(3))
    tap(browser, "Тара-0")
    assert names(browser, ".dim")
    one(browser, "#next").click()
    assert names(browser, ".dim") == []
    assert not one(browser, "#card").is_displayed()


def test_the_neighbourhood_alone(show: Callable[..., Any]) -> None:
    browser = show(*crowd(3))
    tap(browser, "Тара-1")
    one(browser, "#near").click()
    assert names(browser) == ["Анна Ахматова", "Марк Седыхов", "Тара-1"]
    one(browser, "#clear-near").click()
    assert len(names(browser)) == 6


def flight() -> Document:
    """An event with its date, a date of birth, and a fact between two dates."""
    text = "12 апреля 1961 года Гагарин взлетел. Гагарин родился 9 марта 1934 года. Отряд собрали в 1960 году."
    places = {"T1": ("Гагарин", "PERSON"), "T2": ("взлетел", "EVENT"), "T3": ("12 апреля 1961 года", "DATE"),
              "T4": ("9 марта 1934 года", "DATE"), "T5": ("в 1960 году", "DATE")}  # fmt: skip
    found = {id: (text.index(name), name, kind) for id, (name, kind) in places.items()}
    links = {"DATE": Link("unlinkable")}
    mentions = tuple(
        Mention(id, start, start + len(name), kind, link=links.get(kind, Link()))
        for id, (start, name, kind) in found.items()
    )
    ends = [at + 1 for at, char in enumerate(text) if char == "."]
    first, second, third = (
        Span(start, stop) for start, stop in zip([0, *(end + 1 for end in ends)], ends, strict=False)
    )
    facts = (
        Triple("T2", "POINT_IN_TIME", "T3", None, (first,)), Triple("T1", "PARTICIPANT_IN", "T2", None, (first,)),
        Triple("T1", "DATE_OF_BIRTH", "T4", None, (second,)), Triple("T4", "START_TIME", "T5", None, (third,)),
    )  # fmt: skip
    return Document("flight", text, "ru", mentions, (), facts)


def test_events_and_facts_between_literals_are_off_by_default(show: Callable[..., Any]) -> None:
    browser = show(flight())
    assert names(browser) == ["9 марта 1934 года", "Гагарин"]
    one(browser, "#events").click()
    assert names(browser) == ["12 апреля 1961 года", "9 марта 1934 года", "Гагарин", "взлетел"]
    one(browser, "#kinds").click()
    one(browser, "#tab-facts").click()
    assert "между значениями" in text_of(browser, "#facts")
    one(browser, "#kinds").click()
    one(browser, "#tab-timeline").click()
    assert text_of(browser, "#timeline").replace("\n", "") == (
        "19349 марта 1934 годаГагариндата рождения196112 апреля 1961 годавзлетелГагарин"
    )


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


def test_what_is_called_wrong_is_saved_without_it(show: Callable[..., Any], tmp_path: Path) -> None:
    browser = show(example(), *crowd(1))
    one(browser, "#tab-facts").click()
    one(browser, '#facts [data-fact="0"]').click()
    one(browser, '#card [data-wrong="fact"]').click()
    one(browser, "#card .object").click()
    one(browser, '#card [data-wrong="link"]').click()
    one(browser, "#card .close").click()
    one(browser, "#tab-graph").click()
    tap(browser, "Лев")
    one(browser, '#card [data-wrong="mention"]').click()
    assert text_of(browser, "#wrong-count") == "3 исправления"
    path = tmp_path / "corrected.jsonl"
    path.write_text(saved(browser, "save-corrected"), encoding="utf-8", newline="\n")
    (found,) = read_documents(path)
    assert [mention.id for mention in found.mentions] == ["T1", "T2", "T3", "T4", "T6", "T7"]
    assert found.mentions[1].link == Link("unknown")
    assert found.triples == ()
    assert [len(found.meta["corrections"][name]) for name in ("mentions", "links", "facts")] == [1, 1, 1]
    folder = tmp_path / "brat"
    with zipfile.ZipFile(BytesIO(saved_bytes(browser, "save-brat"))) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    (again,) = load_converter("brat").read(folder, "all", Report())
    assert (again.text, len(again.mentions), again.triples) == (found.text, 6, ())
    assert [mention.link.id for mention in again.mentions if mention.link.status == "linked"] == ["Q80440", "Q656"]


def test_documents_are_saved_as_they_came(show: Callable[..., Any], tmp_path: Path) -> None:
    documents = [example(), hostile("</script>\u2028 🚀")]
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
    one(browser, "#tab-facts").click()
    one(browser, "#scope").click()
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
    assert {each.tag.partition("}")[2] for each in root.iter()} <= {
        "svg", "defs", "marker", "path", "g", "circle", "text", "rect", "title",
    }  # fmt: skip
    assert sum(each.tag.endswith("circle") for each in root.iter()) == 2


def test_what_is_seen_is_saved_as_a_picture(show: Callable[..., Any]) -> None:
    content = saved_bytes(show(example()), "save-png")
    assert content.startswith(b"\x89PNG")
    assert len(content) > 10_000


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
    browser.get(path.as_uri())
    browser.switch_to.frame(0)
    assert text_of(browser, "#text") == TEXT
    wait(browser, "document.getElementById('graph')._cyreg")
    assert len(names(browser)) == 4
    browser.switch_to.default_content()
    assert browser.get_log("browser") == []
