"""The page of a graph store in a real browser: by keyboard and by mouse, wide and narrow, with hostile strings."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import pytest

pytest.importorskip("pyoxigraph", reason="a store needs the extra relik-ml[graph]")
pytest.importorskip("fastapi_offline", reason="the service needs the extra relik-ml[serve]")

from relik_ml.data import write_documents
from relik_ml.graph import Loader, SourceFile, open_store
from relik_ml.serve import ServiceConfig, create_app
from tests.graph.samples import DOCUMENTS
from tests.graph.test_loading import hostile_documents
from tests.view.browsing import graph, one, served, text_of, wait

Page = Callable[..., Any]
TERESHKOVA = "#" + quote("http://www.wikidata.org/entity/Q44371", safe="")
NODES = "document.getElementById('graph')._cyreg?.cy.nodes().length === {}"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("kg")
    write_documents([*DOCUMENTS, *hostile_documents()[::9]], folder / "documents.jsonl")
    with open_store(folder / "kg", create=True, write=True) as store:
        list(Loader(store).load([SourceFile(folder / "documents.jsonl")]))
    app = create_app(lambda documents: iter(documents), ("ru",), ServiceConfig(), None, folder / "kg")
    with served(app) as home:
        yield f"{home}/graph"


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Page]:
    """Opens the page; at the end nothing may have gone wrong in it, nor been asked of another machine."""

    def opened(place: str = "", width: int = 1360) -> Any:
        size = {"width": width, "height": 860, "deviceScaleFactor": 1, "mobile": width < 700}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        browser.get(address + place)
        wait(browser, "document.querySelector('#head h1') !== null")
        if browser.execute_script("return document.documentElement.lang") == "en":
            one(browser, "#language").click()
        return browser

    yield opened
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert all(url.startswith(address) for url in loaded)
    assert browser.execute_script("return window.hacked") is None
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_an_entity_and_its_sources_are_reached_by_keyboard(page: Page) -> None:
    browser = page()
    assert "Валентина Терешкова" in text_of(browser, "#panel-facts")
    box = one(browser, "#search")
    box.send_keys("терешковой")
    wait(browser, "document.querySelector('#found li[aria-selected=true]')?.textContent.includes('Q44371')")
    box.send_keys("\ue007")
    wait(browser, "document.querySelector('#head h1').textContent === 'Валентина Терешкова'")
    wait(browser, "document.querySelectorAll('.why').length > 4")
    spouse = "[...document.querySelectorAll('.relation-part')].find((each) => each.textContent.includes('Андриян'))"
    browser.execute_script(f"{spouse}.querySelector('.why').focus()")
    browser.switch_to.active_element.send_keys("\ue007")
    wait(browser, f"{spouse}.querySelectorAll('blockquote').length >= 2")
    shown = browser.execute_script(f"return {spouse}.textContent")
    assert "1 − (1 − 0,84) · (1 − 0,78) = 0,96" in shown
    assert "Он был женат на Валентине Терешковой." in shown
    assert browser.execute_script(f"return {spouse}.querySelector('mark.object').textContent") == "Андриян Николаев"


def test_a_node_brings_its_neighbours_and_an_arrow_its_sources(page: Page) -> None:
    browser = page(TERESHKOVA)
    wait(browser, NODES.format(5))
    graph(browser, "g.nodes().filter((each) => each.data('name') === 'слёт космонавтов').emit('tap')")
    wait(browser, NODES.format(7))
    wait(browser, "document.querySelector('#card a[href]')?.textContent === 'Открыть страницу'")
    graph(browser, "g.edges().filter((each) => each.data('name') === 'супруг').emit('tap')")
    wait(browser, "document.querySelectorAll('#card blockquote').length === 2")
    one(browser, "#graph").send_keys("\ue015")
    assert text_of(browser, "#graph-live")
    browser.find_elements("css selector", "#card a[href]")[-1].click()
    wait(browser, "document.querySelector('#head h1').textContent === 'Андриян Николаев'")


def test_a_phone_shows_one_pane_at_a_time_without_scrolling_sideways(page: Page) -> None:
    browser = page(TERESHKOVA, width=390)
    wait(browser, NODES.format(5))
    for tab, pane in (("facts", "panel-facts"), ("texts", "panel-texts"), ("graph", "graph-pane")):
        one(browser, f"#tab-{tab}").click()
        assert one(browser, f"#{pane}").is_displayed()
        assert one(browser, "#graph-pane").is_displayed() is (tab == "graph")
        assert browser.execute_script("return document.documentElement.scrollWidth") == 390


def test_hostile_strings_are_text_on_the_page(page: Page, address: str) -> None:
    """Of each entity all tabs and the sources of its fact are drawn; none of it becomes an element."""
    browser = page()
    tags = "return [...new Set([...document.querySelectorAll('main *')].map((each) => each.tagName.toLowerCase()))]"
    plain = {"section", "div", "nav", "aside", "canvas", "h1", "h2", "p", "ul", "li", "a", "b", "bdi", "span", "button"}
    plain |= {"blockquote", "mark"}
    query = urlencode({"query": "SELECT DISTINCT ?thing ?label { ?thing rdfs:label ?label }"})
    with urlopen(f"{address.removesuffix('graph')}sparql?{query}") as answer:
        rows = json.load(answer)["results"]["bindings"]
    things = {row["label"]["value"]: row["thing"]["value"] for row in rows}
    for hostile in hostile_documents()[::36]:
        label = hostile.mentions[0].link.label or ""
        iri = things[label]
        browser.execute_script("location.hash = encodeURIComponent(arguments[0])", iri)
        wait(browser, "document.querySelector('.why') !== null && document.querySelector('#panel-texts mark') !== null")
        assert browser.execute_script("return document.querySelector('#head h1').textContent") == label
        browser.execute_script("document.querySelector('.why').click()")
        wait(browser, "document.querySelector('.sources blockquote') !== null")
        said = browser.execute_script("return document.querySelector('.sources blockquote').textContent")
        assert said == hostile.text
        assert set(browser.execute_script(tags)) <= plain
        browser.execute_script("location.hash = ''")
        wait(browser, "document.querySelector('.cloud') !== null")
