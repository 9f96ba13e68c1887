"""Questions to a store of three documents, by command and by SPARQL; what no query may do."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyoxigraph", reason="a store needs the extra relik-ml[graph]")
from tests.cli.conftest import refused, run

from .samples import DOCUMENTS, EXAMPLES

WD = "http://www.wikidata.org/entity/"


@pytest.fixture(scope="module")
def kg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    assert run("graph", "load", EXAMPLES, "--store", folder / "kg").exit_code == 0
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


@pytest.mark.parametrize("name", ["Q44371", "валентина  ТЕРЕШКОВА", "Валентине Терешковой", f"{WD}Q44371"])
def test_facts_come_by_item_name_and_iri(kg: Path, name: str) -> None:
    found = answer(kg, "facts", name)
    assert ("Валентина Терешкова", "DATE_OF_BIRTH", "1937-03-06") in told(found)
    assert len(found) == 6
    (born,) = (fact for fact in found if fact["relation"] == "PLACE_OF_BIRTH")
    (source,) = born["sources"]
    assert source["document"] == "терешкова"
    assert source["sentence"] == "Валентина Терешкова родилась 6 марта 1937 года в Ярославле."
    text = DOCUMENTS[0].text
    assert [text[slice(*span)] for span in source["mentions"]] == ["Валентина Терешкова", "Ярославле"]


def test_documents_that_agree_are_sources_of_one_fact(kg: Path) -> None:
    first = answer(kg, "facts", "Q44371")[0]
    assert told([first]) == [("Валентина Терешкова", "SPOUSE", "Андриян Николаев")], "the item has an English label"
    assert [source["document"] for source in first["sources"]] == ["терешкова", "николаев"]


def test_what_is_denied_is_hidden_and_no_triple(kg: Path) -> None:
    place = ("Валентин Глушко", "PLACE_OF_BIRTH", "Москва")
    assert place not in told(answer(kg, "facts", "Глушко"))
    assert place in told(answer(kg, "facts", "Глушко", "--all"))
    assert answer(kg, "query", "SELECT ?x { wd:Q342397 wdt:P19 wd:Q649 }") == []


def test_a_timeline_has_the_events_of_a_thing(kg: Path) -> None:
    assert told(answer(kg, "timeline", "Пётр Лунин")) == [("слёт космонавтов", "POINT_IN_TIME", "2001")]
    dates = [fact["object"] for fact in answer(kg, "timeline", "Терешкова")]
    assert [(date["value"], date["datatype"]) for date in dates] == [
        ("1937", "xsd:gYear"), ("1937-03-06", "xsd:date"), ("2001", "xsd:gYear"),
    ]  # fmt: skip


def test_a_path_is_shown_with_its_sentences(kg: Path) -> None:
    assert told(answer(kg, "path", "Елена Андрианова", "Чебоксары")) == [
        ("Валентина Терешкова", "PARENT_OF", "Елена Андрианова"),
        ("Валентина Терешкова", "SPOUSE", "Андриян Николаев"),
        ("Андриян Николаев", "PLACE_OF_DEATH", "Чебоксары"),
    ]
    shown = run("graph", "path", "Глушко", "Одесса", "--store", kg, "--sources").stdout
    assert "    «Валентин Глушко родился в Одессе.» — энергия, 0.96" in shown.splitlines()
    none = run("graph", "path", "Глушко", "Ярославль", "--store", kg, "--longest", 2)
    assert (none.exit_code, none.stdout) == (1, "")
    assert "no path" in none.stderr


def test_conflicts_are_places_that_differ_and_not_dates_that_fit(kg: Path) -> None:
    found = answer(kg, "conflicts")
    assert {fact["relation"] for fact in found} == {"PLACE_OF_DEATH"}
    assert {(fact["object"]["label"], fact["sources"][0]["document"]) for fact in found} == {
        ("Чебоксары", "николаев"), ("Казань", "заметка"),
    }  # fmt: skip
    assert answer(kg, "conflicts", "--min-score", "0.5") == []


def test_a_query_is_answered_in_every_format(kg: Path) -> None:
    query = "SELECT DISTINCT ?who ?where { ?who wdt:P19 ?where } ORDER BY ?where LIMIT 1"
    done = run("graph", "query", query, "--store", kg, "--sources")
    assert done.stdout.splitlines()[2].split() == ["Валентин", "Глушко", "(Q342397)", "Одесса", "(Q1874)"]
    assert "«Валентин Глушко родился в Одессе.» — энергия, 0.96" in done.stdout
    rows = [*csv.reader(io.StringIO(run("graph", "query", query, "--store", kg, "--format", "csv").stdout))]
    assert rows[0] == ["who", "where"]
    assert len(rows) == 2
    assert answer(kg, "query", query)[0]["where"] == {"type": "uri", "value": "http://www.wikidata.org/entity/Q1874"}
    construct = "CONSTRUCT WHERE { ?child wdt:P106 wd:Q11631 }"
    done = run("graph", "query", construct, "--store", kg, "--format", "turtle")
    assert done.stdout.splitlines()[-1] == "wd:Q312474 wdt:P106 wd:Q11631 ."
    assert run("graph", "query", "-", "--store", kg, input="ASK { wd:Q44371 ?p ?o }").stdout == "yes\n"
    refused(run("graph", "query", construct, "--store", kg, "--format", "csv"), 7, "turtle")
    refused(run("graph", "query", query, "--store", kg, "--format", "turtle"), 7, "CONSTRUCT")


@pytest.mark.parametrize(("query", "part"), [
    ("SELECT * {\n  ?s foo:x ?y }", "line 2, column"), ("SELECT * { ?s ?p }", "column 19"), ("", "column 1"),
    ("DELETE WHERE { ?s ?p ?o }", "DELETE"), ("PREFIX x: <y:> INSERT DATA { x:a x:b 1 }", "INSERT"),
    ("DROP ALL", "DROP"), ("LOAD <http://127.0.0.1/>", "LOAD"),
    ("SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "SERVICE"),
    ("SELECT * { ?s ?p 1sErViCe <http://127.0.0.1:1/> { ?s ?p ?o } }", "SERVICE"),
    ("SELECT * { BIND('\\'' AS ?x) SERVICE SILENT ?x { ?s ?p ?o } # ' \n}", "SERVICE"),
    ("PREFIX : <http://127.0.0.1:1/> SELECT * { SERVICE:x { ?s ?p ?o } }", "SERVICE"),
    ("PREFIX : <http://127.0.0.1:1/> SELECT * { ?s ?p :.SERVICE:x { ?s ?p ?o } }", "SERVICE"),
    ("SELECT * { # \r SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } \n}", "SERVICE"),
    ("SELECT * { ?s ?p <x:\\u0041#> SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } \n}", "SERVICE"),
    ("SELECT * { ?s ?p <x:\u00a0#> SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } \n}", "SERVICE"),
    ("SELECT * { ?s ?p wd:a\\# . SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } \n}", "SERVICE"),
    ("SELECT * { ?s ?p wd:a\\' . SERVICE <http://127.0.0.1:1/> { ?s ?p wd:a\\' } }", "SERVICE"),
    ("SELECT * { \\u0053ERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "column"),
])  # fmt: skip
def test_a_query_neither_writes_nor_asks_others(kg: Path, query: str, part: str, no_network: None) -> None:
    refused(run("graph", "query", query, "--store", kg), 7, part)


def test_unknown_things_are_refused_with_names_that_are_there(kg: Path) -> None:
    refused(run("graph", "facts", "Терешков", "--store", kg), 3, "'терешкова'")
    for name in ("Q1", "https://e.org/ x", "Zz\"'\\"):
        refused(run("graph", "facts", name, "--store", kg), 3, "no such thing")
