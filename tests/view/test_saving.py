"""What the page saves, in a real Chromium without a window: documents, tables, corrections."""

import csv
import json
import zipfile
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from relik_ml.data import Report, read_documents
from relik_ml.plugins import load_converter
from relik_ml.types import Link, Property
from tests.export.hostile import STRINGS
from tests.export.hostile import everywhere as hostile
from tests.view.browsing import crowd, example, one, saved, saved_bytes, span, tap, text_of

pytest.importorskip("selenium", reason="the page in a browser: selenium is not installed")
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select


def call_wrong(browser: Any, what: str, choice: str, value: str = "") -> None:
    """Opens the form of what the card shows, and chooses what is right: a button, or a value of a field."""
    one(browser, f'#card [data-wrong="{what}"]').click()
    field = one(browser, f'#card .fix [data-fix="{choice}"]')
    if field.tag_name == "select":
        Select(field).select_by_value(value)
    elif value:
        field.send_keys(value, Keys.ENTER)
    else:
        field.click()


def test_corrections_hold_what_is_right(show: Callable[..., Any], tmp_path: Path) -> None:
    """A candidate, an item and a type, another relation, and what is no mention; facts and entities follow."""
    browser = show(example(), *crowd(1))
    one(browser, "#tab-facts").click()
    one(browser, '#facts [data-fact="0"]').click()
    call_wrong(browser, "fact", "relation", "PLACE_RESIDES_IN")
    one(browser, "#card .object").click()
    one(browser, '#card [data-wrong="mention"]').click()
    assert one(browser, '.fix [data-fix="candidate-0"]').text == "Одесса город в Техасе · Q128361 · 0,20"
    one(browser, '#card [data-wrong="mention"]').click()
    call_wrong(browser, "mention", "candidate-0")
    one(browser, "#tab-graph").click()
    tap(browser, "Лев")
    call_wrong(browser, "mention", "gone")
    one(browser, "#search").send_keys("Q656", Keys.ENTER)
    call_wrong(browser, "mention", "type", "DISTRICT")
    one(browser, '.fix [data-fix="item"]').send_keys("Ленинград", Keys.ENTER)
    assert text_of(browser, "#wrong-count") == "4 исправления"
    one(browser, '.fix [data-fix="item"]').clear()
    one(browser, '.fix [data-fix="item"]').send_keys("q128361", Keys.ENTER)
    path = tmp_path / "corrected.jsonl"
    path.write_text(saved(browser, "save-corrected"), encoding="utf-8", newline="\n")
    (found,) = read_documents(path)
    assert [mention.id for mention in found.mentions] == ["T1", "T2", "T3", "T4", "T6", "T7"]
    assert found.mentions[1].link == Link("linked", "Q128361", "Одесса")
    assert (found.mentions[5].type, found.mentions[5].link) == ("DISTRICT", Link("linked", "Q128361"))
    assert [entity.mentions for entity in found.entities] == [("T2", "T7")]
    (fact,) = found.triples
    assert (fact.relation, fact.property, fact.score) == ("PLACE_RESIDES_IN", Property("P551"), None)
    changes = [(each["what"], each["was"]["score"], each["now"] is None) for each in found.meta["corrections"]]
    assert changes == [("mention", 0.4, False), ("mention", 0.8, True), ("mention", 0.9, False), ("fact", 0.96, False)]
    folder = tmp_path / "brat"
    with zipfile.ZipFile(BytesIO(saved_bytes(browser, "save-brat"))) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    (again,) = load_converter("brat").read(folder, "all", Report())
    assert (again.text, [each.relation for each in again.triples]) == (found.text, ["PLACE_RESIDES_IN"])
    assert [mention.type for mention in again.mentions] == [mention.type for mention in found.mentions]
    assert [mention.link.id for mention in again.mentions] == [mention.link.id for mention in found.mentions]


def test_a_correction_of_all_mentions_is_taken_back(show: Callable[..., Any]) -> None:
    browser = show(*crowd(3))
    tap(browser, "Анна Ахматова")
    call_wrong(browser, "mention", "nil")
    one(browser, '.fix [data-fix="all"]').click()
    one(browser, '.fix [data-fix="back"]').click()
    assert text_of(browser, "#wrong-count") == "2 исправления"
    assert browser.switch_to.active_element.tag_name == "button"
    leaves = "return dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert not browser.execute_script(leaves)  # it asks before what is not saved is lost
    records = [json.loads(line) for line in saved(browser, "save-corrected").splitlines()]
    assert [record["mentions"][0]["link"]["status"] for record in records] == ["nil"] * 2
    assert browser.execute_script(leaves)


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
