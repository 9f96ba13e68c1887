"""Hostile strings in every text field, parsed back by real parsers: the same strings and nothing new.

A string comes back as it was, or in the escape that the format's page documents; what the export makes of documents
is, but for the strings, what it makes of harmless ones.
"""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from relik_ml.data import Report
from relik_ml.export import EXPORTERS, read_jsonld
from relik_ml.plugins import load_converter

from .hostile import FIELDS, HOSTILE, PLAIN, STRINGS, document, fields

VOCABULARY = "urn:relik-ml:vocabulary:"
NIF = "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#"
Words = dict[str, str]
NUMBERS = range(len(STRINGS))
XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
UTF8 = re.compile("[\ud800-\udfff]")
LINES = re.compile("[\x00-\x1f\ud800-\udfff]")
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SAFE_IRI = re.compile(r"(urn:relik-ml:|http://)[A-Za-z0-9:/%._~#=;,-]+")


def shown(forbidden: re.Pattern[str], text: str) -> str:
    """What stands for a text in a format that cannot hold these characters."""
    return forbidden.sub(lambda m: chr(0x2400 + ord(m[0])) if m[0] < " " else "\ufffd", text)


def expected(names: Iterable[str], forbidden: re.Pattern[str] = UTF8) -> list[Words]:
    return [{name: shown(forbidden, fields(number)[name]) for name in names} for number in NUMBERS]


def sentence(text: str) -> str:
    """The hostile text out of the sentence that surrounds it."""
    assert text.startswith("Так ")
    assert text.endswith(", в 1941.")
    return text[4:-9]


# Tables


def table_rows(path: Path, encoding: str) -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        rows = list(csv.DictReader(file, restkey="more", strict=True))
    assert not any("more" in row for row in rows)
    return rows


def test_csv(tmp_path: Path) -> None:
    EXPORTERS["csv"].write(HOSTILE, tmp_path / "facts.csv")
    rows = table_rows(tmp_path / "facts.csv", "utf-8-sig")
    assert not [cell for row in rows for cell in row.values() if re.match(r"\s*[=+@\t\r-]", cell)]
    bare = [{name: cell.removeprefix("'") for name, cell in row.items()} for row in rows]
    assert [
        {
            "document": row["document"], "text": row["subject"], "type": row["subject_type"],
            "link": row["subject_link"], "label": row["subject_label"], "relation": row["relation"],
            "property": row["property"], "value": row["object_value"],
        }
        for row in bare
    ] == expected(set(FIELDS) - {"mention"})  # fmt: skip
    assert [sentence(row["sentence"]) for row in bare] == [row["subject"] for row in bare]


def test_neo4j(tmp_path: Path) -> None:
    EXPORTERS["neo4j"].write(HOSTILE, tmp_path)
    nodes = {row["id:ID"]: row for row in table_rows(tmp_path / "nodes.csv", "utf-8")}
    edges = table_rows(tmp_path / "relationships.csv", "utf-8")
    assert len(nodes) == 2 * len(STRINGS)
    words = {word for word in STRINGS if re.fullmatch(r"[^\W\d_]\w*", word)}
    assert {row[":LABEL"] for row in nodes.values()} <= {"Entity", *(f"Entity;{word}" for word in ("DATE", *words))}
    assert {row[":TYPE"] for row in edges} <= {"RELATED", *words}
    assert [
        {
            "document": edge["document"], "text": sentence(edge["sentence"]), "relation": edge["relation"],
            "property": edge["property"], "type": nodes[edge[":START_ID"]]["type"],
            "link": nodes[edge[":START_ID"]]["link"], "label": nodes[edge[":START_ID"]]["label"],
            "value": nodes[edge[":END_ID"]]["value"],
        }
        for edge in edges
    ] == expected(set(FIELDS) - {"mention"})  # fmt: skip


# XML


def elements(path: Path) -> Counter[tuple[str, tuple[str, ...]]]:
    return Counter((each.tag, tuple(sorted(each.attrib))) for each in ElementTree.parse(path).iter())


@pytest.mark.parametrize("format", ["graphml", "gexf"])
def test_graphs(format: str, tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx")
    EXPORTERS[format].write(HOSTILE, tmp_path / "hostile.xml")
    EXPORTERS[format].write(PLAIN, tmp_path / "plain.xml")
    assert elements(tmp_path / "hostile.xml") == elements(tmp_path / "plain.xml")
    found = getattr(networkx, f"read_{format}")(tmp_path / "hostile.xml")
    assert [
        {
            "document": edge["document"], "text": sentence(edge["sentence"]), "relation": edge["label"],
            "property": edge["property"], "type": found.nodes[subject]["kind"],
            "link": found.nodes[subject]["link"], "label": found.nodes[subject]["label"],
            "value": found.nodes[object]["value"],
        }
        for subject, object, edge in sorted(found.edges(data=True), key=lambda edge: int(edge[0][1:]))
    ] == expected(set(FIELDS) - {"mention"}, XML)  # fmt: skip


# RDF


def parsed(path: Path, format: str) -> Any:
    rdflib = pytest.importorskip("rdflib")
    found = rdflib.Graph().parse(path, format=format)
    iris = {str(term) for triple in found for term in triple if isinstance(term, rdflib.URIRef)}
    assert [iri for iri in iris if not SAFE_IRI.fullmatch(iri)] == []
    return found


def predicates(found: Any) -> Counter[str]:
    return Counter(map(str, found.predicates()))


def values(found: Any, predicate: str) -> Counter[str]:
    """The literals of a predicate; how often each is one."""
    from rdflib import Literal, URIRef

    return Counter(str(value) for value in found.objects(None, URIRef(predicate)) if isinstance(value, Literal))


def all_strings(forbidden: re.Pattern[str] = UTF8) -> Counter[str]:
    return Counter(shown(forbidden, text) for text in STRINGS)


@pytest.mark.parametrize(("format", "parser", "plain", "dated"), [
    ("ntriples", "nt", ("document", "type", "link", "relation", "property", f"{RDFS}label", f"{RDF}object"), {}),
    ("turtle", "turtle", ("document", "link", "value"), {f"{VOCABULARY}type": "DATE", f"{NIF}anchorOf": "1941"}),
    ("jsonld", "json-ld", ("label", "relation"), {}),
])  # fmt: skip
def test_rdf(format: str, parser: str, plain: tuple[str, ...], dated: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("rdflib")
    EXPORTERS[format].write(HOSTILE, tmp_path / "hostile")
    EXPORTERS[format].write(PLAIN, tmp_path / "plain")
    found, harmless = parsed(tmp_path / "hostile", parser), parsed(tmp_path / "plain", parser)
    assert predicates(found) == predicates(harmless)
    for name in plain:
        assert values(found, name if "#" in name else VOCABULARY + name) == all_strings(), name
    for predicate, other in dated.items():
        assert values(found, predicate) == all_strings() + Counter({other: len(STRINGS)})
    sentences = values(found, f"{VOCABULARY}sentence" if format == "ntriples" else f"{NIF}isString")
    assert Counter(map(sentence, sentences.elements())) == all_strings()


def test_jsonld_comes_back(tmp_path: Path) -> None:
    counts = EXPORTERS["jsonld"].write(HOSTILE, tmp_path / "out")
    found = list(read_jsonld(tmp_path / "out"))
    assert found == [document({name: shown(UTF8, text) for name, text in fields(n).items()}) for n in NUMBERS]
    assert counts["characters replaced"] > len(FIELDS)


# Lines


def test_conll(tmp_path: Path) -> None:
    parser = pytest.importorskip("conllu")
    from urllib.parse import unquote

    EXPORTERS["conll"].write(HOSTILE, tmp_path / "hostile.conllup")
    text = (tmp_path / "hostile.conllup").read_bytes().decode()
    assert all(len(line.split("\t")) == 6 or line[:1] in ("", "#") for line in text.split("\n"))
    ids = [json.loads(line.removeprefix("# newdoc id = ")) for line in text.split("\n") if line.startswith("# newdoc")]
    assert ids == [shown(UTF8, document.id) for document in HOSTILE]
    documents: list[list[Any]] = []
    for found in parser.parse_incr((tmp_path / "hostile.conllup").open(encoding="utf-8", newline="\n")):
        documents += [[]] * ("newdoc id" in found.metadata)
        documents[-1] = [*documents[-1], *found]
    for number, (tokens, source) in enumerate(zip(documents, HOSTILE, strict=True)):
        words = fields(number)
        for token in tokens:
            start, stop = int(token["relik:start"]), int(token["relik:stop"])
            assert token["form"] == shown(LINES, source.text[start:stop])
        marked = [token for token in tokens if token["relik:ner"].startswith("B-") and token["relik:link"] is not None]
        if words["text"].strip():
            tag, link = (unquote(marked[0][f"relik:{name}"]) for name in ("ner", "link"))
            assert (tag, link) == (shown(UTF8, f"B-{words['type']}"), shown(UTF8, words["link"]))


def test_mermaid(tmp_path: Path) -> None:
    line = re.compile(r'( *)[a-z]+[0-9]*\["((?:[\w .,_-]|#[0-9]+;)+)"\]')
    for number, source in enumerate(HOSTILE):
        EXPORTERS["mermaid"].write([source], tmp_path / "map.mmd")
        head, *rest = (tmp_path / "map.mmd").read_bytes().decode().removesuffix("\n").split("\n")
        found = [line.fullmatch(each) for each in rest]
        assert (head, [len(match[1]) for match in found if match]) == ("mindmap", [2, 4, 6, 8])
        labels = [re.sub("#([0-9]+);", lambda m: chr(int(m[1])), match[2]) for match in found if match]
        words = fields(number)
        assert labels == [shown(LINES, words[name]) for name in ("document", "label", "relation")] + ["1941"]


def test_utf16(tmp_path: Path) -> None:
    EXPORTERS["utf16"].write(HOSTILE, tmp_path / "out.jsonl")
    found = []
    for line in (tmp_path / "out.jsonl").read_bytes().split(b"\n")[:-1]:
        record = json.loads(line)
        units, (one, other), (triple,) = record["text"].encode("utf-16-le"), record["mentions"], record["triples"]
        found.append({
            "document": record["id"], "text": units[2 * one["start"] : 2 * one["stop"]].decode("utf-16-le"),
            "mention": one["id"], "type": one["type"], "link": one["link"]["id"], "label": one["link"]["label"],
            "relation": triple["relation"], "property": triple["property"]["id"], "value": other["value"]["value"],
        })  # fmt: skip
    assert found == expected(FIELDS)


def test_spacy(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    EXPORTERS["spacy"].write(HOSTILE, tmp_path / "out.spacy")
    docs = list(spacy.tokens.DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.vocab.Vocab()))
    found = []
    for doc in docs:
        one, _ = doc.spans["relik"]
        (fact,) = doc._.triples
        assert (fact.subject.text, fact.object.text, doc[:].text) == (one.text, "1941", doc.text)
        found.append({
            "document": doc.user_data["relik.document"], "text": one.text, "mention": one.id_, "type": one.label_,
            "link": one.kb_id_, "label": doc.spans["relik"].attrs["label"][0], "relation": fact.relation,
            "property": fact.property, "value": doc.spans["relik"].attrs["value"][1],
        })  # fmt: skip
    assert found == expected(FIELDS)


def brat_name(text: str) -> str:
    return re.sub(r"\s+", "_", shown(UTF8, text))


def test_brat(tmp_path: Path) -> None:
    EXPORTERS["brat"].write(HOSTILE, tmp_path / "brat")
    found = list(load_converter("brat").read(tmp_path / "brat", "all", Report()))
    assert len(found) == len(STRINGS)
    known = {shown(UTF8, words["text"]): words for words in map(fields, NUMBERS)}
    for read in found:
        words = known[sentence(read.text)]
        assert len(read.mentions) <= 2
        assert {mention.type for mention in read.mentions} <= {brat_name(words["type"]), "DATE"}
        assert {triple.relation for triple in read.triples} <= {brat_name(words["relation"])}
