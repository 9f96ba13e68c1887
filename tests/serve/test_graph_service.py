"""A service with a graph store: what its page asks for, and SPARQL by the protocol, with limits and hostile input."""

from __future__ import annotations

import csv
import io
import json
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

pytest.importorskip("pyoxigraph", reason="a store needs the extra relik-ml[graph]")
pytest.importorskip("fastapi_offline", reason="the service needs the extra relik-ml[serve]")
pytest.importorskip("httpx2", reason="a client for tests needs the extra relik-ml[dev]")
pytest.importorskip("rdflib", reason="Turtle needs the extra relik-ml[serve]")
import rdflib

from relik_ml.data import write_documents
from relik_ml.graph import Loader, SourceFile, open_store
from relik_ml.serve import ServiceConfig, create_app
from relik_ml.types import Document
from tests.cli.conftest import refused, run
from tests.export.hostile import STRINGS
from tests.graph.samples import DOCUMENTS
from tests.graph.test_loading import hostile_documents

if TYPE_CHECKING:
    from starlette.testclient import TestClient

Opened = Callable[..., "TestClient"]
WD = "http://www.wikidata.org/entity/"
TERESHKOVA = f"{WD}Q44371"
ROWS = "SELECT DISTINCT ?who ?where { ?who wdt:P19 ?where } ORDER BY ?who"
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o }"


@pytest.fixture(scope="module")
def kg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loaded(tmp_path_factory.mktemp("kg"), DOCUMENTS)


def loaded(folder: Path, documents: Any) -> Path:
    write_documents(documents, folder / "documents.jsonl")
    with open_store(folder / "kg", create=True, write=True) as store:
        list(Loader(store).load([SourceFile(folder / "documents.jsonl")]))
    return folder / "kg"


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Makes a client of a service of a store with these settings."""
    from starlette.testclient import TestClient

    with ExitStack() as stack:

        def made(store: Path, **settings: Any) -> TestClient:
            app = create_app(lambda documents: iter(documents), ("ru",), ServiceConfig(**settings), None, store)
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield made


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a server that must not be asked, and what it was asked."""
    asked: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            asked.append(connection.recv(99))
            connection.close()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/", asked
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


def got(client: TestClient, path: str, **values: Any) -> Any:
    answer = client.get(f"/graph/{path}", params=values)
    assert answer.status_code == 200, answer.text
    return answer.json()


# The page


@pytest.mark.parametrize("query", ["Валентиной Терешковой", "терешк", "ТЕРЕШКОВУ", "q44371", "Q4437"])
def test_an_entity_is_found_by_any_form_of_its_name(kg: Path, opened: Opened, query: str) -> None:
    assert [each["iri"] for each in got(opened(kg), "search", q=query)["things"]] == [TERESHKOVA]


def test_an_entity_has_its_facts_dates_companions_and_sentences(kg: Path, opened: Opened) -> None:
    client = opened(kg)
    found = got(client, "thing", iri=TERESHKOVA)
    assert {(each["relation"], each["outward"], each["count"]) for each in found["relations"]} == {
        ("DATE_OF_BIRTH", True, 2), ("PARENT_OF", True, 1), ("PLACE_OF_BIRTH", True, 1), ("SPOUSE", True, 1),
        ("AGENT", True, 1),
    }  # fmt: skip
    assert [each["object"]["label"] for each in found["timeline"]] == ["1937", "1937-03-06", "2001"]
    assert found["together"]["documents"] == found["thing"]["documents"] == 4
    companion = found["together"]["things"][0]
    assert (companion["label"], companion["together"]) == ("Андриян Николаев", 3)
    lit = {(each["document"], text) for each in found["sentences"] for text, role in each["pieces"] if role}
    assert ("николаев", "Валентине Терешковой") in lit
    assert client.get("/graph/thing", params={"iri": f"{WD}Q1"}).status_code == 404
    assert client.get("/graph/sources", params={"fact": "x-1"}).status_code == 404


def test_sources_that_agree_raise_the_score_of_their_fact(tmp_path: Path, opened: Opened) -> None:
    """A document counts once, and so do the same words in another document."""
    copied = replace(DOCUMENTS[0], id="перепечатка")
    client = opened(loaded(tmp_path, [*DOCUMENTS, copied]))
    relations = {each["relation"]: each["facts"] for each in got(client, "thing", iri=TERESHKOVA)["relations"]}
    (spouse,) = relations["SPOUSE"]
    assert (spouse["documents"], spouse["statements"], spouse["best"]) == (3, 3, 0.84)
    assert spouse["score"] == pytest.approx(1 - (1 - 0.84) * (1 - 0.78))
    sources = got(client, "sources", fact=spouse["id"])
    assert sources["counted"] == 2
    first, again, last = sources["sources"]
    assert [first["counts"], again["counts"], last["counts"]] == [True, False, True]
    assert {first["document"], again["document"]} == {"перепечатка", "терешкова"}
    assert ["Он", "subject"] in last["pieces"]
    (born,) = relations["PLACE_OF_BIRTH"]
    assert (born["documents"], born["score"]) == (2, born["best"])


def test_a_graph_opens_step_by_step(kg: Path, opened: Opened) -> None:
    client = opened(kg)
    shown = [TERESHKOVA]
    first = client.post("/graph/neighbours", json={"iri": TERESHKOVA, "shown": shown}).json()
    assert {each["label"] for each in first["nodes"]} == {
        "Валентина Терешкова", "Андриян Николаев", "Ярославль", "Елена Андрианова", "слёт космонавтов",
    }  # fmt: skip
    shown += [each["iri"] for each in first["nodes"]]
    event = next(each["iri"] for each in first["nodes"] if each["label"] == "слёт космонавтов")
    second = client.post("/graph/neighbours", json={"iri": event, "shown": shown}).json()
    assert {each["relation"] for each in second["facts"]} >= {"AGENT", "PARTICIPANT_IN", "SPOUSE"}
    assert second["left"] == 0


def test_hostile_strings_pass_through_the_page_and_queries(tmp_path: Path, opened: Opened) -> None:
    hostile = hostile_documents()
    client = opened(loaded(tmp_path, hostile))
    query = (
        "SELECT ?id ?label ?relation ?value { ?d relik:document ?id . ?f prov:wasQuotedFrom|relik:subjectMention ?x }"
    )
    query = "SELECT ?id ?text { ?d relik:document ?id ; nif:isString ?text }"
    answer = client.get("/sparql", params={"query": query}, headers={"Accept": "application/sparql-results+json"})
    rows = {each["id"]["value"]: each["text"]["value"] for each in answer.json()["results"]["bindings"]}
    assert rows == {each.id: each.text for each in hostile}
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for document in hostile[::13]:
        check_hostile(client, document)
    page = client.get("/graph").text
    assert not any(string in page for string in STRINGS if len(string) > 20)


def check_hostile(client: TestClient, document: Document) -> None:
    """The fact of a hostile document is found by its thing, with all strings as they were."""
    (one, other), (fact,) = document.mentions, document.triples
    query = f"SELECT ?thing {{ ?m itsrdf:taIdentRef ?thing FILTER (STRSTARTS(STR(?m), '{home(document)}#')) }}"
    rows = client.get("/sparql", params={"query": query}).json()["results"]["bindings"]
    (iri,) = {each["thing"]["value"] for each in rows}
    found = got(client, "thing", iri=iri)
    assert other.value
    assert (found["thing"]["label"], found["thing"]["type"]) == (one.link.label, one.type)
    (shown,) = (each for group in found["relations"] for each in group["facts"])
    assert (shown["relation"], shown["object"]["label"]) == (fact.relation, other.value.value)
    (source,) = got(client, "sources", fact=shown["id"])["sources"]
    assert ("".join(text for text, _ in source["pieces"]), source["document"]) == (document.text, document.id)
    found = got(client, "search", q=(one.link.label or "")[:200])
    assert len(found["things"]) <= 20


def got_rows(client: TestClient, query: str) -> list[Any]:
    rows: list[Any] = client.get("/sparql", params={"query": query}).json()["results"]["bindings"]
    return rows


def home(document: Document) -> str:
    return f"urn:relik-ml:document:{quote(document.id, safe='')}"


def test_the_key_guards_what_the_store_holds(kg: Path, opened: Opened) -> None:
    client = opened(kg, api_key="secret")
    assert client.get("/graph").status_code == 200
    for path in ("/graph/about", f"/graph/thing?iri={TERESHKOVA}", "/sparql?query=ASK{}"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"X-API-Key": "secret"}).status_code == 200


def test_a_store_that_is_served_cannot_be_loaded(tmp_path: Path, opened: Opened) -> None:
    """It is refused while it is served; what is loaded between two services is found."""
    store = loaded(tmp_path, DOCUMENTS[:1])
    client = opened(store)
    assert got(client, "about")["documents"] == 1
    refused(run("graph", "load", tmp_path / "documents.jsonl", "--store", store), 6, "another process")
    assert run("graph", "facts", "Q44371", "--store", store).exit_code == 0
    client.__exit__()
    write_documents(DOCUMENTS, tmp_path / "documents.jsonl")
    assert run("graph", "load", tmp_path / "documents.jsonl", "--store", store).exit_code == 0
    assert got(opened(store), "about")["documents"] == len(DOCUMENTS)


# The SPARQL protocol


def test_a_query_is_sent_in_three_ways(kg: Path, opened: Opened) -> None:
    client = opened(kg)
    answers = [
        client.get("/sparql", params={"query": ROWS}), client.post("/sparql", data={"query": ROWS}),
        client.post("/sparql", content=ROWS.encode(), headers={"Content-Type": "application/sparql-query"}),
    ]  # fmt: skip
    for answer in answers:
        assert answer.headers["content-type"] == "application/sparql-results+json"
        places = [row["where"]["value"] for row in answer.json()["results"]["bindings"]]
        assert places == [f"{WD}Q1874", f"{WD}Q2423"]
    ask = client.get("/sparql", params={"query": f"ASK {{ <{TERESHKOVA}> ?p ?o }}"})
    assert ask.json() == {"head": {}, "boolean": True}


def test_answers_come_in_the_formats_that_are_accepted(kg: Path, opened: Opened) -> None:
    client = opened(kg)

    def answer(query: str, accept: str) -> Any:
        return client.get("/sparql", params={"query": query}, headers={"Accept": accept})

    assert len([*csv.reader(io.StringIO(answer(ROWS, "text/csv").text))]) == 3
    assert answer(ROWS, "text/tab-separated-values").text.startswith("?who\t?where\n<")
    xml = answer(ROWS, "text/html, application/sparql-results+xml;q=0.9, text/csv;q=0.1")
    assert len(ET.fromstring(xml.text).findall(".//{*}result")) == 2
    construct = "CONSTRUCT { ?s wdt:P19 ?o } WHERE { ?s wdt:P19 ?o }"
    kinds = {
        "*/*": "turtle",
        "application/n-triples": "nt",
        "application/rdf+xml": "xml",
        "application/ld+json": "json-ld",
    }
    graphs = [rdflib.Graph().parse(data=answer(construct, kind).text, format=name) for kind, name in kinds.items()]
    assert {len(graph) for graph in graphs} == {2}
    assert answer(construct, "text/csv").status_code == 406
    assert answer(ROWS, "image/png").status_code == 406


@pytest.mark.parametrize(("values", "part"), [
    ({"other": "x"}, "0 of them"), ({"query": "SELECT * { ?s ?p }"}, "column"), ({"update": "DROP ALL"}, "update"),
    ({"query": "DELETE WHERE { ?s ?p ?o }"}, "DELETE"), ({"query": "LOAD <http://127.0.0.1/>"}, "LOAD"),
    ({"query": ["ASK {}", "ASK {}"]}, "2 of them"), ({"query": "ASK {}", "default-graph-uri": "no iri"}, "failed"),
])  # fmt: skip
def test_wrong_requests_are_told_what_is_wrong(kg: Path, opened: Opened, values: dict[str, Any], part: str) -> None:
    client = opened(kg)
    for answer in (client.get("/sparql", params=values), client.post("/sparql", data=values)):
        assert answer.status_code == 400
        assert part in answer.json()["detail"]
    assert (
        client.post("/sparql", content=b"DROP ALL", headers={"Content-Type": "application/sparql-update"}).status_code
        == 415
    )
    assert (
        client.post("/sparql", content=b"\xff", headers={"Content-Type": "application/sparql-query"}).status_code == 400
    )


def test_a_dataset_is_of_the_store_alone(kg: Path, opened: Opened, listener: tuple[str, list[bytes]]) -> None:
    """Graphs by FROM or by a parameter are not fetched, and no other service is asked."""
    (address, asked), client = listener, opened(kg)
    queries = [
        f"SELECT * FROM <{address}> {{ ?s ?p ?o }}",
        f"SELECT * FROM NAMED <{address}> {{ GRAPH ?g {{ ?s ?p ?o }} }}",
    ]
    for query, more in [*((each, {}) for each in queries), ("SELECT * { ?s ?p ?o }", {"default-graph-uri": address})]:
        answer = client.get("/sparql", params={"query": query, **more})
        assert answer.json()["results"]["bindings"] == [], query
    (row,) = got_rows(client, "SELECT ?g { GRAPH ?g { ?s ?p ?o } } LIMIT 1")
    inside = got_rows(client, f"SELECT * FROM <{row['g']['value']}> {{ ?s ?p ?o }}")
    assert 0 < len(inside) < len(got_rows(client, "SELECT * { ?s ?p ?o }"))
    service = f"<{address}> {{ ?s ?p ?o }}"
    for query in (
        f"SELECT * {{ SERVICE {service} }}", f"SELECT * {{ SERVICE SILENT {service} }}",
        f"ASK {{ # \r SERVICE {service}\n}}",
        f"PREFIX : <{address}> ASK {{ SERVICE:x {{ ?s ?p ?o }} }}",
        f"ASK {{ OPTIONAL {{ ?s ?p wd:a\\' }} SERVICE {service} OPTIONAL {{ ?s ?p wd:a\\' }} }}",
    ):  # fmt: skip
        answer = client.post("/sparql", data={"query": query})
        assert (answer.status_code, "SERVICE" in answer.json()["detail"]) == (400, True), query
    assert asked == []


def test_a_query_has_limits_and_the_next_one_is_answered(kg: Path, opened: Opened) -> None:
    quick = opened(kg, sparql_seconds=1.0)
    patient = opened(kg, sparql_seconds=60.0, sparql_bytes=5000, sparql_memory=256 << 20)
    large = "SELECT (STRLEN(?a40) AS ?n) { BIND ('xxxxxxxx' AS ?a0) "
    large += " ".join(f"BIND (CONCAT(?a{at}, ?a{at}) AS ?a{at + 1})" for at in range(40)) + "}"
    for client, query, allowed in (
        (quick, SLOW, {504}),
        # Which limit a sort meets first, that of time or of memory, depends on the machine.
        (quick, f"SELECT * {{ {SLOW[SLOW.index('{') + 2 : -1]} }} ORDER BY ?c ?f ?i", {422, 504}),
        (patient, "SELECT * { ?a ?b ?c }", {422}), (patient, large, {422}),
        (patient, "SELECT * " + "{" * 20_000 + "}" * 20_000, {422}),
    ):  # fmt: skip
        answer = client.post("/sparql", data={"query": query})
        assert answer.status_code in allowed, (query[:60], answer.text[:300])
        assert client.post("/sparql", data={"query": "ASK {}"}).json()["boolean"] is True
    body = json.dumps({"iri": TERESHKOVA, "shown": ["\ud800"]})
    wrong = quick.post("/graph/neighbours", content=body, headers={"Content-Type": "application/json"})
    assert wrong.status_code == 422
