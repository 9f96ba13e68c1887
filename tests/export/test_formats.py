"""What each export writes of one small document, and what it counts as left out."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from relik_ml.data import Report, read_documents
from relik_ml.errors import ConfigError, DataError
from relik_ml.export import conll, facts, jsonld, mermaid, neo4j, networks, nif, table, utf16
from relik_ml.export.iris import ENTITY, ITSRDF, NIF, VOCABULARY, Iris
from relik_ml.export.losses import MERGED
from relik_ml.plugins import load_converter
from relik_ml.types import Annotated, Document, Entity, Link, Mention, Property, Span, Triple, Value

TEXT = "🚀 Мэр Москвы Сергей\nИванов жил в 1941 году, она родилась."
MAYOR = Mention("T1", 2, 12, "PROFESSION", link=Link("nil", score=0.4), score=0.5)
CITY = Mention("T2", 6, 12, "CITY", link=Link("linked", "Q649", "Москва", ("Q4120",), 0.123456789))
IVAN = Mention("T3", 13, 26, "PERSON", link=Link("linked", "Q7", "Сергей Иванов"))
YEAR = Mention("T4", 33, 42, "DATE", link=Link("unlinkable"), value=Value("date", "1941 году", "1941", "year"))
SPLIT = Mention("T5", 27, 56, "EVENT", fragments=(Span(27, 30), Span(48, 56)))
HOLDS = Triple("T3", "WORKS_AS", "T1", Property("P106"), (Span(2, 57),), 0.5)
HEADS = Triple("T1", "HEAD_OF", "T2", Property("P6", inverse=True), (Span(2, 19), Span(20, 26)), 0.25)
LIVED = Triple("T3", "LIVED IN YEAR", "T4")
DOCUMENT = Document(
    "наш/1", TEXT, "ru", (MAYOR, CITY, IVAN, YEAR, SPLIT), (Entity("E1", ("T1",), "induced"),), (HOLDS, HEADS, LIVED),
    Annotated(mentions="complete"), {"dataset": "ours", "nested": {"@id": [1, None]}},
)  # fmt: skip


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_conll(out: Path) -> None:
    counts = conll.write([DOCUMENT, Document("пустой", "")], out)
    assert out.read_text(encoding="utf-8").replace("\t", " ").splitlines() == [
        "# global.columns = ID FORM RELIK:START RELIK:STOP RELIK:NER RELIK:LINK",
        '# newdoc id = "\\u043d\\u0430\\u0448/1"',
        "1 🚀 0 1 O _",
        "2 Мэр 2 5 B-PROFESSION _",
        "3 Москвы 6 12 I-PROFESSION _",
        "4 Сергей 13 19 B-PERSON Q7",
        "5 Иванов 20 26 I-PERSON Q7",
        "6 жил 27 30 O _",
        "7 в 31 32 O _",
        "8 1941 33 37 B-DATE _",
        "9 году 38 42 I-DATE _",
        "10 , 42 43 O _",
        "11 она 44 47 O _",
        "12 родилась 48 56 O _",
        "13 . 56 57 O _",
        "",
        '# newdoc id = "\\u043f\\u0443\\u0441\\u0442\\u043e\\u0439"',
    ]
    assert counts["documents"] == 2
    assert counts["mentions under longer ones left out"] == counts["discontinuous mentions left out"] == 1
    assert counts["triples left out"] == 3


def test_conll_cuts_tokens_where_a_mention_ends(out: Path) -> None:
    found = conll.cut_tokens("экс-Москва1941", [Mention("T1", 5, 7, "X")])
    assert [token.text for token in found] == ["экс", "-", "М", "ос", "ква", "1941"]


def test_csv(out: Path) -> None:
    counts = table.write([DOCUMENT], out)
    with out.open(encoding="utf-8-sig", newline="") as file:
        one, two, three = csv.DictReader(file)
    assert (one["subject"], one["relation"], one["object"]) == ("Сергей\nИванов", "WORKS_AS", "Мэр Москвы")
    assert (one["property"], one["inverse"], two["inverse"], three["property"]) == ("P106", "false", "true", "")
    assert (two["sentence"], two["evidence"], two["score"]) == ("Мэр Москвы Сергей Иванов", "2:19 20:26", "0.25")
    assert (three["object_value"], three["object_status"], three["object_start"]) == ("1941", "unlinkable", "33")
    assert counts["mentions outside triples left out"] == counts["entities left out"] == 1


def test_graphs_carry_the_facts(out: Path) -> None:
    networkx = pytest.importorskip("networkx")
    counts = networks.write_graphml([DOCUMENT], out)
    found = networkx.read_graphml(out)
    assert found.nodes["n2"]["link"] == "Q649"
    assert found.edges["n3", "n1"]["sentence"] == TEXT[2:]
    assert "score" not in found.edges["n3", "n4"]
    networks.write_graphml([replace(DOCUMENT, triples=(HOLDS, HOLDS))], out)
    assert [key for _, _, key in networkx.read_graphml(out).edges] == ["f1", "f2"], "a fact said twice is two edges"
    assert counts["offsets of mentions left out"] == 5
    networks.write_gexf([DOCUMENT], out)
    assert networkx.read_gexf(out).nodes["n4"]["value"] == "1941"
    assert b"lastmodifieddate" not in out.read_bytes()


def test_what_a_graph_merges_is_counted(out: Path) -> None:
    pytest.importorskip("networkx")
    again = (
        replace(CITY, id="T9", type="REGION"),
        replace(CITY, id="T10", link=replace(CITY.link, label="Москва-город")),
    )
    counts = networks.write_graphml([replace(DOCUMENT, mentions=(*DOCUMENT.mentions, *again))], out)
    assert counts[MERGED] == 2


def test_neo4j(out: Path) -> None:
    out.mkdir()
    counts = neo4j.write([DOCUMENT], out)
    with (out / neo4j.RELATIONSHIPS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row[":START_ID"], row[":TYPE"], row[":END_ID"], row["inverse:boolean"]) for row in rows] == [
        ("n3", "WORKS_AS", "n1", "false"), ("n1", "HEAD_OF", "n2", "true"), ("n3", "RELATED", "n4", ""),
    ]  # fmt: skip
    assert rows[2]["relation"] == "LIVED IN YEAR"
    with (out / neo4j.NODES).open(encoding="utf-8", newline="") as file:
        assert [row[":LABEL"] for row in csv.DictReader(file)][:2] == ["Entity;PROFESSION", "Entity;CITY"]
    assert counts["relations that make no relationship type: RELATED"] == 1


def test_mermaid_joins_what_is_said_again() -> None:
    losses = mermaid.Counter[str]()
    again = replace(DOCUMENT, triples=(HOLDS, replace(HOLDS, score=0.1), LIVED))
    lines = mermaid.mindmap([again, Document("два", "")], losses).splitlines()
    assert [line.strip().partition("[")[2] for line in lines[1:]] == [
        '"2 documents"]', '"Сергей Иванов"]', '"WORKS_AS"]', '"Мэр Москвы"]', '"LIVED IN YEAR"]', '"1941 году"]',
    ]  # fmt: skip
    assert losses["facts that say the same again"] == 1
    assert losses["things in no fact left out"] == 2


def test_utf16_offsets_are_exact_and_refused_by_our_reader(out: Path) -> None:
    utf16.write([DOCUMENT], out)
    record = json.loads(out.read_bytes())
    units = TEXT.encode("utf-16-le")
    shown = [units[2 * each["start"] : 2 * each["stop"]].decode("utf-16-le") for each in record["mentions"]]
    assert shown == [TEXT[mention.start : mention.stop] for mention in DOCUMENT.mentions]
    assert record["mentions"][4]["fragments"] == [[28, 31], [49, 57]]
    assert record["triples"][1]["evidence"] == [[3, 20], [21, 27]]
    with pytest.raises(DataError, match="wrong shape") as refused:
        list(read_documents(out))
    assert "unknown field 'offsets'" in refused.value.got


@pytest.mark.parametrize(("text", "start", "stop"), [
    ("й = и\u0306 😀", 4, 6), ("👩\u200d🚀 летит", 0, 3), ("а\u0301🇷🇺б", 2, 4), ("\ud83d x", 2, 3),
])  # fmt: skip
def test_utf16_offsets_on_emoji_and_combining_characters(text: str, start: int, stop: int) -> None:
    (mention,) = utf16.utf16_record(Document("d", text, mentions=(Mention("T1", start, stop, "X"),)))["mentions"]
    units = text.encode("utf-16-le", "surrogatepass")
    found = units[2 * mention["start"] : 2 * mention["stop"]].decode("utf-16-le", "surrogatepass")
    assert found == text[start:stop]


def test_jsonld_comes_back_equal(out: Path) -> None:
    pair = [DOCUMENT, Document("@id", "", meta={"@type": "x", "item": 1})]
    assert jsonld.write(pair, out)["documents"] == 2
    assert list(jsonld.read(out)) == pair


def test_jsonld_is_rdf_too(out: Path) -> None:
    rdflib = pytest.importorskip("rdflib")
    jsonld.write([DOCUMENT], out)
    found = rdflib.Graph().parse(out, format="json-ld")
    moscow = rdflib.URIRef("urn:relik-ml:document:%D0%BD%D0%B0%D1%88%2F1#char=6,12")
    assert found.value(moscow, rdflib.URIRef(f"{ITSRDF}taIdentRef")) == rdflib.URIRef(f"{ENTITY}Q649")
    assert found.value(moscow, rdflib.URIRef(f"{NIF}beginIndex")).value == 6


@pytest.mark.parametrize("content", ["", "[]", '{"@graph": [{"id": 1}]}', '{"@graph": ["x"]}', '{"@graph": 1}'])
def test_other_jsonld_is_refused(content: str, out: Path) -> None:
    out.write_text(content, encoding="utf-8")
    with pytest.raises(DataError):
        list(jsonld.read(out))


def test_nif(out: Path) -> None:
    rdflib = pytest.importorskip("rdflib")
    counts = nif.write([DOCUMENT], out, Iris("https://e.org/"))
    found = rdflib.Graph().parse(out, format="turtle")
    name = "https://e.org/%D0%BD%D0%B0%D1%88%2F1#"
    city, mayor, year = (rdflib.URIRef(f"{name}char={at}") for at in ("6,12", "2,12", "33,42"))
    linked = rdflib.URIRef(f"{ITSRDF}taIdentRef")
    assert found.value(city, linked) == rdflib.URIRef(f"{ENTITY}Q649")
    assert found.value(mayor, linked) == rdflib.URIRef(f"{name}thing=1")
    assert found.value(year, linked) is None
    assert float(found.value(city, rdflib.URIRef(f"{ITSRDF}taConfidence"))) == 0.123456789
    assert str(found.value(city, rdflib.URIRef(f"{NIF}anchorOf"))) == "Москвы"
    context = found.value(city, rdflib.URIRef(f"{NIF}referenceContext"))
    assert str(found.value(context, rdflib.URIRef(f"{NIF}isString"))) == TEXT
    assert counts["triples left out"] == 3


def test_mentions_of_one_range_stay_apart_in_nif() -> None:
    rdflib = pytest.importorskip("rdflib")
    twice = replace(DOCUMENT, mentions=(CITY, replace(CITY, id="T9", type="REGION")), entities=(), triples=())
    found = nif.nif(replace(twice, text="Москвы", mentions=tuple(replace(m, start=0, stop=6) for m in twice.mentions)))
    types = found.subject_objects(rdflib.URIRef(f"{VOCABULARY}type"))
    assert sorted((str(subject).partition("#")[2], str(value)) for subject, value in types) == [
        ("char=0,6", "CITY"), ("char=0,6;mention=2", "REGION"),
    ]  # fmt: skip
    assert len(list(found.subjects(rdflib.RDF.type, rdflib.URIRef(f"{NIF}Context")))) == 1


def test_facts_in_rdf(out: Path) -> None:
    rdflib = pytest.importorskip("rdflib")
    counts = facts.write([DOCUMENT], out, Iris("https://e.org/"))
    found = rdflib.Graph().parse(out, format="nt")
    name = "https://e.org/%D0%BD%D0%B0%D1%88%2F1#"
    moscow, mayor, ivan = map(rdflib.URIRef, (f"{ENTITY}Q649", f"{name}thing=1", f"{ENTITY}Q7"))
    assert (moscow, rdflib.URIRef("http://www.wikidata.org/prop/direct/P6"), mayor) in found, "turned round"
    assert (ivan, rdflib.URIRef(facts.RELATED), rdflib.URIRef(f"{name}thing=4")) in found
    statement = rdflib.URIRef(f"{name}fact=2")
    assert found.value(statement, rdflib.RDF.subject) == moscow
    assert found.value(statement, rdflib.URIRef(f"{VOCABULARY}score")).value == 0.25
    quoted = set(found.objects(statement, rdflib.URIRef("http://www.w3.org/ns/prov#wasQuotedFrom")))
    assert quoted == {rdflib.URIRef(f"{name}char=2,19"), rdflib.URIRef(f"{name}char=20,26")}
    assert counts[facts.UNNAMED] == 1
    assert out.read_text(encoding="utf-8").splitlines() == sorted(out.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("base", ["", "texts/", "http://e.org/<b>", "http://e.org/ a", "http://e.org/#"])
def test_a_base_that_is_no_iri_is_refused(base: str) -> None:
    with pytest.raises(ConfigError, match="no absolute IRI"):
        Iris(base)


@pytest.fixture(scope="module")
def corpus(shared_data: Path) -> list[Document]:
    """NEREL dev."""
    return list(load_converter("nerel").read(shared_data / "nerel", "dev", Report()))


def test_nerel_comes_back_from_jsonld(corpus: list[Document], out: Path) -> None:
    jsonld.write(corpus, out)
    assert list(jsonld.read(out)) == corpus


def test_the_flat_view_of_nerel_is_exact(corpus: list[Document], out: Path) -> None:
    for document in corpus:
        spans: list[list[int]] = []
        for line in conll.sentence_lines(document):
            start, stop, tag = line.split("\t")[2:5] if "\t" in line else ("0", "0", "O")
            spans += [[int(start), int(stop)]] * tag.startswith("B-")
            spans[-1:] = [[spans[-1][0], int(stop)]] if tag.startswith("I-") else spans[-1:]
        assert spans == [[mention.start, mention.stop] for mention in conll.flat(document.mentions)]
