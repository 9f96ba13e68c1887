from typing import Any

import pytest

from tests.serve.conftest import Client

rdflib = pytest.importorskip("rdflib", reason="NIF needs the extra relik-ml[serve]")

NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
ITSRDF = "http://www.w3.org/2005/11/its/rdf#"


def context(iri: str, text: str) -> str:
    return f"<{iri}> a <{NIF}Context> ; <{NIF}isString> {rdflib.Literal(text).n3()} .\n"


def ask(client: Client, turtle: str, kind: str = "application/x-turtle") -> Any:
    answer = client().post("/nif", content=turtle.encode(), headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith(kind)
    return rdflib.Graph().parse(data=answer.content, format="turtle")


@pytest.mark.parametrize("iri", ["https://e.org/1#char=0,23", "https://e.org/1", "urn:x:1#any", "https://e.org/д/1#c"])
def test_contexts_come_back_with_links(client: Client, iri: str) -> None:
    text = 'Он родился в Одессе "1".'
    found = ask(client, context(iri, text))
    node = rdflib.URIRef(iri)
    assert found.value(node, rdflib.URIRef(f"{NIF}isString")) == rdflib.Literal(text)
    (mention,) = found.subjects(rdflib.URIRef(f"{NIF}referenceContext"), node)
    assert str(mention).startswith(iri.partition("#")[0] + "#char=")
    item = found.value(mention, rdflib.URIRef(f"{ITSRDF}taIdentRef"))
    assert str(item) == "http://www.wikidata.org/entity/Q1874"
    begin, end = (int(found.value(mention, rdflib.URIRef(f"{NIF}{name}Index"))) for name in ("begin", "end"))
    assert text[begin:end] == "Одессе"


def test_a_mention_of_the_whole_text_is_not_its_context(client: Client) -> None:
    iri, other = "https://e.org/1#char=0,6", "https://e.org/2"
    found = ask(client, context(iri, "Одесса") + context(other, "Тула"), "text/turtle")
    kinds = found.subjects(rdflib.RDF.type, rdflib.URIRef(f"{NIF}Context"))
    assert {str(node) for node in kinds} == {iri, other}
    (mention,) = found.subjects(rdflib.URIRef(f"{NIF}referenceContext"), rdflib.URIRef(iri))
    assert str(mention) == f"{iri};mention=1"


@pytest.mark.parametrize("body", [
    b"", b"{", b"\xff", b"<a> <b> .", b"(" * 50_000, b"<urn:a> <urn:b> <urn:c> .",
    context("urn:a", "b").encode() + context("urn:a", "c").encode(),
    f"[] <{NIF}isString> 'a' .".encode(), f"<urn:a> <{NIF}isString> <urn:b> .".encode(),
    f"<urn:a> <{NIF}isString> '\\uD800' .".encode(), context("urn:a", "б" * 101).encode(),
    "".join(context(f"urn:{n}", "a") for n in range(9)).encode(),
])  # fmt: skip
def test_what_is_no_nif_is_refused(client: Client, body: bytes) -> None:
    asked = client(max_characters=100, max_texts=8)
    answer = asked.post("/nif", content=body, headers={"Content-Type": "text/turtle"})
    assert answer.status_code == 422
    assert answer.json()["what"]


def test_other_media_types_are_refused(client: Client) -> None:
    answer = client().post("/nif", content=b"{}", headers={"Content-Type": "application/ld+json"})
    assert (answer.status_code, answer.json()["got"]) == (415, "application/ld+json")
    assert client().post("/nif?lang=tlh", content=context("urn:a", "b").encode()).status_code == 422


def test_turtle_that_takes_too_long_is_not_waited_for(client: Client) -> None:
    many = "".join(f"<urn:{n}> <urn:p> {n} .\n" for n in range(20_000)).encode()
    asked = client(timeout=0.1)
    late = asked.post("/nif", content=many, headers={"Content-Type": "text/turtle"})
    assert (late.status_code, late.json()["what"]) == (504, "the texts were not read in time")
