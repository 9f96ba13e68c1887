"""The graph of the page, in a real Chromium without a window."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.view.browsing import crowd, example, flight, graph, names, one, saved_bytes, tap, text_of, wait

pytest.importorskip("selenium", reason="the page in a browser: selenium is not installed")
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys


def test_a_node_shows_its_mentions_and_wikidata(show: Callable[..., Any]) -> None:
    browser = show(example())
    tap(browser, "Анна Ахматова")
    assert names(browser, "node.lit") == ["Анна Ахматова", "Лев", "Одесса"]  # the neighbourhood
    assert one(browser, "#card h2").text == "Анна Ахматова"
    assert one(browser, "#card a").get_attribute("href") == "https://www.wikidata.org/wiki/Q80440"
    assert text_of(browser, "#text .chosen") == "Анна Ахматова"
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not one(browser, "#card").is_displayed()


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


def test_what_is_seen_is_saved_as_a_picture(show: Callable[..., Any]) -> None:
    content = saved_bytes(show(example()), "save-png")
    assert content.startswith(b"\x89PNG")
    assert len(content) > 10_000
