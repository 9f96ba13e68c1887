"""Questions to a store of three documents, by command and by SPARQL; what no query may do."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyoxigraph", reason="a store needs the extra relik-ml[graph]")
from relik_ml.data import write_documents
from tests.cli.conftest import refused, run

from .samples import DOCUMENTS


@pytest.fixture(scope="module")
def kg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    write_documents(DOCUMENTS, folder / "documents.jsonl")
    assert run("graph", "load", folder / "documents.jsonl", "--store", folder / "kg").exit_code == 0
    return folder / "kg"


def answer(kg: Path, *words: str) -> list[Any]:
    """The records of an answer in JSON."""
    done = run("graph", *words, "--store", kg, "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    rows: list[Any] = found if isinstance(found, list) else found["results"]["bindings"]
    return rows


def told(records: list[Any]) -> list[tuple[str, str, str]]:
    return [
        (fact["subject"]["label"], fact["relation"], fact["object"].get("label") or fact["object"]["value"])
        for fact in records
    ]


@pytest.mark.parametrize("name", ["Q80440", "анна  ахматова", "Ахматовой", "http://www.wikidata.org/entity/Q80440"])
def test_facts_come_by_item_name_and_iri(kg: Path, name: str) -> None:
    found = answer(kg, "facts", name)
    assert ("Анна Ахматова", "DATE_OF_BIRTH", "1889-06-23") in told(found)
    assert len(found) == 8
    (born,) = (fact for fact in found if fact["relation"] == "PLACE_OF_BIRTH" and fact["object"]["label"] == "Одесса")
    (source,) = born["sources"]
    assert source["document"] == "жизнь"
    assert source["sentence"] == "Анна Ахматова родилась 23 июня 1889 года в Одессе."
    text = DOCUMENTS[0].text
    assert [text[slice(*span)] for span in source["mentions"]] == ["Анна Ахматова", "Одессе"]


def test_an_english_name_gets_the_russian_one_of_the_text(kg: Path) -> None:
    assert ("Николай Гумилёв", "WORKS_AS", "поэт") in told(answer(kg, "facts", "Николай Гумилёв"))


def test_what_is_denied_is_hidden_and_no_triple(kg: Path) -> None:
    place = ("Николай Гумилёв", "PLACE_OF_BIRTH", "Одесса")
    assert place not in told(answer(kg, "facts", "Q193672"))
    assert place in told(answer(kg, "facts", "Q193672", "--all"))
    assert answer(kg, "query", "SELECT ?x { wd:Q193672 wdt:P19 ?x }") == []


def test_a_timeline_has_the_events_of_a_thing(kg: Path) -> None:
    assert told(answer(kg, "timeline", "Лев Гумилёв")) == [("вечер поэзии", "POINT_IN_TIME", "1913")]
    dates = [fact["object"] for fact in answer(kg, "timeline", "Q80440")]
    assert [(date["value"], date["datatype"]) for date in dates] == [
        ("1889-06", "xsd:gYearMonth"), ("1889-06-23", "xsd:date"),
    ]  # fmt: skip


def test_a_path_is_shown_with_its_sentences(kg: Path) -> None:
    assert told(answer(kg, "path", "Лев Гумилёв", "Одесса")) == [
        ("Анна Ахматова", "PARENT_OF", "Лев Гумилёв"), ("Анна Ахматова", "PLACE_OF_BIRTH", "Одесса"),
    ]  # fmt: skip
    shown = run("graph", "path", "Лев Гумилёв", "Одесса", "--store", kg, "--sources").stdout
    assert "    «У Ахматовой и Николая Гумилёва родился сын Лев Гумилёв.» — сын, 0.80" in shown.splitlines()
    none = run("graph", "path", "Лев Гумилёв", "Одесса", "--store", kg, "--longest", 1)
    assert (none.exit_code, none.stdout) == (1, "")


def test_conflicts_are_places_that_differ_and_not_dates_that_fit(kg: Path) -> None:
    found = answer(kg, "conflicts")
    assert {fact["relation"] for fact in found} == {"PLACE_OF_BIRTH"}
    assert {(fact["object"]["label"], fact["sources"][0]["document"]) for fact in found} == {
        ("Одесса", "жизнь"), ("Киев", "слухи"),
    }  # fmt: skip
    assert answer(kg, "conflicts", "--min-score", "0.9") == []


def test_a_query_is_answered_in_every_format(kg: Path) -> None:
    query = "SELECT DISTINCT ?who ?where { ?who wdt:P19 ?where } ORDER BY ?where"
    done = run("graph", "query", query, "--store", kg, "--sources")
    assert done.stdout.splitlines()[2].split() == ["Анна", "Ахматова", "(Q80440)", "Одесса", "(Q1874)"]
    assert "«Поэт Ахматова родилась в Киеве.» — слухи, 0.80" in done.stdout
    rows = [*csv.reader(io.StringIO(run("graph", "query", query, "--store", kg, "--format", "csv").stdout))]
    assert rows[0] == ["who", "where"]
    assert len(rows) == 3
    assert answer(kg, "query", query)[0]["where"] == {"type": "uri", "value": "http://www.wikidata.org/entity/Q1874"}
    construct = "CONSTRUCT WHERE { wd:Q80440 wdt:P40 ?child }"
    done = run("graph", "query", construct, "--store", kg, "--format", "turtle")
    assert done.stdout.splitlines()[-1] == "wd:Q80440 wdt:P40 wd:Q313757 ."
    assert run("graph", "query", "-", "--store", kg, input="ASK { wd:Q80440 ?p ?o }").stdout == "yes\n"
    refused(run("graph", "query", construct, "--store", kg, "--format", "csv"), 7, "turtle")
    refused(run("graph", "query", query, "--store", kg, "--format", "turtle"), 7, "CONSTRUCT")


@pytest.mark.parametrize(("query", "part"), [
    ("SELECT * {\n  ?s foo:x ?y }", "line 2, column"), ("SELECT * { ?s ?p }", "column 19"), ("", "column 1"),
    ("DELETE WHERE { ?s ?p ?o }", "DELETE"), ("PREFIX x: <y:> INSERT DATA { x:a x:b 1 }", "INSERT"),
    ("DROP ALL", "DROP"), ("LOAD <http://127.0.0.1/>", "LOAD"),
    ("SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "SERVICE"),
    ("SELECT * { ?s ?p 1sErViCe <http://127.0.0.1:1/> { ?s ?p ?o } }", "SERVICE"),
    ("SELECT * { BIND('\\'' AS ?x) SERVICE SILENT ?x { ?s ?p ?o } # ' \n}", "SERVICE"),
    ("SELECT * { \\u0053ERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "column"),
])  # fmt: skip
def test_a_query_neither_writes_nor_asks_others(kg: Path, query: str, part: str, no_network: None) -> None:
    refused(run("graph", "query", query, "--store", kg), 7, part)


def test_unknown_things_are_refused_with_names_that_are_there(kg: Path) -> None:
    refused(run("graph", "facts", "Ахматов", "--store", kg), 3, "'анна ахматова'")
    for name in ("Q1", "https://e.org/ x", "Zz\"'\\"):
        refused(run("graph", "facts", name, "--store", kg), 3, "no such thing")
