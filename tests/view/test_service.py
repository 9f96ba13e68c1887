"""The page of the real service in a real browser: what is pasted there comes back as a graph."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relik_ml.index import PassageIndex
from relik_ml.types import Annotated, Document, Entry, Link, Mention, Property, Span, Triple
from tests.view.browsing import graph, one, served, text_of, wait
from tests.view.test_form import fill_in

for package in ("fastapi_offline", "prometheus_client", "uvicorn"):
    pytest.importorskip(package, reason="the service needs the extra relik-ml[serve]")
from relik_ml.serve import ServiceConfig, create_app  # noqa: E402

TEXT = "🚀 Анна родилась в Одессе.\nПотом уехала."


class Knowing:
    """Finds in every text that Анна was born in Одесса."""

    def annotate(self, documents: Any) -> Iterator[Document]:
        for document in documents:
            yield born(document)


def born(document: Document) -> Document:
    start = document.text.index("Анна")
    city = document.text.index("Одессе")
    anna = Mention("T1", start, start + 4, "PERSON", link=Link("nil", score=0.9), score=0.9)
    odessa = Mention("T2", city, city + 6, "CITY", link=Link("linked", "Q1874", "Одесса", score=0.9), score=0.9)
    fact = Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(start, city + 7),), 0.8)
    return replace(document, mentions=(anna, odessa), triples=(fact,), annotated=Annotated(mentions="silver"))


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    index = PassageIndex.build([Entry("Q1874", "entity", "Одесса", "город на Чёрном море")], None, tmp_path / "index")
    app = create_app(Knowing().annotate, ("ru",), ServiceConfig(max_characters=1000, api_key="secret"), index)
    size = {"width": 1360, "height": 860, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    with served(app) as address:
        browser.get(f"{address}/")
        yield browser
        browser.get("about:blank")
        browser.get_log("browser")


def test_a_pasted_text_becomes_a_graph_linked_to_its_words(page: Any) -> None:
    one(page, "#ask-key").send_keys("secret")
    fill_in(page, TEXT)
    wait(page, "document.getElementById('graph')._cyreg?.cy.nodes().length === 2")
    assert text_of(page, "#text") == TEXT
    graph(page, "g.nodes().filter((each) => each.data('name') === 'Одесса').emit('tap')")
    assert "город на Чёрном море" in text_of(page, "#card")
    graph(page, "g.edges().emit('tap')")
    assert text_of(page, "#text .subject") == "Анна"
    assert text_of(page, "#text .object") == "Одессе"
    assert text_of(page, "#card blockquote") == "Анна родилась в Одессе."
    assert one(page, "#card a").get_attribute("href") == "https://www.wikidata.org/wiki/Property:P19"
    assert [entry["message"] for entry in page.get_log("browser")] == []


def test_the_service_says_what_it_refuses(page: Any) -> None:
    fill_in(page, TEXT)
    wait(page, "document.getElementById('notice').textContent.includes('401 the API key is missing or wrong')")
    one(page, "#ask-key").send_keys("secret")
    fill_in(page, "Ни о ком.")
    wait(page, "document.getElementById('notice').textContent.includes('500 the service failed')")


def test_the_api_is_tried_on_its_page_with_the_key(page: Any) -> None:
    page.get(page.current_url + "docs")
    wait(page, "document.querySelector('.btn.authorize') !== null")
    one(page, ".btn.authorize").click()
    one(page, ".auth-container input").send_keys("secret")
    one(page, ".auth-container button.authorize").click()
    one(page, ".auth-container button.btn-done").click()
    one(page, "[id$=annotate_annotate_post] .opblock-summary-control").click()
    wait(page, "document.querySelector('.opblock textarea')?.value.includes('Анна')")
    page.execute_script("document.querySelector('.opblock .execute').click()")
    wait(
        page,
        "document.querySelector('.live-responses-table .response .response-col_status')?.textContent.startsWith('200')",
    )
    assert "Q1874" in text_of(page, ".live-responses-table .highlight-code")
    one(page, "[id$=stream_stream_post] .opblock-summary-control").click()
    wait(page, "document.querySelector('[id$=stream_stream_post] textarea')?.value.startsWith('{\"id\":\"anna\"')")
    loaded = page.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert all(url.startswith((page.current_url.partition("docs")[0], "data:")) for url in loaded)
    assert [entry["message"] for entry in page.get_log("browser")] == []
