"""Loading, replacing and removing documents, also when the process is killed; and what a store refuses."""

import csv
import gzip
import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from itertools import filterfalse
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("pyoxigraph", reason="a store needs the extra relik-ml[graph]")
import pyoxigraph

from relik_ml.data import parquet_writer, write_documents
from relik_ml.graph import GraphStore, describe, export_nquads, find_things, open_store, verify
from relik_ml.types import Document
from tests.cli.conftest import refused, run
from tests.export.hostile import STRINGS, document, fields

from .samples import DOCUMENTS

SURROGATES = re.compile("[\ud800-\udfff]")
PART = re.compile("(?<=^urn:relik-ml:document:)(?P<id>[^#]*)(#(fact|char)=.*)?$")
NUMBERS = range(len(STRINGS))
LIFE, HUSBAND = DOCUMENTS[:2]
Contents = dict[str, frozenset[str]]


def contents(store: GraphStore) -> Contents:
    """The quads of each document, facts and mentions included; those of things under the empty name."""
    found = defaultdict(set)
    for quad in store.quads():
        about = quad.graph_name if hasattr(quad.graph_name, "value") else quad.subject
        found[found_id["id"] if (found_id := PART.search(about.value)) else ""].add(str(quad))
    return {document: frozenset(quads) for document, quads in found.items()}


def whole(folder: Path) -> Contents:
    with open_store(folder) as store:
        assert list(verify(store)) == []
        return contents(store)


def held(folder: Path) -> Contents:
    """Only documents."""
    return {document: quads for document, quads in whole(folder).items() if document}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_documents(DOCUMENTS, tmp_path / "annotated.jsonl.gz".removesuffix(".gz"))
    return tmp_path / "annotated.jsonl"


@pytest.fixture
def kg(tmp_path: Path, file: Path) -> Path:
    done = run("graph", "load", file, "--store", tmp_path / "kg")
    assert done.exit_code == 0, done.output
    return tmp_path / "kg"


def test_a_document_replaces_itself_and_an_unchanged_one_is_skipped(kg: Path, file: Path, tmp_path: Path) -> None:
    before = whole(kg)
    assert "5 unchanged documents; 0 facts" in run("graph", "load", file, "--store", kg).output
    changed = replace(LIFE, triples=LIFE.triples[:1])
    write_documents([changed, HUSBAND], tmp_path / "changed.jsonl")
    assert "1 replaced, 1 unchanged" in run("graph", "load", tmp_path / "changed.jsonl", "--store", kg).output
    now = held(kg)
    (id,) = (name for name in now if now[name] != before[name])
    assert len(now[id]) < len(before[id])
    assert run("graph", "load", file, "--store", kg).exit_code == 0
    assert whole(kg) == before


def test_info_counts_and_remove_takes_a_document_out(kg: Path) -> None:
    with open_store(kg) as store:
        found = describe(store)
    assert (found.documents, found.facts, found.kinds["negated"]) == (5, 22, 1)
    assert found.things["linked"] == 12
    assert run("graph", "info", "--store", kg).output.startswith("documents  5\nfacts      22 (")
    before = held(kg)
    refused(run("graph", "remove", "слёт", "чужой", "--store", kg), 3, "'чужой'")
    assert held(kg) == before
    assert run("graph", "remove", "слёт", "--store", kg).exit_code == 0
    assert len(held(kg)) == 4
    assert before.items() > held(kg).items()


def test_shards_are_loaded_with_the_model_of_their_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    write_documents([LIFE], folder / "part-00000.jsonl")
    write_documents([HUSBAND], folder / "part-00001.jsonl")
    (folder / "bad.jsonl").write_text('{"where": "x"}\n', encoding="utf-8")
    (folder / "manifest.json").write_text('{"model": "abc"}', encoding="utf-8")
    assert "2 new" in run("graph", "load", folder, "--store", tmp_path / "kg").output
    with open_store(tmp_path / "kg") as store:
        assert [row["m"].value for row in store.select("SELECT ?m { ?d relik:model ?m }")] == ["abc", "abc"]
    (tmp_path / "empty").mkdir()
    refused(run("graph", "load", tmp_path / "empty", "--store", tmp_path / "kg"), 3, "empty", "no files")


def test_parquet_is_loaded_like_json_lines(kg: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs the extra relik-ml[parquet]")
    (tmp_path / "out").mkdir()
    with parquet_writer(tmp_path / "out" / "part-00000.parquet") as write:
        for document in DOCUMENTS:
            write(document)
    assert "5 new" in run("graph", "load", tmp_path / "out", "--store", tmp_path / "other").output
    checksum = re.compile("vocabulary:checksum")
    for name, quads in whole(kg).items():
        other = whole(tmp_path / "other")[name]
        assert {*filterfalse(checksum.search, quads)} == {*filterfalse(checksum.search, other)}
    (tmp_path / "out" / "part-00001.parquet").write_bytes(b"PAR1")
    refused(run("graph", "load", tmp_path / "out", "--store", tmp_path / "other"), 3, "part-00001", "row 1")


def test_names_go_with_the_mentions_that_have_them(kg: Path, tmp_path: Path) -> None:
    """A better model corrects a link: the item keeps the names that other documents have for it."""
    wrong = replace(HUSBAND, id="ошибка", text=HUSBAND.text.replace("Андриян Николаев", "Терешкова Лодочник"))
    first, *others = wrong.mentions
    link = replace(first.link, id="Q44371", label="Валентина Терешкова")
    wrong = replace(wrong, mentions=(replace(first, stop=18, link=link), *others), triples=(), entities=())
    before = whole(kg)[""]
    for mentions in ((wrong.mentions[0],), ()):
        write_documents([replace(wrong, mentions=mentions)], tmp_path / "one.jsonl")
        run("graph", "load", tmp_path / "one.jsonl", "--store", kg)
        with open_store(kg) as store:
            found = [name.value for thing in find_things(store, "Q44371") for name in names_of(store, thing)]
        assert ("терешкова лодочник" in found) == bool(mentions)
        assert {"терешкова", "валентине терешковой"} < {*found}
    assert whole(kg)[""] == before


def names_of(store: GraphStore, thing: Any) -> list[Any]:
    return [row["name"] for row in store.select(f"SELECT ?name {{ {thing} relik:name ?name }}")]


def test_a_bad_line_stops_the_load_and_keeps_what_was_before_it(file: Path, tmp_path: Path) -> None:
    file.write_bytes(file.read_bytes() + b'{"text": "x"}\n')
    refused(run("graph", "load", file, "--store", tmp_path / "kg"), 3, "line 6")
    assert len(held(tmp_path / "kg")) == 5


def test_verify_finds_what_was_damaged(kg: Path) -> None:
    assert run("graph", "verify", "--store", kg).exit_code == 0
    with open_store(kg, write=True) as store:
        store.database.update(
            "PREFIX nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#>"
            "PREFIX wdt: <http://www.wikidata.org/prop/direct/>"
            "PREFIX itsrdf: <http://www.w3.org/2005/11/its/rdf#> PREFIX wd: <http://www.wikidata.org/entity/>"
            "PREFIX relik: <urn:relik-ml:vocabulary:>"
            'DELETE { ?d nif:isString ?t } INSERT { ?d nif:isString "Другое." }'
            'WHERE { ?d nif:isString ?t FILTER (STRSTARTS(?t, "Валентин Глушко")) };'
            "DELETE { ?f relik:offsets ?o } INSERT { ?f relik:offsets '0,1 2,x' }"
            "WHERE { GRAPH ?f { ?x wdt:P40 ?y } ?f relik:offsets ?o };"
            "DELETE WHERE { GRAPH ?f { ?s wdt:P585 ?o } };"
            "DELETE WHERE { ?m itsrdf:taIdentRef wd:Q2423 ; nif:anchorOf ?t ; nif:referenceContext ?d };"
            "INSERT DATA { <urn:a> <urn:b> <urn:c> }"
        )  # fmt: skip
    done = run("graph", "verify", "--store", kg)
    assert done.exit_code == 1
    for part in (
        "the text is missing",
        "no evidence",
        "sentence is not in",
        "text of the mention",
        "no triple",
        "a mention of the fact",
        "no document mentions the thing",
        "1 quads belong",
    ):
        assert part in done.stdout, part


def test_hostile_strings_pass_unchanged(tmp_path: Path) -> None:
    hostile = hostile_documents()
    write_documents(hostile, tmp_path / "hostile.jsonl")
    for model in ("one", "other"):  # written in two ways: new, and in place of what there is
        run("graph", "load", tmp_path / "hostile.jsonl", "--store", tmp_path / "kg", "--model", model)
    assert len(held(tmp_path / "kg")) == len(STRINGS)
    with open_store(tmp_path / "kg") as store:
        rows = store.select(
            "SELECT * { ?f prov:wasQuotedFrom ?d ; relik:relation ?relation ; relik:property ?property ; "
            "relik:sentence ?sentence . ?d relik:document ?id . GRAPH ?f { ?s ?p ?value } "
            "?s rdfs:label ?label ; relik:type ?type }"
        )
        found = {row["id"].value: {str(name.value): row[name].value for name in rows.variables} for row in rows}
    for source in hostile:
        (one, other), (fact,), row = source.mentions, source.triples, found[source.id]
        assert fact.property
        assert other.value
        assert (row["relation"], row["property"], row["sentence"]) == (fact.relation, fact.property.id, source.text)
        assert (row["label"], row["type"], row["value"]) == (one.link.label, one.type, other.value.value)


def test_nquads_load_into_another_store_unchanged(tmp_path: Path) -> None:
    hostile = hostile_documents()
    write_documents([*hostile, *DOCUMENTS], tmp_path / "all.jsonl")
    run("graph", "load", tmp_path / "all.jsonl", "--store", tmp_path / "kg")
    done = run("graph", "export", "--store", tmp_path / "kg", "--out", tmp_path / "out")
    assert "in 1 shard\n" in done.stdout
    with open_store(tmp_path / "kg") as store:
        quads, shards = export_nquads(store, tmp_path / "out", shard=50_000)
        other = pyoxigraph.Store()
        for shard in sorted((tmp_path / "out").glob("*.nq.gz")):
            other.bulk_load(gzip.decompress(shard.read_bytes()), pyoxigraph.RdfFormat.N_QUADS)
        assert set(other) == set(store.database)
        assert (len(other), shards) == (quads, len([*(tmp_path / "out").glob("*.nq.gz")]))
        assert shards > 2
    (tmp_path / "out" / "manifest.json").unlink()
    refused(run("graph", "export", "--store", tmp_path / "kg", "--out", tmp_path / "out"), 6, "other files")


def test_neo4j_gets_the_rows_of_the_documents(kg: Path, file: Path, tmp_path: Path) -> None:
    """As ``export neo4j``, but for ids, what is denied, and the texts of dates."""
    done = run("graph", "export", "--store", kg, "--out", tmp_path / "csv", "--format", "neo4j")
    assert (done.exit_code, done.stdout.split(": ")[1]) == (0, "22 nodes, 21 relationships\n")
    assert run("export", "neo4j", file, "--out", tmp_path / "other").exit_code == 0
    edges, others = (rows(folder / "relationships.csv") for folder in (tmp_path / "csv", tmp_path / "other"))
    columns = ("relation", "property", "inverse:boolean", "document", "sentence", "evidence", "score:double", ":TYPE")
    denied = [row for row in others if "не родился" in row["sentence"]]
    assert sorted([row[name] for name in columns] for row in edges) == sorted(
        [row[name] for name in columns] for row in others if row not in denied
    )
    nodes = {row["id:ID"]: row for row in rows(tmp_path / "csv" / "nodes.csv")}
    assert all(row[end] in nodes for row in edges for end in (":START_ID", ":END_ID"))
    (agent,) = (row for row in edges if row["relation"] == "AGENT")
    assert [nodes[agent[end]]["label"] for end in (":START_ID", ":END_ID")] == [
        "Валентина Терешкова",
        "слёт космонавтов",
    ]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def hostile_documents() -> list[Document]:
    """Every hostile string in every field, but for halves of surrogate pairs, which no file can hold."""
    return [document({name: SURROGATES.sub("\ufffd", text) for name, text in fields(n).items()}) for n in NUMBERS]


# Folders that are refused


def test_other_folders_are_refused(kg: Path, file: Path, tmp_path: Path) -> None:
    refused(run("graph", "info", "--store", tmp_path / "none"), 5, "no graph store", "no such folder")
    refused(run("graph", "load", file, "--store", tmp_path), 6, "other files")
    refused(run("graph", "load", tmp_path / "none.jsonl", "--store", kg), 3, "none.jsonl")
    manifest = json.loads((kg / "manifest.json").read_bytes())
    for version in ("relik-ml/graph/1", "relik-ml/graph/9"):
        (kg / "manifest.json").write_text(json.dumps({**manifest, "format": version}), encoding="utf-8")
        for words in (("info",), ("load", file)):
            refused(run("graph", *words, "--store", kg), 5, "unknown format", version, "into a new folder")


def test_one_writes_or_many_read(kg: Path, file: Path) -> None:
    with open_store(kg), open_store(kg):
        refused(run("graph", "load", file, "--store", kg), 6, "another process")
        assert run("graph", "info", "--store", kg).exit_code == 0
    with open_store(kg, write=True):
        refused(run("graph", "info", "--store", kg), 6, "another process")


def test_a_damaged_database_is_refused(kg: Path) -> None:
    (kg / "oxigraph" / "CURRENT").write_text("MANIFEST-none\n", encoding="utf-8")
    refused(run("graph", "info", "--store", kg), 5, "cannot be opened")


# Kills


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.slow)])
def test_a_killed_load_loses_nothing_and_goes_on(root: Path, tmp_path: Path, kills: int) -> None:
    """SIGKILL at random; every document is then as it was or as it will be, and those loaded stay so."""
    random = Random(kills)
    old, new = ([version(text, number) for number in range(80)] for text in ("Одесса", "Киев"))
    states = []
    for name, documents in (("old", old), ("new", new)):
        write_documents(documents, tmp_path / f"{name}.jsonl")
        run("graph", "load", tmp_path / f"{name}.jsonl", "--store", tmp_path / name)
        states.append(whole(tmp_path / name))
    before, after = states
    for round in range(kills // 2):  # in each, one kill while documents are new and one while they are replaced
        kg = tmp_path / f"kg {round}"
        for name, allowed in (("old", [before]), ("new", [before, after])):
            told = kill(root, kg, tmp_path / f"{name}.jsonl", random.randrange(1, 30))
            found = held(kg)
            assert all(any(found[graph] == state[graph] for state in allowed) for graph in found)
            assert sum(found[graph] == allowed[-1][graph] for graph in found) >= told > 0
            assert run("graph", "load", tmp_path / f"{name}.jsonl", "--store", kg).exit_code == 0
            assert whole(kg) == allowed[-1]


def kill(root: Path, kg: Path, file: Path, lines: int) -> int:
    """Load in another process and kill it at work after so many transactions; the documents that it told of."""
    command = [sys.executable, "-m", "tests.graph.samples", str(kg), str(file)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = [int(process.stdout.readline()) for _ in range(lines)]
        process.kill()
    assert process.returncode == -9
    return told[-1]


def version(place: str, number: int) -> Document:
    """One of two versions of a document."""
    return replace(LIFE, id=f"{number}", meta={"place": place}, triples=LIFE.triples[: len(place) - 2])
