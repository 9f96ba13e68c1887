"""What each export writes of one small document, and what it counts as left out."""

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from relik_ml.data import Report, read_documents
from relik_ml.errors import ConfigError, DataError
from relik_ml.export import EXPORTERS, read_jsonld, to_frame
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
NAME = "https://e.org/%D0%BD%D0%B0%D1%88%2F1#"
WD, RELIK = "http://www.wikidata.org/entity/", "urn:relik-ml:vocabulary:"
NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
ITSRDF = "http://www.w3.org/2005/11/its/rdf#"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


Export = Callable[..., Counter[str]]


def parsed(out: Path, format: str) -> Any:
    """The graph in a file, and the class of IRIs."""
    rdflib = pytest.importorskip("rdflib")
    return rdflib.Graph().parse(out, format=format), rdflib.URIRef, rdflib.RDF


@pytest.fixture
def export(out: Path) -> Export:
    """Writes documents to ``out`` in a format; skips where its package is missing."""

    def write(format: str, *documents: Document, **options: str) -> Counter[str]:
        pytest.importorskip(EXPORTERS[format].package)
        return EXPORTERS[format].write(documents or [DOCUMENT], out, **options)

    return write


def test_conll_tags_the_longest_mentions(export: Export, out: Path) -> None:
    counts = export("conll", DOCUMENT, Document("пустой", ""))
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
    export("conll", Document("d", "экс-Москва1941", mentions=(Mention("T1", 5, 7, "X"),)))
    rows = [line.split("\t") for line in out.read_text(encoding="utf-8").splitlines()[2:] if line]
    assert [row[1] for row in rows] == ["экс", "-", "М", "ос", "ква", "1941"], "cut at the mention"


def test_csv_holds_a_fact_a_row(export: Export, out: Path) -> None:
    counts = export("csv")
    with out.open(encoding="utf-8-sig", newline="") as file:
        two, one = csv.DictReader(file)
    assert (one["subject"], one["relation"], one["object"]) == ("Сергей\nИванов", "WORKS_AS", "Мэр Москвы")
    assert (one["property"], one["inverse"], one["kind"], two["property"]) == ("P106", "false", "stated", "")
    assert (two["object_value"], two["object_status"], two["object_start"]) == ("1941", "unlinkable", "33")
    assert counts["facts left out: tautology"] == 1
    assert counts["mentions outside triples left out"] == counts["entities left out"] == 1


def test_graphml_and_gexf_hold_nodes_and_facts(export: Export, out: Path) -> None:
    counts = export("graphml")
    import networkx

    found = networkx.read_graphml(out)
    assert found.nodes["n2"]["link"] == "Q649"
    assert found.edges["n3", "n1"]["sentence"] == TEXT[2:]
    assert "score" not in found.edges["n3", "n4"]
    assert counts["mentions.start left out"] == 5
    export("graphml", replace(DOCUMENT, triples=(HOLDS, HOLDS)))
    assert [key for _, _, key in networkx.read_graphml(out).edges] == ["f1", "f2"], "a fact said twice is two edges"
    export("gexf")
    assert networkx.read_gexf(out).nodes["n4"]["value"] == "1941"
    assert b"lastmodifieddate" not in out.read_bytes()
    city = replace(CITY, id="T10", link=replace(CITY.link, label="Москва-город"))
    merged = replace(DOCUMENT, mentions=(*DOCUMENT.mentions, replace(CITY, id="T9", type="REGION"), city))
    for format in ("mermaid", "graphml"):
        assert export(format, merged)["labels and types of mentions that are not those of their thing"] == 2, "counted"


def test_neo4j_writes_nodes_and_relationships(export: Export, out: Path) -> None:
    out.mkdir()
    counts = export("neo4j")
    with (out / "relationships.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row[":START_ID"], row[":TYPE"], row[":END_ID"], row["inverse:boolean"]) for row in rows] == [
        ("n3", "WORKS_AS", "n1", "false"), ("n1", "HEAD_OF", "n2", "true"), ("n3", "RELATED", "n4", ""),
    ]  # fmt: skip
    assert rows[2]["relation"] == "LIVED IN YEAR"
    with (out / "nodes.csv").open(encoding="utf-8", newline="") as file:
        assert [row[":LABEL"] for row in csv.DictReader(file)][:2] == ["Entity;PROFESSION", "Entity;CITY"]
    assert counts["relations that make no relationship type: RELATED"] == 1


def test_mermaid_joins_what_is_said_again(export: Export, out: Path) -> None:
    again = replace(DOCUMENT, triples=(HOLDS, replace(HOLDS, score=0.1), LIVED))
    losses = export("mermaid", again, Document("два", ""))
    assert [line.strip().partition("[")[2] for line in out.read_text(encoding="utf-8").splitlines()[1:]] == [
        '"2 documents"]', '"Сергей Иванов"]', '"WORKS_AS"]', '"Мэр Москвы"]', '"LIVED IN YEAR"]', '"1941 году"]',
    ]  # fmt: skip
    assert losses["facts left out: repetition"] == 1
    assert losses["things in no fact left out"] == 2


def test_our_reader_refuses_utf16_offsets(export: Export, out: Path) -> None:
    export("utf16")
    assert json.loads(out.read_bytes())["offsets"] == "utf-16"
    with pytest.raises(DataError) as refused:
        list(read_documents(out))
    assert "offsets" in refused.value.got


def test_jsonld_is_rdf_and_comes_back_equal(export: Export, out: Path) -> None:
    pair = [DOCUMENT, Document("@id", "", meta={"@type": "x", "item": 1})]
    assert export("jsonld", *pair, base="https://e.org/")["documents"] == 2
    assert list(read_jsonld(out)) == pair
    found, iri, rdf = parsed(out, "json-ld")
    moscow = iri(f"{NAME}char=6,12")
    assert found.value(moscow, iri(f"{ITSRDF}taIdentRef")) == iri(f"{WD}Q649")
    assert found.value(moscow, iri(f"{NIF}beginIndex")).value == 6
    assert found.value(moscow, rdf.type) == iri(f"{RELIK}Mention")
    assert str(found.value(moscow, iri(f"{RELIK}type"))) == "CITY"


@pytest.mark.parametrize("content", ["", "[]", '{"@graph": [{"id": 1}]}', '{"@graph": ["x"]}', '{"@graph": 1}'])
def test_other_jsonld_is_refused(content: str, out: Path) -> None:
    out.write_text(content, encoding="utf-8")
    with pytest.raises(DataError):
        list(read_jsonld(out))


def test_turtle_is_nif(export: Export, out: Path) -> None:
    counts = export("turtle", base="https://e.org/")
    found, iri, rdf = parsed(out, "turtle")
    city, mayor, year = (iri(f"{NAME}char={at}") for at in ("6,12", "2,12", "33,42"))
    linked = iri(f"{ITSRDF}taIdentRef")
    assert [found.value(each, linked) for each in (city, mayor, year)] == [
        iri(f"{WD}Q649"),
        iri(f"{NAME}PROFESSION={quote('Мэр Москвы')}"),
        None,
    ]
    assert float(str(found.value(city, iri(f"{ITSRDF}taConfidence")))) == 0.123456789
    assert str(found.value(city, iri(f"{NIF}anchorOf"))) == "Москвы"
    context = found.value(city, iri(f"{NIF}referenceContext"))
    assert str(found.value(context, iri(f"{NIF}isString"))) == TEXT
    assert counts["triples left out"] == 3
    whole = tuple(replace(CITY, id=type, start=0, stop=6, type=type) for type in ("CITY", "REGION"))
    export("turtle", Document("d", "Москвы", mentions=whole))  # mentions of one range stay apart
    found, _, _ = parsed(out, "turtle")
    types = found.subject_objects(iri(f"{RELIK}type"))
    assert sorted((str(subject).partition("#")[2], str(value)) for subject, value in types) == [
        ("char=0,6", "CITY"), ("char=0,6;mention=2", "REGION"),
    ]  # fmt: skip
    assert len(list(found.subjects(rdf.type, iri(f"{NIF}Context")))) == 1


def test_ntriples_state_facts_with_their_evidence(export: Export, out: Path) -> None:
    counts = export("ntriples", base="https://e.org/")
    found, iri, rdf = parsed(out, "nt")
    moscow, mayor, ivan = map(iri, (f"{WD}Q649", f"{NAME}PROFESSION={quote('Мэр Москвы')}", f"{WD}Q7"))
    years = found.objects(ivan, iri(f"{RELIK}related"))
    assert [(str(year), str(year.datatype)) for year in years] == [("1941", "http://www.w3.org/2001/XMLSchema#gYear")]
    statement = iri(f"{NAME}fact=2")
    turned = [found.value(statement, name) for name in (rdf.subject, rdf.predicate, rdf.object)]
    assert turned == [moscow, iri("http://www.wikidata.org/prop/direct/P6"), mayor], "inverse"
    assert tuple(turned) not in found, "a tautology"
    assert float(str(found.value(statement, iri(f"{RELIK}score")))) == 0.25
    quoted = set(found.objects(statement, iri("http://www.w3.org/ns/prov#wasQuotedFrom")))
    assert quoted == {iri(f"{NAME}char=2,19"), iri(f"{NAME}char=20,26")}
    assert counts["relations without a Wikidata property, written as related"] == 1
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(lines)


def test_ntriples_assert_no_denied_fact(export: Export, out: Path) -> None:
    text = "Иванов не родился в Москве."
    one, other = Mention("T1", 0, 6, "PERSON"), Mention("T2", 20, 26, "CITY", link=Link("linked", "Q649"))
    fact = Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, 27),))
    export("ntriples", Document("d", text, mentions=(one, other), triples=(fact,)))
    lines = out.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if '"negated"' in line]
    assert not [line for line in lines if "> <http://www.wikidata.org/prop/direct/P19> <" in line]


@pytest.mark.parametrize("base", ["", "texts/", "http://e.org/<b>", "http://e.org/ a", "http://e.org/#"])
def test_a_base_that_is_no_iri_is_refused(base: str, export: Export) -> None:
    with pytest.raises(ConfigError, match="IRI"):
        export("jsonld", base=base)


@pytest.fixture(scope="module")
def corpus(shared_data: Path) -> list[Document]:
    """NEREL dev."""
    return list(load_converter("nerel").read(shared_data / "nerel", "dev", Report()))


def test_nerel_comes_back_from_jsonld(corpus: list[Document], export: Export, out: Path) -> None:
    export("jsonld", *corpus)
    assert list(read_jsonld(out)) == corpus


def test_the_flat_view_of_nerel_is_exact(corpus: list[Document], export: Export, out: Path) -> None:
    """Tags give spans of mentions that do not overlap, and every contiguous mention overlaps one at least as long."""
    export("conll", *corpus)
    spans: list[list[Span]] = []
    for line in out.read_text(encoding="utf-8").splitlines():
        if line.startswith("# newdoc"):
            spans.append([])
        elif "\t" in line and (fields := line.split("\t"))[4] != "O":
            start, stop = int(fields[2]), int(fields[3])
            start = start if fields[4].startswith("B-") else spans[-1].pop().start
            spans[-1].append(Span(start, stop))
    for document, found in zip(corpus, spans, strict=True):
        assert all(one.stop <= other.start for one, other in pairwise(found))
        known = {mention.span for mention in document.mentions if not mention.fragments}
        assert set(found) <= known
        for span in known:
            over = [other for other in found if span.start < other.stop and other.start < span.stop]
            assert max(other.stop - other.start for other in over) >= span.stop - span.start


def test_a_frame_has_the_columns_of_the_table(export: Export, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    frame = to_frame(DOCUMENT)
    export("csv", DOCUMENT)
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert list(frame.columns) == next(csv.reader(file))
    assert frame["subject_label"].dropna().tolist() == ["Сергей Иванов", "Сергей Иванов"]
    assert len(to_frame([DOCUMENT, DOCUMENT])) == 4
    hidden = to_frame(DOCUMENT, hidden=True).iloc[-1]
    assert (hidden["kind"], hidden["inverse"], hidden["score"]) == ("tautology", "true", 0.25)
    assert (hidden["sentence"], hidden["evidence"]) == ("Мэр Москвы Сергей Иванов", "2:19 20:26")
    assert to_frame([]).columns.equals(frame.columns)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError) as error:
        to_frame(DOCUMENT)
    assert "relik-ml[pandas]" in error.value.fix
